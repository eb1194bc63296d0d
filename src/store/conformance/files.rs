//! Uploads: quota, who meets a file where, and what is retired.

use std::time::Duration;

use bytes::Bytes;

use super::stage::{Make, Stage, empty};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::EntryKind;
use crate::model::file::{Blob, Digest, Face, FileId, FileInfo, Place};
use crate::model::group::GroupPatch;
use crate::model::ids::UserId;
use crate::model::policy::{History, StoreRules};
use crate::model::user::UserPatch;
use crate::store::{AddedFile, Sight};

const NOT_AT_ALL: Sight = Sight {
    shown: false,
    granted: false,
    recalled: false,
};
const GRANTED: Sight = Sight {
    granted: true,
    ..NOT_AT_ALL
};
const RECALLED: Sight = Sight {
    recalled: true,
    ..NOT_AT_ALL
};
const SHOWN: Sight = Sight {
    shown: true,
    ..NOT_AT_ALL
};
/// Long enough ago for nothing to be spared.
const AT_ONCE: Duration = Duration::ZERO;
const A_DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn blob(digit: u8, place: u8) -> Blob {
    Blob {
        digest: Digest([digit; 32]),
        place: Place([place; 16]),
        size: 5,
        folder: "f".to_owned(),
    }
}

fn file(number: u8, owner: UserId, size: u64) -> FileInfo {
    FileInfo {
        id: FileId([number; 16]),
        owner,
        name: "a 鸟.png".to_owned(),
        mime: "image/png".to_owned(),
        size,
        digest: Digest([number; 32]),
        width: Some(640),
        height: Some(480),
        seconds: None,
        thumb: None,
        at: 1_700_000_000_000,
        gone: false,
    }
}

impl Stage {
    async fn upload(&self, number: u8, owner: UserId) -> FileInfo {
        let file = file(number, owner, 5);
        let files = &self.stores.files;
        files.place(blob(number, number)).await.unwrap();
        assert_eq!(files.add(file.clone(), 0).await.unwrap(), AddedFile::Added);
        file
    }

    /// A message that refers to a file; with another body, as a recall leaves it.
    async fn send_file(&self, from: UserId, conv: Conv, file: &FileInfo, body: &'static str) {
        let draft = Draft {
            body: Bytes::from_static(body.as_bytes()),
            ..self.draft(from, conv, EntryKind::Message, Change::Message)
        };
        let used = self.stores.files.use_in(file.id, conv, from, &draft.cid);
        used.await.unwrap();
        self.one(draft).await;
    }

    async fn sight(&self, file: &FileInfo, reader: UserId) -> Sight {
        self.stores.files.sight(file, reader).await.unwrap()
    }

    /// Lets the store's clock move past what was just written.
    async fn moment(&self) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

const SENT: &str = r#"{"media":4,"url":"/files/x/a","meta":{"recalled":true}}"#;
const TAKEN_BACK: &str = r#"{"media":4,"recalled":true}"#;

pub async fn equal_bytes_have_one_place(make: &impl Make) {
    let stage = empty(make).await;
    let files = &stage.stores.files;
    assert_eq!(files.blob(Digest([1; 32])).await.unwrap(), None);
    let first = files.place(blob(1, 1)).await.unwrap();
    assert_eq!(first, blob(1, 1));
    assert_eq!(files.place(blob(1, 2)).await.unwrap(), blob(1, 1));
    assert_eq!(files.blob(Digest([1; 32])).await.unwrap(), Some(blob(1, 1)));
    let places = [Place([1; 16]), Place([2; 16])];
    let known = files.known_places(&places).await.unwrap();
    assert_eq!(known, [Place([1; 16])]);
}

pub async fn a_file_comes_back_as_it_was_added_and_only_once(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let added = stage.upload(1, anna).await;
    let files = &stage.stores.files;
    let again = FileInfo {
        name: "other".to_owned(),
        ..added.clone()
    };
    assert_eq!(files.add(again, 1).await.unwrap(), AddedFile::Added);
    assert_eq!(files.file(added.id).await.unwrap(), Some(added.clone()));
    assert_eq!(files.file(FileId([9; 16])).await.unwrap(), None);
    let with_thumb = FileInfo {
        thumb: Some(Digest([3; 32])),
        seconds: Some(7),
        width: None,
        ..file(2, anna, 5)
    };
    files.add(with_thumb.clone(), 0).await.unwrap();
    let mut all = [added, with_thumb];
    all.sort_by_key(|file| file.id.to_string());
    let first = files.of_owner(anna, None, 1).await.unwrap();
    assert_eq!(first, all[..1]);
    let rest = files.of_owner(anna, Some(first[0].id), 9).await.unwrap();
    assert_eq!(rest, all[1..]);
}

pub async fn a_quota_holds_however_many_are_added_at_once(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let mut adding = tokio::task::JoinSet::new();
    for number in 1..=12 {
        let files = std::sync::Arc::clone(&stage.another().await.files);
        adding.spawn(async move { files.add(file(number, anna, 30), 100).await.unwrap() });
    }
    let verdicts = adding.join_all().await;
    let added = verdicts.iter().filter(|v| **v == AddedFile::Added);
    assert_eq!(added.count(), 3);
    let files = &stage.stores.files;
    let of_another = files.add(file(20, bert, 100), 100).await.unwrap();
    assert_eq!(of_another, AddedFile::Added);
}

pub async fn a_file_is_met_where_a_message_that_refers_to_it_can_be_read(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl, dora] = stage.users(["anna", "bert", "carl", "dora"]).await;
    let (group, _) = stage.group(anna, &[carl]).await;
    let private = stage.upload(1, anna).await;
    stage
        .send_file(anna, Conv::private(anna, bert), &private, SENT)
        .await;
    for (reader, sight) in [(anna, GRANTED), (bert, GRANTED), (carl, NOT_AT_ALL)] {
        assert_eq!(stage.sight(&private, reader).await, sight, "{reader}");
    }
    let common = stage.upload(2, anna).await;
    stage
        .send_file(anna, Conv::Group(group), &common, SENT)
        .await;
    stage.join(dora, group).await;
    for (reader, sight) in [(carl, GRANTED), (bert, NOT_AT_ALL), (dora, NOT_AT_ALL)] {
        assert_eq!(stage.sight(&common, reader).await, sight, "{reader}");
    }
    stage.leave(carl, group).await;
    assert_eq!(
        stage.sight(&common, carl).await,
        GRANTED,
        "his stay is past"
    );
    let later = stage.upload(3, anna).await;
    stage
        .send_file(anna, Conv::Group(group), &later, SENT)
        .await;
    assert_eq!(stage.sight(&later, carl).await, NOT_AT_ALL);
    assert_eq!(stage.sight(&later, dora).await, GRANTED);
    // To oneself, and forwarded.
    stage
        .send_file(dora, Conv::private(dora, dora), &private, SENT)
        .await;
    assert_eq!(stage.sight(&private, dora).await, GRANTED);
    assert_eq!(stage.sight(&private, carl).await, NOT_AT_ALL);
}

pub async fn a_use_without_its_message_opens_nothing(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let file = stage.upload(1, anna).await;
    let conv = Conv::private(anna, bert);
    let draft = stage.message(anna, Conv::private(anna, anna), "other");
    let files = &stage.stores.files;
    files.use_in(file.id, conv, anna, &draft.cid).await.unwrap();
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
    assert_eq!(stage.sight(&file, anna).await, NOT_AT_ALL);
    // The same client id elsewhere is another message.
    stage.one(draft).await;
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
    let unknown = FileId([9; 16]);
    files
        .use_in(unknown, conv, anna, &stage.cid())
        .await
        .unwrap();
    files.show_as(unknown, Face::User(anna)).await.unwrap();
}

pub async fn a_recalled_message_takes_the_file_with_it(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert, carl] = stage.users(["anna", "bert", "carl"]).await;
    let file = stage.upload(1, anna).await;
    let conv = Conv::private(anna, bert);
    stage.send_file(anna, conv, &file, TAKEN_BACK).await;
    for (reader, sight) in [(anna, RECALLED), (bert, RECALLED), (carl, NOT_AT_ALL)] {
        assert_eq!(stage.sight(&file, reader).await, sight, "{reader}");
    }
    stage.send_file(anna, conv, &file, SENT).await;
    assert!(stage.sight(&file, bert).await.granted);
    assert!(stage.sight(&file, anna).await.granted);
}

pub async fn a_face_shows_its_file_while_it_says_so(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let file = stage.upload(1, anna).await;
    let files = &stage.stores.files;
    files.show_as(file.id, Face::User(anna)).await.unwrap();
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
    let avatar = |url: String| UserPatch {
        avatar: Some(url),
        ..UserPatch::default()
    };
    let users = &stage.stores.users;
    let url = format!("{}a.png", file.id.url_prefix());
    users.update(anna, avatar(url.clone())).await.unwrap();
    assert_eq!(stage.sight(&file, bert).await, SHOWN);
    users.update(anna, avatar(String::new())).await.unwrap();
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
    let (group, _) = stage.group(anna, &[]).await;
    files.show_as(file.id, Face::Group(group)).await.unwrap();
    let patch = GroupPatch {
        icon: Some(url),
        ..GroupPatch::default()
    };
    let change = Change::EditGroup { patch };
    stage
        .done(anna, Conv::Group(group), EntryKind::Group, change)
        .await;
    assert_eq!(stage.sight(&file, bert).await, SHOWN);
}

pub async fn the_past_of_a_group_opens_its_files_where_the_deployment_says_so(make: &impl Make) {
    let rules = StoreRules {
        history: History::All,
        ..StoreRules::default()
    };
    let stage = make.make(rules).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let (group, _) = stage.group(anna, &[]).await;
    let file = stage.upload(1, anna).await;
    stage.send_file(anna, Conv::Group(group), &file, SENT).await;
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
    stage.join(bert, group).await;
    assert_eq!(stage.sight(&file, bert).await, GRANTED);
    stage.leave(bert, group).await;
    assert_eq!(stage.sight(&file, bert).await, NOT_AT_ALL);
}

pub async fn orphans_are_retired_and_what_is_used_stays(make: &impl Make) {
    let stage = empty(make).await;
    let [anna, bert] = stage.users(["anna", "bert"]).await;
    let conv = Conv::private(anna, bert);
    let [unused, sent, refused, recalled, shown] =
        [1, 2, 3, 4, 5].map(|number| file(number, anna, 5));
    for number in 1..=5 {
        stage.upload(number, anna).await;
    }
    stage.send_file(anna, conv, &sent, SENT).await;
    stage.send_file(anna, conv, &recalled, TAKEN_BACK).await;
    let files = &stage.stores.files;
    let cid = stage.cid();
    files.use_in(refused.id, conv, anna, &cid).await.unwrap();
    files.show_as(shown.id, Face::User(bert)).await.unwrap();
    let avatar = UserPatch {
        avatar: Some(format!("{}a.png", shown.id.url_prefix())),
        ..UserPatch::default()
    };
    stage.stores.users.update(bert, avatar).await.unwrap();
    stage.moment().await;
    assert_eq!(files.forget_uses(A_DAY, 10).await.unwrap(), 0);
    assert_eq!(files.retire_files(A_DAY, 10).await.unwrap(), 0);
    // What is recorded but not said yet keeps its file.
    assert_eq!(files.retire_files(AT_ONCE, 10).await.unwrap(), 2);
    assert_eq!(files.file(unused.id).await.unwrap(), None);
    assert!(files.file(recalled.id).await.unwrap().unwrap().gone);
    assert_eq!(files.forget_uses(AT_ONCE, 10).await.unwrap(), 1);
    assert_eq!(files.retire_files(AT_ONCE, 10).await.unwrap(), 1);
    assert_eq!(files.file(refused.id).await.unwrap(), None);
    for kept in [&sent, &shown] {
        let kept = files.file(kept.id).await.unwrap().unwrap();
        assert!(!kept.gone);
    }
    // An avatar of before.
    let other = UserPatch {
        avatar: Some(String::new()),
        ..UserPatch::default()
    };
    stage.stores.users.update(bert, other).await.unwrap();
    assert_eq!(files.forget_uses(AT_ONCE, 10).await.unwrap(), 1);
    assert_eq!(files.retire_files(AT_ONCE, 10).await.unwrap(), 1);
    assert_eq!(files.file(shown.id).await.unwrap(), None);
    // What is gone takes nothing of the quota.
    assert_eq!(
        files.add(file(6, anna, 95), 100).await.unwrap(),
        AddedFile::Added
    );
}

pub async fn bytes_are_let_go_when_no_file_has_them(make: &impl Make) {
    let stage = empty(make).await;
    let anna = stage.user("anna").await;
    let kept = stage.upload(1, anna).await;
    let files = &stage.stores.files;
    let pictured = FileInfo {
        digest: kept.digest,
        thumb: Some(Digest([2; 32])),
        ..file(9, anna, 5)
    };
    files.place(blob(2, 2)).await.unwrap();
    files.place(blob(3, 3)).await.unwrap();
    files.add(pictured, 0).await.unwrap();
    stage.moment().await;
    assert_eq!(files.retire_blobs(A_DAY, 10).await.unwrap(), []);
    let retired = files.retire_blobs(AT_ONCE, 10).await.unwrap();
    assert_eq!(retired, [blob(3, 3)]);
    assert_eq!(files.retire_blobs(AT_ONCE, 10).await.unwrap(), []);
    assert_eq!(files.place(blob(3, 4)).await.unwrap(), blob(3, 4));
}

pub async fn folders_are_found_at_their_latest_address(make: &impl Make) {
    let stage = empty(make).await;
    let files = &stage.stores.files;
    assert_eq!(files.folder_urls("a").await.unwrap(), Vec::<String>::new());
    for url in ["http://192.0.2.1:8080", "http://192.0.2.2:8080"] {
        files.announce_folder("a", url).await.unwrap();
        stage.moment().await;
    }
    files
        .announce_folder("b", "http://192.0.2.3:8080")
        .await
        .unwrap();
    let urls = files.folder_urls("a").await.unwrap();
    assert_eq!(urls, ["http://192.0.2.2:8080", "http://192.0.2.1:8080"]);
}
