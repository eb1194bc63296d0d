//! Messages, notices and revocations: their conditions and effects.

use super::stage::{END, Make, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{GroupId, Seq, SessionId, UserId};
use crate::model::policy::{StoreRules, Strangers};
use crate::model::user::{NewSession, TokenHash};

const MESSAGE: EntryKind = EntryKind::Message;

pub async fn messages_need_an_enabled_author_and_a_reachable_peer(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let conv = Conv::private(anna, bert);
    let users = &stage.stores.users;
    stage.say(anna, conv, "hello").await;
    stage
        .refused(
            anna,
            Conv::private(anna, UserId(999)),
            MESSAGE,
            Change::Message,
            Refusal::NotFound,
        )
        .await;
    stage
        .refused(carl, conv, MESSAGE, Change::Message, Refusal::NotAllowed)
        .await;
    stage
        .refused(
            UserId(999),
            Conv::private(anna, UserId(999)),
            MESSAGE,
            Change::Message,
            Refusal::Disabled,
        )
        .await;
    let friends = &stage.stores.friends;
    friends.set_blocked(bert, anna, true).await.unwrap();
    stage
        .refused(anna, conv, MESSAGE, Change::Message, Refusal::Blocked)
        .await;
    stage.say(bert, conv, "who blocks may still write").await;
    friends.set_blocked(bert, anna, false).await.unwrap();
    stage.say(anna, conv, "again").await;
    users.set_disabled(bert, true).await.unwrap();
    stage
        .refused(anna, conv, MESSAGE, Change::Message, Refusal::NotFound)
        .await;
    stage
        .refused(bert, conv, MESSAGE, Change::Message, Refusal::Disabled)
        .await;
    users.set_disabled(bert, false).await.unwrap();
    stage.say(bert, conv, "back").await;
    stage
        .say(anna, Conv::private(anna, anna), "note to self")
        .await;
}

pub async fn messages_to_groups_need_membership(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let conv = Conv::Group(group);
    stage.say(anna, conv, "alone").await;
    stage
        .refused(bert, conv, MESSAGE, Change::Message, Refusal::NotMember)
        .await;
    stage
        .refused(
            anna,
            Conv::Group(GroupId(999)),
            MESSAGE,
            Change::Message,
            Refusal::NotFound,
        )
        .await;
    stage
        .done(anna, conv, EntryKind::Group, Change::Dissolve)
        .await;
    stage
        .refused(anna, conv, MESSAGE, Change::Message, Refusal::NotFound)
        .await;
}

pub async fn strangers_are_refused_where_the_deployment_says_so(make: &impl Make) {
    let rules = StoreRules {
        strangers: Strangers::FriendsOnly,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    stage
        .refused(anna, conv, MESSAGE, Change::Message, Refusal::NotAllowed)
        .await;
    let befriend = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: true,
    };
    stage.done(anna, conv, EntryKind::Friend, befriend).await;
    stage.say(anna, conv, "hello friend").await;
    stage.say(bert, conv, "hello").await;
    let (group, _) = stage.group(anna, &[bert]).await;
    stage
        .done(
            bert,
            conv,
            EntryKind::Friend,
            Change::Unfriend { other: anna },
        )
        .await;
    stage
        .refused(anna, conv, MESSAGE, Change::Message, Refusal::NotAllowed)
        .await;
    stage
        .say(anna, Conv::Group(group), "groups are not private")
        .await;
    stage.say(anna, Conv::private(anna, anna), "nor am I").await;
}

pub async fn notices_and_accounts_take_no_messages(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    for conv in [Conv::Notices, Conv::Account(anna)] {
        stage
            .refused(anna, conv, MESSAGE, Change::Message, Refusal::NotAllowed)
            .await;
    }
}

pub async fn revoking_ends_sessions_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let sessions = &stage.stores.sessions;
    let [first, second, others] = [(anna, 1), (anna, 2), (bert, 3)].map(|(user, n)| NewSession {
        user,
        token: TokenHash([n; 32]),
        device: "a phone".to_owned(),
        address: "10.0.0.1".to_owned(),
        expires_at: 9_000_000_000_000,
    });
    let first = sessions.create(first).await.unwrap();
    let second = sessions.create(second).await.unwrap();
    let others = sessions.create(others).await.unwrap();
    let account = Conv::Account(anna);
    let revoke = |ids: &[SessionId]| Change::Revoke {
        sessions: ids.to_vec(),
    };
    stage
        .done(
            anna,
            account,
            EntryKind::Revoked,
            revoke(&[first.id, others.id]),
        )
        .await;
    stage
        .refused(
            anna,
            account,
            EntryKind::Revoked,
            revoke(&[first.id, others.id, SessionId(999)]),
            Refusal::NotFound,
        )
        .await;
    let left = sessions.of_user(anna).await.unwrap();
    assert_eq!(left, vec![second]);
    let (session, _) = sessions
        .by_token(&TokenHash([1; 32]))
        .await
        .unwrap()
        .unwrap();
    assert!(session.revoked);
    let (session, user) = sessions
        .by_token(&TokenHash([3; 32]))
        .await
        .unwrap()
        .unwrap();
    assert!(!session.revoked, "nobody ends another's session");
    assert_eq!(user.id, bert);
}

pub async fn sessions_of_a_disabled_account_can_be_ended(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let session = NewSession {
        user: anna,
        token: TokenHash([7; 32]),
        device: String::new(),
        address: String::new(),
        expires_at: 0,
    };
    let session = stage.stores.sessions.create(session).await.unwrap();
    stage.stores.users.set_disabled(anna, true).await.unwrap();
    let change = Change::Revoke {
        sessions: vec![session.id],
    };
    stage
        .done(anna, Conv::Account(anna), EntryKind::Revoked, change)
        .await;
    assert!(
        stage
            .stores
            .sessions
            .of_user(anna)
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn an_entry_goes_only_where_its_change_belongs(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let wrong = Refusal::Unstorable;
    let befriend = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: false,
    };
    for (conv, kind, change) in [
        (Conv::private(anna, bert), EntryKind::Joined, Change::Join),
        (Conv::private(anna, carl), EntryKind::Friend, befriend),
        (Conv::Group(group), EntryKind::Notice, Change::Notice),
        (
            Conv::Account(bert),
            EntryKind::Revoked,
            Change::Revoke {
                sessions: Vec::new(),
            },
        ),
    ] {
        stage.refused(anna, conv, kind, change, wrong).await;
    }
    // An id that a group has already is no reason to fail the others of the batch.
    let twice = Change::CreateGroup {
        group: super::stage::new_group(group, "Thieves", Default::default()),
        members: vec![carl],
    };
    let drafts = vec![
        stage.message(anna, Conv::Group(group), "before"),
        stage.draft(carl, Conv::Group(group), EntryKind::Group, twice),
        stage.message(bert, Conv::Group(group), "after"),
    ];
    let outcomes = stage.append(drafts).await;
    assert_eq!(
        outcomes[1],
        crate::model::draft::Outcome::Refused(Refusal::Unstorable)
    );
    assert_eq!(stage.head().await, Seq(3));
    assert_eq!(
        stage.stores.groups.role(group, carl).await.unwrap(),
        None,
        "a refused draft changes nothing"
    );
}

pub async fn the_system_needs_no_account(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let seq = stage.notice("welcome").await;
    let page = stage.stores.log.visible(anna, Seq::ZERO, END, 10).await;
    assert_eq!(super::stage::seqs(&page.unwrap().entries), vec![seq]);
}
