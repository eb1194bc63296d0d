//! An older backup is put back under running nodes: they notice and say so, their clients start anew, and from then on
//! everything agrees with the log that was put back.

use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::checker::check;
use super::client::{Account, Chatter, Http, Room, Socket};
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Cluster, Plan, until};
use crate::mariadb::Database;

const USERS: usize = 6;
const MESSAGES: usize = 100;
const PER_SECOND: usize = 200;
const SETTLED_WITHIN: Duration = Duration::from_secs(15);
/// A poll sees it within 250 ms; the store may be away for as long as the backup takes to be read in.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);
const LOG_WAS_RESET: u16 = 1012;

/// Everything that is said in these rooms, as one node tells it.
async fn told(node: &Http, crowd: &Crowd, rooms: &[Room]) -> Vec<Value> {
    let mut all = Vec::new();
    for account in &crowd.accounts {
        for room in rooms
            .iter()
            .filter(|room| crowd.may_hear(account.id, **room))
        {
            all.extend(node.history(account, &room.conv_for(account.id)).await);
        }
    }
    all
}

/// Who comes with a position of the lost log hears that he has to start anew.
async fn is_reset(cluster: &Cluster, account: &Account, after: u64, epoch: &Value) {
    for node in &cluster.nodes {
        let mut socket = Socket::open(node.http, &[], None).await.unwrap();
        let auth = json!({"type": "auth", "token": account.token, "after": after, "epoch": epoch});
        socket.say(&auth).await;
        socket.expect("hello").await;
        let reset = socket.expect("reset").await;
        assert!(reset["head"].as_u64() < Some(after), "{reset}");
    }
}

/// The whole story on any store: `take` makes the backup, `put_back` puts it in the store's place.
async fn a_backup_put_back_is_noticed<B>(
    cluster: &Cluster,
    take: impl FnOnce() -> B,
    put_back: impl FnOnce(B),
) {
    let mut crowd = Crowd::register(cluster, USERS).await;
    let rooms: Vec<Room> = (1..USERS).map(|other| crowd.pair(0, other)).collect();
    let mut talk = Talk::new(31, rooms.clone());
    let old = crowd.connect(cluster).await;
    talk.go_on(&crowd, &old, MESSAGES, PER_SECOND).await;
    settle(&old, SETTLED_WITHIN).await;
    let kept = told(&Http::new(cluster.nodes[0].http), &crowd, &rooms).await;
    let backup = block_in_place(take);
    talk.go_on(&crowd, &old, MESSAGES, PER_SECOND).await;
    settle(&old, SETTLED_WITHIN).await;
    check(&crowd, cluster.nodes[1].http, &old).await;
    let (position, epoch) = {
        let ledger = old[0].ledger();
        (ledger.position.unwrap(), ledger.epoch.clone().unwrap())
    };

    block_in_place(|| put_back(backup));
    for chatter in &old {
        chatter
            .until("a reset, the close, and back again", NOTICED_WITHIN, |l| {
                l.resets > 0 && l.closes.contains(&LOG_WAS_RESET) && l.connections > 1
            })
            .await;
    }
    drop(old);
    for node in &cluster.nodes {
        assert!(node.log().contains("THE STORE WENT BACK"), "{}", node.name);
        node.wait_ready().await;
    }
    is_reset(cluster, &crowd.accounts[0], position, &epoch).await;

    // In a room of its own: what the checker proves begins here.
    let everybody: Vec<usize> = (0..USERS).collect();
    let room = crowd.group(cluster, &everybody).await;
    let new = crowd.connect(cluster).await;
    let mut talk = Talk::new(32, vec![room]);
    talk.go_on(&crowd, &new, MESSAGES, PER_SECOND).await;
    settle(&new, SETTLED_WITHIN).await;
    check(&crowd, cluster.nodes[2].http, &new).await;
    for node in &cluster.nodes {
        let now = told(&Http::new(node.http), &crowd, &rooms).await;
        assert_eq!(now, kept, "{} tells another past", node.name);
    }
    all_well(cluster, &new).await;
}

async fn all_well(cluster: &Cluster, chatters: &[Chatter]) {
    for chatter in chatters {
        assert_eq!(chatter.ledger().resets, 0, "once is enough");
    }
    for node in &cluster.nodes {
        let http = Http::new(node.http);
        until("the node is well", NOTICED_WITHIN, || async {
            let ready = http.try_get("/readyz").await;
            ready.is_some_and(|ready| ready.status == 200 && ready.body["degraded"] == false)
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_put_back_into_mariadb_is_noticed_by_its_last_entry() {
    let database = Database::fresh();
    let cluster = Plan::nodes(3).store(&database.url()).start().await;
    let put_back = |backup: String| {
        database.sql(&backup);
    };
    a_backup_put_back_is_noticed(&cluster, || database.dump(), put_back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_put_back_into_mariadb_with_another_epoch_is_noticed_by_that() {
    let database = Database::fresh();
    let cluster = Plan::nodes(3).store(&database.url()).start().await;
    // In the backup itself: a statement after it would be a second change wherever a node renewed the epoch before it.
    let take = || {
        let epoch: u64 = database
            .sql("SELECT epoch FROM log_head")
            .trim()
            .parse()
            .unwrap();
        let dump = database.dump();
        let backup = dump.replace(&epoch.to_string(), &(epoch + 1).to_string());
        assert_ne!(backup, dump, "the epoch {epoch} is not in the backup");
        backup
    };
    let put_back = |backup: String| {
        database.sql(&backup);
    };
    a_backup_put_back_is_noticed(&cluster, take, put_back).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_put_in_the_place_of_a_sqlite_file_is_noticed_by_its_last_entry() {
    let cluster = Plan::nodes(3).start().await;
    let backup = cluster.folder().join("backup.db");
    let take = || {
        let store = Connection::open(&cluster.store).unwrap();
        let into = backup.to_str().unwrap();
        store.execute("VACUUM INTO ?1", [into]).unwrap();
    };
    let put_back = |()| {
        for beside in ["-wal", "-shm"] {
            let path = format!("{}{beside}", cluster.store.display());
            std::fs::remove_file(path).unwrap();
        }
        std::fs::rename(&backup, &cluster.store).unwrap();
    };
    a_backup_put_back_is_noticed(&cluster, take, put_back).await;
}
