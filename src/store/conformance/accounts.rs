//! Accounts, sessions, and the registry of nodes.

use super::stage::{Make, empty, new_user};
use crate::model::ids::{Incarnation, UserId};
use crate::model::user::{LoginName, NewSession, NewUser, Sex, TokenHash, UserPatch};
use crate::store::{AccountError, NodeRow};

pub async fn the_first_user_is_an_admin(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.account("anna").await;
    let bert = stage.account("bert").await;
    assert!(anna.admin && !bert.admin);
    assert!(anna.id.0 > 0 && bert.id > anna.id);
    assert!(!anna.disabled && anna.created_at > 0);
    let users = &stage.stores.users;
    assert_eq!(users.user(anna.id).await.unwrap(), Some(anna.clone()));
    assert_eq!(users.user(UserId(999)).await.unwrap(), None);
    assert_eq!(users.user(UserId::SYSTEM).await.unwrap(), None);
    let mut both = users.users(&[bert.id, UserId(999), anna.id]).await.unwrap();
    both.sort_by_key(|user| user.id);
    assert_eq!(both, vec![anna, bert]);
}

pub async fn names_and_addresses_are_unique_without_regard_to_case(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let first = NewUser {
        phone: Some("+4912345".to_owned()),
        email: Some("Änne@Example.org".to_owned()),
        ..new_user("Änne")
    };
    let first = users.create(first).await.unwrap();
    assert_eq!(first.name, "Änne");
    let name = users.create(other("äNNE")).await;
    assert!(matches!(name, Err(AccountError::NameTaken)), "{name:?}");
    let phone = NewUser {
        phone: Some("+4912345".to_owned()),
        ..other("bert")
    };
    let phone = users.create(phone).await;
    assert!(matches!(phone, Err(AccountError::PhoneTaken)), "{phone:?}");
    let email = NewUser {
        email: Some("ÄNNE@example.ORG".to_owned()),
        ..other("bert")
    };
    let email = users.create(email).await;
    assert!(matches!(email, Err(AccountError::EmailTaken)), "{email:?}");
    assert_eq!(users.list(UserId::SYSTEM, 10).await.unwrap(), vec![first]);
    // Several without phone and address are no clash; nor are names that only look alike.
    for name in ["bert", "anne", "Anne2"] {
        users.create(other(name)).await.unwrap();
    }
    let found = users
        .credentials(&LoginName::Name("ÄNNE".to_owned()))
        .await
        .unwrap();
    assert_eq!(found.unwrap().0.name, "Änne");
}

fn other(name: &str) -> NewUser {
    NewUser {
        password_hash: "$scrypt$another".to_owned(),
        ..new_user(name)
    }
}

pub async fn a_repeated_registration_is_the_same_account(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let by_phone = NewUser {
        name: None,
        phone: Some("1".to_owned()),
        ..new_user("x")
    };
    for new in [new_user("anna"), by_phone] {
        let first = users.create(new.clone()).await.unwrap();
        assert_eq!(users.create(new).await.unwrap(), first);
    }
    assert_eq!(users.list(UserId::SYSTEM, 10).await.unwrap().len(), 2);
}

pub async fn an_account_without_name_is_named_after_its_id(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    for name in ["u2", "U3"] {
        users.create(other(name)).await.unwrap();
    }
    for phone in ["1", "2", "3"] {
        let new = NewUser {
            name: None,
            phone: Some(phone.to_owned()),
            ..new_user("x")
        };
        let user = users.create(new).await.unwrap();
        assert_eq!(user.name, format!("u{}", user.id));
    }
}

pub async fn credentials_are_found_by_name_or_phone(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let new = NewUser {
        phone: Some("555".to_owned()),
        ..new_user("anna")
    };
    let anna = users.create(new).await.unwrap();
    users.set_disabled(anna.id, true).await.unwrap();
    users.set_password(anna.id, "$scrypt$new").await.unwrap();
    for name in [
        LoginName::Name("Anna".to_owned()),
        LoginName::Phone("555".to_owned()),
    ] {
        let (user, hash) = users.credentials(&name).await.unwrap().unwrap();
        assert_eq!((user.id, user.disabled), (anna.id, true));
        assert_eq!(hash, "$scrypt$new");
    }
    for name in [
        LoginName::Name("555".to_owned()),
        LoginName::Phone("anna".to_owned()),
    ] {
        assert!(users.credentials(&name).await.unwrap().is_none());
    }
}

pub async fn a_password_is_replaced_only_while_it_is_the_expected_one(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let anna = stage.account("anna").await.id;
    users.set_password(anna, "$scrypt$Old").await.unwrap();
    let replaced = async |id: UserId, old: &str, new: &str| {
        let done = users.replace_password(id, old, new).await;
        done.unwrap()
    };
    for other in ["$scrypt$old", "$scrypt$Old ", ""] {
        assert!(!replaced(anna, other, "$scrypt$new").await, "{other}");
    }
    assert!(!replaced(UserId(999), "$scrypt$Old", "$scrypt$new").await);
    assert!(replaced(anna, "$scrypt$Old", "$scrypt$new").await);
    assert!(!replaced(anna, "$scrypt$Old", "$scrypt$newer").await);
    let name = LoginName::Name("anna".to_owned());
    let (_, hash) = users.credentials(&name).await.unwrap().unwrap();
    assert_eq!(hash, "$scrypt$new");
}

pub async fn what_was_brought_in_keeps_its_first_id(make: &impl Make) {
    let stage = empty(make).await;
    let imports = &stage.stores.imports;
    let remember = async |source: &str, kind: &str, ids: &[(&str, u64)]| {
        let ids: Vec<_> = ids
            .iter()
            .map(|(old, new)| ((*old).to_owned(), *new))
            .collect();
        imports.remember(source, kind, &ids).await.unwrap();
    };
    remember("ginchat", "user", &[("7", 1), ("a ", 3)]).await;
    remember("ginchat", "user", &[("7", 2), ("a ", 3), ("9", 4)]).await;
    remember("ginchat", "group", &[("7", (1 << 53) - 1)]).await;
    remember("ginchat", "group", &[]).await;
    remember("shyim", "user", &[("7", 5)]).await;
    let asked: Vec<String> = ["7", "A ", "a", "a ", "8"].map(str::to_owned).into();
    let mapped = async |source: &str, kind: &str| {
        let found = imports.mapped(source, kind, &asked).await.unwrap();
        found.into_iter().collect::<Vec<_>>()
    };
    assert_eq!(
        mapped("ginchat", "user").await,
        [("7".to_owned(), 1), ("a ".to_owned(), 3)]
    );
    assert_eq!(
        mapped("ginchat", "group").await,
        [("7".to_owned(), (1 << 53) - 1)]
    );
    assert_eq!(mapped("shyim", "user").await, [("7".to_owned(), 5)]);
    assert!(mapped("imooc", "user").await.is_empty());
    assert!(
        imports
            .mapped("ginchat", "user", &[])
            .await
            .unwrap()
            .is_empty()
    );
}

pub async fn users_are_found_and_the_best_match_comes_first(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let make_user = async |name: &str, nickname: &str| {
        let new = NewUser {
            nickname: nickname.to_owned(),
            ..new_user(name)
        };
        users.create(new).await.unwrap().id
    };
    let joanna = make_user("Joanna", "jo").await;
    let annabel = make_user("annabel", "bel").await;
    let anna = make_user("ANNA", "an").await;
    let other = make_user("zed", "anna's 50%_fan 鸟").await;
    let phone = NewUser {
        phone: Some("4711".to_owned()),
        ..new_user("yan")
    };
    let phone = users.create(phone).await.unwrap().id;
    let search = async |query: &str| {
        let found = users.search(query, 10).await.unwrap();
        found.into_iter().map(|user| user.id).collect::<Vec<_>>()
    };
    let found = search("anna").await;
    assert_eq!(found, vec![anna, annabel, other, joanna]);
    assert_eq!(search("鸟").await, vec![other]);
    assert_eq!(search("%_").await, vec![other]);
    assert_eq!(search("4711").await, vec![phone]);
    assert_eq!(
        search("471").await,
        vec![],
        "phones are not searched in part"
    );
    assert!(search(&annabel.to_string()).await.contains(&annabel));
    users.set_disabled(anna, true).await.unwrap();
    assert_eq!(search("anna").await, vec![annabel, other, joanna]);
    let all = users.search_all("anna", 10).await.unwrap();
    let all: Vec<UserId> = all.into_iter().map(|user| user.id).collect();
    assert_eq!(all, vec![anna, annabel, other, joanna]);
    assert_eq!(users.search("anna", 1).await.unwrap().len(), 1);
}

pub async fn profiles_change_field_by_field(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let anna = stage.account("anna").await;
    let bert = NewUser {
        phone: Some("1".to_owned()),
        email: Some("bert@example.org".to_owned()),
        ..new_user("bert")
    };
    users.create(bert).await.unwrap();
    let patch = UserPatch {
        nickname: Some("Ännchen".to_owned()),
        sex: Some(Sex::W),
        phone: Some(Some("2".to_owned())),
        ..UserPatch::default()
    };
    let after = users.update(anna.id, patch).await.unwrap();
    assert_eq!((after.nickname.as_str(), after.sex), ("Ännchen", Sex::W));
    assert_eq!(after.phone.as_deref(), Some("2"));
    assert_eq!((&after.name, &after.memo), (&anna.name, &anna.memo));
    assert_eq!(users.search("ÄNNCHEN", 5).await.unwrap().len(), 1);
    let phone = |phone: Option<&str>| UserPatch {
        phone: Some(phone.map(str::to_owned)),
        ..UserPatch::default()
    };
    let email = UserPatch {
        email: Some(Some("BERT@example.org".to_owned())),
        ..UserPatch::default()
    };
    let taken = users.update(anna.id, phone(Some("1"))).await;
    assert!(matches!(taken, Err(AccountError::PhoneTaken)), "{taken:?}");
    let taken = users.update(anna.id, email).await;
    assert!(matches!(taken, Err(AccountError::EmailTaken)), "{taken:?}");
    users.update(anna.id, phone(Some("2"))).await.unwrap();
    let after = users.update(anna.id, phone(None)).await.unwrap();
    assert_eq!(after.phone, None);
    assert_eq!(users.user(anna.id).await.unwrap(), Some(after));
}

pub async fn switches_of_accounts_hold_and_unknown_accounts_are_named(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    stage.account("root").await;
    let anna = stage.account("anna").await.id;
    for on in [true, true, false] {
        assert_eq!(users.set_admin(anna, on).await.unwrap().admin, on);
        assert_eq!(users.set_disabled(anna, on).await.unwrap().disabled, on);
        let stored = users.user(anna).await.unwrap().unwrap();
        assert_eq!((stored.admin, stored.disabled), (on, on));
    }
    let nobody = UserId(999);
    let answers = [
        users.set_admin(nobody, true).await.map(drop),
        users.set_disabled(nobody, true).await.map(drop),
        users.set_password(nobody, "x").await,
        users.update(nobody, UserPatch::default()).await.map(drop),
    ];
    for answer in answers {
        assert!(matches!(answer, Err(AccountError::NotFound)), "{answer:?}");
    }
}

pub async fn last_seen_only_moves_forward(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let users = &stage.stores.users;
    let later = 9_000_000_000_000;
    users
        .seen(&[(anna, later), (UserId(999), later), (bert, 1)])
        .await
        .unwrap();
    users.seen(&[(anna, later - 1)]).await.unwrap();
    let [anna, bert] = [anna, bert].map(|id| users.user(id));
    assert_eq!(anna.await.unwrap().unwrap().last_seen_at, later);
    assert!(bert.await.unwrap().unwrap().last_seen_at > 1);
}

pub async fn accounts_are_listed_in_pages(make: &impl Make) {
    let stage = empty(make).await;
    let ids = stage.users(["a1", "b1", "c1", "d1", "e1"]).await;
    let users = &stage.stores.users;
    let mut listed = Vec::new();
    let mut after = UserId::SYSTEM;
    loop {
        let page = users.list(after, 2).await.unwrap();
        let Some(last) = page.last() else {
            break;
        };
        after = last.id;
        listed.extend(page.iter().map(|user| user.id));
    }
    assert_eq!(listed, ids);
}

pub async fn sessions_are_found_by_token_and_listed_newest_first(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.account("anna").await;
    let sessions = &stage.stores.sessions;
    let new = |n: u8, expires_at| NewSession {
        user: anna.id,
        token: TokenHash([n; 32]),
        device: format!("phone {n}"),
        address: "::1".to_owned(),
        expires_at,
    };
    let expired = sessions.create(new(1, 1)).await.unwrap();
    let fresh = sessions.create(new(2, 9_000_000_000_000)).await.unwrap();
    assert_eq!(
        sessions.create(new(2, 9_000_000_000_000)).await.unwrap(),
        fresh,
        "the same token is the same session"
    );
    assert_eq!(fresh.device, "phone 2");
    assert!(!fresh.revoked && fresh.created_at > 0);
    let listed = sessions.of_user(anna.id).await.unwrap();
    assert_eq!(listed, vec![fresh.clone(), expired.clone()]);
    let found = sessions.by_token(&TokenHash([1; 32])).await.unwrap();
    assert_eq!(found, Some((expired, anna)));
    let unknown = sessions.by_token(&TokenHash([9; 32])).await.unwrap();
    assert_eq!(unknown, None);
    let later = 9_000_000_000_000;
    for at in [later, 5] {
        sessions.seen(&[(fresh.id, at)]).await.unwrap();
    }
    let (session, _) = sessions
        .by_token(&TokenHash([2; 32]))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(session.last_seen_at, later);
}

pub async fn nodes_are_registered_and_forgotten_by_counter(make: &impl Make) {
    let stage = empty(make).await;
    let nodes = &stage.stores.nodes;
    let row = |n: u8, counter| NodeRow {
        incarnation: Incarnation([n; 16]),
        name: format!("node-{n}"),
        address: "[::1]:7000".parse().unwrap(),
        version: 1,
        packet_number: u64::MAX - 1,
        counter,
    };
    nodes.beat(row(1, 1)).await.unwrap();
    nodes.beat(row(2, 1)).await.unwrap();
    nodes.beat(row(1, 2)).await.unwrap();
    let mut all = nodes.nodes().await.unwrap();
    all.sort_by_key(|node| node.incarnation);
    assert_eq!(all, vec![row(1, 2), row(2, 1)]);
    // A node that moved since it was looked at stays.
    let stale = [(Incarnation([1; 16]), 1), (Incarnation([2; 16]), 1)];
    nodes.forget(&stale).await.unwrap();
    assert_eq!(nodes.nodes().await.unwrap(), vec![row(1, 2)]);
}
