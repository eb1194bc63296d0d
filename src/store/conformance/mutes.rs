//! Mutes: whose messages a group takes.

use super::stage::{Make, Stage, body, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Outcome, Refusal};
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::ids::{GroupId, UserId};
use crate::store::tables::{Cell, TABLES};

/// The one to mute where everybody is.
const EVERYBODY: UserId = UserId(0);
const NEVER_ENDS: UnixMillis = UnixMillis::MAX;

async fn mute(stage: &Stage, group: GroupId, user: UserId, until: UnixMillis) {
    let table = TABLES.iter().find(|table| table.name == "mutes").unwrap();
    let number = |id: u64| Cell::Number(i64::try_from(id).unwrap());
    let row = vec![number(group.0), number(user.0), Cell::Number(until)];
    let tables = &stage.stores.tables;
    tables.put(table, vec![row]).await.unwrap();
}

async fn silenced(stage: &Stage, user: UserId, conv: Conv) {
    let (kind, change) = (EntryKind::Message, Change::Message);
    stage
        .refused(user, conv, kind, change, Refusal::NotAllowed)
        .await;
}

pub async fn a_muted_member_writes_again_when_the_time_is_over(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let (other, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    stage.say(bert, conv, "before").await;
    mute(&stage, group, bert, NEVER_ENDS).await;
    silenced(&stage, bert, conv).await;
    // Nobody else, and nowhere else.
    stage.say(carl, conv, "not me").await;
    stage.say(bert, Conv::Group(other), "elsewhere").await;
    stage.say(bert, Conv::private(bert, anna), "to you").await;
    // What is no message is not what a mute is about.
    stage.leave(bert, group).await;
    stage.join(bert, group).await;
    silenced(&stage, bert, conv).await;
    // The time is the append's own: one millisecond is enough, and the very moment is over.
    let Outcome::Appended { at, .. } = stage.one(stage.message(carl, conv, "now")).await else {
        panic!("refused");
    };
    mute(&stage, group, bert, at).await;
    stage.say(bert, conv, "after").await;
}

pub async fn a_mute_of_all_is_for_members_alone(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    mute(&stage, group, EVERYBODY, NEVER_ENDS).await;
    mute(&stage, group, anna, NEVER_ENDS).await;
    silenced(&stage, bert, conv).await;
    stage.say(anna, conv, "I own it").await;
    // Who is not in it is told that, and who repeats what was stored gets its place.
    let draft = stage.message(carl, conv, "who are you");
    let refused = Outcome::Refused(Refusal::NotMember);
    assert_eq!(stage.one(draft).await, refused);
    mute(&stage, group, EVERYBODY, 1).await;
    let draft = stage.message(bert, conv, "once");
    let Outcome::Appended { seq, at } = stage.one(draft.clone()).await else {
        panic!("refused");
    };
    mute(&stage, group, EVERYBODY, NEVER_ENDS).await;
    assert_eq!(stage.one(draft).await, Outcome::Duplicate { seq, at });
}

pub async fn in_a_batch_only_what_is_muted_is_refused(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    mute(&stage, group, bert, NEVER_ENDS).await;
    // First without him, then with him among them.
    let writers = [[anna, carl, anna], [anna, bert, carl]];
    for writers in writers {
        let before = stage.head().await;
        let drafts = writers.map(|user| stage.message(user, conv, "hello"));
        let mut next = before;
        for (user, outcome) in writers.iter().zip(stage.append(drafts.to_vec()).await) {
            if *user == bert {
                assert_eq!(outcome, Outcome::Refused(Refusal::NotAllowed));
            } else {
                next = next.next();
                assert!(matches!(outcome, Outcome::Appended { seq, .. } if seq == next));
            }
        }
        let entries = stage.stores.log.range(before, 10).await.unwrap().entries;
        assert!(entries.iter().all(|entry| entry.body == body("hello")));
    }
}
