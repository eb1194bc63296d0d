//! Who is told who is there: friends and members of small groups on every node, and nobody who was blocked.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::client::{Account, Heard, Http, Socket};
use super::harness::{Cluster, Plan, until};

const SOON: Duration = Duration::from_secs(5);
const OFFLINE_AFTER_MS: u64 = 300;

async fn cluster() -> Cluster {
    Plan::nodes(2)
        .set("presence.offline_after_ms", OFFLINE_AFTER_MS)
        .start()
        .await
}

async fn befriend(http: &Http, one: &Account, other: &Account) {
    for (user, wanted) in [(one, other), (other, one)] {
        http.post("/api/v1/friends", &user.token, json!({"id": wanted.id}))
            .await
            .expect(201);
    }
}

async fn seen(http: &Http, reader: &Account, user: &Account) -> Value {
    http.get(&format!("/api/v1/users/{}", user.id), &reader.token)
        .await
        .expect(200)
}

/// The presence frames about a user that came until a ping that is said now is answered.
async fn told(socket: &mut Socket, user: &Account) -> Vec<bool> {
    socket.say(&json!({"type": "ping", "n": 99})).await;
    let mut told = Vec::new();
    loop {
        match socket.hear().await {
            Heard::Frame(frame) if frame["type"] == "pong" && frame["n"] == 99 => return told,
            Heard::Frame(frame) if frame["type"] == "presence" && frame["user"] == user.id => {
                told.push(frame["online"].as_bool().unwrap());
            }
            Heard::Frame(_) => {}
            end @ (Heard::Closed(_) | Heard::Broken) => panic!("{end:?}"),
        }
    }
}

#[tokio::test]
async fn friends_and_members_of_small_groups_are_told_on_every_node_and_strangers_are_not() {
    let cluster = cluster().await;
    let [here, there] = [0, 1].map(|node| Http::new(cluster.nodes[node].http));
    let anna = here.register("anna").await;
    let friend = here.register("friend").await;
    let member = here.register("member").await;
    let stranger = here.register("stranger").await;
    befriend(&here, &anna, &friend).await;
    here.group(&anna, "small", &[member.id]).await;
    let mut listeners = Vec::new();
    for (account, knows) in [(&friend, true), (&member, true), (&stranger, false)] {
        for node in [&here, &there] {
            listeners.push((Socket::login(node.address(), account).await.0, knows));
        }
    }
    let (socket, _) = Socket::login(here.address(), &anna).await;
    for (listener, knows) in &mut listeners {
        if *knows {
            let frame = listener
                .expect_where("anna is there", |frame| {
                    frame["type"] == "presence" && frame["user"] == anna.id
                })
                .await;
            assert_eq!(frame["online"], true);
            assert!(frame["at"].is_u64());
        }
    }
    assert_eq!(seen(&there, &stranger, &anna).await["online"], true);
    let members = there.get("/api/v1/groups", &member.token).await.expect(200);
    let group = &members["groups"][0]["id"];
    let members = there
        .get(&format!("/api/v1/groups/{group}/members"), &member.token)
        .await
        .expect(200);
    assert_eq!(members["members"][0]["online"], true);

    let before = seen(&there, &stranger, &anna).await["last_seen_at"].as_i64();
    drop(socket);
    for (listener, knows) in &mut listeners {
        if *knows {
            let frame = listener
                .expect_where("anna is gone", |frame| {
                    frame["type"] == "presence" && frame["user"] == anna.id
                })
                .await;
            assert_eq!(frame["online"], false);
        }
    }
    until(
        "anna shows as offline, seen later than before",
        SOON,
        || async {
            let shown = seen(&here, &stranger, &anna).await;
            shown["online"] == false && shown["last_seen_at"].as_i64() >= before
        },
    )
    .await;
    for (listener, knows) in &mut listeners {
        if !*knows {
            assert_eq!(told(listener, &anna).await, Vec::<bool>::new());
        }
    }
}

#[tokio::test]
async fn whom_somebody_blocked_does_not_learn_whether_he_is_there() {
    let cluster = cluster().await;
    let [here, there] = [0, 1].map(|node| Http::new(cluster.nodes[node].http));
    let anna = here.register("anna").await;
    let blocked = here.register("blocked").await;
    let member = here.register("member").await;
    befriend(&here, &anna, &blocked).await;
    let group = here.group(&anna, "small", &[blocked.id, member.id]).await;
    let block = format!("/api/v1/blocks/{}", blocked.id);
    here.call(Method::PUT, &block, Some(&anna.token), None)
        .await
        .expect(204);
    let (mut told_one, _) = Socket::login(there.address(), &member).await;
    let (mut blocked_one, _) = Socket::login(there.address(), &blocked).await;
    let (socket, _) = Socket::login(here.address(), &anna).await;
    let about_anna = |frame: &Value| frame["type"] == "presence" && frame["user"] == anna.id;
    told_one.expect_where("anna is there", about_anna).await;

    let shown = seen(&there, &member, &anna).await;
    assert_eq!(shown["online"], true);
    assert!(shown["last_seen_at"].as_i64().unwrap() > 0);
    let lists = [
        format!("/api/v1/users/{}", anna.id),
        "/api/v1/users?q=anna".to_owned(),
        "/api/v1/friends".to_owned(),
        format!("/api/v1/groups/{group}/members"),
        "/api/v1/conversations".to_owned(),
    ];
    for path in lists {
        let text = there.get(&path, &blocked.token).await.expect(200);
        let mut shown = Vec::new();
        users(&text, anna.id, &mut shown);
        for anna in shown {
            assert_eq!(
                (
                    anna["online"].as_bool().unwrap_or(false),
                    &anna["last_seen_at"]
                ),
                (false, &json!(0)),
                "{path}"
            );
        }
    }
    drop(socket);
    told_one.expect_where("anna is gone", about_anna).await;
    assert_eq!(told(&mut blocked_one, &anna).await, Vec::<bool>::new());
}

/// All user objects with this id in an answer.
fn users<'a>(value: &'a Value, id: u64, found: &mut Vec<&'a Value>) {
    match value {
        Value::Object(fields) => {
            if fields.contains_key("last_seen_at") && fields["id"] == id {
                found.push(value);
            }
            fields.values().for_each(|field| users(field, id, found));
        }
        Value::Array(items) => items.iter().for_each(|item| users(item, id, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
