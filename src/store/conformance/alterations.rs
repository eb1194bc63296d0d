//! What becomes of messages: recall and edit, their conditions, and what is left. The rest is in `surroundings`.

use bytes::Bytes;
use serde_json::{Value, json};

use super::stage::{Make, Stage, empty, new_group};
use crate::model::alteration::EditedBody;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::group::{JoinMode, Role};
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::policy::{StoreRules, Strangers};
use crate::store::tables::{Cell, TABLES, Table};
use crate::store::{StoreError, Stores};

pub(super) fn recall(target: Seq) -> Change {
    Change::Recall { target, media: 1 }
}

pub(super) fn edit(target: Seq, text: &str) -> Change {
    let stored = br#"{"media":1,"content":"before"}"#;
    Change::Edit {
        target,
        media: 1,
        body: EditedBody::of(stored, text).unwrap(),
    }
}

pub(super) fn react(target: Seq, emoji: &str, on: bool) -> Change {
    Change::React {
        target,
        media: 1,
        emoji: emoji.parse().unwrap(),
        on,
    }
}

fn kind(change: &Change) -> EntryKind {
    if matches!(change, Change::Recall { .. }) {
        EntryKind::Recall
    } else if matches!(change, Change::Edit { .. }) {
        EntryKind::Edit
    } else {
        EntryKind::Reaction
    }
}

fn alteration(stage: &Stage, from: UserId, conv: Conv, change: Change) -> Draft {
    let body = if let Change::Recall { target, .. } = &change {
        json!({"target": target})
    } else if let Change::Edit { target, body, .. } = &change {
        let mut text = body.beginning().to_vec();
        text.push(b'}');
        let message: Value = serde_json::from_slice(&text).unwrap();
        json!({"target": target, "content": message["content"]})
    } else if let Change::React {
        target, emoji, on, ..
    } = &change
    {
        json!({"target": target, "emoji": emoji, "on": on})
    } else {
        json!({})
    };
    let body = Bytes::from(body.to_string());
    Draft {
        body,
        ..stage.draft(from, conv, kind(&change), change)
    }
}

pub(super) async fn alter(stage: &Stage, from: UserId, conv: Conv, change: Change) -> Outcome {
    stage.one(alteration(stage, from, conv, change)).await
}

/// Must pass; where it is.
pub(super) async fn altered(stage: &Stage, from: UserId, conv: Conv, change: Change) -> Seq {
    match alter(stage, from, conv, change.clone()).await {
        Outcome::Appended { seq, .. } => seq,
        other @ (Outcome::Duplicate { .. } | Outcome::Refused(_)) => {
            panic!("{change:?} should be appended, not {other:?}")
        }
    }
}

/// Must be refused, and nothing is another than before.
pub(super) async fn refused(
    stage: &Stage,
    from: UserId,
    conv: Conv,
    change: Change,
    refusal: Refusal,
) {
    let before = stage.head().await;
    let outcome = alter(stage, from, conv, change.clone()).await;
    assert_eq!(outcome, Outcome::Refused(refusal), "{change:?}");
    assert_eq!(stage.head().await, before);
}

async fn stored(stores: &Stores, seq: Seq) -> Value {
    let entry = stores.log.entry(seq).await.unwrap().unwrap();
    serde_json::from_slice(&entry.body).unwrap()
}

/// All that the store still says, as one text.
async fn everything(stage: &Stage) -> String {
    let range = stage.stores.log.range(Seq::ZERO, 10_000).await.unwrap();
    let bodies = range.entries.iter();
    bodies
        .map(|entry| String::from_utf8(entry.body.to_vec()).unwrap())
        .collect()
}

/// What is on a message: each emoji, how many, who.
pub(super) async fn on(stage: &Stage, target: Seq) -> Vec<(String, u64, Vec<UserId>)> {
    let found = stage.stores.messages.reactions(&[target], 50).await;
    let found = found.unwrap().into_iter();
    found
        .map(|reaction| (reaction.emoji.to_string(), reaction.count, reaction.users))
        .collect()
}

fn table(name: &str) -> &'static Table {
    TABLES.iter().find(|table| table.name == name).unwrap()
}

fn number(number: u64) -> Cell {
    Cell::Number(number.cast_signed())
}

/// Gives a present member another role, whatever way there is to.
async fn set_role(stage: &Stage, group: GroupId, user: UserId, role: Role) {
    let tables = &stage.stores.tables;
    let stays = tables
        .rows(table("memberships"), None, 1_000)
        .await
        .unwrap();
    let stay = stays.into_iter().find(|stay| {
        stay[1] == number(group.0) && stay[2] == number(user.0) && stay[4] == Cell::Null
    });
    let mut stay = stay.unwrap();
    stay[5] = number(role.code().into());
    tables.put(table("memberships"), vec![stay]).await.unwrap();
}

/// Takes a member's word until then; user 0: everybody's.
async fn mute(stage: &Stage, group: GroupId, user: UserId, until: i64) {
    let row = vec![number(group.0), number(user.0), Cell::Number(until)];
    let put = stage.stores.tables.put(table("mutes"), vec![row]);
    put.await.unwrap();
}

pub async fn what_is_recalled_is_nowhere_any_more(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let message = stage.message(anna, conv, "secret");
    let Outcome::Appended { seq, at } = stage.one(message.clone()).await else {
        panic!("a message is stored");
    };
    stage.say(bert, conv, "other").await;
    let edited = altered(&stage, anna, conv, edit(seq, "hidden")).await;
    altered(&stage, bert, conv, react(seq, "👍", true)).await;
    let taken_back = altered(&stage, anna, conv, recall(seq)).await;

    let gone = json!({"media": 1, "recalled": true});
    assert_eq!(stored(&stage.stores, seq).await, gone);
    let forgotten = json!({"target": seq, "recalled": true});
    assert_eq!(stored(&stage.stores, edited).await, forgotten);
    let told = json!({"target": seq});
    assert_eq!(stored(&stage.stores, taken_back).await, told);
    assert_eq!(on(&stage, seq).await, []);
    let all = everything(&stage).await;
    assert!(!all.contains("secret") && !all.contains("hidden") && all.contains("other"));

    // Its place, author, time and client id are what they were: a repetition is known.
    let entry = stage.stores.log.entry(seq).await.unwrap().unwrap();
    assert_eq!(
        (entry.from, entry.at, entry.kind),
        (anna, at, EntryKind::Message)
    );
    assert_eq!(stage.one(message).await, Outcome::Duplicate { seq, at });
}

pub async fn a_recall_has_conditions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let conv = Conv::private(anna, bert);
    let seq = stage.say(anna, conv, "mine").await;
    let others = stage
        .say(carl, Conv::private(anna, carl), "elsewhere")
        .await;
    for (from, target, refusal) in [
        (bert, seq, Refusal::NotAllowed),
        (anna, Seq(seq.0 + 90), Refusal::NotFound),
        (anna, others, Refusal::NotFound),
    ] {
        refused(&stage, from, conv, recall(target), refusal).await;
    }
    refused(&stage, carl, conv, recall(seq), Refusal::Unstorable).await;
    refused(
        &stage,
        anna,
        Conv::Notices,
        recall(seq),
        Refusal::Unstorable,
    )
    .await;
    let draft = alteration(&stage, anna, conv, recall(seq));
    let Outcome::Appended { seq: first, at } = stage.one(draft.clone()).await else {
        panic!("one's own message can be recalled");
    };
    // Once: but the same request again is the same recall.
    let again = Outcome::Duplicate { seq: first, at };
    assert_eq!(stage.one(draft).await, again);
    refused(&stage, anna, conv, recall(seq), Refusal::Gone).await;
    refused(&stage, anna, conv, recall(first), Refusal::NotFound).await;
    refused(&stage, anna, conv, edit(seq, "x"), Refusal::Gone).await;
    refused(&stage, bert, conv, react(seq, "👍", true), Refusal::Gone).await;
    let notes = Conv::private(anna, anna);
    let note = stage.say(anna, notes, "note").await;
    altered(&stage, anna, notes, recall(note)).await;
}

pub async fn the_time_for_a_recall_ends_by_the_stores_clock(make: &impl Make) {
    let rules = StoreRules {
        recall_ms: 60_000,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let group = stage.stores.groups.draw_id().await.unwrap();
    let conv = Conv::Group(group);
    let create = Change::CreateGroup {
        group: new_group(group, "old", JoinMode::Open),
        members: vec![bert],
    };
    // Long ago: the log is empty, and so its times may begin anywhere.
    let create = stage.draft(anna, conv, EntryKind::Group, create);
    stage
        .stores
        .log
        .append_at(1_000, vec![create])
        .await
        .unwrap();
    let past = [
        stage.message(anna, conv, "owner's"),
        stage.message(bert, conv, "member's"),
        stage.message(bert, conv, "member's too"),
        stage.message(bert, Conv::private(anna, bert), "private"),
    ];
    let said = stage
        .stores
        .log
        .append_at(1_000, past.to_vec())
        .await
        .unwrap();
    let places: Vec<Seq> = said
        .outcomes
        .iter()
        .map(|outcome| match outcome {
            Outcome::Appended { seq, .. } => *seq,
            Outcome::Duplicate { .. } | Outcome::Refused(_) => panic!("{outcome:?}"),
        })
        .collect();
    let expired = Refusal::RecallExpired;
    refused(&stage, bert, conv, recall(places[1]), expired).await;
    let private = Conv::private(anna, bert);
    refused(&stage, bert, private, recall(places[3]), expired).await;
    // Who runs the group takes back at any time; and what was said just now may be taken back by its author.
    altered(&stage, anna, conv, recall(places[1])).await;
    altered(&stage, anna, conv, recall(places[0])).await;
    let late = stage.say(bert, conv, "now").await;
    altered(&stage, bert, conv, recall(late)).await;
}

pub async fn in_groups_owner_and_admins_take_back_anything(make: &impl Make) {
    let stage = empty(make).await;
    let [owner, admin, other, member, gone] = stage
        .users(["owner", "admin", "other", "member", "gone"])
        .await;
    let (group, _) = stage.group(owner, &[admin, other, member, gone]).await;
    let conv = Conv::Group(group);
    set_role(&stage, group, admin, Role::Admin).await;
    set_role(&stage, group, other, Role::Admin).await;
    let mut said = Vec::new();
    for (index, author) in [owner, admin, other, member, gone].into_iter().enumerate() {
        said.push(stage.say(author, conv, &index.to_string()).await);
    }
    stage.leave(gone, group).await;
    let denied = Refusal::NotAllowed;
    refused(&stage, member, conv, recall(said[0]), denied).await;
    refused(&stage, member, conv, recall(said[1]), denied).await;
    // Who left takes nothing back, not even his own.
    refused(&stage, gone, conv, recall(said[4]), denied).await;
    altered(&stage, admin, conv, recall(said[3])).await;
    altered(&stage, admin, conv, recall(said[4])).await;
    altered(&stage, owner, conv, recall(said[1])).await;
    altered(&stage, admin, conv, recall(said[2])).await;
    altered(&stage, admin, conv, recall(said[0])).await;
}

pub async fn an_edit_is_in_the_message_with_its_time(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let seq = stage.say(anna, conv, "before").await;
    refused(&stage, bert, conv, edit(seq, "his"), Refusal::NotAllowed).await;
    for text in ["after", "at \"last\" 终于 🦜"] {
        let draft = alteration(&stage, anna, conv, edit(seq, text));
        let Outcome::Appended { at, .. } = stage.one(draft).await else {
            panic!("one's own message can be edited");
        };
        let now = json!({"media": 1, "content": text, "edited_at": at});
        assert_eq!(stored(&stage.stores, seq).await, now);
    }
}

pub async fn an_edit_needs_what_a_message_needs(make: &impl Make) {
    let rules = StoreRules {
        strangers: Strangers::FriendsOnly,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (conv, friend) = (Conv::private(anna, bert), EntryKind::Friend);
    let befriend = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: true,
    };
    stage.done(anna, conv, friend, befriend).await;
    let seq = stage.say(anna, conv, "before").await;
    let his = stage.say(bert, conv, "his").await;
    stage
        .stores
        .friends
        .set_blocked(bert, anna, true)
        .await
        .unwrap();
    let blocked = Refusal::Blocked;
    refused(&stage, anna, conv, edit(seq, "x"), blocked).await;
    refused(&stage, anna, conv, react(his, "👍", true), blocked).await;
    stage
        .stores
        .friends
        .set_blocked(bert, anna, false)
        .await
        .unwrap();
    altered(&stage, anna, conv, react(his, "👍", true)).await;
    stage
        .done(anna, conv, friend, Change::Unfriend { other: bert })
        .await;
    refused(&stage, anna, conv, edit(seq, "x"), Refusal::NotAllowed).await;
    // What is taken away reaches nobody who does not want it.
    altered(&stage, anna, conv, react(his, "👍", false)).await;
    altered(&stage, anna, conv, recall(seq)).await;
    stage.stores.users.set_disabled(anna, true).await.unwrap();
    refused(&stage, anna, conv, recall(seq), Refusal::Disabled).await;
}

pub async fn the_muted_may_recall_and_react_but_not_edit(make: &impl Make) {
    let stage = empty(make).await;
    let [owner, bert, carl] = stage.users(["owner", "bert", "carl"]).await;
    let (group, _) = stage.group(owner, &[bert, carl]).await;
    let conv = Conv::Group(group);
    let [own, his, hers] = [
        stage.say(owner, conv, "a").await,
        stage.say(bert, conv, "b").await,
        stage.say(carl, conv, "c").await,
    ];
    mute(&stage, group, bert, i64::MAX).await;
    let denied = Refusal::NotAllowed;
    refused(&stage, bert, conv, edit(his, "x"), denied).await;
    altered(&stage, carl, conv, edit(hers, "x")).await;
    altered(&stage, bert, conv, react(own, "👍", true)).await;
    mute(&stage, group, UserId::SYSTEM, i64::MAX).await;
    refused(&stage, carl, conv, edit(hers, "y"), denied).await;
    altered(&stage, owner, conv, edit(own, "y")).await;
    altered(&stage, bert, conv, recall(his)).await;
    mute(&stage, group, UserId::SYSTEM, 1).await;
    altered(&stage, carl, conv, edit(hers, "z")).await;
}

/// Appends as a committer does: a store that is too busy is asked again.
async fn insist(stores: &Stores, drafts: Vec<Draft>) -> Vec<Outcome> {
    loop {
        match stores.log.append(drafts.clone()).await {
            Ok(verdicts) => return verdicts.outcomes,
            Err(StoreError::Unavailable(_)) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// Two nodes alter one message at the same moment, again and again: whatever the order was, nothing of a recalled message
/// is left, and each alteration of it that was taken is below the recall.
pub async fn of_recalls_and_edits_at_once_no_text_survives(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let other = stage.another().await;
    for round in 0..12 {
        let seq = stage.say(anna, conv, "secret").await;
        let edits: Vec<Draft> = (0..3)
            .map(|n| {
                alteration(
                    &stage,
                    anna,
                    conv,
                    edit(seq, &format!("hidden {round} {n}")),
                )
            })
            .collect();
        let recalls = vec![
            alteration(&stage, anna, conv, react(seq, "👍", true)),
            alteration(&stage, anna, conv, recall(seq)),
        ];
        let (edited, recalled) =
            tokio::join!(insist(&other, edits), insist(&stage.stores, recalls));
        let (Outcome::Appended { seq: end, .. } | Outcome::Duplicate { seq: end, .. }) =
            recalled[1]
        else {
            panic!("the recall is taken: {recalled:?}");
        };
        for outcome in edited {
            match outcome {
                Outcome::Appended { seq, .. } | Outcome::Duplicate { seq, .. } => {
                    assert!(seq < end);
                }
                Outcome::Refused(Refusal::Gone) => {}
                Outcome::Refused(_) => panic!("{outcome:?}"),
            }
        }
        let gone = json!({"media": 1, "recalled": true});
        assert_eq!(stored(&other, seq).await, gone);
        assert_eq!(on(&stage, seq).await, []);
    }
    let all = everything(&stage).await;
    assert!(!all.contains("secret") && !all.contains("hidden"), "{all}");
}

pub async fn alterations_in_one_batch_see_what_is_before_them(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let next = Seq(stage.head().await.0 + 1);
    let drafts = vec![
        stage.message(anna, conv, "secret"),
        alteration(&stage, anna, conv, edit(next, "hidden")),
        alteration(&stage, bert, conv, react(next, "👍", true)),
        alteration(&stage, anna, conv, recall(next)),
        alteration(&stage, bert, conv, react(next, "👍", true)),
        stage.message(bert, conv, "next"),
    ];
    let outcomes = stage.append(drafts).await;
    let taken = outcomes.iter().map(|outcome| match outcome {
        Outcome::Appended { .. } => Ok(()),
        Outcome::Refused(refusal) => Err(*refusal),
        Outcome::Duplicate { .. } => panic!("{outcome:?}"),
    });
    let expected = [Ok(()), Ok(()), Ok(()), Ok(()), Err(Refusal::Gone), Ok(())];
    assert_eq!(taken.collect::<Vec<_>>(), expected);
    assert_eq!(on(&stage, next).await, []);
}
