//! What becomes of messages is seen on every node and device, and what was taken back is nowhere any more.

use serde_json::{Value, json};

use super::client::{Account, Heard, Http, Socket};
use super::crowd::Crowd;
use super::harness::{Cluster, Plan, bus_counter};
use crate::mariadb::Database;

/// A text that must not be anywhere once it was taken back.
const SECRET: &str = "meet me at the old bridge";
const EDITED: &str = "meet me at the new bridge";

/// Repairs between nodes that show what repairs are like, and when too much was said without them.
const REPAIRS: u64 = 10;
const ROUNDS_MAX: usize = 2_000;

#[tokio::test]
async fn alterations_are_seen_on_the_other_node_and_a_recalled_text_is_nowhere() {
    alter_and_recall(Plan::nodes(2)).await;
}

#[tokio::test]
async fn on_mariadb_alterations_are_seen_and_a_recalled_text_is_nowhere() {
    let database = Database::fresh();
    alter_and_recall(Plan::nodes(2).store(&database.url())).await;
}

struct Scene {
    cluster: Cluster,
    anna: Account,
    bert: Account,
    /// The conversation as Anna names it.
    to: String,
}

impl Scene {
    async fn begin(plan: Plan) -> Scene {
        let cluster = plan.start().await;
        let crowd = Crowd::register(&cluster, 2).await;
        let [anna, bert] = [0, 1].map(|index: usize| crowd.accounts[index].clone());
        Scene {
            to: format!("u:{}", bert.id),
            cluster,
            anna,
            bert,
        }
    }

    /// Everything that a device gets which was last here at `after`.
    async fn synced(&self, node: usize, account: &Account, after: u64) -> Vec<Value> {
        let mut socket = Socket::open(self.cluster.nodes[node].http, &[], None)
            .await
            .unwrap();
        let auth = json!({"type": "auth", "token": account.token, "after": after});
        socket.say(&auth).await;
        let mut entries = Vec::new();
        loop {
            let sync = socket.expect("sync").await;
            entries.extend(sync["entries"].as_array().unwrap().iter().cloned());
            if sync["more"] == false {
                return entries;
            }
        }
    }
}

/// Says something that is acknowledged; the ack.
async fn acked(socket: &mut Socket, frame: Value) -> Value {
    socket.say(&frame).await;
    let cid = frame["cid"].clone();
    socket
        .expect_where("ack", |heard| heard["type"] == "ack" && heard["cid"] == cid)
        .await
}

async fn live(socket: &mut Socket, kind: &str) -> Value {
    let fits = |heard: &Value| heard["type"] == "entry" && heard["kind"] == kind;
    socket.expect_where(kind, fits).await
}

async fn alter_and_recall(plan: Plan) {
    let scene = Scene::begin(plan).await;
    let nodes = scene.cluster.addresses();
    let (mut anna, hello) = Socket::login(nodes[0], &scene.anna).await;
    let (mut tablet, _) = Socket::login(nodes[1], &scene.anna).await;
    let (mut bert, _) = Socket::login(nodes[1], &scene.bert).await;
    let before = hello["head"].as_u64().unwrap();

    let message =
        json!({"type": "send", "cid": "m", "to": scene.to, "media": 1, "content": SECRET});
    let sent = acked(&mut anna, message.clone()).await;
    let seq = sent["seq"].as_u64().unwrap();
    assert_eq!(live(&mut bert, "message").await["content"], SECRET);
    live(&mut tablet, "message").await;

    let edit = json!({"type": "edit", "cid": "e", "seq": seq, "content": EDITED});
    let edited = acked(&mut anna, edit.clone()).await;
    for socket in [&mut tablet, &mut bert] {
        let entry = live(socket, "edit").await;
        assert_eq!(
            (&entry["target"], &entry["content"]),
            (&json!(seq), &json!(EDITED))
        );
    }
    let told = scene.synced(1, &scene.bert, before).await;
    let found = told.iter().find(|entry| entry["seq"] == seq).unwrap();
    assert_eq!(
        (&found["content"], &found["edited_at"]),
        (&json!(EDITED), &edited["at"])
    );

    // Without a client id there is no ack, but the entry, as on any other device.
    bert.say(&json!({"type": "react", "seq": seq, "emoji": "👍", "on": true}))
        .await;
    for socket in [&mut bert, &mut anna, &mut tablet] {
        let entry = live(socket, "reaction").await;
        assert_eq!(
            (&entry["emoji"], &entry["on"]),
            (&json!("👍"), &json!(true))
        );
    }
    let again = json!({"type": "react", "cid": "r", "seq": seq, "emoji": "👍", "on": true});
    assert_eq!(acked(&mut bert, again).await["duplicate"], true);
    bert.say(&json!({"type": "recall", "cid": "no", "seq": seq}))
        .await;
    assert_eq!(bert.expect_error("not_allowed").await["cid"], "no");

    let recall = json!({"type": "recall", "cid": "gone", "seq": seq});
    let recalled = acked(&mut anna, recall.clone()).await;
    for socket in [&mut tablet, &mut bert] {
        assert_eq!(live(socket, "recall").await["target"], seq);
    }
    for (frame, first) in [(recall, &recalled), (message, &sent), (edit, &edited)] {
        let ack = acked(&mut anna, frame).await;
        assert_eq!(
            (&ack["seq"], &ack["duplicate"]),
            (&first["seq"], &json!(true))
        );
    }
    nowhere(&scene, before, seq).await;
}

/// Neither in history, nor for a device that was away since before it, on either node; nor for one that starts now.
async fn nowhere(scene: &Scene, before: u64, seq: u64) {
    for node in 0..2 {
        let http = Http::new(scene.cluster.nodes[node].http);
        for (account, peer) in [(&scene.anna, &scene.bert), (&scene.bert, &scene.anna)] {
            let history = http.history(account, &format!("u:{}", peer.id)).await;
            let list = http.get("/api/v1/conversations", &account.token).await;
            let synced = scene.synced(node, account, before).await;
            let all = format!("{history:?} {} {synced:?}", list.text);
            assert!(!all.contains("bridge"), "{all}");
            let gone = |entry: &&Value| entry["seq"] == seq && entry["recalled"] == true;
            assert!(history.iter().any(|entry| gone(&entry)), "{history:?}");
            assert!(synced.iter().any(|entry| gone(&entry)), "{synced:?}");
        }
    }
}

/// A node that heard nothing of a message asks for it after it was taken back: what repairs it is no text.
#[tokio::test]
async fn a_node_that_missed_a_message_is_not_given_the_text_after_its_recall() {
    let scene = Scene::begin(Plan::nodes(2)).await;
    let nodes = scene.cluster.addresses();
    let (mut anna, _) = Socket::login(nodes[0], &scene.anna).await;
    let (mut bert, _) = Socket::login(nodes[1], &scene.bert).await;
    // Every other datagram is lost on its way in, so that most rounds need a repair.
    scene.cluster.bus_faults("drop_in = 0.5\nseed = 5\n");
    let page = Http::new(nodes[1]);
    let (mut end, mut round) = (0, 0);
    while bus_counter(&page.cluster(&scene.bert).await, "holes_repaired_bus") < REPAIRS {
        assert!(round < ROUNDS_MAX, "too little is lost or repaired");
        round += 1;
        let message = json!({
            "type": "send", "cid": format!("m{round}"), "to": scene.to, "media": 1, "content": SECRET,
        });
        let seq = acked(&mut anna, message).await["seq"].clone();
        let recall = json!({"type": "recall", "cid": format!("r{round}"), "seq": seq});
        end = acked(&mut anna, recall).await["seq"].as_u64().unwrap();
    }
    let (mut after_recall, mut recalled) = (0, 0);
    while recalled < end {
        let Heard::Frame(frame) = bert.hear().await else {
            panic!("the connection holds");
        };
        let entries = match frame["entries"].as_array() {
            Some(entries) => entries.clone(),
            None => vec![frame],
        };
        for entry in entries {
            let seq = entry["seq"].as_u64().unwrap_or(0);
            if entry["kind"] == "recall" {
                recalled = seq;
            } else if entry["kind"] == "message" && seq < recalled {
                after_recall += 1;
            }
        }
    }
    assert_eq!(after_recall, 0, "in order");
    // Whoever comes now, from before it all, to the node that had to be repaired.
    let synced = scene.synced(1, &scene.bert, 0).await;
    assert!(!format!("{synced:?}").contains("bridge"), "{synced:?}");
}

#[tokio::test]
async fn what_one_hides_and_sets_is_told_to_ones_other_devices_on_other_nodes() {
    let scene = Scene::begin(Plan::nodes(2)).await;
    let nodes = scene.cluster.addresses();
    let (mut anna, hello) = Socket::login(nodes[0], &scene.anna).await;
    let (mut phone, _) = Socket::login(nodes[1], &scene.bert).await;
    let message = json!({"type": "send", "cid": "m", "to": scene.to, "media": 1, "content": "x"});
    let seq = acked(&mut anna, message).await["seq"].as_u64().unwrap();
    live(&mut phone, "message").await;

    let http = Http::new(nodes[0]);
    let conv = format!("u:{}", scene.anna.id);
    let path = format!("/api/v1/conversations/{conv}");
    for (name, value) in [
        ("muted", json!(true)),
        ("pinned", json!(true)),
        ("hidden", json!(true)),
        ("marked_unread", json!(true)),
        ("draft", json!("half a senten")),
    ] {
        let body = json!({name: value});
        let token = Some(scene.bert.token.as_str());
        http.call("PATCH".parse().unwrap(), &path, token, Some(body))
            .await
            .expect(200);
        let frame = phone
            .expect_where(name, |frame| {
                frame["type"] == "conversation" && frame[name] == value
            })
            .await;
        assert_eq!(frame["conv"], conv);
    }
    let path = format!("/api/v1/entries/{seq}/hidden");
    let token = Some(scene.bert.token.as_str());
    http.call("PUT".parse().unwrap(), &path, token, None)
        .await
        .expect(204);
    phone
        .expect_where("hidden_entry", |frame| {
            frame["type"] == "conversation" && frame["hidden_entry"] == seq
        })
        .await;
    let read = format!("/api/v1/conversations/{conv}/read");
    let body = json!({"seq": seq});
    http.post(&read, &scene.bert.token, body).await.expect(200);
    for socket in [&mut phone, &mut anna] {
        let frame = socket.expect("read").await;
        assert_eq!(
            (&frame["user"], &frame["seq"]),
            (&json!(scene.bert.id), &json!(seq))
        );
    }
    // A device that was away does not get what was hidden; its author's does.
    let before = hello["head"].as_u64().unwrap();
    assert_eq!(scene.synced(1, &scene.bert, before).await, [] as [Value; 0]);
    assert_eq!(scene.synced(1, &scene.anna, before).await.len(), 1);
}
