//! Saving the store of a running deployment, and going on from what was saved.

use std::path::Path;
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{Account, Http, Socket};
use super::harness::{Cluster, Plan};

const EXITED_WITHIN: Duration = Duration::from_secs(15);

fn starling(folder: &Path, cluster: &Cluster, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling"))
        .args(arguments)
        .args(["--store", &format!("sqlite://{}", cluster.store.display())])
        .env_clear()
        .current_dir(folder)
        .output()
        .unwrap()
}

async fn say(node: &Http, from: &Account, to: &Account, numbers: std::ops::Range<u64>) -> u64 {
    let mut last = 0;
    for number in numbers {
        let path = format!("/api/v1/conversations/u:{}/messages", to.id);
        let message =
            json!({"cid": format!("n-{number}"), "media": 1, "content": number.to_string()});
        let sent = node.post(&path, &from.token, message).await.expect(201);
        last = sent["seq"].as_u64().unwrap();
    }
    last
}

async fn resume(node: &Http, account: &Account, epoch: &Value, after: u64) -> (Socket, Value) {
    let mut socket = Socket::open(node.address(), &[], None).await.unwrap();
    let auth = json!({"type": "auth", "token": account.token, "after": after, "epoch": epoch});
    socket.say(&auth).await;
    let hello = socket.expect("hello").await;
    (socket, hello)
}

#[tokio::test]
async fn a_saved_store_is_put_back_as_another_log_and_clients_notice() {
    let mut cluster = Plan::nodes(1).start().await;
    let folder = cluster.folder().to_owned();
    let node = Http::new(cluster.nodes[0].http);
    let (anna, bert) = (node.register("anna").await, node.register("bert").await);
    let saved_at = say(&node, &anna, &bert, 0..5).await;
    let done = starling(&folder, &cluster, &["backup", "saved.db"]);
    assert!(done.status.success(), "{done:?}");
    let said = String::from_utf8(done.stdout).unwrap();
    assert!(
        said.starts_with(&format!("saved.db holds the store up to entry {saved_at} ")),
        "{said}"
    );
    let again = starling(&folder, &cluster, &["backup", "saved.db"]);
    assert_eq!(again.status.code(), Some(2), "{again:?}");
    let last = say(&node, &anna, &bert, 5..8).await;
    let (socket, hello) = Socket::login(node.address(), &bert).await;
    drop(socket);

    // Not under a running node, whatever else is asked for.
    let restore = ["restore", "saved.db", "--force"];
    for arguments in [&restore[..], &["restore"]] {
        let refused = starling(&folder, &cluster, arguments);
        assert_eq!(refused.status.code(), Some(3), "{refused:?}");
        let said = String::from_utf8(refused.stderr).unwrap();
        assert!(said.contains("in use: stop all nodes first"), "{said}");
    }
    assert_eq!(say(&node, &anna, &bert, 8..9).await, last + 1);

    cluster.nodes[0].terminate();
    let status = cluster.nodes[0].wait_exit(EXITED_WITHIN).await;
    assert_eq!(status.code(), Some(0));
    let unasked = starling(&folder, &cluster, &["restore", "saved.db"]);
    assert_eq!(unasked.status.code(), Some(2), "{unasked:?}");
    let done = starling(&folder, &cluster, &restore);
    assert!(done.status.success(), "{done:?}");
    cluster.nodes[0].start();
    cluster.nodes[0].wait_ready().await;

    // A position of the log before means nothing now, even where it exists again.
    let (mut socket, greeting) = resume(&node, &bert, &hello["epoch"], saved_at).await;
    assert_ne!(greeting["epoch"], hello["epoch"]);
    assert_eq!(socket.expect("reset").await["head"], saved_at);
    let kept = node.history(&bert, &format!("u:{}", anna.id)).await;
    assert_eq!(kept.len(), 5);
    let next = say(&node, &anna, &bert, 9..10).await;
    assert_eq!(next, saved_at + 1);
    assert_eq!(socket.expect("entry").await["seq"], next);
}
