//! The log is bounded: what a node prunes, and what clients and nodes below the floor meet.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;
use serde_json::{Value, json};

use super::client::{Account, Heard, Http, Socket};
use super::harness::{Node, Plan, until};
use starling::model::ids::Seq;
use starling::store::sqlite::{self, OpenOptions};

const SOON: Duration = Duration::from_secs(15);
const EXITED_WITHIN: Duration = Duration::from_secs(15);
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1_000;

fn floor(store: &Path) -> u64 {
    let connection = Connection::open(store).unwrap();
    let floor: i64 = connection
        .query_row("SELECT floor_seq FROM log_head", [], |row| row.get(0))
        .unwrap();
    floor.unsigned_abs()
}

async fn say(node: &Http, from: &Account, to: &Account, numbers: std::ops::Range<u64>) -> u64 {
    let mut last = 0;
    for number in numbers {
        let path = format!("/api/v1/conversations/u:{}/messages", to.id);
        let message = json!({"cid": format!("{}-{number}", from.name), "media": 1, "content": number.to_string()});
        let sent = node.post(&path, &from.token, message).await.expect(201);
        last = sent["seq"].as_u64().unwrap();
    }
    last
}

/// Logs in from a position.
async fn resume(node: &Http, account: &Account, epoch: &Value, after: u64) -> Socket {
    let mut socket = Socket::open(node.address(), &[], None).await.unwrap();
    let auth = json!({"type": "auth", "token": account.token, "after": after, "epoch": epoch});
    socket.say(&auth).await;
    socket.expect("hello").await;
    socket
}

fn seqs(entries: &[Value]) -> Vec<u64> {
    let seqs = entries.iter().map(|entry| entry["seq"].as_u64().unwrap());
    seqs.collect()
}

#[tokio::test]
async fn a_node_prunes_its_log_and_a_client_from_below_the_floor_loads_anew() {
    let mut cluster = Plan::nodes(2)
        .set("chat.keep_entries", 5)
        .set("log.filter", "info,starling::service::retention=debug")
        .prepare();
    for node in &mut cluster.nodes {
        node.start();
        node.wait_ready().await;
    }
    let here = Http::new(cluster.nodes[0].http);
    let (anna, bert) = (here.register("anna").await, here.register("bert").await);
    let carl = here.register("carl").await;
    say(&here, &carl, &anna, 0..3).await;
    let old = say(&here, &anna, &bert, 0..20).await;
    let (socket, hello) = Socket::login(here.address(), &bert).await;
    drop(socket);
    let epoch = &hello["epoch"];
    for node in &mut cluster.nodes {
        node.terminate();
        assert_eq!(node.wait_exit(EXITED_WITHIN).await.code(), Some(0));
    }
    assert_eq!(floor(&cluster.store), 0, "nothing young is pruned");
    // A month passes.
    let connection = Connection::open(&cluster.store).unwrap();
    connection
        .execute("UPDATE entries SET at = at - ?1", [MONTH_MS])
        .unwrap();
    drop(connection);
    let mut logged = Vec::new();
    for node in &mut cluster.nodes {
        logged.push(node.log().len());
        node.start();
        node.wait_ready().await;
    }
    let last = say(&here, &anna, &bert, 20..22).await;
    assert_eq!(last, old + 2);
    // Rounds follow each other after an hour: once each node had its first, the floor stays.
    let logs = || cluster.nodes.iter().map(Node::log).zip(&logged);
    until("each node has pruned once", SOON, || async {
        logs().all(|(log, before)| log[*before..].contains("pruned"))
    })
    .await;
    let floor = floor(&cluster.store);
    assert!((old - 5..=last - 5).contains(&floor), "{floor} of {last}");

    for node in &cluster.nodes {
        let there = Http::new(node.http);
        let mut below = resume(&there, &bert, epoch, floor - 1).await;
        let reset = below.expect("reset").await;
        assert_eq!(reset["head"], last, "{reset}");
        // What it loads anew is what is left, and says where it ends.
        let path = format!("/api/v1/conversations/u:{}/entries?limit=200", anna.id);
        let page = there.get(&path, &bert.token).await.expect(200);
        let kept: Vec<u64> = (floor + 1..=last).collect();
        assert_eq!(seqs(page["entries"].as_array().unwrap()), kept);
        assert_eq!(page["more_before"], false);
        let list = there.get("/api/v1/conversations", &anna.token).await;
        let list = list.expect(200);
        let convs = list["conversations"].as_array().unwrap().iter();
        let convs: Vec<&str> = convs.map(|one| one["conv"].as_str().unwrap()).collect();
        assert_eq!(
            convs,
            [format!("u:{}", bert.id)],
            "what has no entry left is no conversation"
        );
        // A client at the floor misses nothing.
        let mut at_floor = resume(&there, &bert, epoch, floor).await;
        let sync = at_floor.expect("sync").await;
        assert_eq!(seqs(sync["entries"].as_array().unwrap()), kept);
    }

    // Both go on.
    let mut below = resume(&here, &bert, epoch, 0).await;
    below.expect("reset").await;
    let next = say(&Http::new(cluster.nodes[1].http), &anna, &bert, 22..23).await;
    let entry = below.expect("entry").await;
    assert_eq!(entry["seq"], next);
}

#[tokio::test]
async fn a_node_that_fell_below_the_floor_starts_anew_with_its_clients() {
    let mut cluster = Plan::nodes(2).prepare();
    // What was said while it slept must be neither on the bus nor in the log any more when it wakes.
    cluster.nodes[1].bus_faults("block = true\n");
    for node in &mut cluster.nodes {
        node.start();
        node.wait_ready().await;
    }
    let (here, there) = (
        Http::new(cluster.nodes[0].http),
        Http::new(cluster.nodes[1].http),
    );
    let (anna, bert) = (here.register("anna").await, here.register("bert").await);
    say(&here, &anna, &bert, 0..3).await;
    until("the second node is there", SOON, || async {
        there.history(&bert, &format!("u:{}", anna.id)).await.len() == 3
    })
    .await;
    let (mut socket, _) = Socket::login(there.address(), &bert).await;

    let lost = here.login("bert").await;
    there.get("/api/v1/me", &lost.token).await.expect(200);
    cluster.nodes[1].freeze();
    let end = here.post("/api/v1/logout", &lost.token, json!({})).await;
    assert!(end.status < 300, "{}", end.text);
    let last = say(&here, &anna, &bert, 3..30).await;
    let location = cluster.store.to_str().unwrap();
    let stores = sqlite::open(location, OpenOptions::default()).unwrap();
    let pruned = stores.retention.prune(Seq(last - 2), 1_000).await.unwrap();
    assert_eq!(pruned.floor, Seq(last - 2));
    cluster.nodes[1].thaw();

    let mut told = Vec::new();
    let ended = tokio::time::timeout(SOON, async {
        loop {
            match socket.hear().await {
                Heard::Frame(frame) => told.push(frame),
                Heard::Closed(code) => return code,
                Heard::Broken => panic!("broken after {told:?}"),
            }
        }
    });
    assert_eq!(ended.await.unwrap(), 1012, "{told:?}");
    assert!(
        told.iter().any(|frame| frame["type"] == "reset"),
        "{told:?}"
    );
    assert!(
        told.iter().all(|frame| frame["type"] != "entry"),
        "nothing is shown with a gap before it: {told:?}"
    );

    // Not even a session that ended while it slept is taken for one.
    there.get("/api/v1/me", &lost.token).await.expect(401);
    let (mut socket, _) = Socket::login(there.address(), &bert).await;
    let kept = there.history(&bert, &format!("u:{}", anna.id)).await;
    assert_eq!(seqs(&kept), [last - 1, last]);
    let next = say(&here, &anna, &bert, 30..31).await;
    assert_eq!(socket.expect("entry").await["seq"], next);
}
