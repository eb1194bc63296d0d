//! Who may do what: every route of the document against everybody, by the table `authorisation/routes.txt`.
//!
//! A route without a line fails the test, and so does a line without a route. Each cell that may change something is
//! tried in a copy of the same world, so that no cell depends on another.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::{Value, json};
use starling::store::sqlite::{self, OpenOptions};

use crate::lab::{Choices, Lab, Reply, User};

const TABLE: &str = include_str!("authorisation/routes.txt");
/// The people of the table, in the order of its columns.
const PEOPLE: [&str; 7] = [
    "nobody", "stranger", "blocked", "member", "admin", "owner", "chief",
];
/// Who gets what nobody gets, though they have a token.
const OUTCASTS: [&str; 2] = ["disabled", "revoked"];
/// Worlds asked at a time.
const AT_ONCE: usize = 4;

/// A line of the table.
#[derive(Clone, Debug)]
struct Line {
    method: String,
    path: String,
    expected: Vec<String>,
    body: Option<String>,
}

fn lines() -> Vec<Line> {
    let mut lines = TABLE
        .lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'));
    let heading = lines.next().unwrap();
    let columns: Vec<&str> = heading
        .split('|')
        .next()
        .unwrap()
        .split_whitespace()
        .collect();
    assert_eq!(columns[1..], PEOPLE, "the columns of the table");
    lines.map(line).collect()
}

fn line(text: &str) -> Line {
    let (cells, body) = match text.split_once(" | ") {
        Some((cells, body)) => (cells, Some(body.trim().to_owned())),
        None => (text, None),
    };
    let mut cells = cells.split_whitespace().map(str::to_owned);
    let line = Line {
        method: cells.next().unwrap(),
        path: cells.next().unwrap(),
        expected: cells.collect(),
        body,
    };
    assert_eq!(line.expected.len(), PEOPLE.len(), "cells of {text}");
    line
}

/// A world to be copied: people, a group, and what lies about in it.
struct World {
    folder: tempfile::TempDir,
    people: BTreeMap<String, User>,
    /// What the words in braces stand for.
    words: BTreeMap<&'static str, String>,
}

impl World {
    async fn new() -> World {
        let lab = Lab::new().await;
        let mut people = BTreeMap::new();
        // The first one is an admin of the deployment.
        for name in ["chief", "owner", "admin", "member", "stranger", "blocked"] {
            people.insert(name.to_owned(), lab.register(name).await);
        }
        let (friend, asker) = (lab.register("friend").await, lab.register("asker").await);
        for name in OUTCASTS {
            people.insert(name.to_owned(), lab.register(name).await);
        }
        let who = |name: &str| &people[name];
        let owner = who("owner");
        let group = lab
            .group(owner, &[who("admin"), who("member"), who("revoked")])
            .await;
        make_admin(&lab, owner, group, who("admin")).await;
        lab.befriend(owner, &friend).await;
        lab.call(&asker, "POST", "/api/v1/friends", &json!({"id": owner.id}))
            .await
            .is(201);
        let request = lab.get(owner, "/api/v1/friends").await["incoming"][0]["id"].to_string();
        let block = format!("/api/v1/blocks/{}", who("blocked").id);
        lab.simply(owner, "PUT", &block).await.is(204);
        let entry = lab.say(owner, &format!("g:{group}"), "a text").await;
        lab.second_session(owner).await;
        let sessions = lab.get(owner, "/api/v1/me/sessions").await;
        let session = sessions["sessions"]
            .as_array()
            .unwrap()
            .iter()
            .find(|session| session["current"] == false)
            .unwrap()["id"]
            .to_string();
        let invites = "/api/v1/admin/invites";
        let invite = lab.call(who("chief"), "POST", invites, &json!({})).await;
        let mut words = lying_about(&lab, owner, group).await;
        let guarded = [who("admin"), who("member")];
        words.extend(guarded_group(&lab, owner, guarded, &asker).await);
        words.extend([
            ("{owner}", owner.id.to_string()),
            ("{member}", who("member").id.to_string()),
            ("{friend}", friend.id.to_string()),
            ("{group}", group.to_string()),
            ("{entry}", entry.to_string()),
            ("{emoji}", "%F0%9F%91%8D".to_owned()),
            ("{request}", request),
            ("{session}", session),
            ("{invite}", invite.is(201)["id"].to_string()),
        ]);
        lab.simply(who("revoked"), "POST", "/api/v1/logout")
            .await
            .is(204);
        let disabled = format!("/api/v1/admin/users/{}", who("disabled").id);
        let disable = json!({"disabled": true});
        lab.call(who("chief"), "PATCH", &disabled, &disable)
            .await
            .is(200);
        World {
            folder: lab.folder,
            people,
            words,
        }
    }

    /// The same world, to be changed.
    async fn copy(&self) -> Lab {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("starling.db");
        let file = file.to_str().unwrap();
        copy_store(self.folder.path(), folder.path());
        let stores = sqlite::open(file, OpenOptions::default()).unwrap();
        Lab::over(stores, folder, Choices::default()).await
    }

    fn filled(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for (word, value) in &self.words {
            text = text.replace(word, value);
        }
        text
    }

    async fn ask(&self, lab: &Lab, line: &Line, who: &str) -> Reply {
        let path = self.filled(&line.path);
        let body = line.body.as_deref().map(|body| self.filled(body));
        let token = self.people.get(who);
        let token = token.map(|user| format!("Bearer {}", user.token));
        let mut headers = Vec::new();
        if body.is_some() {
            headers.push(("content-type", "application/json"));
        }
        if let Some(token) = &token {
            headers.push(("authorization", token));
        }
        let method = line.method.to_uppercase();
        lab.ask(&method, &path, &headers, body.unwrap_or_default())
            .await
    }
}

async fn make_admin(lab: &Lab, owner: &User, group: u64, member: &User) {
    let path = format!("/api/v1/groups/{group}/members/{}", member.id);
    let role = json!({"role": "admin"});
    lab.call(owner, "PATCH", &path, &role).await.is(200);
}

/// What the owner has made in the group, and a bot of his.
async fn lying_about(lab: &Lab, owner: &User, group: u64) -> BTreeMap<&'static str, String> {
    let made = async |path: &str, body: Value| {
        let path = path.replace("{group}", &group.to_string());
        lab.call(owner, "POST", &path, &body).await.is(201)
    };
    let invite = made("/api/v1/groups/{group}/invites", json!({})).await;
    let hook = json!({"name": "hook", "kind": "incoming"});
    let hook = made("/api/v1/groups/{group}/hooks", hook).await;
    let bot = made("/api/v1/bots", json!({"name": "bot"})).await;
    let packet = json!({
        "cid": "packet", "kind": "packet", "total": 100, "count": 10, "split": "equal", "memo": "",
    });
    let packet = made("/api/v1/conversations/g:{group}/packets", packet).await;
    let file = lab.upload(owner, "notes.txt", b"what was said").await;
    let said = json!({"cid": "file", "media": 10, "url": file["url"]});
    made("/api/v1/conversations/g:{group}/messages", said).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let url = text(&file["url"]);
    let (file, file_name) = url["/files/".len()..].split_once('/').unwrap();
    BTreeMap::from([
        ("{code}", text(&invite["code"])),
        ("{hook}", hook["id"].to_string()),
        ("{hook_token}", text(&hook["token"])),
        ("{bot}", bot["id"].to_string()),
        ("{packet}", packet["seq"].to_string()),
        ("{file}", file.to_owned()),
        ("{file_name}", file_name.to_owned()),
    ])
}

/// A group that is entered by approval, with a request to it.
async fn guarded_group(
    lab: &Lab,
    owner: &User,
    [admin, member]: [&User; 2],
    asker: &User,
) -> [(&'static str, String); 2] {
    let wish = json!({"name": "guarded", "join": "approval", "members": [admin.id, member.id]});
    let group = lab.call(owner, "POST", "/api/v1/groups", &wish).await;
    let group = group.is(201)["id"].as_u64().unwrap();
    make_admin(lab, owner, group, admin).await;
    let path = format!("/api/v1/groups/{group}");
    lab.call(asker, "POST", &format!("{path}/join"), &json!({}))
        .await;
    let requests = lab.get(owner, &format!("{path}/requests")).await;
    [
        ("{guarded}", group.to_string()),
        ("{joining}", requests["requests"][0]["id"].to_string()),
    ]
}

fn copy_store(from: &Path, to: &Path) {
    for file in ["starling.db", "starling.db-wal"] {
        if from.join(file).exists() {
            std::fs::copy(from.join(file), to.join(file)).unwrap();
        }
    }
    copy_folder(&from.join("files"), &to.join("files"));
}

fn copy_folder(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_folder(&from, &to);
        } else {
            std::fs::copy(from, to).unwrap();
        }
    }
}

/// What a cell says of an answer.
fn outcome(reply: &Reply) -> String {
    let code = reply.body["error"]["code"].as_str();
    code.map_or_else(|| reply.status.to_string(), str::to_owned)
}

/// Tries a line with everybody; what differs from the table.
async fn check(world: &World, line: &Line) -> Vec<String> {
    let reads = line.method == "get";
    let mut lab = world.copy().await;
    let mut wrong = Vec::new();
    let outcasts = OUTCASTS.map(|name| (name, &line.expected[0]));
    let everybody = PEOPLE.into_iter().zip(&line.expected).chain(outcasts);
    for (who, expected) in everybody {
        let reply = world.ask(&lab, line, who).await;
        let found = outcome(&reply);
        if found != *expected {
            wrong.push(format!(
                "{} {} by {who}: {found}, and not {expected}",
                line.method, line.path
            ));
        }
        if !reads && reply.status < 300 {
            lab = world.copy().await;
        }
    }
    wrong
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_route_gives_everybody_what_the_table_says() {
    let world = std::sync::Arc::new(World::new().await);
    let mut waiting = lines().into_iter();
    let mut asking = tokio::task::JoinSet::new();
    let mut wrong = Vec::new();
    loop {
        while asking.len() < AT_ONCE
            && let Some(line) = waiting.next()
        {
            let world = std::sync::Arc::clone(&world);
            asking.spawn(async move { check(&world, &line).await });
        }
        match asking.join_next().await {
            Some(found) => wrong.extend(found.unwrap()),
            None => break,
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Whether a path of the table is one that a described path stands for.
fn stands_for(described: &str, path: &str) -> bool {
    let path = path.split('?').next().unwrap();
    let (described, path): (Vec<_>, Vec<_>) =
        (described.split('/').collect(), path.split('/').collect());
    described.len() == path.len()
        && described
            .iter()
            .zip(&path)
            .all(|(one, other)| one == other || (one.starts_with('{') && other.contains('{')))
}

#[tokio::test]
async fn each_described_route_has_a_line_and_each_line_a_described_route() {
    let lab = Lab::new().await;
    let document = lab.ask("GET", "/openapi.json", &[], "").await.is(200);
    let lines = lines();
    let mut lacking = BTreeSet::new();
    let mut used = BTreeSet::new();
    for (described, item) in document["paths"].as_object().unwrap() {
        for method in item.as_object().unwrap().keys() {
            let mine: Vec<usize> = (0..lines.len())
                .filter(|at| {
                    lines[*at].method == *method && stands_for(described, &lines[*at].path)
                })
                .collect();
            if mine.is_empty() {
                lacking.insert(format!("{method} {described}"));
            }
            used.extend(mine);
        }
    }
    assert!(lacking.is_empty(), "without a line: {lacking:#?}");
    let idle: Vec<&Line> = (0..lines.len())
        .filter(|at| !used.contains(at))
        .map(|at| &lines[at])
        .collect();
    assert!(idle.is_empty(), "described nowhere: {idle:#?}");
    // Whoever needs no token by the document needs none by the table, and the other way round.
    for line in &lines {
        let item = document["paths"].as_object().unwrap().iter();
        let mut operations = item
            .filter(|(described, _)| stands_for(described, &line.path))
            .filter_map(|(_, item)| item.get(&line.method));
        let operation = operations.next().unwrap();
        let open = operation["security"]
            .as_array()
            .is_some_and(|all| all.contains(&Value::Object(serde_json::Map::new())));
        let (nobody, line) = (&line.expected[0], &line.path);
        assert_eq!(open, nobody != "unauthorized", "{line}");
    }
}
