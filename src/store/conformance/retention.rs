//! Pruning: what goes, what stays, and what readers see of it.

use std::sync::Arc;
use std::time::Duration;

use super::stage::{END, Make, Stage, body, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::ids::{Seq, UserId};
use crate::store::{LogHead, Window};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn notes(stage: &Stage, user: UserId, count: u64) {
    for n in 0..count {
        stage
            .say(user, Conv::private(user, user), &n.to_string())
            .await;
    }
}

async fn prune(stage: &Stage, upto: u64, limit: usize) -> LogHead {
    stage
        .stores
        .retention
        .prune(Seq(upto), limit)
        .await
        .unwrap()
}

pub async fn pruning_moves_the_floor_and_removes_exactly_the_oldest(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    notes(&stage, anna, 10).await;
    let log = &stage.stores.log;
    let before = log.range(Seq::ZERO, 100).await.unwrap();
    for (upto, limit, floor) in [(4, 3, 3), (4, 3, 4), (7, 100, 7), (9, 0, 7)] {
        let pruned = prune(&stage, upto, limit).await;
        assert_eq!(pruned.floor, Seq(floor), "up to {upto}, {limit} at a time");
        assert_eq!(pruned, log.head().await.unwrap());
        assert_eq!(
            (pruned.epoch, pruned.head),
            (before.log.epoch, before.log.head)
        );
        for entry in &before.entries {
            let kept = (entry.seq > pruned.floor).then(|| entry.clone());
            assert_eq!(log.entry(entry.seq).await.unwrap(), kept);
            let place = log.find(anna, &entry.cid).await.unwrap();
            assert_eq!(place.map(|(seq, _)| seq), kept.map(|entry| entry.seq));
        }
        let rest = log.range(pruned.floor, 100).await.unwrap();
        let after = usize::try_from(floor).unwrap();
        assert_eq!(rest.entries, before.entries[after..]);
    }
}

pub async fn the_last_entry_is_never_pruned(make: &impl Make) {
    let stage = empty(make).await;
    let nothing = prune(&stage, 5, 10).await;
    assert_eq!((nothing.floor, nothing.head), (Seq::ZERO, Seq::ZERO));
    let anna = stage.user("anna").await;
    notes(&stage, anna, 1).await;
    assert_eq!(prune(&stage, u64::MAX, 10).await.floor, Seq::ZERO);
    notes(&stage, anna, 4).await;
    assert_eq!(prune(&stage, u64::MAX, 10).await.floor, Seq(4));
    let last = stage.stores.log.entry(Seq(5)).await.unwrap();
    assert_eq!(last.unwrap().seq, Seq(5));
}

pub async fn pruning_again_changes_nothing(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    notes(&stage, anna, 6).await;
    let once = prune(&stage, 3, 10).await;
    for upto in [3, 2, 0] {
        assert_eq!(prune(&stage, upto, 10).await, once);
    }
    let rest = stage.stores.log.range(Seq(3), 10).await.unwrap();
    assert_eq!(seqs(&rest.entries), [4, 5, 6].map(Seq));
}

pub async fn a_range_from_below_the_floor_says_so(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    notes(&stage, anna, 6).await;
    prune(&stage, 3, 10).await;
    for after in [0, 1, 2] {
        let range = stage.stores.log.range(Seq(after), 10).await.unwrap();
        assert!(
            range.entries.is_empty(),
            "nothing is skipped: {:?}",
            range.entries
        );
        assert_eq!((range.log.floor, range.log.head), (Seq(3), Seq(6)));
        let page = stage.stores.log.visible(anna, Seq(after), END, 10).await;
        assert_eq!(page.unwrap().log.floor, Seq(3));
    }
    let page = stage.stores.log.visible(anna, Seq(3), END, 10).await;
    assert_eq!(seqs(&page.unwrap().entries), [4, 5, 6].map(Seq));
}

pub async fn what_was_pruned_is_in_no_page_list_or_count(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let (old, both, room) = (
        Conv::private(anna, carl),
        Conv::private(anna, bert),
        Conv::Group(group),
    );
    stage.say(carl, old, "long ago").await;
    stage.say(bert, both, "gone").await;
    let kept = stage.say(bert, both, "kept").await;
    let last = stage.say(bert, both, "last").await;
    prune(&stage, kept.prev().0, 100).await;

    let log = &stage.stores.log;
    assert_eq!(stage.visible(anna).await, vec![kept, last]);
    for window in [
        Window::Latest,
        Window::After(Seq(1)),
        Window::Around(kept.prev()),
    ] {
        let page = log.page(anna, both, window, END, 10).await.unwrap();
        assert_eq!(seqs(&page.entries), [kept, last], "{window:?}");
        assert!(!page.more_before && !page.more_after, "{window:?}");
    }
    let page = log
        .page(anna, both, Window::Before(last), END, 1)
        .await
        .unwrap();
    assert_eq!(
        (seqs(&page.entries), page.more_before),
        (vec![kept], false),
        "nothing is left below the floor"
    );
    let page = log.page(anna, old, Window::Latest, END, 10).await.unwrap();
    assert!(page.entries.is_empty());

    // A group one is in stays in the list; a private conversation without entries is none.
    let (head, list) = stage
        .stores
        .conversations
        .conversations(anna, END)
        .await
        .unwrap();
    assert_eq!((head.floor, head.head), (kept.prev(), last));
    let lines = list
        .iter()
        .map(|state| (state.conv, state.last.as_ref().map(|entry| entry.seq)));
    assert_eq!(
        lines.collect::<Vec<_>>(),
        vec![(both, Some(last)), (room, None)]
    );
    let unread = list.iter().map(|state| state.unread);
    assert_eq!(unread.collect::<Vec<_>>(), vec![2, 0]);
    let lists = &stage.stores.conversations;
    let unread = lists.unread(anna, both, Seq::ZERO, END).await;
    assert_eq!(unread.unwrap(), 2);

    // Both go on where they were.
    let again = stage.say(carl, old, "back again").await;
    let (_, list) = stage
        .stores
        .conversations
        .conversations(carl, END)
        .await
        .unwrap();
    assert_eq!(
        list[0].last.as_ref().map(|entry| (entry.conv, entry.seq)),
        Some((old, again))
    );
    let stays = log.snapshot(bert).await.unwrap().unwrap().intervals;
    assert_eq!(stays.len(), 1, "who is in what is not kept in the log");
    stage.say(bert, room, "still in").await;
}

pub async fn a_retry_of_what_was_pruned_is_a_new_entry_at_a_new_place(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let draft = stage.message(anna, Conv::private(anna, anna), "once");
    stage.one(draft.clone()).await;
    notes(&stage, anna, 2).await;
    prune(&stage, 1, 10).await;
    let again = stage.one(draft.clone()).await;
    let Outcome::Appended { seq, at } = again else {
        panic!("{again:?}");
    };
    assert_eq!(seq, Seq(4), "no place is given twice");
    assert_eq!(stage.one(draft).await, Outcome::Duplicate { seq, at });
    // Not even when all but the last are gone.
    prune(&stage, u64::MAX, 10).await;
    let next = stage.say(anna, Conv::private(anna, anna), "next").await;
    assert_eq!(next, Seq(5));
}

pub async fn the_first_entry_within_an_age_is_found(make: &impl Make) {
    let stage = empty(make).await;
    let retention = &stage.stores.retention;
    assert_eq!(
        retention.first_within(DAY).await.unwrap(),
        Seq(1),
        "the place of the first one to come"
    );
    let anna = stage.user("anna").await;
    let conv = Conv::private(anna, anna);
    // The store's clock, learned from an entry on another store of the same make.
    let today = {
        let other = empty(make).await;
        let bert = other.user("bert").await;
        let Outcome::Appended { at, .. } = other
            .one(other.message(bert, Conv::private(bert, bert), "now"))
            .await
        else {
            panic!("not appended");
        };
        at
    };
    let day = UnixMillis::try_from(DAY.as_millis()).unwrap();
    for (days, count) in [(30, 3), (10, 2), (3, 4)] {
        let drafts = (0..count).map(|n| stage.message(anna, conv, &n.to_string()));
        let past = stage
            .stores
            .log
            .append_at(today - days * day, drafts.collect());
        past.await.unwrap();
    }
    stage.say(anna, conv, "now").await;
    for (days, first) in [(60, 1), (29, 4), (20, 4), (5, 6), (2, 10)] {
        let found = retention.first_within(DAY * days).await.unwrap();
        assert_eq!(found, Seq(first), "{days} days");
    }
    assert_eq!(
        retention.first_within(Duration::MAX).await.unwrap(),
        Seq(1),
        "an age beyond all clocks"
    );
    prune(&stage, 4, 10).await;
    assert_eq!(retention.first_within(DAY * 60).await.unwrap(), Seq(5));
    assert_eq!(retention.first_within(DAY * 2).await.unwrap(), Seq(10));
}

pub async fn appends_and_prunings_at_once_leave_a_dense_log_without_a_gap_for_readers(
    make: &impl Make,
) {
    const ENTRIES: u64 = 300;
    const KEPT: u64 = 40;
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let writers = [anna, bert].map(|user| {
        let log = Arc::clone(&stage.stores.log);
        tokio::spawn(async move {
            for n in 0..ENTRIES / 2 {
                log.append(vec![numbered(user, n)]).await.unwrap();
            }
        })
    });
    let pruners = [3, 7].map(|limit| {
        let stores = stage.stores.clone();
        tokio::spawn(async move {
            loop {
                let log = stores.log.head().await.unwrap();
                let upto = Seq(log.head.0.saturating_sub(KEPT));
                let pruned = stores.retention.prune(upto, limit).await.unwrap();
                if pruned.floor >= Seq(ENTRIES - KEPT) {
                    return;
                }
                tokio::task::yield_now().await;
            }
        })
    });
    let log = &stage.stores.log;
    let (mut seen, mut floor) = (Seq::ZERO, Seq::ZERO);
    while seen < Seq(ENTRIES) {
        // A gap above the floor would be an error of the range itself.
        let range = log.range(seen, 10).await.unwrap();
        assert!(range.log.floor >= floor, "the floor never falls");
        floor = range.log.floor;
        if seen < floor {
            assert!(range.entries.is_empty(), "below the floor is nothing");
            seen = floor;
            continue;
        }
        let page = log.visible(anna, seen, range.log.head, 1_000).await;
        let page = page.unwrap();
        if page.log.floor <= seen {
            let own = range.entries.iter().filter(|entry| entry.from == anna);
            let own = seqs(&own.cloned().collect::<Vec<_>>());
            assert!(
                seqs(&page.entries).starts_with(&own),
                "{own:?} of {:?}",
                seqs(&page.entries)
            );
        }
        seen = range.entries.last().map_or(seen, |entry| entry.seq);
    }
    for task in writers.into_iter().chain(pruners) {
        task.await.unwrap();
    }
    let rest = log.range(Seq(ENTRIES - KEPT), 1_000).await.unwrap();
    assert_eq!(
        (rest.log.floor, rest.log.head),
        (Seq(ENTRIES - KEPT), Seq(ENTRIES))
    );
    assert_eq!(rest.entries.len() as u64, KEPT);
}

fn numbered(user: UserId, n: u64) -> Draft {
    Draft {
        conv: Conv::private(user, user),
        from: user,
        kind: EntryKind::Message,
        cid: format!("n-{n}").parse().unwrap(),
        body: body(&n.to_string()),
        change: Change::Message,
    }
}
