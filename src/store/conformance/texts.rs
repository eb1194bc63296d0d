//! Texts as people write them: what was stored comes back, and what differs stays different, whatever a database's
//! own idea of letters is.

use super::stage::{Make, empty, new_group, new_user};
use crate::model::conversation::Conv;
use crate::model::draft::Change;
use crate::model::entry::EntryKind;
use crate::model::group::JoinMode;
use crate::model::user::{LoginName, NewUser, UserPatch};
use crate::store::{AccountError, ConversationSettings, SettingsPatch};

/// Alike to a person, or to some database's collation, and different.
const LOOKALIKES: [&str; 10] = [
    "rene",
    "renee",
    "renée",
    "rene\u{301}e",
    "renee ",
    " renee",
    "ｒｅｎｅｅ",
    "straße",
    "strasse",
    "ren\u{435}e",
];

/// Texts that a byte-blind database would cut, fold or refuse: beyond the basic plane, joined emoji, marks, spaces at
/// the end, quotes and wildcards.
const HARD: [&str; 7] = [
    "🐦",
    "👩\u{200d}👩\u{200d}👧 family",
    "e\u{301} and é",
    "ends in spaces  ",
    "'\"\\%_;--\u{2028}",
    "",
    "鸟\u{feff}\u{1f1e9}\u{1f1ea}",
];

/// As long as the services let any name or title be, of the widest characters.
fn long(chars: usize) -> String {
    "🐦".repeat(chars)
}

pub async fn names_that_only_look_alike_are_different_names(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    for (number, name) in LOOKALIKES.into_iter().enumerate() {
        let new = NewUser {
            email: Some(format!("{name}@example.org")),
            password_hash: format!("$scrypt${number}"),
            ..new_user(name)
        };
        assert_eq!(users.create(new).await.unwrap().name, name);
    }
    for (number, name) in LOOKALIKES.into_iter().enumerate() {
        let login = LoginName::Name(name.to_owned());
        let (user, hash) = users.credentials(&login).await.unwrap().unwrap();
        assert_eq!(
            (user.name.as_str(), hash),
            (name, format!("$scrypt${number}"))
        );
    }
    // Case is all that does not count, whatever the script.
    for name in ["RENÉE", "ＲＥＮＥＥ", "RENEE ", "STRAßE", "REN\u{415}E"] {
        let by_name = users.create(new_user(name)).await;
        assert!(
            matches!(by_name, Err(AccountError::NameTaken)),
            "{by_name:?}"
        );
        let by_email = NewUser {
            email: Some(format!("{name}@EXAMPLE.org")),
            ..new_user("somebody else")
        };
        let by_email = users.create(by_email).await;
        assert!(
            matches!(by_email, Err(AccountError::EmailTaken)),
            "{by_email:?}"
        );
    }
    let found = users.search("renée", 10).await.unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
}

pub async fn profiles_come_back_as_they_were_written(make: &impl Make) {
    let stage = empty(make).await;
    let users = &stage.stores.users;
    let texts = HARD.map(str::to_owned).into_iter().chain([long(40)]);
    for (number, text) in texts.enumerate() {
        let new = NewUser {
            nickname: text.clone(),
            memo: format!("{text}\n{}", long(140)),
            avatar: format!("/files/{text}"),
            ..new_user(&format!("user {number} {text}"))
        };
        let made = users.create(new.clone()).await.unwrap();
        let read = users.user(made.id).await.unwrap().unwrap();
        assert_eq!(made, read);
        assert_eq!(Some(read.name), new.name);
        assert_eq!(
            (read.nickname, read.memo, read.avatar),
            (new.nickname, new.memo, new.avatar)
        );
        let patch = UserPatch {
            nickname: Some(format!("{text}.")),
            ..UserPatch::default()
        };
        let changed = users.update(made.id, patch).await.unwrap();
        assert_eq!(changed.nickname, format!("{text}."));
        let found = users.search(&changed.nickname, 20).await.unwrap();
        assert!(found.contains(&changed), "{text:?}");
    }
    let longest = new_user(&long(32));
    assert_eq!(users.create(longest).await.unwrap().name, long(32));
}

pub async fn groups_remarks_and_drafts_come_back_as_they_were_written(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let stores = &stage.stores;
    let conv = Conv::private(anna, bert);
    let befriend = Change::Befriend {
        other: bert,
        message: HARD[1].to_owned(),
        auto: true,
    };
    stage.done(anna, conv, EntryKind::Friend, befriend).await;
    let texts = HARD.map(str::to_owned).into_iter().chain([long(40)]);
    for text in texts {
        let id = stores.groups.draw_id().await.unwrap();
        let create = Change::CreateGroup {
            group: new_group(id, &text, JoinMode::Open),
            members: Vec::new(),
        };
        stage
            .done(anna, Conv::Group(id), EntryKind::Group, create)
            .await;
        let group = stores.groups.group(id).await.unwrap().unwrap();
        assert_eq!(group.name, text);
        let found = stores.groups.search(&text, 20).await.unwrap();
        assert!(found.contains(&group), "{text:?}");
        // A second time changes nothing, and is no failure.
        for _ in 0..2 {
            let set = stores.friends.set_remark(anna, bert, &text).await;
            assert!(set.unwrap());
        }
        let friends = stores.friends.friendships(anna).await.unwrap().friends;
        assert_eq!(friends[0].remark, text);
        // A draft is as long as a message may be.
        for draft in [text.clone(), text.repeat(400)] {
            let patch = SettingsPatch {
                draft: Some(draft.clone()),
                ..SettingsPatch::default()
            };
            let settings = stores.conversations.patch_settings(anna, conv, patch).await;
            let expected = ConversationSettings {
                draft,
                ..ConversationSettings::default()
            };
            assert_eq!(settings.unwrap(), expected);
        }
    }
}
