//! Groups: conditions, stays, succession, profile.

use super::stage::{END, Make, empty, new_group};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Refusal};
use crate::model::entry::EntryKind;
use crate::model::group::{GroupPatch, Interval, JoinMode, Role};
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::policy::StoreRules;

const JOINED: EntryKind = EntryKind::Joined;
const LEFT: EntryKind = EntryKind::Left;
const GROUP: EntryKind = EntryKind::Group;

pub async fn a_new_group_holds_its_members_from_its_first_entry(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    // The owner and repetitions in the list of members count once.
    let (id, seq) = stage.group(anna, &[bert, anna, bert]).await;
    let groups = &stage.stores.groups;
    let group = groups.group(id).await.unwrap().unwrap();
    assert_eq!((group.id, group.owner, group.members), (id, anna, 2));
    assert_eq!((group.name.as_str(), group.category), ("The group", 1));
    assert_eq!((group.memo.as_str(), group.join), ("about", JoinMode::Open));
    assert!(!group.dissolved && group.created_at > 0);
    let roles = [anna, bert, carl].map(|user| groups.role(id, user));
    let [of_anna, of_bert, of_carl] = roles;
    assert_eq!(of_anna.await.unwrap(), Some(Role::Owner));
    assert_eq!(of_bert.await.unwrap(), Some(Role::Member));
    assert_eq!(of_carl.await.unwrap(), None);
    let snapshot = stage.stores.log.snapshot(bert).await.unwrap().unwrap();
    let stay = Interval {
        group: id,
        from: seq,
        to: None,
    };
    assert_eq!(snapshot.intervals, vec![stay]);
    let of_user = groups.of_user(bert).await.unwrap();
    assert_eq!(of_user, vec![(group, Role::Member)]);
    assert_eq!(groups.of_user(carl).await.unwrap(), vec![]);
    assert_eq!(groups.group(GroupId(999)).await.unwrap(), None);
}

pub async fn a_group_is_made_only_of_existing_users_and_within_bounds(make: &impl Make) {
    let rules = StoreRules {
        group_max: 3,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [a, b, c, d] = stage.users(["a1", "b1", "c1", "d1"]).await;
    let id = stage.stores.groups.draw_id().await.unwrap();
    let conv = Conv::Group(id);
    let create = |members: &[UserId]| Change::CreateGroup {
        group: new_group(id, "three", JoinMode::Open),
        members: members.to_vec(),
    };
    stage
        .refused(a, conv, GROUP, create(&[UserId(999)]), Refusal::NotFound)
        .await;
    stage
        .refused(a, conv, GROUP, create(&[b, c, d]), Refusal::GroupFull)
        .await;
    stage.done(a, conv, GROUP, create(&[b])).await;
    let add = |users: &[UserId]| Change::Add {
        users: users.to_vec(),
    };
    stage
        .refused(a, conv, JOINED, add(&[c, d]), Refusal::GroupFull)
        .await;
    stage.done(a, conv, JOINED, add(&[c])).await;
    stage
        .refused(d, conv, JOINED, Change::Join, Refusal::GroupFull)
        .await;
    stage.leave(b, id).await;
    stage.join(d, id).await;
    let group = stage.stores.groups.group(id).await.unwrap().unwrap();
    assert_eq!(group.members, 3);
}

pub async fn joining_has_conditions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let join = async |user, group, refusal| {
        stage
            .refused(user, Conv::Group(group), JOINED, Change::Join, refusal)
            .await;
    };
    let (open, _) = stage.group(anna, &[]).await;
    join(bert, GroupId(999), Refusal::NotFound).await;
    join(anna, open, Refusal::AlreadyMember).await;
    for mode in [JoinMode::Approval, JoinMode::Invite] {
        let (closed, _) = stage.group_with(anna, &[], mode).await;
        join(bert, closed, Refusal::NotAllowed).await;
        join(anna, closed, Refusal::AlreadyMember).await;
    }
    stage.join(bert, open).await;
    join(bert, open, Refusal::AlreadyMember).await;
    stage
        .done(anna, Conv::Group(open), GROUP, Change::Dissolve)
        .await;
    join(bert, open, Refusal::NotFound).await;
}

pub async fn adding_has_conditions(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let add = |users: &[UserId]| Change::Add {
        users: users.to_vec(),
    };
    let (open, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(open);
    for (author, users, refusal) in [
        (carl, vec![dora], Refusal::NotMember),
        (bert, vec![carl, UserId(999)], Refusal::NotFound),
        (bert, vec![carl, anna], Refusal::AlreadyMember),
        (bert, vec![], Refusal::NotFound),
    ] {
        stage
            .refused(author, conv, JOINED, add(&users), refusal)
            .await;
    }
    let friends = &stage.stores.friends;
    friends.set_blocked(carl, bert, true).await.unwrap();
    stage
        .refused(bert, conv, JOINED, add(&[carl, dora]), Refusal::Blocked)
        .await;
    assert_eq!(stage.stores.groups.role(open, dora).await.unwrap(), None);
    let seq = stage
        .done(anna, conv, JOINED, add(&[carl, dora, carl]))
        .await;
    let group = stage.stores.groups.group(open).await.unwrap().unwrap();
    assert_eq!(group.members, 4);
    assert_eq!(stage.visible(dora).await, vec![seq]);
    let (closed, _) = stage.group_with(anna, &[bert], JoinMode::Invite).await;
    let conv = Conv::Group(closed);
    stage
        .refused(bert, conv, JOINED, add(&[dora]), Refusal::NotAllowed)
        .await;
    stage.done(anna, conv, JOINED, add(&[dora])).await;
}

pub async fn leave_and_rejoin_are_two_stays(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    let mut stays = Vec::new();
    for _ in 0..3 {
        stage.say(anna, conv, "without bert").await;
        let from = stage.join(bert, group).await;
        stage.say(anna, conv, "with bert").await;
        let to = Some(stage.leave(bert, group).await);
        stays.push(Interval { group, from, to });
        stage
            .refused(bert, conv, LEFT, Change::Leave, Refusal::NotMember)
            .await;
    }
    let from = stage.join(bert, group).await;
    stays.push(Interval {
        group,
        from,
        to: None,
    });
    let snapshot = stage.stores.log.snapshot(bert).await.unwrap().unwrap();
    assert_eq!(snapshot.intervals, stays);
    assert_eq!(snapshot.log.head, from);
    let group = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(group.members, 2);
}

pub async fn an_owners_group_goes_to_the_longest_standing_member(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(dora, &[]).await;
    for user in [carl, bert, anna] {
        stage.join(user, group).await;
    }
    let groups = &stage.stores.groups;
    for successor in [carl, bert, anna] {
        let owner = groups.group(group).await.unwrap().unwrap().owner;
        stage.leave(owner, group).await;
        assert_eq!(groups.group(group).await.unwrap().unwrap().owner, successor);
        assert_eq!(
            groups.role(group, successor).await.unwrap(),
            Some(Role::Owner)
        );
        assert_eq!(groups.role(group, owner).await.unwrap(), None);
    }
}

pub async fn the_last_ones_leaving_dissolves_the_group(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let (group, _) = stage.group(anna, &[]).await;
    let left = stage.leave(anna, group).await;
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert!(after.dissolved);
    assert_eq!(after.members, 0);
    assert!(stage.visible(anna).await.contains(&left));
    stage
        .refused(
            anna,
            Conv::Group(group),
            JOINED,
            Change::Join,
            Refusal::NotFound,
        )
        .await;
}

pub async fn removing_needs_a_higher_role(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[bert, carl]).await;
    let conv = Conv::Group(group);
    for (author, user, refusal) in [
        (bert, carl, Refusal::NotAllowed),
        (bert, anna, Refusal::NotAllowed),
        (anna, anna, Refusal::NotAllowed),
        (dora, bert, Refusal::NotAllowed),
        (anna, dora, Refusal::NotMember),
    ] {
        stage
            .refused(author, conv, LEFT, Change::Kick { user }, refusal)
            .await;
    }
    let left = stage
        .done(anna, conv, LEFT, Change::Kick { user: carl })
        .await;
    stage.say(anna, conv, "carl is gone").await;
    assert_eq!(stage.visible(carl).await.last(), Some(&left));
    stage
        .refused(
            anna,
            conv,
            LEFT,
            Change::Kick { user: carl },
            Refusal::NotMember,
        )
        .await;
}

pub async fn dissolving_closes_all_stays(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, from) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(group);
    stage
        .refused(bert, conv, GROUP, Change::Dissolve, Refusal::NotAllowed)
        .await;
    let end = stage.done(anna, conv, GROUP, Change::Dissolve).await;
    for user in [anna, bert] {
        let snapshot = stage.stores.log.snapshot(user).await.unwrap().unwrap();
        let to = Some(end);
        assert_eq!(snapshot.intervals, vec![Interval { group, from, to }]);
        assert_eq!(stage.visible(user).await, vec![from, end]);
        assert!(stage.stores.groups.of_user(user).await.unwrap().is_empty());
        let list = stage.stores.conversations.conversations(user, END).await;
        assert!(list.unwrap().1.is_empty());
    }
    let after = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert!(after.dissolved);
    for change in [
        Change::Dissolve,
        Change::Kick { user: bert },
        Change::EditGroup {
            patch: GroupPatch::default(),
        },
    ] {
        stage
            .refused(anna, conv, GROUP, change, Refusal::NotFound)
            .await;
    }
}

pub async fn the_profile_is_changed_by_who_runs_the_group(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (id, _) = stage.group(anna, &[bert]).await;
    let conv = Conv::Group(id);
    let patch = GroupPatch {
        name: Some("新名字".to_owned()),
        category: Some(4),
        join: Some(JoinMode::Invite),
        ..GroupPatch::default()
    };
    let edit = Change::EditGroup { patch };
    for user in [bert, carl] {
        stage
            .refused(user, conv, GROUP, edit.clone(), Refusal::NotAllowed)
            .await;
    }
    let groups = &stage.stores.groups;
    let before = groups.group(id).await.unwrap().unwrap();
    stage.done(anna, conv, GROUP, edit).await;
    let after = groups.group(id).await.unwrap().unwrap();
    assert_eq!(after.name, "新名字");
    assert_eq!((after.category, after.join), (4, JoinMode::Invite));
    assert_eq!((after.memo, after.icon), (before.memo, before.icon));
    assert_eq!(after.members, 2);
}

pub async fn open_groups_are_found_by_name_and_id(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let groups = &stage.stores.groups;
    let mut ids = Vec::new();
    for (name, join) in [
        ("Starlings of Rome", JoinMode::Open),
        ("starling", JoinMode::Open),
        ("Secret starlings", JoinMode::Invite),
        ("椋鸟 50%_off", JoinMode::Approval),
    ] {
        let id = groups.draw_id().await.unwrap();
        let change = Change::CreateGroup {
            group: new_group(id, name, join),
            members: vec![],
        };
        stage.done(anna, Conv::Group(id), GROUP, change).await;
        ids.push(id);
    }
    let search = async |query: &str| {
        let found = groups.search(query, 10).await.unwrap();
        found.into_iter().map(|group| group.id).collect::<Vec<_>>()
    };
    assert_eq!(search("STARLING").await, vec![ids[1], ids[0]]);
    assert_eq!(search("鸟").await, vec![ids[3]]);
    assert_eq!(search("%_").await, vec![ids[3]]);
    assert_eq!(search("%").await, vec![ids[3]]);
    assert!(search(&ids[0].to_string()).await.contains(&ids[0]));
    assert!(!search(&ids[2].to_string()).await.contains(&ids[2]));
    assert_eq!(search("nothing like it").await, vec![]);
    assert_eq!(groups.search("star", 1).await.unwrap().len(), 1);
    stage
        .done(anna, Conv::Group(ids[1]), GROUP, Change::Dissolve)
        .await;
    assert_eq!(search("starling").await, vec![ids[0]]);
}

pub async fn members_are_listed_in_pages(make: &impl Make) {
    let stage = empty(make).await;
    let users = stage.users(["u1a", "u2a", "u3a", "u4a", "u5a"]).await;
    let (group, _) = stage.group(users[2], &users).await;
    stage.leave(users[3], group).await;
    let mut after = UserId::SYSTEM;
    let mut all = Vec::new();
    loop {
        let page = stage.stores.groups.members(group, after, 2).await.unwrap();
        assert!(page.len() <= 2);
        let Some(last) = page.last() else {
            break;
        };
        after = last.user;
        all.extend(page.iter().map(|member| (member.user, member.role)));
        assert!(page.iter().all(|member| member.joined_at > 0));
    }
    let expected = [
        (users[0], Role::Member),
        (users[1], Role::Member),
        (users[2], Role::Owner),
        (users[4], Role::Member),
    ];
    assert_eq!(all, expected);
}

pub async fn drawn_ids_differ(make: &impl Make) {
    let stage = empty(make).await;
    let groups = &stage.stores.groups;
    let drawn = (0..8).map(|_| groups.draw_id());
    let mut ids: Vec<GroupId> = Vec::new();
    for id in futures_util::future::join_all(drawn).await {
        ids.push(id.unwrap());
    }
    assert!(ids.iter().all(|id| id.0 > 0));
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 8);
    assert_eq!(stage.head().await, Seq::ZERO);
}
