//! `starling import` and `starling export` as an operator meets them: the real binary, its exit codes, the files it leaves.

#![expect(
    clippy::unwrap_used,
    reason = "the harness of a test fails where it stands"
)]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use bytes::Bytes;
use serde_json::Value;
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft};
use starling::model::entry::EntryKind;
use starling::model::ids::{Seq, UserId};
use starling::model::user::{NewUser, Sex};
use starling::store::sqlite::{self, OpenOptions};
use starling::store::{SettingsPatch, Stores};

/// Exit code, standard output, standard error.
fn starling(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_starling"))
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .unwrap();
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

#[test]
fn an_import_that_cannot_begin_says_why() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(starling(folder.path(), &["migrate"]).0, 0);
    let nowhere = "mysql://root:hidden@127.0.0.1:1/chat";
    for (arguments, code, said) in [
        (&["qq", "--from", nowhere][..], 2, "invalid value 'qq'"),
        (&["ginchat"], 2, "--from <URL>"),
        (&["shyim", "--from", nowhere], 2, "--salt"),
        (
            &["imooc", "--from", nowhere, "--redis", "redis://x"],
            2,
            "only ginchat",
        ),
        (
            &["imooc", "--from", nowhere, "--utc-offset", "8"],
            2,
            "+08:00",
        ),
        (
            &["imooc", "--from", "http://x"],
            2,
            "not an address of a database",
        ),
        (
            &["imooc", "--from", "mysql://127.0.0.1:1"],
            2,
            "name of the database is missing",
        ),
        (
            &["imooc", "--from", nowhere],
            1,
            "cannot connect to 127.0.0.1:1/chat",
        ),
    ] {
        let all = [&["import"], arguments].concat();
        let (ended, out, err) = starling(folder.path(), &all);
        assert_eq!(ended, code, "{arguments:?}: {err}");
        assert!(err.contains(said), "{arguments:?}: {err}");
        assert!(!format!("{out}{err}").contains("hidden"), "{err}");
    }
    let elsewhere = ["import", "imooc", "--from", nowhere, "--data", "none"];
    assert_eq!(starling(folder.path(), &elsewhere).0, 3);
}

fn user(name: &str) -> NewUser {
    NewUser {
        name: Some(name.to_owned()),
        nickname: name.to_owned(),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash: format!("$scrypt$hash-of-{name}"),
    }
}

fn message(from: UserId, to: UserId, number: u32) -> Draft {
    Draft {
        conv: Conv::private(from, to),
        from,
        kind: EntryKind::Message,
        cid: number.to_string().parse().unwrap(),
        body: Bytes::from(format!(r#"{{"media":1,"content":"text {number}"}}"#)),
        change: Change::Message,
    }
}

/// Anna and Bert have said more to each other than one page holds; Clara said something to Bert.
async fn filled(folder: &Path) -> Stores {
    std::fs::create_dir(folder.join("data")).unwrap();
    let file = folder.join("data/starling.db");
    let stores = sqlite::open(file.to_str().unwrap(), OpenOptions::default()).unwrap();
    let mut ids = Vec::new();
    for name in ["anna", "bert", "clara"] {
        ids.push(stores.users.create(user(name)).await.unwrap().id);
    }
    let mut drafts: Vec<Draft> = (0..600)
        .map(|number| match number % 2 {
            0 => message(ids[0], ids[1], number),
            _ => message(ids[1], ids[0], number),
        })
        .collect();
    drafts.push(message(ids[2], ids[1], 1_000));
    stores.log.append(drafts).await.unwrap();
    stores
}

fn json(folder: &Path, name: &str) -> Value {
    let path = folder.join(name);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "{name}");
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

#[tokio::test]
async fn an_export_holds_what_the_person_sees_and_no_secret() {
    let folder = tempfile::tempdir().unwrap();
    let _stores = filled(folder.path()).await;
    let (code, out, err) = starling(folder.path(), &["export", "--user", "anna", "--to", "out"]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert_eq!(out, "anna (1) is exported to out: 600 entries\n");
    let to = folder.path().join("out");
    let mode = std::fs::metadata(&to).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(json(&to, "profile.json")["name"], "anna");
    assert_eq!(json(&to, "export.json")["head"], 601);
    for list in ["sessions.json", "files.json"] {
        assert_eq!(json(&to, list), Value::Array(Vec::new()), "{list}");
    }
    json(&to, "friends.json");
    json(&to, "groups.json");
    let conversations = json(&to, "conversations.json");
    assert_eq!(conversations.as_array().unwrap().len(), 1);
    let entries = json(&to, conversations[0]["file"].as_str().unwrap());
    let entries = entries.as_array().unwrap();
    assert_eq!(entries.len(), 600);
    for (number, entry) in entries.iter().enumerate() {
        assert_eq!(entry["body"]["content"], format!("text {number}"));
        assert_eq!(entry["own"], number % 2 == 0);
    }
    let mut search = Command::new("grep");
    search
        .args(["-r", "hash-of", "out"])
        .current_dir(folder.path());
    let found = search.status().unwrap().code();
    assert_eq!(found, Some(1), "no hash in any file");
}

#[tokio::test]
async fn an_export_tells_which_conversations_are_hidden_by_now() {
    let folder = tempfile::tempdir().unwrap();
    let stores = filled(folder.path()).await;
    let (anna, bert) = (UserId(1), UserId(2));
    let exported = |to: &str| {
        let (code, _, err) = starling(folder.path(), &["export", "--user", "anna", "--to", to]);
        assert_eq!((code, err.as_str()), (0, ""));
        json(&folder.path().join(to), "conversations.json")[0].clone()
    };
    let patch = SettingsPatch {
        hidden_at: Some(Seq(600)),
        muted: Some(true),
        ..SettingsPatch::default()
    };
    let conv = Conv::private(anna, bert);
    let changed = stores.conversations.patch_settings(anna, conv, patch).await;
    assert_eq!(changed.unwrap().hidden_at, Seq(600));
    let hidden = exported("hidden");
    assert_eq!(hidden["hidden"], true);
    assert_eq!(hidden["muted"], true);
    let news = vec![message(bert, anna, 2_000)];
    stores.log.append(news).await.unwrap();
    let shown = exported("shown");
    assert_eq!(shown["hidden"], false);
    assert_eq!(shown["muted"], true);
}

#[tokio::test]
async fn an_export_takes_no_folder_that_holds_something_and_no_guess() {
    let folder = tempfile::tempdir().unwrap();
    let stores = filled(folder.path()).await;
    stores.users.create(user("2")).await.unwrap();
    std::fs::create_dir(folder.path().join("full")).unwrap();
    std::fs::write(folder.path().join("full/mine"), "x").unwrap();
    for (who, to, code, said) in [
        ("anna", "full", 2, "full is not empty"),
        (
            "nobody",
            "out",
            1,
            "there is no account with the name or id nobody",
        ),
        ("2", "out", 2, "is the name of account 4 and the id of bert"),
    ] {
        let (ended, _, err) = starling(folder.path(), &["export", "--user", who, "--to", to]);
        assert_eq!(ended, code, "{err}");
        assert!(err.contains(said), "{err}");
    }
    assert!(!folder.path().join("out").exists());
    assert_eq!(
        starling(folder.path(), &["export", "--user", "3", "--to", "out"]).0,
        0
    );
}
