//! A store with something of everything in it, and the comparison of two stores that should hold the same.

use bytes::Bytes;

use super::stage::{END, Stage, body};
use crate::model::alteration::EditedBody;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::EntryKind;
use crate::model::group::{GroupPatch, JoinMode};
use crate::model::ids::{Seq, UserId};
use crate::model::user::{LoginName, NewSession, NewUser, Sex, TokenHash, UserPatch};
use crate::store::tables::{Cell, TABLES};
use crate::store::{SettingsPatch, Stores, Window};

const TOKEN: TokenHash = TokenHash([0xfe; 32]);

/// Fills an empty store with every kind of row, and texts that are hard to carry.
pub async fn fill(stage: &Stage) {
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    people(stage, anna, carl).await;
    friendships(stage, anna, bert, carl).await;
    rooms(stage, anna, bert, carl).await;
    entries(stage, anna, bert).await;
    surroundings(stage, anna, bert).await;
    settings(stage, anna, bert).await;
    let imports = TABLES.iter().find(|table| table.name == "imports");
    let text = |text: &str| Cell::Text(text.to_owned());
    let row = vec![text("old"), text("user"), text("o'1 🐦"), Cell::Number(1)];
    let put = stage.stores.tables.put(imports.unwrap(), vec![row]);
    put.await.unwrap();
    // Notices, and a log that does not begin at 1.
    stage.notice("椋鸟来了").await;
    stage.stores.retention.prune(Seq(3), 10).await.unwrap();
}

async fn people(stage: &Stage, anna: UserId, carl: UserId) {
    let users = &stage.stores.users;
    users
        .create(NewUser {
            name: None,
            nickname: "Ünï 🐦‍⬛ 'q\"\\%_".to_owned(),
            avatar: "https://chat.example/a.png".to_owned(),
            sex: Sex::M,
            memo: "line\nline\u{0}NUL".to_owned(),
            phone: Some("+8613800138000".to_owned()),
            email: Some("Dora@Example.org".to_owned()),
            password_hash: "$scrypt$dora".to_owned(),
        })
        .await
        .unwrap();
    let patch = UserPatch {
        memo: Some("'; DROP TABLE users; --".to_owned()),
        email: Some(Some("anna@example.org".to_owned())),
        ..UserPatch::default()
    };
    users.update(anna, patch).await.unwrap();
    users.set_disabled(carl, true).await.unwrap();
    users.set_disabled(carl, false).await.unwrap();
    users.seen(&[(anna, 1_700_000_000_000)]).await.unwrap();
    let sessions = &stage.stores.sessions;
    let mut made = Vec::new();
    for (token, device) in [(TOKEN, "phone 🐦"), (TokenHash([0; 32]), "")] {
        let session = NewSession {
            user: anna,
            token,
            device: device.to_owned(),
            address: "::1".to_owned(),
            expires_at: 9_000_000_000_000,
        };
        made.push(sessions.create(session).await.unwrap().id);
    }
    let ended = Change::Revoke {
        sessions: vec![made[1]],
    };
    let own = Conv::Account(anna);
    stage.done(anna, own, EntryKind::Revoked, ended).await;
}

async fn friendships(stage: &Stage, anna: UserId, bert: UserId, carl: UserId) {
    let befriend = |other, auto| Change::Befriend {
        other,
        message: "hello 🐦".to_owned(),
        auto,
    };
    let both = Conv::private(anna, bert);
    stage
        .done(anna, both, EntryKind::Friend, befriend(bert, true))
        .await;
    // One request is open, one was refused.
    let (open, closed) = (Conv::private(anna, carl), Conv::private(bert, carl));
    stage
        .done(anna, open, EntryKind::Friend, befriend(carl, false))
        .await;
    stage
        .done(bert, closed, EntryKind::Friend, befriend(carl, false))
        .await;
    let friends = &stage.stores.friends;
    let asked = friends.friendships(carl).await.unwrap().incoming;
    let request = asked.iter().find(|request| request.from == bert).unwrap();
    let refuse = Change::AnswerFriend {
        request: request.id,
        other: bert,
        accept: false,
    };
    stage.done(carl, closed, EntryKind::Friend, refuse).await;
    friends.set_remark(anna, bert, "Bertie 🐦").await.unwrap();
    friends.set_blocked(carl, bert, true).await.unwrap();
}

async fn rooms(stage: &Stage, anna: UserId, bert: UserId, carl: UserId) {
    let (group, _) = stage.group_with(anna, &[bert], JoinMode::Open).await;
    let room = Conv::Group(group);
    stage.say(bert, room, "in the room").await;
    stage.leave(bert, group).await;
    stage.join(bert, group).await;
    stage.join(carl, group).await;
    let patch = GroupPatch {
        name: Some("Ünï 🐦 ROOM".to_owned()),
        ..GroupPatch::default()
    };
    stage
        .done(anna, room, EntryKind::Group, Change::EditGroup { patch })
        .await;
    stage
        .done(anna, room, EntryKind::Left, Change::Kick { user: carl })
        .await;
    let (ended, _) = stage.group(carl, &[]).await;
    stage
        .done(carl, Conv::Group(ended), EntryKind::Group, Change::Dissolve)
        .await;
    // An id that nobody uses yet is not to be drawn again.
    stage.stores.groups.draw_id().await.unwrap();
}

async fn entries(stage: &Stage, anna: UserId, bert: UserId) {
    let conv = Conv::private(anna, bert);
    let mut bodies = vec![
        body("NUL \u{0} as an escape"),
        body("emoji 🐦‍⬛ and 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"),
        body("'; DROP TABLE entries; -- \\ \" % _"),
        Bytes::from_static(b"{ }"),
        // A store carries what it is given.
        (0..=255u8).collect::<Vec<u8>>().into(),
        format!("{{\"content\":\"{}\"}}", "x".repeat(300_000)).into(),
    ];
    bodies.extend((0..1_200).map(|n| body(&n.to_string())));
    let drafts = bodies.into_iter().map(|body| Draft {
        body,
        ..stage.message(anna, conv, "")
    });
    stage.append(drafts.collect()).await;
    for cid in ["a", "A", "a ", "%_'\\"] {
        let draft = Draft {
            cid: cid.parse().unwrap(),
            ..stage.message(bert, Conv::private(bert, bert), "cids")
        };
        stage.one(draft).await;
    }
}

/// A message that was edited, reacted to and hidden.
async fn surroundings(stage: &Stage, anna: UserId, bert: UserId) {
    let conv = Conv::private(anna, bert);
    let target = stage.say(anna, conv, "before").await;
    let edit = Change::Edit {
        target,
        media: 1,
        body: EditedBody::of(&body("before"), "after 🐦").unwrap(),
    };
    stage.done(anna, conv, EntryKind::Edit, edit).await;
    let react = Change::React {
        target,
        media: 1,
        emoji: "🐦‍⬛".parse().unwrap(),
        on: true,
    };
    stage.done(bert, conv, EntryKind::Reaction, react).await;
    stage.stores.messages.hide(bert, target).await.unwrap();
}

async fn settings(stage: &Stage, anna: UserId, bert: UserId) {
    let conv = Conv::private(anna, bert);
    let patch = SettingsPatch {
        muted: Some(true),
        draft: Some("unfinished 🐦\n'".to_owned()),
        ..SettingsPatch::default()
    };
    let conversations = &stage.stores.conversations;
    conversations
        .patch_settings(anna, conv, patch)
        .await
        .unwrap();
    conversations
        .set_read(&[(bert, conv, Seq(20)), (anna, conv, Seq(21))])
        .await
        .unwrap();
}

/// Reads both as nodes do, and finds the same. The epochs are two.
pub async fn assert_alike(one: &Stores, other: &Stores) {
    let (log, twin) = (
        one.log.head().await.unwrap(),
        other.log.head().await.unwrap(),
    );
    assert_eq!((log.floor, log.head), (twin.floor, twin.head));
    assert_ne!(log.epoch, twin.epoch, "a moved log is another log");
    let whole = one.log.range(log.floor, 100_000).await.unwrap().entries;
    let copied = other.log.range(log.floor, 100_000).await.unwrap().entries;
    assert_eq!(whole.len() as u64, log.head.0 - log.floor.0);
    assert!(whole == copied, "the entries differ");
    for entry in whole.iter().rev().take(10) {
        let found = other.log.find(entry.from, &entry.cid).await.unwrap();
        assert_eq!(found, Some((entry.seq, entry.at)));
    }
    let users = one.users.list(UserId::SYSTEM, 100).await.unwrap();
    assert_eq!(users, other.users.list(UserId::SYSTEM, 100).await.unwrap());
    assert!(!users.is_empty());
    for user in users {
        let login = LoginName::Name(user.name.clone());
        assert_eq!(
            one.users.credentials(&login).await.unwrap(),
            other.users.credentials(&login).await.unwrap()
        );
        assert_user_alike(one, other, user.id).await;
    }
    assert_eq!(
        one.sessions.by_token(&TOKEN).await.unwrap(),
        other.sessions.by_token(&TOKEN).await.unwrap()
    );
}

async fn assert_user_alike(one: &Stores, other: &Stores, user: UserId) {
    macro_rules! same {
        ($store:ident.$method:ident($($argument:expr),*)) => {
            assert_eq!(
                format!("{:?}", one.$store.$method($($argument),*).await.unwrap()),
                format!("{:?}", other.$store.$method($($argument),*).await.unwrap()),
                "{} of {user}", stringify!($method)
            )
        };
    }
    same!(sessions.of_user(user));
    same!(friends.friendships(user));
    same!(friends.blocks(user));
    same!(groups.of_user(user));
    for (group, _) in one.groups.of_user(user).await.unwrap() {
        same!(groups.members(group.id, UserId::SYSTEM, 100));
        same!(groups.search(&group.name.to_lowercase(), 10));
    }
    let stays = one.log.snapshot(user).await.unwrap().unwrap();
    let twin = other.log.snapshot(user).await.unwrap().unwrap();
    assert_eq!(stays.intervals, twin.intervals);
    assert_eq!(stays.registered_seq, twin.registered_seq);
    let (_, list) = one.conversations.conversations(user, END).await.unwrap();
    let (_, twin) = other.conversations.conversations(user, END).await.unwrap();
    assert_eq!(format!("{list:?}"), format!("{twin:?}"));
    for state in list {
        same!(log.page(user, state.conv, Window::Latest, END, 50));
    }
    let after = stays.log.floor;
    let seen = one.log.visible(user, after, END, 10_000).await.unwrap();
    let twin = other.log.visible(user, after, END, 10_000).await.unwrap();
    assert!(
        seen.entries == twin.entries,
        "{user} sees something different"
    );
}
