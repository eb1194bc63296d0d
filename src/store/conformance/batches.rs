//! Batches: what each draft's place among the others means for it.

use super::stage::{Make, Stage, body, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::policy::{StoreRules, Strangers};

/// What became of a draft, times left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New(u64),
    Again(u64),
    Not(Refusal),
}

use Fate::{Again, New, Not};

/// Appends one batch.
async fn fates(stage: &Stage, drafts: Vec<Draft>) -> Vec<Fate> {
    let fate = |outcome| match outcome {
        Outcome::Appended { seq, .. } => New(seq.0),
        Outcome::Duplicate { seq, .. } => Again(seq.0),
        Outcome::Refused(refusal) => Not(refusal),
    };
    stage.append(drafts).await.into_iter().map(fate).collect()
}

fn with_cid(cid: &str, draft: Draft) -> Draft {
    Draft {
        cid: cid.parse().unwrap(),
        ..draft
    }
}

fn befriend(other: UserId) -> Change {
    Change::Befriend {
        other,
        message: String::new(),
        auto: true,
    }
}

pub async fn each_of_many_messages_gets_its_own_verdict(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let (ended, _) = stage.group(anna, &[bert]).await;
    let change = Change::Dissolve;
    stage
        .done(anna, Conv::Group(ended), EntryKind::Group, change)
        .await;
    let users = &stage.stores.users;
    users.set_disabled(dora, true).await.unwrap();
    let friends = &stage.stores.friends;
    friends.set_blocked(carl, anna, true).await.unwrap();
    let nobody = UserId(999);
    let stored = stage.message(bert, Conv::Group(group), "stored before");
    stage.one(stored.clone()).await;
    let other = Draft {
        body: body("other words"),
        ..stored.clone()
    };
    let say = |from, conv| stage.message(from, conv, "the same words");
    let cases = [
        (say(anna, Conv::Group(group)), New(5)),
        (say(carl, Conv::Group(group)), Not(Refusal::NotMember)),
        (say(bert, Conv::Group(group)), New(6)),
        (say(anna, Conv::Group(ended)), Not(Refusal::NotFound)),
        (say(anna, Conv::Group(GroupId(999))), Not(Refusal::NotFound)),
        (say(anna, Conv::private(anna, bert)), New(7)),
        (say(anna, Conv::private(anna, carl)), Not(Refusal::Blocked)),
        (say(carl, Conv::private(anna, carl)), New(8)),
        (say(anna, Conv::private(anna, dora)), Not(Refusal::NotFound)),
        (
            say(anna, Conv::private(anna, nobody)),
            Not(Refusal::NotFound),
        ),
        (
            say(anna, Conv::private(bert, carl)),
            Not(Refusal::NotAllowed),
        ),
        (stored, Again(4)),
        (other, Not(Refusal::CidReused)),
        (say(carl, Conv::private(carl, carl)), New(9)),
        (say(dora, Conv::private(dora, dora)), Not(Refusal::Disabled)),
        (
            say(nobody, Conv::private(anna, nobody)),
            Not(Refusal::Disabled),
        ),
        (say(anna, Conv::Notices), Not(Refusal::NotAllowed)),
        (say(anna, Conv::Account(anna)), Not(Refusal::NotAllowed)),
        (say(bert, Conv::private(anna, bert)), New(10)),
    ];
    let (drafts, expected): (Vec<Draft>, Vec<Fate>) = cases.into_iter().unzip();
    assert_eq!(fates(&stage, drafts.clone()).await, expected);
    let repeated = expected.into_iter().map(|fate| match fate {
        New(seq) | Again(seq) => Again(seq),
        Not(refusal) => Not(refusal),
    });
    assert_eq!(fates(&stage, drafts).await, repeated.collect::<Vec<_>>());
    assert_eq!(stage.head().await, Seq(10));
}

pub async fn messages_obey_the_changes_before_them_in_a_batch(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    let say = |from| stage.message(from, conv, "words");
    let left = |from, change| stage.draft(from, conv, EntryKind::Left, change);
    let join = |from| stage.draft(from, conv, EntryKind::Joined, Change::Join);
    let cases = [
        (say(bert), New(2)),
        (left(bert, Change::Leave), New(3)),
        (say(bert), Not(Refusal::NotMember)),
        (say(anna), New(4)),
        (join(bert), New(5)),
        (say(bert), New(6)),
        (say(carl), Not(Refusal::NotMember)),
        (join(carl), New(7)),
        (say(carl), New(8)),
        (left(anna, Change::Kick { user: carl }), New(9)),
        (left(carl, Change::Leave), Not(Refusal::NotMember)),
        (say(carl), Not(Refusal::NotMember)),
        // The owner's place goes to the one who is left, who may then end the group.
        (left(anna, Change::Leave), New(10)),
        (say(anna), Not(Refusal::NotMember)),
        (say(bert), New(11)),
        (
            stage.draft(bert, conv, EntryKind::Group, Change::Dissolve),
            New(12),
        ),
        (say(bert), Not(Refusal::NotFound)),
        (join(carl), Not(Refusal::NotFound)),
        (
            stage.message(bert, Conv::private(bert, bert), "alone"),
            New(13),
        ),
    ];
    let (drafts, expected): (Vec<Draft>, Vec<Fate>) = cases.into_iter().unzip();
    assert_eq!(fates(&stage, drafts).await, expected);
    assert_eq!(stage.visible(carl).await, [7, 8, 9].map(Seq));
    let range = stage.stores.log.range(Seq::ZERO, 100).await.unwrap();
    assert_eq!(range.entries.len(), 13);
}

pub async fn friendships_begin_and_end_within_a_batch(make: &impl Make) {
    let stage = make
        .make(StoreRules {
            strangers: Strangers::FriendsOnly,
            ..StoreRules::default()
        })
        .await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let say = |from| stage.message(from, conv, "words");
    let friend = |from, change| stage.draft(from, conv, EntryKind::Friend, change);
    let cases = [
        (say(anna), Not(Refusal::NotAllowed)),
        (friend(anna, befriend(bert)), New(1)),
        (say(anna), New(2)),
        (say(bert), New(3)),
        (friend(bert, befriend(anna)), Not(Refusal::AlreadyFriends)),
        (friend(bert, Change::Unfriend { other: anna }), New(4)),
        (say(anna), Not(Refusal::NotAllowed)),
        (
            friend(anna, Change::Unfriend { other: bert }),
            Not(Refusal::NotFound),
        ),
        (
            stage.message(anna, Conv::private(anna, anna), "alone"),
            New(5),
        ),
    ];
    let (drafts, expected): (Vec<Draft>, Vec<Fate>) = cases.into_iter().unzip();
    assert_eq!(fates(&stage, drafts).await, expected);
    let friends = stage.stores.friends.are_friends(anna, bert).await.unwrap();
    assert!(!friends);
}

pub async fn a_group_can_begin_and_be_spoken_in_within_a_batch(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let id = stage.stores.groups.draw_id().await.unwrap();
    let conv = Conv::Group(id);
    let group = super::stage::new_group(id, "At once", crate::model::group::JoinMode::Open);
    let create = Change::CreateGroup {
        group,
        members: vec![bert],
    };
    let drafts = vec![
        stage.message(anna, conv, "too early"),
        stage.draft(anna, conv, EntryKind::Group, create),
        stage.message(bert, conv, "welcome"),
        stage.message(anna, conv, "hello"),
    ];
    let expected = [Not(Refusal::NotFound), New(1), New(2), New(3)];
    assert_eq!(fates(&stage, drafts).await, expected);
    assert_eq!(stage.visible(bert).await, [1, 2, 3].map(Seq));
}

pub async fn a_client_id_twice_in_a_batch_counts_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let twin = |cid, text| with_cid(cid, stage.message(anna, conv, text));
    let elsewhere = with_cid("c", stage.message(anna, Conv::private(anna, anna), "one"));
    let of_bert = with_cid("c", stage.message(bert, conv, "one"));
    let drafts = vec![
        twin("a", "one"),
        twin("a", "one"),
        twin("b", "one"),
        twin("b", "other"),
        twin("b", "one"),
        twin("A", "one"),
        twin("a ", "one"),
        twin("c", "one"),
        elsewhere,
        of_bert,
        twin("a", "one"),
        twin("a", "other"),
    ];
    let reused = Not(Refusal::CidReused);
    let expected = [
        New(1),
        Again(1),
        New(2),
        reused,
        Again(2),
        New(3),
        New(4),
        New(5),
        reused,
        New(6),
        Again(1),
        reused,
    ];
    assert_eq!(fates(&stage, drafts).await, expected);
    assert_eq!(stage.head().await, Seq(6));
}

pub async fn a_refused_draft_leaves_its_client_id_free(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let (conv, own) = (Conv::Group(group), Conv::private(bert, bert));
    let outside = with_cid("a", stage.message(bert, conv, "words"));
    let waiting = with_cid("b", stage.message(bert, conv, "words"));
    let join = stage.draft(bert, conv, EntryKind::Joined, Change::Join);
    let drafts = vec![
        outside.clone(),
        outside.clone(),
        with_cid("a", stage.message(bert, own, "to myself")),
        outside,
        waiting.clone(),
        join,
        waiting.clone(),
        waiting,
        with_cid("b", stage.message(bert, own, "to myself")),
    ];
    let outside = Not(Refusal::NotMember);
    let reused = Not(Refusal::CidReused);
    let expected = [
        outside,
        outside,
        New(2),
        reused,
        outside,
        New(3),
        New(4),
        Again(4),
        reused,
    ];
    assert_eq!(fates(&stage, drafts).await, expected);
}

pub async fn changes_share_the_client_ids_of_messages(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    let join = with_cid(
        "a",
        stage.draft(bert, conv, EntryKind::Joined, Change::Join),
    );
    let leave = with_cid("b", stage.draft(bert, conv, EntryKind::Left, Change::Leave));
    let drafts = vec![
        join.clone(),
        with_cid("a", stage.message(bert, conv, "words")),
        join.clone(),
        leave.clone(),
        leave,
        join,
        with_cid("b", stage.message(bert, conv, "words")),
        stage.message(bert, conv, "outside"),
    ];
    let reused = Not(Refusal::CidReused);
    let expected = [
        New(2),
        reused,
        Again(2),
        New(3),
        Again(3),
        Again(2),
        reused,
        Not(Refusal::NotMember),
    ];
    assert_eq!(fates(&stage, drafts).await, expected);
}

/// More than a statement, a packet or a table of the store is made for.
pub async fn a_batch_may_be_larger_than_any_bound(make: &impl Make) {
    const DRAFTS: u64 = 3_000;
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let convs = [
        Conv::Group(group),
        Conv::private(anna, bert),
        Conv::private(anna, anna),
    ];
    let drafts: Vec<Draft> = (0..DRAFTS)
        .zip(convs.into_iter().cycle())
        .map(|(n, conv)| stage.message(anna, conv, &n.to_string()))
        .collect();
    let places = |fate: fn(u64) -> Fate| (2..DRAFTS + 2).map(fate).collect::<Vec<_>>();
    assert_eq!(fates(&stage, drafts.clone()).await, places(New));
    assert_eq!(fates(&stage, drafts.clone()).await, places(Again));
    let range = stage.stores.log.range(Seq(1), 10_000).await.unwrap();
    assert_eq!(range.log.head, Seq(DRAFTS + 1));
    for (entry, draft) in range.entries.iter().zip(&drafts) {
        assert_eq!((entry.conv, &entry.cid), (draft.conv, &draft.cid));
        assert_eq!(entry.body, draft.body);
    }
}
