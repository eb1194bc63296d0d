//! The ways into groups that are not open: requests, answers, invitations.

use super::stage::{Make, Stage, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::group::{
    GroupPatch, Interval, InviteCode, InviteId, JoinMode, MemberPatch, NewInvite, Role,
};
use crate::model::ids::{GroupId, UserId};
use crate::model::policy::StoreRules;

const JOINED: EntryKind = EntryKind::Joined;
const ASKED: EntryKind = EntryKind::Asked;
const GROUP: EntryKind = EntryKind::Group;
const HOUR_MS: u64 = 3_600_000;

fn asking(group: GroupId, message: &str) -> Change {
    Change::Ask {
        group,
        message: message.to_owned(),
    }
}

async fn ask(stage: &Stage, user: UserId, group: GroupId, message: &str) -> u64 {
    let own = Conv::Account(user);
    stage.done(user, own, ASKED, asking(group, message)).await;
    let open = stage.stores.admissions.request_of(group, user).await;
    open.unwrap().unwrap().id
}

async fn waiting(stage: &Stage, group: GroupId) -> Vec<UserId> {
    let store = &stage.stores.admissions;
    let open = store.requests(group, 0, 100).await.unwrap();
    assert!(open.is_sorted_by_key(|request| request.id));
    let count = store.open_requests(group).await.unwrap();
    assert_eq!(count, open.len() as u64);
    open.into_iter().map(|request| request.user).collect()
}

async fn is_in(stage: &Stage, group: GroupId, user: UserId) -> bool {
    let role = stage.stores.groups.role(group, user).await.unwrap();
    role.is_some()
}

async fn set(stage: &Stage, group: GroupId, owner: UserId, join: JoinMode) {
    let patch = GroupPatch {
        join: Some(join),
        ..GroupPatch::default()
    };
    let change = Change::EditGroup { patch };
    stage.done(owner, Conv::Group(group), GROUP, change).await;
}

async fn set_role(stage: &Stage, group: GroupId, owner: UserId, user: UserId, role: Role) {
    let patch = MemberPatch {
        role: Some(role),
        muted_until: None,
    };
    let change = Change::EditMember { user, patch };
    stage.done(owner, Conv::Group(group), GROUP, change).await;
}

fn id(n: u8) -> InviteId {
    InviteCode::of([n; 16]).invite()
}

fn new_invite(n: u8, group: GroupId, creator: UserId, uses_max: u32) -> NewInvite {
    NewInvite {
        id: id(n),
        group,
        creator,
        lifetime_ms: HOUR_MS,
        uses_max,
    }
}

fn coming(n: u8) -> Change {
    Change::JoinByInvite { invite: id(n) }
}

pub async fn asking_to_be_let_in_has_conditions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let own = Conv::Account(bert);
    for mode in [JoinMode::Open, JoinMode::Invite] {
        let (other, _) = stage.group_with(anna, &[], mode).await;
        stage
            .refused(bert, own, ASKED, asking(other, ""), Refusal::NotAllowed)
            .await;
    }
    let (group, _) = stage.group_with(anna, &[], JoinMode::Approval).await;
    stage
        .refused(
            bert,
            own,
            ASKED,
            asking(GroupId(999), ""),
            Refusal::NotFound,
        )
        .await;
    let of_anna = Conv::Account(anna);
    stage
        .refused(
            anna,
            of_anna,
            ASKED,
            asking(group, ""),
            Refusal::AlreadyMember,
        )
        .await;
    for elsewhere in [of_anna, Conv::Group(group)] {
        stage
            .refused(
                bert,
                elsewhere,
                ASKED,
                asking(group, ""),
                Refusal::Unstorable,
            )
            .await;
    }
    let first = ask(&stage, bert, group, "please").await;
    let again = ask(&stage, bert, group, "请让我进来").await;
    assert_eq!(first, again, "the same request in other words");
    let open = stage.stores.admissions.request_of(group, bert).await;
    let open = open.unwrap().unwrap();
    assert_eq!((open.user, open.message.as_str()), (bert, "请让我进来"));
    assert!(open.at > 0);
    assert_eq!(waiting(&stage, group).await, [bert]);
    for user in [anna, bert] {
        let seen = stage.visible(user).await;
        let shown = if user == anna { 3 } else { 0 };
        assert_eq!(seen.len(), shown, "nobody is shown that somebody asked");
    }
    stage
        .done(anna, Conv::Group(group), GROUP, Change::Dissolve)
        .await;
    assert_eq!(waiting(&stage, group).await, []);
    stage
        .refused(bert, own, ASKED, asking(group, ""), Refusal::NotFound)
        .await;
}

pub async fn a_request_to_come_in_is_answered_once_by_who_runs_the_group(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group_with(anna, &[bert], JoinMode::Approval).await;
    let (conv, of_carl) = (Conv::Group(group), Conv::Account(carl));
    let request = ask(&stage, carl, group, "").await;
    let yes = |request, user| Change::Approve { request, user };
    let no = |request, user| Change::Decline {
        group,
        request,
        user,
    };
    for (author, request, user, refusal) in [
        (bert, request, carl, Refusal::NotAllowed),
        (carl, request, carl, Refusal::NotAllowed),
        (dora, request, carl, Refusal::NotAllowed),
        (anna, request + 1, carl, Refusal::NotFound),
        (anna, request, dora, Refusal::NotFound),
        (anna, request, UserId(999), Refusal::NotFound),
    ] {
        stage
            .refused(author, conv, JOINED, yes(request, user), refusal)
            .await;
        let asker = Conv::Account(user);
        stage
            .refused(author, asker, ASKED, no(request, user), refusal)
            .await;
    }
    let wrong = Refusal::Unstorable;
    stage
        .refused(anna, of_carl, JOINED, yes(request, carl), wrong)
        .await;
    stage
        .refused(anna, conv, ASKED, no(request, carl), wrong)
        .await;
    stage.done(anna, of_carl, ASKED, no(request, carl)).await;
    assert_eq!(waiting(&stage, group).await, []);
    assert!(!is_in(&stage, group, carl).await);
    for change in [yes(request, carl), yes(0, carl)] {
        stage
            .refused(anna, conv, JOINED, change, Refusal::NotFound)
            .await;
    }
    let other = ask(&stage, carl, group, "once more").await;
    assert_ne!(other, request);
    set_role(&stage, group, anna, bert, Role::Admin).await;
    let from = stage.done(bert, conv, JOINED, yes(other, carl)).await;
    assert_eq!(waiting(&stage, group).await, []);
    let snapshot = stage.stores.log.snapshot(carl).await.unwrap().unwrap();
    let to = None;
    assert_eq!(snapshot.intervals, [Interval { group, from, to }]);
    assert_eq!(stage.visible(carl).await, [from]);
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(after.members, 3);
    stage
        .refused(bert, conv, JOINED, yes(other, carl), Refusal::NotFound)
        .await;
}

pub async fn nobody_is_let_into_a_full_group_or_with_a_disabled_account(make: &impl Make) {
    let rules = StoreRules {
        group_max: 2,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group_with(anna, &[], JoinMode::Approval).await;
    let conv = Conv::Group(group);
    let mut requests = Vec::new();
    for user in [bert, carl] {
        requests.push(ask(&stage, user, group, "").await);
    }
    let yes = |request, user| Change::Approve { request, user };
    stage.stores.users.set_disabled(bert, true).await.unwrap();
    stage
        .refused(
            anna,
            conv,
            JOINED,
            yes(requests[0], bert),
            Refusal::NotFound,
        )
        .await;
    stage.stores.users.set_disabled(bert, false).await.unwrap();
    stage.done(anna, conv, JOINED, yes(requests[0], bert)).await;
    stage
        .refused(
            anna,
            conv,
            JOINED,
            yes(requests[1], carl),
            Refusal::GroupFull,
        )
        .await;
    let store = &stage.stores.admissions;
    store.invite(new_invite(1, group, anna, 0)).await.unwrap();
    stage
        .refused(carl, conv, JOINED, coming(1), Refusal::GroupFull)
        .await;
    let used = store.find_invite(&id(1)).await.unwrap().unwrap().used;
    assert_eq!(used, 0, "a refused draft changes nothing");
    assert_eq!(waiting(&stage, group).await, [carl]);
    stage.leave(bert, group).await;
    stage.done(anna, conv, JOINED, yes(requests[1], carl)).await;
}

pub async fn whoever_comes_in_otherwise_waits_no_longer(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let emil = stage.user("emil").await;
    let (group, _) = stage.group_with(anna, &[], JoinMode::Approval).await;
    let (other, _) = stage.group_with(anna, &[], JoinMode::Approval).await;
    let conv = Conv::Group(group);
    for user in [bert, carl, dora, emil] {
        ask(&stage, user, group, "").await;
        ask(&stage, user, other, "").await;
    }
    let counts = stage.stores.admissions.requests_for(anna).await.unwrap();
    assert_eq!(Vec::from_iter(counts), [(group, 4), (other, 4)]);
    let counts = stage.stores.admissions.requests_for(bert).await.unwrap();
    assert!(counts.is_empty(), "a stranger runs nothing");
    let page = stage.stores.admissions.requests(group, 0, 3).await.unwrap();
    assert_eq!(page.len(), 3);
    let rest = stage.stores.admissions.requests(group, page[2].id, 3).await;
    assert_eq!(rest.unwrap()[0].user, emil);
    let users = vec![bert, carl];
    stage.done(anna, conv, JOINED, Change::Add { users }).await;
    assert_eq!(waiting(&stage, group).await, [dora, emil]);
    let counts = stage.stores.admissions.requests_for(bert).await.unwrap();
    assert!(counts.is_empty(), "and so does a member");
    let invite = new_invite(1, group, anna, 0);
    stage.stores.admissions.invite(invite).await.unwrap();
    stage.done(dora, conv, JOINED, coming(1)).await;
    assert_eq!(waiting(&stage, group).await, [emil]);
    set(&stage, group, anna, JoinMode::Open).await;
    stage.join(emil, group).await;
    assert_eq!(waiting(&stage, group).await, []);
    assert_eq!(waiting(&stage, other).await, [bert, carl, dora, emil]);
    // Who left waits no more than who never asked.
    stage.leave(bert, group).await;
    assert_eq!(waiting(&stage, group).await, []);
}

pub async fn an_invitation_lets_in_however_the_group_lets_in_otherwise(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let store = &stage.stores.admissions;
    for (n, mode) in [
        (1, JoinMode::Open),
        (2, JoinMode::Approval),
        (3, JoinMode::Invite),
    ] {
        let (group, _) = stage.group_with(anna, &[], mode).await;
        let conv = Conv::Group(group);
        let made = store.invite(new_invite(n, group, anna, 0)).await.unwrap();
        let again = store.invite(new_invite(n, group, anna, 0)).await.unwrap();
        assert_eq!(made, again, "made once");
        assert_eq!((made.group, made.creator), (group, anna));
        assert_eq!(made.expires_at - made.created_at, HOUR_MS.cast_signed());
        assert!(made.created_at > 0 && !made.revoked);
        stage
            .refused(anna, conv, JOINED, coming(n), Refusal::AlreadyMember)
            .await;
        for wrong in [id(99), id(n % 3 + 1)]
            .into_iter()
            .filter(|wrong| *wrong != id(n))
        {
            let change = Change::JoinByInvite { invite: wrong };
            stage
                .refused(bert, conv, JOINED, change, Refusal::NotFound)
                .await;
        }
        let elsewhere = Conv::Account(bert);
        stage
            .refused(bert, elsewhere, JOINED, coming(n), Refusal::Unstorable)
            .await;
        let from = stage.done(bert, conv, JOINED, coming(n)).await;
        assert!(stage.visible(bert).await.contains(&from));
        assert!(is_in(&stage, group, bert).await);
        stage
            .refused(bert, conv, JOINED, coming(n), Refusal::AlreadyMember)
            .await;
        let used = store.find_invite(&id(n)).await.unwrap().unwrap();
        assert_eq!((used.used, used.uses_max), (1, 0));
        assert_eq!(store.invites(group, 10).await.unwrap(), [used]);
    }
    assert_eq!(store.find_invite(&id(77)).await.unwrap(), None);
}

pub async fn an_invitation_ends(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group_with(anna, &[bert], JoinMode::Open).await;
    let conv = Conv::Group(group);
    let store = &stage.stores.admissions;
    let gone = async |user, n| {
        stage
            .refused(user, conv, JOINED, coming(n), Refusal::Gone)
            .await;
    };
    // Used up.
    store.invite(new_invite(1, group, anna, 1)).await.unwrap();
    stage.done(carl, conv, JOINED, coming(1)).await;
    gone(dora, 1).await;
    // Expired.
    let short = NewInvite {
        lifetime_ms: 0,
        ..new_invite(2, group, anna, 0)
    };
    store.invite(short).await.unwrap();
    gone(dora, 2).await;
    // Revoked; and by the group it is for only.
    store.invite(new_invite(3, group, anna, 0)).await.unwrap();
    assert!(!store.revoke_invite(GroupId(999), &id(3)).await.unwrap());
    assert!(!store.revoke_invite(group, &id(99)).await.unwrap());
    for _ in 0..2 {
        assert!(store.revoke_invite(group, &id(3)).await.unwrap());
    }
    gone(dora, 3).await;
    assert!(store.find_invite(&id(3)).await.unwrap().unwrap().revoked);
    let listed = store.invites(group, 10).await.unwrap();
    assert!(listed.iter().all(|invite| invite.id != id(3)));
    // By a member who may not invite any more.
    store.invite(new_invite(4, group, bert, 0)).await.unwrap();
    set(&stage, group, anna, JoinMode::Approval).await;
    gone(dora, 4).await;
    set_role(&stage, group, anna, bert, Role::Admin).await;
    stage.done(dora, conv, JOINED, coming(4)).await;
    stage.leave(dora, group).await;
    stage.leave(bert, group).await;
    gone(dora, 4).await;
    set(&stage, group, anna, JoinMode::Open).await;
    stage.done(dora, conv, JOINED, coming(4)).await;
    stage.leave(dora, group).await;
    // Forgotten, some time after they expired.
    store.forget_invites(group, HOUR_MS).await.unwrap();
    assert!(store.find_invite(&id(2)).await.unwrap().is_some());
    store.forget_invites(GroupId(999), 0).await.unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    store.forget_invites(group, 0).await.unwrap();
    assert_eq!(store.find_invite(&id(2)).await.unwrap(), None);
    assert!(store.find_invite(&id(1)).await.unwrap().is_some());
    // With its group.
    stage.done(anna, conv, GROUP, Change::Dissolve).await;
    gone(dora, 4).await;
}

/// Of many who hold an invitation for a few, on different nodes, so few come in.
pub async fn an_invitation_for_one_lets_in_one_of_those_who_use_it_at_once(make: &impl Make) {
    const USES: u32 = 2;
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let guests = stage.users(["g1", "g2", "g3", "g4", "g5"]).await;
    let (group, _) = stage.group_with(anna, &[], JoinMode::Invite).await;
    let store = &stage.stores.admissions;
    store
        .invite(new_invite(1, group, anna, USES))
        .await
        .unwrap();
    let conv = Conv::Group(group);
    let drafts = guests.map(|guest| stage.draft(guest, conv, JOINED, coming(1)));
    let came = at_once(&stage, drafts.to_vec()).await;
    let refused = Outcome::Refused(Refusal::Gone);
    let in_vain = came.iter().filter(|outcome| **outcome == refused).count();
    assert_eq!(in_vain, guests.len() - USES as usize, "{came:?}");
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(after.members, 1 + u64::from(USES));
    let used = store.find_invite(&id(1)).await.unwrap().unwrap().used;
    assert_eq!(used, USES);
}

/// Two admins who answer at once, or one who adds whom the other lets in: he is in once, and nobody waits.
pub async fn who_is_let_in_twice_at_once_is_in_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group_with(anna, &[bert], JoinMode::Approval).await;
    set_role(&stage, group, anna, bert, Role::Admin).await;
    let conv = Conv::Group(group);
    let guests = stage.users(["g1", "g2", "g3"]).await;
    for guest in guests {
        let request = ask(&stage, guest, group, "").await;
        let yes = Change::Approve {
            request,
            user: guest,
        };
        let no = Change::Decline {
            group,
            request,
            user: guest,
        };
        let users = vec![guest];
        let drafts = vec![
            stage.draft(anna, conv, JOINED, yes.clone()),
            stage.draft(bert, conv, JOINED, yes),
            stage.draft(anna, conv, JOINED, Change::Add { users }),
            stage.draft(bert, Conv::Account(guest), ASKED, no),
        ];
        let outcomes = at_once(&stage, drafts).await;
        let came_in = outcomes[..3]
            .iter()
            .filter(|outcome| matches!(outcome, Outcome::Appended { .. }))
            .count();
        assert_eq!(came_in, 1, "{outcomes:?}");
        assert_eq!(waiting(&stage, group).await, []);
        let snapshot = stage.stores.log.snapshot(guest).await.unwrap().unwrap();
        assert_eq!(snapshot.intervals.len(), 1);
    }
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(after.members, 5);
}

/// Appends each on a connection of its own.
async fn at_once(stage: &Stage, drafts: Vec<Draft>) -> Vec<Outcome> {
    let mut appending = Vec::new();
    for draft in drafts {
        let log = stage.another().await.log;
        appending.push(tokio::spawn(async move {
            log.append(vec![draft]).await.unwrap().outcomes[0]
        }));
    }
    let mut outcomes = Vec::new();
    for appended in appending {
        outcomes.push(appended.await.unwrap());
    }
    outcomes
}
