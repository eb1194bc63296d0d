//! How long a client waits for pages and counts of a long conversation, and for a list of many conversations, over
//! HTTP from a node whose store holds them.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use serde_json::{Value, json};
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft, Outcome};
use starling::model::entry::EntryKind;
use starling::model::group::{JoinMode, NewGroup};
use starling::model::ids::{Cid, GroupId, Seq, UserId};
use starling::model::user::{NewUser, Sex};
use starling::service::passwords::{HashingSettings, Passwords};
use starling::store::indexing::{Indexed, Indexing};
use starling::store::{Stores, mysql, sqlite};

use crate::api;
use crate::node::{Folder, Nodes};
use crate::table::{Table, quantile_ms};

/// Messages in the long conversation.
const LONG: usize = 1_000_000;
/// Who writes them, the reader among them.
const WRITERS: usize = 20;
/// Conversations in the list: groups and people, one half each.
const CONVERSATIONS: usize = 2_000;
/// Messages in each, spread over the whole log.
const ROUNDS: usize = 20;
/// The last of these are unread, and are in every fifth conversation only.
const UNREAD_ROUNDS: usize = 5;
const UNREAD_EVERY: usize = 5;
/// Entries in an append while the store is filled.
const BATCH: usize = 1_000;
/// Entries on a page.
const PAGE: usize = 100;
const WARM_UP: usize = 10;
const REQUESTS: usize = 300;
const LISTS: usize = 100;
/// What nineteen of twenty must not wait longer for.
const PAGE_MS: f64 = 20.0;
const UNREAD_MS: f64 = 5.0;
const LIST_MS: f64 = 50.0;
const PASSWORD: &str = "correct horse";
const TEXT: &str = "A text of about the length people write in a chat, which is a hundred bytes or so, rarely much more.";

pub(crate) async fn measure(
    server: &Path,
    mysql: Option<&str>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let folder = Folder::new()?;
    let path = folder.0.join("starling.db").display().to_string();
    let stores = sqlite::open(&path, sqlite::OpenOptions::default())?;
    let stage = Stage::fill(&stores).await?;
    drop(stores);
    let url = format!("sqlite://{path}");
    stage.measure("SQLite", server, &url, folder, table).await?;
    let Some(url) = mysql else {
        eprintln!("  no --mysql: a server is not measured");
        return Ok(());
    };
    let stores = mysql::open(url, mysql::OpenOptions::default()).await?;
    let stage = Stage::fill(&stores).await?;
    drop(stores);
    let folder = Folder::new()?;
    stage.measure("MySQL", server, url, folder, table).await
}

/// What was put into a store.
struct Stage {
    reader: String,
    long: GroupId,
    head: Seq,
}

impl Stage {
    async fn fill(stores: &Stores) -> anyhow::Result<Stage> {
        let hashing = HashingSettings {
            scrypt_log_n: 1,
            scrypt_p: 1,
            ..HashingSettings::default()
        };
        let hash = Passwords::new(hashing)?.hash(PASSWORD.to_owned()).await;
        let hash = hash.map_err(|failure| anyhow::anyhow!("no password: {failure:?}"))?;
        let mut users = Vec::new();
        for index in 0..=CONVERSATIONS / 2 {
            let user = stores.users.create(account(index, &hash)).await?;
            users.push(user.id);
        }
        let (reader, peers) = users.split_first().context("nobody is there")?;
        let writers = &users[..WRITERS];
        let long = group(stores, *reader, writers).await?;
        let mut lines = Vec::new();
        for peer in peers {
            lines.push((*peer, Conv::private(*reader, *peer)));
            let group = group(stores, *reader, &[*peer]).await?;
            lines.push((*peer, Conv::Group(group)));
        }
        let conv = Conv::Group(long);
        for round in 0..ROUNDS {
            let long = (0..LONG / ROUNDS).map(|index| (writers[index % WRITERS], conv));
            say(stores, long).await?;
            let is_read = round + UNREAD_ROUNDS < ROUNDS;
            let some = lines.iter().step_by(if is_read { 1 } else { UNREAD_EVERY });
            say(stores, some.copied()).await?;
            if round + UNREAD_ROUNDS + 1 == ROUNDS {
                let head = stores.log.head().await?.head;
                let convs = lines.iter().map(|(_, conv)| *conv).chain([conv]);
                let positions: Vec<_> = convs.map(|conv| (*reader, conv, head)).collect();
                stores.conversations.set_read(&positions).await?;
            }
        }
        // As it is where messages were indexed when they came.
        let mut indexing = Indexing::new(Arc::clone(&stores.log), Arc::clone(&stores.search));
        while indexing.step().await? == Indexed::Some {}
        Ok(Stage {
            reader: name(0),
            long,
            head: stores.log.head().await?.head,
        })
    }

    async fn measure(
        &self,
        store: &str,
        server: &Path,
        url: &str,
        folder: Folder,
        table: &mut Table,
    ) -> anyhow::Result<()> {
        let nodes = Nodes::start_on(server, 1, url, folder).await?;
        let node = nodes.nodes[0].address;
        let login = json!({"name": self.reader, "password": PASSWORD});
        let answer = api::post(node, "/api/v1/login", "", &login).await?;
        let client = Client {
            node,
            token: answer["token"].as_str().context("no token")?.to_owned(),
        };
        let conversation = format!("/api/v1/conversations/g:{}", self.long.0);
        let first = format!("{conversation}/entries?limit={PAGE}");
        let before = || {
            // Never so near the beginning that a page is not full.
            let place = fastrand::u64(self.head.0 / 10..self.head.0);
            format!("{first}&before={place}")
        };
        let mut add = |what: &str, mut waits: Vec<Duration>, bound: f64| {
            let p95 = quantile_ms(&mut waits, 0.95);
            let what = format!("{store}: {what}, p95");
            table.compare(what, p95, "ms", Some(("the bound", bound)));
        };
        let waits = client.get(REQUESTS, || first.clone(), is_page).await?;
        add("newest page of 1,000,000 messages", waits, PAGE_MS);
        let waits = client.get(REQUESTS, before, is_page).await?;
        add("page anywhere in 1,000,000 messages", waits, PAGE_MS);
        let read = format!("{conversation}/read");
        let waits = client.unread(&read).await?;
        add("unread count of 1,000,000 messages", waits, UNREAD_MS);
        let list = || "/api/v1/conversations".to_owned();
        let waits = client.get(LISTS, list, is_list).await?;
        add("list of 2,000 conversations", waits, LIST_MS);
        Ok(())
    }
}

/// Somebody who is logged in and asks again and again.
struct Client {
    node: SocketAddr,
    token: String,
}

impl Client {
    /// How long each answer took, which must be what was asked for.
    async fn get(
        &self,
        count: usize,
        path: impl Fn() -> String,
        is_right: impl Fn(&Value) -> bool,
    ) -> anyhow::Result<Vec<Duration>> {
        let mut waits = Vec::new();
        for _ in 0..WARM_UP + count {
            let path = path();
            let started = Instant::now();
            let (status, text) = api::request(self.node, "GET", &path, &self.token, "").await?;
            waits.push(started.elapsed());
            anyhow::ensure!(status == 200, "{path} answers {status}: {text}");
            let answer = serde_json::from_str(&text)?;
            anyhow::ensure!(is_right(&answer), "{path} answers {text}");
        }
        Ok(waits.split_off(WARM_UP))
    }

    /// The same for counts: marking as read what was read before changes nothing and tells how much is unread.
    async fn unread(&self, path: &str) -> anyhow::Result<Vec<Duration>> {
        let mut waits = Vec::new();
        for _ in 0..WARM_UP + REQUESTS {
            let started = Instant::now();
            let answer = api::post(self.node, path, &self.token, &json!({"seq": 1})).await?;
            waits.push(started.elapsed());
            anyhow::ensure!(answer["unread"] == 1_000, "{path} answers {answer}");
        }
        Ok(waits.split_off(WARM_UP))
    }
}

fn is_page(answer: &Value) -> bool {
    let entries = answer["entries"].as_array();
    entries.is_some_and(|entries| entries.len() == PAGE)
}

/// All of them, the long one and the notes to self or not, and what is unread.
fn is_list(answer: &Value) -> bool {
    let lines = answer["conversations"].as_array();
    let lines = lines.map(Vec::as_slice).unwrap_or_default();
    let unread = lines.iter().filter(|line| line["unread"] == UNREAD_ROUNDS);
    (CONVERSATIONS + 1..=CONVERSATIONS + 2).contains(&lines.len())
        && unread.count() == CONVERSATIONS / UNREAD_EVERY
}

async fn group(stores: &Stores, owner: UserId, members: &[UserId]) -> anyhow::Result<GroupId> {
    let id = stores.groups.draw_id().await?;
    let change = Change::CreateGroup {
        group: NewGroup {
            id,
            name: format!("group {id}"),
            icon: String::new(),
            category: 0,
            memo: String::new(),
            join: JoinMode::Open,
        },
        members: members.to_vec(),
    };
    let body = Bytes::from_static(b"{}");
    let draft = draft(owner, Conv::Group(id), EntryKind::Group, body, change)?;
    append(stores, vec![draft]).await?;
    Ok(id)
}

async fn say(
    stores: &Stores,
    messages: impl Iterator<Item = (UserId, Conv)>,
) -> anyhow::Result<()> {
    let body: Bytes = serde_json::to_vec(&json!({"media": 1, "content": TEXT}))?.into();
    let message = |(from, conv)| {
        let body = body.clone();
        draft(from, conv, EntryKind::Message, body, Change::Message)
    };
    let drafts = messages.map(message).collect::<anyhow::Result<Vec<_>>>()?;
    for drafts in drafts.chunks(BATCH) {
        append(stores, drafts.to_vec()).await?;
    }
    Ok(())
}

fn draft(
    from: UserId,
    conv: Conv,
    kind: EntryKind,
    body: Bytes,
    change: Change,
) -> anyhow::Result<Draft> {
    Ok(Draft {
        conv,
        from,
        kind,
        cid: uuid::Uuid::new_v4().to_string().parse::<Cid>()?,
        body,
        change,
    })
}

async fn append(stores: &Stores, drafts: Vec<Draft>) -> anyhow::Result<()> {
    let verdicts = stores.log.append(drafts).await?;
    let new = |outcome: &Outcome| matches!(outcome, Outcome::Appended { .. });
    anyhow::ensure!(verdicts.outcomes.iter().all(new), "{verdicts:?}");
    Ok(())
}

fn name(index: usize) -> String {
    format!("reader{index}")
}

fn account(index: usize, hash: &str) -> NewUser {
    NewUser {
        name: Some(name(index)),
        nickname: format!("Reader {index}"),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash: hash.to_owned(),
    }
}
