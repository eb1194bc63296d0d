//! MariaDB cannot or will not: a clear word and code 3 at the start, patience and recovery by itself at run time.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::task::block_in_place;

use super::checker::check;
use super::client::{Chatter, Http};
use super::crowd::{Crowd, settle};
use super::harness::{Cluster, Plan, until};
use crate::mariadb::MariaDb;

const EXITED_WITHIN: Duration = Duration::from_secs(20);
const NOTICED_WITHIN: Duration = Duration::from_secs(15);
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);
const EXIT_STORE: i32 = 3;
/// Times a server may fall over while it is filled up.
const FALLS_MAX: usize = 5;

/// A trouble is told when it begins and when its reason changes.
const TELLINGS_MAX: usize = 8;
const DATABASE: &str = "starling";
/// Who may use the database and nothing else: what is forbidden to everybody is allowed to root.
const ACCOUNT: &str = "star";
const PASSWORD: &str = "open-sesame";

/// A server with the database and the account.
fn server_with(arguments: &[&str]) -> MariaDb {
    let server = MariaDb::start_with(arguments);
    server.create_database(DATABASE);
    server.sql(&format!(
        "CREATE USER {ACCOUNT}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';
         GRANT ALL ON {DATABASE}.* TO {ACCOUNT}@'127.0.0.1'"
    ));
    server
}

fn url(server: &MariaDb, password: &str, database: &str) -> String {
    format!(
        "mysql://{ACCOUNT}:{password}@{}/{database}",
        server.address()
    )
}

/// Starts the node, which cannot use its store, and expects code 3 and a sentence with these words.
async fn refuses_to_start(cluster: &mut Cluster, url: &str, words: &[&str]) {
    let node = &mut cluster.nodes[0];
    node.set("store.url", url);
    let before = node.log().len();
    node.start();
    let status = node.wait_exit(EXITED_WITHIN).await;
    let log = node.log().split_off(before);
    assert_eq!(status.code(), Some(EXIT_STORE), "{log}");
    let last = log.lines().last().unwrap_or_default().to_lowercase();
    eprintln!("{last}");
    for word in words {
        assert!(last.contains(word), "no word of {word:?} in {last:?}");
    }
    assert!(
        !log.contains("panicked") && !log.contains(PASSWORD),
        "{log}"
    );
}

async fn starts_and_leaves(cluster: &mut Cluster, url: &str) {
    let node = &mut cluster.nodes[0];
    node.set("store.url", url);
    node.start();
    node.wait_ready().await;
    node.terminate();
    assert_eq!(node.wait_exit(EXITED_WITHIN).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_keeps_a_node_from_its_database_stops_the_start_with_code_3_and_a_remedy() {
    let server = block_in_place(|| server_with(&[]));
    let mut cluster = Plan::nodes(1).prepare();
    let good = url(&server, PASSWORD, DATABASE);

    let nobody = "mysql://star:open-sesame@127.0.0.1:9/starling";
    refuses_to_start(&mut cluster, nobody, &["127.0.0.1:9"]).await;
    let other = url(&server, "wrong", DATABASE);
    refuses_to_start(&mut cluster, &other, &["password"]).await;
    let missing = url(&server, PASSWORD, "nowhere");
    refuses_to_start(&mut cluster, &missing, &["lacks a right", "nowhere"]).await;
    let missing = server.url("nowhere");
    refuses_to_start(&mut cluster, &missing, &["create database", "nowhere"]).await;
    server.sql("SET GLOBAL read_only = 1");
    refuses_to_start(&mut cluster, &good, &["read-only"]).await;
    server.sql("SET GLOBAL read_only = 0; SET GLOBAL max_allowed_packet = 65536");
    refuses_to_start(&mut cluster, &good, &["max_allowed_packet"]).await;
    server.sql("SET GLOBAL max_allowed_packet = 16777216");

    starts_and_leaves(&mut cluster, &good).await;
    // As a node of a later version leaves it.
    server.sql("UPDATE starling.schema_info SET version = version + 900, min_reader = version");
    refuses_to_start(&mut cluster, &good, &["newer"]).await;
    server.sql("UPDATE starling.schema_info SET version = version - 900, min_reader = 1");
    drop_routines(&server);
    starts_and_leaves(&mut cluster, &good).await;
}

/// Somebody restored a dump without its routines.
fn drop_routines(server: &MariaDb) {
    let list = format!(
        "SELECT CONCAT('DROP ', routine_type, ' {DATABASE}.', routine_name, ';')
         FROM information_schema.routines WHERE routine_schema = '{DATABASE}'"
    );
    let drops = server.sql(&list);
    assert!(drops.contains("DROP PROCEDURE"), "no procedure: {drops}");
    server.sql(&drops);
}

/// Two who talk over two nodes.
struct Scene {
    server: MariaDb,
    cluster: Cluster,
    crowd: Crowd,
    chatters: Vec<Chatter>,
}

impl Scene {
    async fn set(arguments: &[&str]) -> Scene {
        let server = block_in_place(|| server_with(arguments));
        let plan = Plan::nodes(2).store(&url(&server, PASSWORD, DATABASE));
        let cluster = plan.start().await;
        let crowd = Crowd::register(&cluster, 2).await;
        let chatters = crowd.connect(&cluster).await;
        Scene {
            server,
            cluster,
            crowd,
            chatters,
        }
    }

    /// Sends in the midst of the trouble are put off and nothing else happens to them; the nodes say what is the
    /// matter, with these words in the log; when it is over, everything goes on by itself.
    async fn bears(
        &mut self,
        words: &[&str],
        begin: impl FnOnce(&mut MariaDb),
        end: impl FnOnce(&mut MariaDb),
    ) {
        let before = self.put_off();
        let logs: Vec<usize> = self.cluster.nodes.iter().map(|n| n.log().len()).collect();
        block_in_place(|| begin(&mut self.server));
        let room = self.crowd.pair(0, 1);
        for chatter in &self.chatters {
            chatter.send(room, &format!("in trouble {}", fastrand::u32(..)));
        }
        for (index, node) in self.cluster.nodes.iter().enumerate() {
            let http = Http::new(node.http);
            let what = format!("{} is degraded and names {words:?}", node.name);
            until(&what, NOTICED_WITHIN, || async {
                let ready = http.try_get("/readyz").await.unwrap();
                let log = node.log().split_off(logs[index]).to_lowercase();
                is_troubled(&ready.body) && words.iter().all(|word| log.contains(word))
            })
            .await;
        }
        until("both sends are put off", NOTICED_WITHIN, || async {
            let now = self.put_off();
            now[0] > before[0] && now[1] > before[1]
        })
        .await;
        block_in_place(|| end(&mut self.server));
        settle(&self.chatters, RECOVERED_WITHIN).await;
        for (index, node) in self.cluster.nodes.iter_mut().enumerate() {
            assert!(node.is_running());
            node.wait_ready().await;
            assert!(!node.log().contains("panicked"));
            let log = node.log().split_off(logs[index]);
            assert!(log.contains("the store takes entries again"), "{log}");
            // A batch is tried twenty times a second.
            let told = log.matches("the store takes no entries").count();
            assert!((1..=TELLINGS_MAX).contains(&told), "{told}: {log}");
        }
    }

    fn put_off(&self) -> Vec<u64> {
        let ledgers = self.chatters.iter().map(Chatter::ledger);
        ledgers.map(|ledger| ledger.put_off).collect()
    }

    async fn prove(&self) {
        settle(&self.chatters, RECOVERED_WITHIN).await;
        for chatter in &self.chatters {
            let ledger = chatter.ledger();
            assert!(ledger.refused.is_empty(), "{:?}", ledger.refused);
            assert_eq!(ledger.resets, 0, "nothing went back");
        }
        // A write that meets a connection to the server as it was fails once, and its caller is told to repeat it.
        let http = Http::new(self.cluster.nodes[1].http);
        let login =
            json!({"name": self.crowd.accounts[0].name, "password": super::client::PASSWORD});
        until("people can log in", RECOVERED_WITHIN, || async {
            let login = Some(login.clone());
            let reply = http.call(Method::POST, "/api/v1/login", None, login).await;
            reply.status == 200
        })
        .await;
        check(&self.crowd, self.cluster.nodes[1].http, &self.chatters).await;
    }
}

fn is_troubled(ready: &Value) -> bool {
    ready["degraded"] == true || ready["ready"] == false
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_will_not_write_or_let_anybody_in_is_waited_for() {
    let mut scene = Scene::set(&[]).await;
    let read_only = |server: &mut MariaDb| drop(server.sql("SET GLOBAL read_only = 1"));
    let writable = |server: &mut MariaDb| drop(server.sql("SET GLOBAL read_only = 0"));
    scene.bears(&["read-only"], read_only, writable).await;

    let password = |server: &mut MariaDb, password: &str| {
        server.sql(&format!(
            "ALTER USER {ACCOUNT}@'127.0.0.1' IDENTIFIED BY '{password}'; KILL USER {ACCOUNT}"
        ));
    };
    let changed = |server: &mut MariaDb| password(server, "changed");
    let back = |server: &mut MariaDb| password(server, PASSWORD);
    scene.bears(&["password"], changed, back).await;

    scene
        .bears(&[], |server| server.stop(), |server| server.cont())
        .await;
    scene.prove().await;
}

/// Inserts until there is no room for more. The server may fall over for want of room to undo the last row; then it is
/// started again, as its machine would.
fn fill_up(server: &mut MariaDb, size: usize) {
    let insert = format!("INSERT INTO starling.ballast VALUES (REPEAT('x', {size}));");
    for _ in 0..FALLS_MAX {
        // The client ends with the first error.
        let why = server.try_sql(&insert.repeat(300)).unwrap_err();
        if why.contains("full") {
            return;
        }
        assert!(why.contains("Lost connection"), "{why}");
        server.kill_9();
        server.start_again();
    }
    panic!("the server falls over whenever it is full");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_without_room_is_waited_for_and_takes_everything_when_there_is_room() {
    let mut scene = Scene::set(&[
        "--innodb-file-per-table=0",
        "--innodb-data-file-path=ibdata1:12M:autoextend:max:24M",
    ])
    .await;
    let fill = |server: &mut MariaDb| {
        server.sql("CREATE TABLE starling.ballast (bytes LONGBLOB)");
        for size in [1 << 20, 1 << 14, 1] {
            fill_up(server, size);
        }
    };
    // Without room not even a table can be dropped.
    let enlarge = |server: &mut MariaDb| {
        server.kill_9();
        server.set("--innodb-data-file-path=ibdata1:12M:autoextend:max:64M");
        server.start_again();
    };
    scene.bears(&["make room"], fill, enlarge).await;
    scene.prove().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn procedures_that_somebody_dropped_are_made_again_by_whoever_misses_them() {
    let scene = Scene::set(&[]).await;
    let room = scene.crowd.pair(0, 1);
    for round in 0..3 {
        block_in_place(|| drop_routines(&scene.server));
        for chatter in &scene.chatters {
            chatter.send(room, &format!("round {round}"));
        }
        settle(&scene.chatters, RECOVERED_WITHIN).await;
    }
    scene.prove().await;
}
