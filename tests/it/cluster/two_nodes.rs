//! Two people on two nodes: texts of every size, repeats, and the small signals.

use std::time::Duration;

use serde_json::json;

use super::checker::check;
use super::client::{Chatter, Http, Ledger, Socket};
use super::crowd::{Crowd, settle};
use super::harness::{Cluster, Plan};

const SOON: Duration = Duration::from_secs(5);
const TEXT_MAX: usize = 16 * 1024;

/// Two users, each on a node of their own.
async fn two() -> (Cluster, Crowd, Vec<Chatter>) {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    (cluster, crowd, chatters)
}

#[tokio::test]
async fn a_text_of_any_allowed_size_arrives_once_on_the_other_node() {
    let (cluster, crowd, chatters) = two().await;
    let room = crowd.pair(0, 1);
    // Around the sizes at which ancestors lost bytes, below and above one datagram, and the most there is.
    for (number, size) in [1, 511, 512, 513, 1_500, TEXT_MAX].into_iter().enumerate() {
        let letter = char::from(b'a' + u8::try_from(number).unwrap());
        let text = letter.to_string().repeat(size);
        chatters[0].send(room, &text);
        chatters[1]
            .until(&format!("{size} bytes arrive"), SOON, |l| {
                l.times_received(&text) == 1
            })
            .await;
    }
    let too_long = chatters[0].send(room, &"x".repeat(TEXT_MAX + 1));
    chatters[0]
        .until("16 KiB + 1 is refused", SOON, |l| {
            l.refused.contains_key(&too_long)
        })
        .await;
    assert_eq!(chatters[0].ledger().refused[&too_long], "too_large");
    settle(&chatters, SOON).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
}

#[tokio::test]
async fn the_same_text_twice_arrives_twice_and_the_same_cid_twice_arrives_once() {
    let (cluster, crowd, chatters) = two().await;
    let room = crowd.pair(0, 1);
    let cid = chatters[0].send(room, "again");
    chatters[0].send(room, "again");
    chatters[1]
        .until("the same text came twice", SOON, |l| {
            l.times_received("again") == 2
        })
        .await;

    // The other node may be quicker than the ack.
    settle(&chatters, SOON).await;
    let first = chatters[0].ledger().acks[&cid].clone();
    assert!(!first.duplicate);
    let (mut elsewhere, _) = Socket::login(cluster.nodes[1].http, &crowd.accounts[0]).await;
    let repeat = json!({
        "type": "send", "cid": cid, "to": room.conv_for(crowd.accounts[0].id), "media": 1, "content": "again",
    });
    elsewhere.say(&repeat).await;
    let ack = elsewhere.expect("ack").await;
    assert_eq!(
        (&ack["seq"], &ack["duplicate"]),
        (&json!(first.seq), &json!(true))
    );

    let mut other_content = repeat.clone();
    other_content["content"] = json!("something else");
    elsewhere.say(&other_content).await;
    elsewhere.expect_error("cid_reused").await;

    let path = format!(
        "/api/v1/conversations/{}/messages",
        room.conv_for(crowd.accounts[0].id)
    );
    let over_http = Http::new(cluster.nodes[1].http)
        .post(&path, &crowd.accounts[0].token, repeat)
        .await
        .expect(200);
    assert_eq!(
        (&over_http["seq"], &over_http["duplicate"]),
        (&json!(first.seq), &json!(true))
    );

    chatters[0].send(room, "last");
    settle(&chatters, SOON).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
    assert_eq!(chatters[1].ledger().times_received("again"), 2);
}

#[tokio::test]
async fn presence_typing_and_read_positions_cross_nodes() {
    let plan = Plan::nodes(2).set("presence.offline_after_ms", 1_000);
    let cluster = plan.start().await;
    let mut crowd = Crowd::register(&cluster, 2).await;
    crowd.group(&cluster, &[0, 1]).await;
    let nodes = cluster.addresses();
    let (a, b) = (&crowd.accounts[0], &crowd.accounts[1]);
    let alice = Chatter::connect(a, &nodes, 0).await;
    let mut bob = Chatter::connect(b, &nodes[1..], 0).await;
    let room = crowd.pair(0, 1);

    let saw = |what: &'static str, field: &'static str| {
        let of = b.id;
        move |l: &Ledger| {
            let fits = |s: &serde_json::Value| {
                s["type"] == what && (s["user"] == of || s["user"]["id"] == of)
            };
            l.signals
                .iter()
                .any(|s| fits(s) && (field.is_empty() || s[field] == true))
        }
    };
    alice
        .until("bob is online", SOON, saw("presence", "online"))
        .await;
    bob.say(json!({"type": "typing", "conv": room.conv_for(b.id)}));
    alice.until("bob types", SOON, saw("typing", "")).await;

    let cid = alice.send(room, "read me");
    bob.until("the text arrives", SOON, |l| {
        l.times_received("read me") == 1
    })
    .await;
    alice.until("the ack", SOON, Ledger::is_settled).await;
    let seq = alice.ledger().acks[&cid].seq;
    bob.say(json!({"type": "read", "conv": room.conv_for(b.id), "seq": seq}));
    alice
        .until("bob has read it", SOON, |l| {
            l.signals
                .iter()
                .any(|s| s["type"] == "read" && s["user"] == b.id && s["seq"] == seq)
        })
        .await;

    bob.leave().await;
    // Offline is told only after a while, so that a reconnect does not flap.
    alice
        .until("bob is offline", SOON, |l| {
            l.signals
                .iter()
                .any(|s| s["type"] == "presence" && s["online"] == false)
        })
        .await;
}
