//! How long a search takes in a log of a million messages, and how fast its index is filled.
//!
//! One user is in 2,000 conversations, which have half of the messages; the other half is none of his business. Words
//! are as frequent as in a language: the n-th has a share of 1/n.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft};
use starling::model::entry::EntryKind;
use starling::model::group::{JoinMode, NewGroup};
use starling::model::ids::{Seq, UserId};
use starling::model::search::{Has, Query};
use starling::store::indexing::{Indexed, Indexing};
use starling::store::{Search, Stores};

use crate::appends::people::{account, client_id};
use crate::node::Folder;
use crate::table::{Table, quantile_ms};

const MESSAGES: usize = 1_000_000;
/// Messages of one append.
const BATCH: usize = 1_000;
/// Conversations of the one who searches, and of others.
const GROUPS: usize = 500;
const PEERS: usize = 1_500;
const FOREIGN_GROUPS: usize = 500;
/// One in so many of the messages he sees is in his busiest group.
const BUSIEST: usize = 10;
const WORDS: usize = 20_000;
const WORDS_OF_MESSAGE: usize = 14;
/// Half of all messages are Chinese, of this many signs from so many.
const SIGNS_OF_MESSAGE: usize = 24;
const SIGNS: u32 = 3_000;
/// One message in so many has the rare word.
const RARE: usize = 50_000;
/// One in so many is a picture.
const PICTURES: usize = 20;
/// Searches of each kind that are measured.
const SEARCHES: usize = 100;
const PAGE: usize = 50;

/// Who is there.
struct Scene {
    anna: UserId,
    other: UserId,
    busiest: Conv,
    own: Vec<Conv>,
    foreign: Vec<Conv>,
}

pub(crate) async fn measure(
    mysql: Option<&str>,
    messages: Option<usize>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let messages = messages.unwrap_or(MESSAGES);
    let folder = Folder::new()?;
    let path = folder.0.join("starling.db");
    let options = starling::store::sqlite::OpenOptions::default();
    let stores = starling::store::sqlite::open(&path.to_string_lossy(), options)?;
    let size = || size_of_sqlite(&path);
    measure_store("SQLite", &stores, messages, size, table).await?;
    drop(stores);
    let Some(url) = mysql else {
        eprintln!("  no --mysql: a server is not measured");
        return Ok(());
    };
    let options = starling::store::mysql::OpenOptions::default();
    let stores = starling::store::mysql::open(url, options).await?;
    measure_store("MySQL", &stores, messages, || Ok(None), table).await
}

async fn measure_store(
    store: &str,
    stores: &Stores,
    messages: usize,
    size: impl Fn() -> anyhow::Result<Option<u64>>,
    table: &mut Table,
) -> anyhow::Result<()> {
    let scene = Scene::settle(stores).await?;
    scene.talk(stores, messages).await?;
    let before = size()?;
    let began = Instant::now();
    let mut longest = Duration::ZERO;
    let mut indexing = Indexing::new(Arc::clone(&stores.log), Arc::clone(&stores.search));
    loop {
        let step_began = Instant::now();
        let step = indexing.step().await?;
        longest = longest.max(step_began.elapsed());
        if step != Indexed::Some {
            break;
        }
    }
    let what = format!("{store}: filling the index without a rest");
    table.add(what, rate(messages, began.elapsed()), "messages/s");
    let what = format!("{store}: its longest step");
    table.add(what, longest.as_secs_f64() * 1_000.0, "ms");
    if let (Some(before), Some(after)) = (before, size()?) {
        let what = format!("{store}: index");
        let grown = rate(usize::try_from(after - before)?, Duration::from_secs(1));
        table.add(
            what,
            grown / rate(messages, Duration::from_secs(1)),
            "bytes a message",
        );
    }
    let words = [
        ("a common word", "w1"),
        ("a word of one message in 50,000", "heron"),
        ("a word nobody uses", "phoenix"),
        ("a Chinese word of two signs", "北京"),
        ("two common words", "w1 w2"),
        ("a common and a rare word", "w1 heron"),
        ("two words that seldom meet", "w40 w90"),
    ];
    let words = words.map(|(what, words)| (what, Query::parse(words)));
    let pictures = Query::parse("").having(Has::Media);
    for (what, query) in words.into_iter().chain([("pictures", pictures)]) {
        for (place, conv) in [
            ("2,000 conversations", None),
            ("one large group", Some(scene.busiest)),
            ("one small conversation", scene.own.last().copied()),
        ] {
            let mut took = Vec::with_capacity(SEARCHES);
            for _ in 0..SEARCHES {
                took.push(once(stores, scene.anna, &query, conv).await?);
            }
            let what = format!("{store}: {what} in {place}, p95");
            table.add(what, quantile_ms(&mut took, 0.95), "ms");
        }
    }
    Ok(())
}

async fn once(
    stores: &Stores,
    user: UserId,
    query: &Query,
    conv: Option<Conv>,
) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let search = Search {
        query: query.clone(),
        conv,
        before: Seq(u64::MAX),
        upto: Seq(u64::MAX),
        limit: PAGE,
    };
    stores.search.search(user, search).await?;
    Ok(began.elapsed())
}

impl Scene {
    async fn settle(stores: &Stores) -> anyhow::Result<Scene> {
        let anna = stores.users.create(account(0)).await?.id;
        let mut others = Vec::new();
        for index in 1..=PEERS {
            others.push(stores.users.create(account(index)).await?.id);
        }
        let other = *others.first().context("nobody is there")?;
        let mut own = Vec::new();
        for _ in 0..GROUPS {
            own.push(group(stores, anna, other).await?);
        }
        let busiest = *own.first().context("no group is there")?;
        own.extend(others.iter().map(|other| Conv::private(anna, *other)));
        let mut foreign = Vec::new();
        for _ in 0..FOREIGN_GROUPS {
            foreign.push(group(stores, other, other).await?);
        }
        Ok(Scene {
            anna,
            other,
            busiest,
            own,
            foreign,
        })
    }

    async fn talk(&self, stores: &Stores, messages: usize) -> anyhow::Result<()> {
        let words = Words::new();
        let mut said = 0;
        while said < messages {
            let count = BATCH.min(messages - said);
            let drafts: anyhow::Result<Vec<Draft>> = (said..said + count)
                .map(|n| self.message(&words, n))
                .collect();
            stores.log.append(drafts?).await?;
            said += count;
        }
        Ok(())
    }

    fn message(&self, words: &Words, number: usize) -> anyhow::Result<Draft> {
        let (from, conv) = match fastrand::usize(..2 * BUSIEST) {
            0 => (self.anna, self.busiest),
            part if part < BUSIEST => {
                let own = fastrand::choice(&self.own).context("nobody is there")?;
                (self.anna, *own)
            }
            _ => {
                let foreign = fastrand::choice(&self.foreign).context("no group is there")?;
                (self.other, *foreign)
            }
        };
        let mut content = words.text();
        if number.is_multiple_of(RARE) {
            content.push_str(" heron");
        }
        let media = if number.is_multiple_of(PICTURES) {
            4
        } else {
            1
        };
        let body = serde_json::to_vec(&serde_json::json!({"media": media, "content": content}))?;
        Ok(Draft {
            conv,
            from,
            kind: EntryKind::Message,
            cid: client_id()?,
            body: Bytes::from(body),
            change: Change::Message,
        })
    }
}

async fn group(stores: &Stores, owner: UserId, member: UserId) -> anyhow::Result<Conv> {
    let id = stores.groups.draw_id().await?;
    let draft = Draft {
        conv: Conv::Group(id),
        from: owner,
        kind: EntryKind::Group,
        cid: client_id()?,
        body: Bytes::from_static(b"{}"),
        change: Change::CreateGroup {
            group: NewGroup {
                id,
                name: format!("group {id}"),
                icon: String::new(),
                category: 0,
                memo: String::new(),
                join: JoinMode::Open,
            },
            members: vec![owner, member],
        },
    };
    stores.log.append(vec![draft]).await?;
    Ok(Conv::Group(id))
}

/// How far along the words of a language one draw goes.
struct Words {
    shares: Vec<f64>,
    whole: f64,
}

impl Words {
    fn new() -> Words {
        let mut whole = 0.0;
        let shares = (1..=WORDS).map(|rank| {
            whole += 1.0 / rate(rank, Duration::from_secs(1));
            whole
        });
        Words {
            shares: shares.collect(),
            whole,
        }
    }

    fn rank(&self) -> usize {
        let drawn = fastrand::f64() * self.whole;
        self.shares.partition_point(|share| *share < drawn)
    }

    fn text(&self) -> String {
        if fastrand::bool() {
            let words = (0..WORDS_OF_MESSAGE).map(|_| format!("w{}", self.rank()));
            return words.collect::<Vec<_>>().join(" ");
        }
        let sign = |_| {
            let rank = u32::try_from(self.rank()).unwrap_or(0) % SIGNS;
            char::from_u32(0x4e00 + rank).unwrap_or('一')
        };
        let mut text: String = (0..SIGNS_OF_MESSAGE).map(sign).collect();
        if fastrand::usize(..100) == 0 {
            text.push_str("北京");
        }
        text
    }
}

fn size_of_sqlite(path: &std::path::Path) -> anyhow::Result<Option<u64>> {
    let connection = rusqlite::Connection::open(path)?;
    let size: i64 = connection.query_row(
        "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
        [],
        |row| row.get(0),
    )?;
    Ok(u64::try_from(size).ok())
}

#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
fn rate(count: usize, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
