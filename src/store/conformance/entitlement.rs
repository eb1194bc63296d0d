//! Who sees what: catching up, pages, snapshots.

use std::sync::Arc;

use super::stage::{END, Make, Stage, empty, seqs};
use crate::model::conversation::Conv;
use crate::model::draft::Change;
use crate::model::entry::EntryKind;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::policy::{History, StoreRules};
use crate::model::user::{NewSession, TokenHash};
use crate::store::{ConversationPage, Window};

async fn page(
    stage: &Stage,
    user: UserId,
    conv: Conv,
    window: Window,
    limit: usize,
) -> ConversationPage {
    let log = &stage.stores.log;
    log.page(user, conv, window, END, limit).await.unwrap()
}

async fn all_of(stage: &Stage, user: UserId, conv: Conv) -> Vec<Seq> {
    let page = page(stage, user, conv, Window::Latest, 1_000).await;
    assert!(!page.more_before && !page.more_after);
    seqs(&page.entries)
}

pub async fn private_entries_are_seen_by_the_two_alone(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let conv = Conv::private(anna, bert);
    let one = stage.say(anna, conv, "one").await;
    let note = stage.say(anna, Conv::private(anna, anna), "note").await;
    let two = stage.say(bert, conv, "two").await;
    assert_eq!(stage.visible(anna).await, vec![one, note, two]);
    assert_eq!(stage.visible(bert).await, vec![one, two]);
    assert_eq!(stage.visible(carl).await, vec![]);
    assert_eq!(stage.visible(UserId(999)).await, vec![]);
    for (user, seen) in [
        (anna, vec![one, two]),
        (bert, vec![one, two]),
        (carl, vec![]),
    ] {
        assert_eq!(all_of(&stage, user, conv).await, seen);
    }
    assert_eq!(
        all_of(&stage, bert, Conv::private(anna, anna)).await,
        vec![]
    );
}

pub async fn notices_are_seen_from_registration_on(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let first = stage.notice("before bert").await;
    let bert = stage.account("bert").await;
    assert_eq!(bert.registered_seq, first);
    let second = stage.notice("for both").await;
    assert_eq!(stage.visible(anna).await, vec![first, second]);
    assert_eq!(stage.visible(bert.id).await, vec![second]);
    assert_eq!(all_of(&stage, bert.id, Conv::Notices).await, vec![second]);
}

/// Entries of a group: before, inside, between, and inside again, as `late` sees it.
async fn two_stays(stage: &Stage, owner: UserId, late: UserId) -> (GroupId, Vec<Seq>, Vec<Seq>) {
    let (group, begin) = stage.group(owner, &[]).await;
    let conv = Conv::Group(group);
    let mut all = vec![begin, stage.say(owner, conv, "before").await];
    let mut seen = Vec::new();
    for text in ["first stay", "second stay"] {
        let join = stage.join(late, group).await;
        let inside = stage.say(owner, conv, text).await;
        let leave = stage.leave(late, group).await;
        let outside = stage.say(owner, conv, "outside").await;
        seen.extend([join, inside, leave]);
        all.extend([join, inside, leave, outside]);
    }
    (group, all, seen)
}

pub async fn group_entries_are_seen_within_stays(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, all, seen) = two_stays(&stage, anna, bert).await;
    let conv = Conv::Group(group);
    assert_eq!(stage.visible(anna).await, all);
    assert_eq!(stage.visible(bert).await, seen);
    assert_eq!(stage.visible(carl).await, vec![]);
    assert_eq!(all_of(&stage, bert, conv).await, seen);
    assert_eq!(all_of(&stage, carl, conv).await, vec![]);
    let again = stage.join(bert, group).await;
    let seen: Vec<Seq> = seen.into_iter().chain([again]).collect();
    assert_eq!(stage.visible(bert).await, seen);
    assert_eq!(all_of(&stage, bert, conv).await, seen);
}

pub async fn the_whole_past_is_open_to_present_members_where_the_deployment_says_so(
    make: &impl Make,
) {
    let rules = StoreRules {
        history: History::All,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, all, seen) = two_stays(&stage, anna, bert).await;
    let conv = Conv::Group(group);
    assert_eq!(stage.visible(bert).await, seen, "he is not in now");
    assert_eq!(all_of(&stage, bert, conv).await, seen);
    let again = stage.join(bert, group).await;
    let all: Vec<Seq> = all.into_iter().chain([again]).collect();
    for user in [anna, bert] {
        assert_eq!(stage.visible(user).await, all);
        assert_eq!(all_of(&stage, user, conv).await, all);
    }
    assert_eq!(stage.visible(carl).await, vec![]);
}

pub async fn revocations_are_shown_to_nobody(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let session = NewSession {
        user: anna,
        token: TokenHash([1; 32]),
        device: String::new(),
        address: String::new(),
        expires_at: 0,
    };
    let session = stage.stores.sessions.create(session).await.unwrap();
    let change = Change::Revoke {
        sessions: vec![session.id],
    };
    stage
        .done(anna, Conv::Account(anna), EntryKind::Revoked, change)
        .await;
    let page = stage.stores.log.visible(anna, Seq::ZERO, END, 10).await;
    let page = page.unwrap();
    assert!(page.entries.is_empty() && !page.more);
    assert_eq!(page.position, Seq(1), "it moves the position");
    assert_eq!(all_of(&stage, anna, Conv::Account(anna)).await, vec![]);
}

pub async fn catching_up_in_steps_misses_and_repeats_nothing(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(bert, &[carl]).await;
    for n in 0..60 {
        let text = n.to_string();
        match n % 6 {
            0 => stage.say(bert, Conv::private(anna, bert), &text).await,
            1 => stage.say(carl, Conv::private(anna, carl), &text).await,
            2 => stage.say(carl, Conv::Group(group), &text).await,
            3 => stage.say(carl, Conv::private(bert, carl), &text).await,
            4 if n % 4 == 0 => stage.notice(&text).await,
            4 => stage.say(anna, Conv::private(anna, anna), &text).await,
            _ if n % 4 == 1 => stage.join(anna, group).await,
            _ => stage.leave(anna, group).await,
        };
    }
    let whole = stage.visible(anna).await;
    assert!(whole.is_sorted() && whole.len() > 30);
    for limit in [1, 2, 7, 100] {
        let (mut after, mut steps) = (Seq::ZERO, Vec::new());
        loop {
            let page = stage.stores.log.visible(anna, after, END, limit).await;
            let page = page.unwrap();
            assert!(page.entries.len() <= limit && page.position >= after);
            steps.extend(seqs(&page.entries));
            after = page.position;
            if !page.more {
                break;
            }
        }
        assert_eq!(steps, whole, "in steps of {limit}");
        assert_eq!(after, stage.head().await);
    }
}

pub async fn catching_up_ends_where_asked(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    for n in 1..=6 {
        let author = if n % 2 == 0 { anna } else { bert };
        let conv = Conv::private(author, author);
        stage.say(author, conv, &n.to_string()).await;
    }
    // Anna sees 2, 4 and 6.
    for (after, upto, limit, expected, position, more) in [
        (0, 3, 9, vec![2], 3, false),
        (0, 4, 1, vec![2], 2, true),
        (0, 5, 2, vec![2, 4], 5, false),
        (2, 9, 9, vec![4, 6], 6, false),
        (6, 9, 9, vec![], 6, false),
        (4, 5, 9, vec![], 5, false),
        (5, 2, 9, vec![], 5, false),
    ] {
        let log = &stage.stores.log;
        let page = log.visible(anna, Seq(after), Seq(upto), limit).await;
        let page = page.unwrap();
        let expected: Vec<Seq> = expected.into_iter().map(Seq).collect();
        assert_eq!(seqs(&page.entries), expected, "({after}, {upto}]");
        assert_eq!((page.position, page.more), (Seq(position), more));
        assert_eq!(page.log.head, Seq(6));
    }
}

pub async fn pages_hold_what_was_asked_for_and_say_what_is_left(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    // 1, 3, 5, … 39 are in the conversation.
    for n in 0..20 {
        stage.say(anna, conv, &n.to_string()).await;
        stage.say(bert, Conv::private(bert, bert), "else").await;
    }
    for (window, limit, expected, before, after) in [
        (Window::Latest, 3, vec![35, 37, 39], true, false),
        (Window::Before(Seq(5)), 3, vec![1, 3], false, true),
        (Window::Before(Seq(6)), 2, vec![3, 5], true, true),
        (Window::Before(Seq(1)), 2, vec![], false, true),
        (Window::After(Seq(0)), 2, vec![1, 3], false, true),
        (Window::After(Seq(35)), 5, vec![37, 39], true, false),
        (Window::After(Seq(39)), 5, vec![], true, false),
        (Window::Around(Seq(9)), 4, vec![5, 7, 9, 11], true, true),
        (Window::Around(Seq(10)), 4, vec![7, 9, 11, 13], true, true),
        (Window::Around(Seq(1)), 4, vec![1, 3], false, true),
    ] {
        let got = page(&stage, bert, conv, window, limit).await;
        let expected: Vec<Seq> = expected.into_iter().map(Seq).collect();
        assert_eq!(seqs(&got.entries), expected, "{window:?}");
        assert_eq!(
            (got.more_before, got.more_after),
            (before, after),
            "{window:?}"
        );
    }
    let log = &stage.stores.log;
    let upto = log.page(bert, conv, Window::Latest, Seq(10), 2).await;
    let upto = upto.unwrap();
    assert_eq!(seqs(&upto.entries), vec![Seq(7), Seq(9)]);
    assert!(!upto.more_after, "what is above the end does not exist");
}

pub async fn pages_show_only_what_the_reader_may_see(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _, seen) = two_stays(&stage, anna, bert).await;
    let conv = Conv::Group(group);
    let last = page(&stage, bert, conv, Window::Latest, 4).await;
    assert_eq!(seqs(&last.entries), seen[2..]);
    assert!(last.more_before && !last.more_after);
    let first = page(&stage, bert, conv, Window::After(Seq::ZERO), 4).await;
    assert_eq!(seqs(&first.entries), seen[..4]);
    assert!(!first.more_before && first.more_after);
}

pub async fn notes_to_self_hold_the_notices(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let notes = Conv::private(anna, anna);
    let mut all = Vec::new();
    for n in 0..4 {
        all.push(stage.say(anna, notes, &n.to_string()).await);
        all.push(stage.notice(&n.to_string()).await);
    }
    assert_eq!(all_of(&stage, anna, notes).await, all);
    let middle = page(&stage, anna, notes, Window::Around(all[4]), 4).await;
    assert_eq!(seqs(&middle.entries), all[2..6]);
    assert!(middle.more_before && middle.more_after);
}

pub async fn a_snapshot_names_all_stays_and_the_head(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    stage.notice("one").await;
    let bert = stage.user("bert").await;
    let (group, from) = stage.group(anna, &[bert]).await;
    let log = &stage.stores.log;
    let snapshot = log.snapshot(bert).await.unwrap().unwrap();
    assert_eq!(snapshot.registered_seq, Seq(1));
    assert_eq!((snapshot.log.head, snapshot.intervals.len()), (from, 1));
    assert!(log.snapshot(UserId(999)).await.unwrap().is_none());
    // While memberships change, each snapshot fits its own head.
    let writer = {
        let log = Arc::clone(&stage.stores.log);
        let conv = Conv::Group(group);
        let drafts: Vec<_> = (0..60)
            .map(|n| match n % 2 {
                0 => stage.draft(bert, conv, EntryKind::Left, Change::Leave),
                _ => stage.draft(bert, conv, EntryKind::Joined, Change::Join),
            })
            .collect();
        tokio::spawn(async move {
            for draft in drafts {
                log.append(vec![draft]).await.unwrap();
            }
        })
    };
    let end = Seq(from.0 + 60);
    loop {
        let snapshot = log.snapshot(bert).await.unwrap().unwrap();
        let head = snapshot.log.head;
        let present = snapshot.intervals.iter().any(|stay| stay.to.is_none());
        assert_eq!(present, (head.0 - from.0).is_multiple_of(2), "at {head}");
        let newest = snapshot
            .intervals
            .iter()
            .map(|stay| stay.to.unwrap_or(stay.from));
        assert_eq!(newest.max(), Some(head));
        if head == end {
            break;
        }
    }
    writer.await.unwrap();
}
