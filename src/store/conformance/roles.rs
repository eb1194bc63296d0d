//! What members may do: roles, mutes, and handing a group over.

use super::stage::{Make, Stage, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Outcome, Refusal};
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::group::{GroupPatch, MemberPatch, Mutes, Role};
use crate::model::ids::{GroupId, UserId};

const GROUP: EntryKind = EntryKind::Group;
const LEFT: EntryKind = EntryKind::Left;
/// The year 2200.
const FAR: UnixMillis = 7_258_118_400_000;

fn role(user: UserId, role: Role) -> Change {
    let patch = MemberPatch {
        role: Some(role),
        muted_until: None,
    };
    Change::EditMember { user, patch }
}

fn mute(user: UserId, until: UnixMillis) -> Change {
    let patch = MemberPatch {
        role: None,
        muted_until: Some(until),
    };
    Change::EditMember { user, patch }
}

fn mute_all(until: UnixMillis) -> Change {
    let patch = GroupPatch {
        muted_until: Some(until),
        ..GroupPatch::default()
    };
    Change::EditGroup { patch }
}

async fn roles<const N: usize>(
    stage: &Stage,
    group: GroupId,
    users: [UserId; N],
) -> [Option<Role>; N] {
    let mut roles = [None; N];
    for (role, user) in roles.iter_mut().zip(users) {
        *role = stage.stores.groups.role(group, user).await.unwrap();
    }
    roles
}

async fn mutes(stage: &Stage, group: GroupId, user: UserId) -> Mutes {
    let one = stage.stores.mutes.mutes_in(group, user).await.unwrap();
    let all = stage.stores.mutes.mutes_of(user).await.unwrap();
    let is_in = stage.stores.groups.role(group, user).await.unwrap();
    let listed = all.get(&group).copied().unwrap_or_default();
    assert_eq!(
        listed,
        if is_in.is_some() {
            one
        } else {
            Mutes::default()
        }
    );
    one
}

pub async fn roles_are_given_by_the_owner_alone(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    stage.done(anna, conv, GROUP, role(bert, Role::Admin)).await;
    for (author, change, refusal) in [
        (bert, role(carl, Role::Admin), Refusal::NotAllowed),
        (carl, role(carl, Role::Admin), Refusal::NotAllowed),
        (bert, role(bert, Role::Member), Refusal::NotAllowed),
        (dora, role(carl, Role::Admin), Refusal::NotAllowed),
        (anna, role(anna, Role::Member), Refusal::NotAllowed),
        (anna, role(carl, Role::Owner), Refusal::NotAllowed),
        (anna, role(dora, Role::Admin), Refusal::NotMember),
        (bert, role(dora, Role::Admin), Refusal::NotMember),
    ] {
        stage.refused(author, conv, GROUP, change, refusal).await;
    }
    let found = roles(&stage, group, [anna, bert, carl, dora]).await;
    let (owner, admin, member) = (Role::Owner, Role::Admin, Role::Member);
    assert_eq!(found, [Some(owner), Some(admin), Some(member), None]);
    let admins = stage.stores.admissions.admins(group, 10).await.unwrap();
    assert_eq!(admins, [anna, bert]);
    // An admin removes members; as a member again he removes nobody, and is removed by the next admin.
    stage
        .done(bert, conv, LEFT, Change::Kick { user: carl })
        .await;
    stage.join(carl, group).await;
    stage
        .done(anna, conv, GROUP, role(bert, Role::Member))
        .await;
    stage.done(anna, conv, GROUP, role(carl, Role::Admin)).await;
    let kick = Change::Kick { user: carl };
    stage
        .refused(bert, conv, LEFT, kick, Refusal::NotAllowed)
        .await;
    stage
        .done(carl, conv, LEFT, Change::Kick { user: bert })
        .await;
    // Who comes back is a member.
    stage.leave(carl, group).await;
    stage.join(carl, group).await;
    assert_eq!(roles(&stage, group, [carl]).await, [Some(member)]);
    let elsewhere = Conv::private(anna, carl);
    let change = role(carl, Role::Admin);
    stage
        .refused(anna, elsewhere, GROUP, change, Refusal::Unstorable)
        .await;
    stage.done(anna, conv, GROUP, Change::Dissolve).await;
    let change = role(carl, Role::Admin);
    stage
        .refused(anna, conv, GROUP, change, Refusal::NotFound)
        .await;
}

pub async fn muting_takes_a_higher_role(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl, dora]).await;
    let conv = Conv::Group(group);
    for admin in [bert, carl] {
        stage
            .done(anna, conv, GROUP, role(admin, Role::Admin))
            .await;
    }
    let stranger = stage.user("emil").await;
    for (author, user, refusal) in [
        (bert, carl, Refusal::NotAllowed),
        (bert, anna, Refusal::NotAllowed),
        (bert, bert, Refusal::NotAllowed),
        (anna, anna, Refusal::NotAllowed),
        (dora, dora, Refusal::NotAllowed),
        (dora, bert, Refusal::NotAllowed),
        (stranger, dora, Refusal::NotAllowed),
        (bert, stranger, Refusal::NotMember),
    ] {
        for until in [0, FAR] {
            stage
                .refused(author, conv, GROUP, mute(user, until), refusal)
                .await;
        }
    }
    // A role that may not be given takes the mute beside it along.
    let both = MemberPatch {
        role: Some(Role::Admin),
        muted_until: Some(FAR),
    };
    let change = Change::EditMember {
        user: dora,
        patch: both,
    };
    stage
        .refused(bert, conv, GROUP, change, Refusal::NotAllowed)
        .await;
    assert_eq!(mutes(&stage, group, dora).await, Mutes::default());
    stage.done(bert, conv, GROUP, mute(dora, FAR)).await;
    stage.done(anna, conv, GROUP, mute(carl, FAR)).await;
    let muted = stage.stores.mutes.muted(group, UserId(0), UserId(1_000));
    assert_eq!(muted.await.unwrap(), [(carl, FAR), (dora, FAR)]);
    let muted = stage.stores.mutes.muted(group, carl, dora);
    assert_eq!(muted.await.unwrap(), [(dora, FAR)]);
    // An admin's own mute holds, and a mute of all does not concern him.
    let message = EntryKind::Message;
    for silent in [carl, dora] {
        stage
            .refused(silent, conv, message, Change::Message, Refusal::NotAllowed)
            .await;
    }
    stage.done(anna, conv, GROUP, mute(carl, 0)).await;
    stage.done(bert, conv, GROUP, mute_all(FAR)).await;
    stage.say(carl, conv, "admins may").await;
    let drafts = [anna, dora, bert].map(|user| stage.message(user, conv, "at once"));
    let outcomes = stage.append(drafts.to_vec()).await;
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::NotAllowed));
    for open in [outcomes[0], outcomes[2]] {
        assert!(matches!(open, Outcome::Appended { .. }), "{open:?}");
    }
}

pub async fn a_mute_is_replaced_ended_and_outlives_leaving(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    let own = |until| Mutes {
        own: Some(until),
        all: None,
    };
    for until in [FAR, FAR + 1, FAR - 1] {
        stage.done(anna, conv, GROUP, mute(bert, until)).await;
        assert_eq!(mutes(&stage, group, bert).await, own(until));
    }
    stage.leave(bert, group).await;
    assert_eq!(mutes(&stage, group, bert).await, own(FAR - 1));
    stage.join(bert, group).await;
    assert_eq!(mutes(&stage, group, bert).await, own(FAR - 1));
    // Now is past, and so is any time before.
    for past in [0, 1, -5] {
        stage.done(anna, conv, GROUP, mute(bert, FAR)).await;
        stage.done(anna, conv, GROUP, mute(bert, past)).await;
        assert_eq!(mutes(&stage, group, bert).await, Mutes::default());
    }
}

pub async fn everybody_is_muted_by_who_runs_the_group(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let (other, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    for user in [bert, carl] {
        stage
            .refused(user, conv, GROUP, mute_all(FAR), Refusal::NotAllowed)
            .await;
    }
    stage.done(anna, conv, GROUP, mute_all(FAR)).await;
    let all = Mutes {
        own: None,
        all: Some(FAR),
    };
    for user in [anna, bert] {
        assert_eq!(mutes(&stage, group, user).await, all);
        assert_eq!(mutes(&stage, other, user).await, Mutes::default());
    }
    let nobody = stage.stores.mutes.muted(group, UserId(0), UserId(1_000));
    assert_eq!(nobody.await.unwrap(), []);
    stage.done(anna, conv, GROUP, mute(bert, FAR + 1)).await;
    let both = Mutes {
        own: Some(FAR + 1),
        all: Some(FAR),
    };
    assert_eq!(mutes(&stage, group, bert).await, both);
    // The profile beside it changes with it, and a change without it leaves it.
    let patch = GroupPatch {
        name: Some("Quiet".to_owned()),
        ..GroupPatch::default()
    };
    stage
        .done(anna, conv, GROUP, Change::EditGroup { patch })
        .await;
    assert_eq!(mutes(&stage, group, anna).await, all);
    stage.done(anna, conv, GROUP, mute_all(0)).await;
    assert_eq!(mutes(&stage, group, anna).await, Mutes::default());
    stage.done(anna, conv, GROUP, mute_all(FAR)).await;
    stage.done(anna, conv, GROUP, Change::Dissolve).await;
    assert_eq!(mutes(&stage, group, bert).await, Mutes::default());
}

pub async fn a_group_is_handed_over_by_its_owner(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    let to = |user| Change::Transfer { user };
    stage.done(anna, conv, GROUP, role(bert, Role::Admin)).await;
    stage.stores.users.set_disabled(carl, true).await.unwrap();
    for (author, user, refusal) in [
        (bert, bert, Refusal::NotAllowed),
        (bert, anna, Refusal::NotAllowed),
        (dora, dora, Refusal::NotAllowed),
        (anna, dora, Refusal::NotMember),
        (anna, UserId(999), Refusal::NotMember),
        (anna, anna, Refusal::NotAllowed),
        (anna, carl, Refusal::NotFound),
    ] {
        stage.refused(author, conv, GROUP, to(user), refusal).await;
    }
    stage.stores.users.set_disabled(carl, false).await.unwrap();
    stage.done(anna, conv, GROUP, mute(carl, FAR)).await;
    assert_eq!(stage.stores.groups.owned(anna).await.unwrap(), 1);
    stage.done(anna, conv, GROUP, to(carl)).await;
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!((after.owner, after.members), (carl, 3));
    let (owner, admin) = (Some(Role::Owner), Some(Role::Admin));
    let found = roles(&stage, group, [anna, bert, carl]).await;
    assert_eq!(found, [admin, admin, owner]);
    assert_eq!(stage.stores.groups.owned(anna).await.unwrap(), 0);
    assert_eq!(stage.stores.groups.owned(carl).await.unwrap(), 1);
    assert_eq!(
        mutes(&stage, group, carl).await,
        Mutes::default(),
        "nobody could end a mute of the owner"
    );
    stage
        .refused(anna, conv, GROUP, to(bert), Refusal::NotAllowed)
        .await;
    // So it is when a group passes on by its owner's leaving.
    stage.done(carl, conv, GROUP, mute(bert, FAR)).await;
    stage.done(carl, conv, GROUP, mute(anna, FAR)).await;
    stage.leave(carl, group).await;
    let owner = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(owner.owner, anna, "the admin who was in first");
    assert_eq!(mutes(&stage, group, anna).await, Mutes::default());
    assert_eq!(mutes(&stage, group, bert).await.own, Some(FAR));
    let snapshot = stage.stores.log.snapshot(anna).await.unwrap().unwrap();
    assert_eq!(snapshot.intervals.len(), 1, "handing over is no new stay");
}

/// A group always has one owner, and he is a member, whatever is done at the same moment on different nodes.
pub async fn whoever_hands_over_or_leaves_at_once_a_group_has_one_owner(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    for round in 0..6 {
        let (group, _) = stage.group(anna, &[bert, carl]).await;
        let conv = Conv::Group(group);
        let to = |user| stage.draft(anna, conv, GROUP, Change::Transfer { user });
        let leaving = |user| stage.draft(user, conv, LEFT, Change::Leave);
        let drafts = match round % 3 {
            0 => [to(bert), to(carl)],
            1 => [to(bert), leaving(anna)],
            _ => [to(bert), leaving(bert)],
        };
        let mut appending = Vec::new();
        for draft in drafts {
            let log = stage.another().await.log;
            appending.push(tokio::spawn(async move {
                log.append(vec![draft]).await.unwrap().outcomes[0]
            }));
        }
        let mut done = 0;
        for outcome in appending {
            if matches!(outcome.await.unwrap(), Outcome::Appended { .. }) {
                done += 1;
            }
        }
        assert!(round % 3 != 0 || done == 1, "two handed over: {done}");
        let after = stage.stores.groups.group(group).await.unwrap().unwrap();
        let members = stage.stores.groups.members(group, UserId(0), 10).await;
        let members = members.unwrap();
        let owners: Vec<UserId> = members
            .iter()
            .filter(|member| member.role == Role::Owner)
            .map(|member| member.user)
            .collect();
        assert_eq!(owners, [after.owner], "round {round}");
        assert_eq!(after.members, members.len() as u64);
    }
}
