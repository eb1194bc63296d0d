//! Who may do what over a WebSocket: every frame against everybody, by the table `authorisation/frames.txt`; and
//! that an account that is disabled, or a session that is revoked, is out on every node at once.

use std::collections::BTreeSet;
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use super::client::{Account, Http, Socket};
use super::harness::{Cluster, Plan, until};

const TABLE: &str = include_str!("../authorisation/frames.txt");
/// The people of the table, in the order of its columns.
const PEOPLE: [&str; 6] = ["stranger", "blocked", "member", "admin", "owner", "chief"];
const PROTOCOL: &str = include_str!("../../../docs/protocol.md");
const UNAUTHORIZED: u16 = 4003;
const SOON: Duration = Duration::from_secs(2);

struct World {
    cluster: Cluster,
    people: Vec<Account>,
    owner: Account,
    chief: Account,
    group: u64,
}

impl World {
    /// The place of a new message of the owner's in the group.
    async fn entry(&self, text: &str) -> String {
        let path = format!("/api/v1/conversations/g:{}/messages", self.group);
        let body = json!({"cid": text, "media": 1, "content": text});
        let http = Http::new(self.cluster.nodes[0].http);
        let sent = http.post(&path, &self.owner.token, body).await.expect(201);
        sent["seq"].to_string()
    }
}

async fn world() -> World {
    let cluster = Plan::nodes(2).start().await;
    cluster.wait_until_all_hear_each_other().await;
    let http = Http::new(cluster.nodes[0].http);
    let chief = http.register("chief").await;
    let owner = http.register("owner").await;
    let member = http.register("member").await;
    let admin = http.register("admin").await;
    let stranger = http.register("stranger").await;
    let blocked = http.register("blocked").await;
    let group = http.group(&owner, "group", &[member.id, admin.id]).await;
    let about = format!("/api/v1/groups/{group}/members/{}", admin.id);
    let role = Some(json!({"role": "admin"}));
    http.call(Method::PATCH, &about, Some(&owner.token), role)
        .await
        .expect(200);
    let block = format!("/api/v1/blocks/{}", blocked.id);
    http.call(Method::PUT, &block, Some(&owner.token), None)
        .await
        .expect(204);
    World {
        cluster,
        people: vec![
            stranger,
            blocked,
            member,
            admin,
            owner.clone(),
            chief.clone(),
        ],
        owner,
        chief,
        group,
    }
}

/// A line of the table: the frame's type, its cells, its fields.
fn lines() -> Vec<(String, Vec<String>, String)> {
    let mut lines = TABLE
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(|line| {
            let (cells, fields) = line.split_once(" | ").expect(line);
            let mut cells = cells.split_whitespace().map(str::to_owned);
            let kind = cells.next().expect(line);
            let cells: Vec<String> = cells.collect();
            assert_eq!(cells.len(), PEOPLE.len(), "cells of {line}");
            (kind, cells, fields.trim().to_owned())
        });
    let (_, columns, _) = lines.next().unwrap();
    assert_eq!(columns, PEOPLE, "the columns of the table");
    lines.collect()
}

/// What a frame is answered with. What has no answer of its own has been dealt with when a later ping is answered.
async fn answer(socket: &mut Socket, frame: &Value) -> String {
    socket.say(frame).await;
    let awaits_ack = frame.get("cid").is_some();
    socket.say(&json!({"type": "ping", "n": 4_711})).await;
    let heard = socket
        .expect_where("an answer", |heard| {
            let is_pong = heard["type"] == "pong" && heard["n"] == 4_711;
            heard["type"] == "ack" || heard["type"] == "error" || (is_pong && !awaits_ack)
        })
        .await;
    match heard["type"].as_str() {
        Some("ack") => "ack".to_owned(),
        Some("error") => heard["code"].as_str().unwrap().to_owned(),
        _ => "-".to_owned(),
    }
}

#[tokio::test]
async fn each_frame_gives_everybody_what_the_table_says() {
    let world = world().await;
    let mut wrong = Vec::new();
    for (number, (kind, cells, fields)) in lines().into_iter().enumerate() {
        for ((who, account), expected) in PEOPLE.into_iter().zip(&world.people).zip(cells) {
            let fields = fields
                .replace("{cid}", &format!("cid-{number}"))
                .replace("{group}", &world.group.to_string())
                .replace("{owner}", &world.owner.id.to_string())
                .replace(
                    "{entry}",
                    &world.entry(&format!("text {number} {who}")).await,
                );
            let mut frame: Value = serde_json::from_str(&fields).expect(&fields);
            frame["type"] = json!(kind);
            let (mut socket, _) = Socket::login(world.cluster.nodes[1].http, account).await;
            let found = answer(&mut socket, &frame).await;
            if found != expected {
                wrong.push(format!("{frame} by {who}: {found}, and not {expected}"));
            }
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn each_documented_frame_of_a_client_has_a_line() {
    let section = PROTOCOL
        .split("\n## ")
        .find(|section| section.starts_with("What clients send"));
    let section = section.expect("docs/protocol.md says what clients send");
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let documented: BTreeSet<String> = rows
        .flat_map(|row| row.split('|').nth(1).unwrap().split('`').skip(1).step_by(2))
        .map(|frame| frame.split_whitespace().next().unwrap().to_owned())
        .collect();
    assert!(documented.contains("send"), "{documented:?}");
    let described: BTreeSet<String> = lines().into_iter().map(|(kind, _, _)| kind).collect();
    let lacking: Vec<_> = documented.difference(&described).collect();
    assert!(lacking.is_empty(), "without a line: {lacking:?}");
}

/// Says a first frame, and checks that it is refused.
async fn refused(world: &World, first: &Value) {
    for node in &world.cluster.nodes {
        let mut socket = Socket::open(node.http, &[], None).await.unwrap();
        socket.say(first).await;
        let (code, before) = socket.closed(SOON).await;
        assert_eq!(code, UNAUTHORIZED, "{first}");
        assert_eq!(before[0]["code"], "unauthorized", "{before:?}");
    }
}

#[tokio::test]
async fn whoever_is_not_logged_in_is_let_in_by_no_frame() {
    let world = world().await;
    for (kind, _, _) in lines() {
        refused(&world, &json!({"type": kind})).await;
        refused(&world, &json!({"type": kind, "token": "no token"})).await;
    }
}

#[tokio::test]
async fn an_account_that_is_disabled_is_out_on_every_node_at_once_until_it_is_enabled() {
    let world = world().await;
    let [here, there] = [0, 1].map(|node| Http::new(world.cluster.nodes[node].http));
    let member = &world.people[2];
    let (mut near, _) = Socket::login(here.address(), member).await;
    let (mut far, _) = Socket::login(there.address(), member).await;
    let path = format!("/api/v1/admin/users/{}", member.id);
    let chief = Some(&*world.chief.token);
    here.call(Method::PATCH, &path, chief, Some(json!({"disabled": true})))
        .await
        .expect(200);
    for socket in [&mut near, &mut far] {
        assert_eq!(socket.closed(SOON).await.0, UNAUTHORIZED);
    }
    refused(&world, &json!({"type": "auth", "token": member.token})).await;
    until("the other node refuses the token, too", SOON, || async {
        there.get("/api/v1/me", &member.token).await.status == 401
    })
    .await;
    // Others see that he is gone.
    let shown = || async {
        let user = there
            .get(&format!("/api/v1/users/{}", member.id), &world.owner.token)
            .await;
        user.expect(200)["name"].as_str().unwrap().to_owned()
    };
    until("he is shown as deleted", SOON, || async {
        shown().await != member.name
    })
    .await;

    here.call(
        Method::PATCH,
        &path,
        chief,
        Some(json!({"disabled": false})),
    )
    .await
    .expect(200);
    refused(&world, &json!({"type": "auth", "token": member.token})).await;
    let again = there.login(&member.name).await;
    Socket::login(here.address(), &again).await;
    until("he is shown by his name again", SOON, || async {
        shown().await == member.name
    })
    .await;
}
