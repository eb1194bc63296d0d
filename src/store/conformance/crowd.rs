//! Several that append at the same time, repeat each other's drafts, and are watched.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::stage::{Make, Stage, body, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::{Entry, EntryKind, UnixMillis};
use crate::model::ids::{Cid, Seq, UserId};
use crate::store::LogStore;

/// Each on its own way to the store.
const APPENDERS: usize = 4;
const DRAFTS: u64 = 240;
/// Of different size for each, so that a repeated draft stands among others than the first time.
const BATCHES: [usize; APPENDERS] = [1, 7, 3, 16];

/// Where each draft of one appender went, by its sender and client id.
type Places = Vec<((UserId, Cid), Outcome)>;

pub async fn four_appenders_store_each_client_id_once_and_in_sight_in_order(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let begun = stage.head().await;
    // The second two say what the first two say.
    let appenders: Vec<_> = (0..APPENDERS)
        .map(|n| {
            let author = [anna, bert][n % 2];
            let conv = Conv::Group(group);
            (stage.another(), author, conv, BATCHES[n])
        })
        .collect();
    let done = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (log, done) = (stage.stores.log.clone(), Arc::clone(&done));
        tokio::spawn(async move { watch(&*log, anna, begun, &done).await })
    };
    let mut appending = Vec::new();
    for (stores, author, conv, batch) in appenders {
        let log = stores.await.log;
        appending.push(tokio::spawn(append(log, author, conv, batch)));
    }
    let mut places: BTreeMap<(UserId, Cid), Vec<Outcome>> = BTreeMap::new();
    for appender in appending {
        for (name, outcome) in appender.await.unwrap() {
            places.entry(name).or_default().push(outcome);
        }
    }
    done.store(true, Ordering::Release);
    let seen = watcher.await.unwrap();

    assert_eq!(places.len() as u64, 2 * DRAFTS);
    let stored = by_name(&stage, begun).await;
    for (name, outcomes) in places {
        let place = stored[&name];
        let new = |(seq, at)| Outcome::Appended { seq, at };
        let again = |(seq, at)| Outcome::Duplicate { seq, at };
        let [one, other] = outcomes[..] else {
            panic!("{name:?}: {outcomes:?}");
        };
        assert!(
            (one, other) == (new(place), again(place))
                || (one, other) == (again(place), new(place)),
            "{name:?} at {place:?}: {outcomes:?}"
        );
    }
    let log = stage.stores.log.range(begun, 10_000).await.unwrap();
    assert_eq!(seen, log.entries, "what was seen stays");
}

/// Says the author's drafts in batches, each after the verdicts on the one before.
async fn append(log: Arc<dyn LogStore>, author: UserId, conv: Conv, batch: usize) -> Places {
    let drafts: Vec<Draft> = (0..DRAFTS).map(|n| numbered(author, conv, n)).collect();
    let mut places = Vec::new();
    for chunk in drafts.chunks(batch) {
        let verdicts = log.append(chunk.to_vec()).await.unwrap();
        let names = chunk.iter().map(|draft| (draft.from, draft.cid.clone()));
        places.extend(names.zip(verdicts.outcomes));
    }
    places
}

/// Reads what is new, again and again, until nothing more will come: never anything beyond a hole, by whichever way
/// it is read.
async fn watch(log: &dyn LogStore, member: UserId, begun: Seq, done: &AtomicBool) -> Vec<Entry> {
    let mut seen: Vec<Entry> = Vec::new();
    let mut last = begun;
    loop {
        let is_last_look = done.load(Ordering::Acquire);
        let head = log.head().await.unwrap().head;
        let ahead = log.entry(head.next()).await.unwrap();
        if let Some(ahead) = ahead {
            let below = log.entry(head).await.unwrap();
            assert!(below.is_some(), "{} without the one below", ahead.seq);
        }
        let range = log.range(last, 10_000).await.unwrap();
        assert!(range.log.head >= head, "the head went back");
        let expected: Vec<Seq> = (last.0 + 1..=range.log.head.0).map(Seq).collect();
        assert_eq!(seqs(&range.entries), expected);
        let page = log.visible(member, last, range.log.head, 10_000).await;
        assert_eq!(page.unwrap().entries, range.entries);
        last = range.log.head;
        seen.extend(range.entries);
        if is_last_look {
            return seen;
        }
    }
}

/// Where everything is that came after `begun`; fails when anything is there twice.
async fn by_name(stage: &Stage, begun: Seq) -> BTreeMap<(UserId, Cid), (Seq, UnixMillis)> {
    let range = stage.stores.log.range(begun, 10_000).await.unwrap();
    let all = range.entries.len();
    let named: BTreeMap<_, _> = range
        .entries
        .into_iter()
        .map(|entry| ((entry.from, entry.cid), (entry.seq, entry.at)))
        .collect();
    assert_eq!(named.len(), all);
    named
}

fn numbered(author: UserId, conv: Conv, n: u64) -> Draft {
    Draft {
        conv,
        from: author,
        kind: EntryKind::Message,
        cid: format!("n-{n}").parse().unwrap(),
        body: body(&n.to_string()),
        change: Change::Message,
    }
}

/// Two that want the same thing at the same moment: one of them gets it.
pub async fn of_those_who_join_at_once_each_is_in_once_and_no_more_than_fit(make: &impl Make) {
    const ROOM: u32 = 5;
    let stage = make
        .make(crate::model::policy::StoreRules {
            group_max: ROOM,
            ..crate::model::policy::StoreRules::default()
        })
        .await;
    let owner = stage.user("owner").await;
    let (group, _) = stage.group(owner, &[]).await;
    let users = stage
        .users(["anna", "bert", "carl", "dora", "emil", "fred"])
        .await;
    let mut joining = Vec::new();
    for _ in 0..2 {
        for user in users {
            let log = stage.another().await.log;
            let draft = stage.draft(user, Conv::Group(group), EntryKind::Joined, Change::Join);
            joining.push(tokio::spawn(async move {
                log.append(vec![draft]).await.unwrap().outcomes[0]
            }));
        }
    }
    let mut joined = 0;
    for outcome in joining {
        if matches!(outcome.await.unwrap(), Outcome::Appended { .. }) {
            joined += 1;
        }
    }
    assert_eq!(joined, ROOM - 1);
    let groups = &stage.stores.groups;
    let members = groups.members(group, UserId(0), 100).await.unwrap();
    assert_eq!(members.len() as u64, u64::from(ROOM));
    let row = groups.group(group).await.unwrap().unwrap();
    assert_eq!(row.members, u64::from(ROOM));
}
