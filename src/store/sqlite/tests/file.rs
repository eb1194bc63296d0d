//! The file goes away, comes back, is another one, is locked, is not ours.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{Seq, UserId};
use crate::store::conformance::stage::Stage;
use crate::store::sqlite::{OpenError, OpenOptions, migrate, open};
use crate::store::{SettingsPatch, StoreError, Stores};

/// How long a recovery may take that needs no time of its own.
const SOON: Duration = Duration::from_secs(20);

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starling.db");
    (folder, path)
}

fn open_at(path: &Path, create: bool) -> Result<Stores, OpenError> {
    let options = OpenOptions {
        create,
        ..OpenOptions::default()
    };
    open(path.to_str().unwrap(), options)
}

/// A store with one user and one message of his.
async fn begun(path: &Path) -> (Stage, UserId) {
    let stage = Stage::new(open_at(path, true).unwrap(), ());
    let anna = stage.user("anna").await;
    stage.say(anna, Conv::private(anna, anna), "first").await;
    (stage, anna)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    PathBuf::from(format!("{}{ending}", path.display()))
}

async fn outage(stage: &Stage, user: UserId) -> String {
    let draft = stage.message(user, Conv::private(user, user), "into the void");
    let appended = stage.stores.log.append(vec![draft]).await;
    let Err(StoreError::Unavailable(words)) = appended else {
        panic!("{appended:?}");
    };
    let read = stage.stores.log.head().await;
    assert!(matches!(read, Err(StoreError::Unavailable(_))), "{read:?}");
    words
}

#[tokio::test]
async fn a_file_that_vanished_is_an_outage_until_it_is_back() {
    let (folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let away = folder.path().join("away.db");
    for expected in [Seq(2), Seq(3)] {
        fs::rename(&path, &away).unwrap();
        assert!(outage(&stage, anna).await.contains("missing"));
        assert!(!path.exists(), "an outage must not make a new file");
        fs::rename(&away, &path).unwrap();
        let conv = Conv::private(anna, anna);
        assert_eq!(stage.say(anna, conv, "back").await, expected);
        assert_eq!(stage.visible(anna).await.len() as u64, expected.0);
    }
}

/// Another store's file, complete in itself.
async fn another(path: &Path) {
    let (stage, anna) = begun(path).await;
    stage.say(anna, Conv::private(anna, anna), "second").await;
    drop(stage);
    // Threads that close at the same moment may each leave the log to the other.
    let started = Instant::now();
    let last = Connection::open(path).unwrap();
    while last.execute_batch("PRAGMA journal_mode = DELETE").is_err() {
        assert!(started.elapsed() < SOON, "the threads do not end");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn another_file_in_its_place_is_opened_anew() {
    let (folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let former = stage.stores.log.head().await.unwrap();
    let other = folder.path().join("other.db");
    another(&other).await;
    for ending in ["", "-wal", "-shm"] {
        fs::remove_file(beside(&path, ending)).unwrap();
    }
    assert!(outage(&stage, anna).await.contains("missing"));
    fs::rename(&other, &path).unwrap();
    let now = stage.stores.log.head().await.unwrap();
    assert_eq!(now.head, Seq(2));
    assert_ne!(now.epoch, former.epoch);
    let conv = Conv::private(anna, anna);
    assert_eq!(stage.say(anna, conv, "third").await, Seq(3));
    assert_eq!(stage.visible(anna).await.len(), 3);
}

#[tokio::test]
async fn a_former_files_log_is_not_replayed_into_another_file() {
    let (folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let other = folder.path().join("other.db");
    another(&other).await;
    fs::rename(&other, &path).unwrap();
    for _ in 0..2 {
        let words = outage(&stage, anna).await;
        assert!(words.contains("-wal was left beside"), "{words}");
    }
    for ending in ["-wal", "-shm"] {
        fs::remove_file(beside(&path, ending)).unwrap();
    }
    assert_eq!(stage.head().await, Seq(2));
    assert_eq!(stage.visible(anna).await.len(), 2);
}

#[tokio::test]
async fn a_file_without_our_tables_in_its_place_is_an_outage() {
    let (_folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    for content in [
        "",
        "this is not a database at all, however long it may be made",
    ] {
        for ending in ["", "-wal", "-shm"] {
            let _ = fs::remove_file(beside(&path, ending));
        }
        fs::write(&path, content).unwrap();
        outage(&stage, anna).await;
        outage(&stage, anna).await;
    }
}

#[tokio::test]
async fn a_held_lock_is_an_outage_for_writers_alone_and_ends_with_it() {
    let (_folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let conv = Conv::private(anna, anna);
    let holder = Connection::open(&path).unwrap();
    holder.execute_batch("BEGIN IMMEDIATE").unwrap();
    let started = Instant::now();
    let draft = stage.message(anna, conv, "waits");
    let refused = stage.stores.log.append(vec![draft.clone()]).await;
    assert!(
        matches!(refused, Err(StoreError::Unavailable(_))),
        "{refused:?}"
    );
    let waited = started.elapsed();
    assert!(waited > Duration::from_millis(1_800), "{waited:?}");
    assert!(waited < Duration::from_millis(3_500), "{waited:?}");
    assert_eq!(stage.head().await, Seq(1));
    // A lock that ends within the wait is only a delay.
    let appending = stage.stores.log.append(vec![draft]);
    let release = tokio::task::spawn_blocking(move || {
        std::thread::sleep(Duration::from_millis(200));
        holder.execute_batch("COMMIT").unwrap();
    });
    let verdicts = appending.await.unwrap();
    release.await.unwrap();
    assert!(matches!(
        verdicts.outcomes[0],
        Outcome::Appended { seq: Seq(2), .. }
    ));
}

#[tokio::test]
async fn an_entry_the_store_cannot_hold_is_refused_alone_and_its_change_undone() {
    let (_folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let bert = stage.user("bert").await;
    let (group, _) = stage.group(anna, &[]).await;
    let trouble = Connection::open(&path).unwrap();
    trouble
        .execute_batch(
            "CREATE TRIGGER trouble BEFORE INSERT ON entries WHEN NEW.cid = 'trouble'
             BEGIN SELECT RAISE(ABORT, 'not this one'); END",
        )
        .unwrap();
    let conv = Conv::Group(group);
    let joining = Draft {
        cid: "trouble".parse().unwrap(),
        ..stage.draft(bert, conv, EntryKind::Joined, Change::Join)
    };
    let before = stage.message(anna, conv, "before");
    let after = stage.message(anna, conv, "after");
    let outcomes = stage.append(vec![before, joining, after]).await;
    assert_eq!(outcomes[1], Outcome::Refused(Refusal::Unstorable));
    assert!(matches!(outcomes[2], Outcome::Appended { seq: Seq(4), .. }));
    assert_eq!(stage.stores.groups.role(group, bert).await.unwrap(), None);
    let group = stage.stores.groups.group(group).await.unwrap().unwrap();
    assert_eq!(group.members, 1);
}

#[test]
fn what_stands_in_the_way_of_opening_is_said_in_words() {
    let (folder, path) = folder();
    let garbage = folder.path().join("garbage.db");
    fs::write(&garbage, "not a database ".repeat(100)).unwrap();
    let foreign = folder.path().join("foreign.db");
    let connection = Connection::open(&foreign).unwrap();
    connection.execute_batch("CREATE TABLE songs (id)").unwrap();
    drop(connection);
    for (path, create, words) in [
        (path.as_path(), false, "there is no database at"),
        (folder.path(), true, "is a folder, not a database file"),
        (&garbage, true, "is not an SQLite database"),
        (&foreign, true, "is a database of another program"),
        (
            Path::new("/proc/starling/starling.db"),
            true,
            "the database folder /proc/starling cannot be written to",
        ),
        (
            &garbage.join("starling.db"),
            true,
            "garbage.db cannot be written to",
        ),
        (
            Path::new(":memory:"),
            true,
            "not the path of a database file",
        ),
        (Path::new(""), true, "not the path of a database file"),
        (Path::new("mysql://host/db"), true, "not the path"),
    ] {
        let error = open_at(path, create).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
    }
    let connection = Connection::open(&foreign).unwrap();
    let tables: i64 = connection
        .query_row("SELECT count(*) FROM sqlite_master", [], |row| row.get(0))
        .unwrap();
    assert_eq!(tables, 1, "another program's file is left as it was");
}

#[test]
fn a_file_that_may_only_be_read_is_refused() {
    let (folder, path) = folder();
    migrate(path.to_str().unwrap(), true).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o400)).unwrap();
    let probe = folder.path().join("probe");
    fs::write(&probe, "").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o400)).unwrap();
    if fs::write(&probe, "x").is_ok() {
        return; // The superuser may write everywhere.
    }
    let error = open_at(&path, true).map(|_| ()).unwrap_err();
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error}");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o500)).unwrap();
    let error = open_at(&path, true).map(|_| ()).unwrap_err();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error}");
}

#[tokio::test]
async fn a_url_a_path_and_a_missing_folder_will_do_and_the_file_is_private() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("not yet").join("starling.db");
    let url = format!("sqlite://{}", path.display());
    let first = open(&url, OpenOptions::default()).unwrap();
    let epoch = first.log.head().await.unwrap().epoch;
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let url = format!("sqlite:{}", path.display());
    for location in [url.as_str(), path.to_str().unwrap()] {
        let again = open(location, OpenOptions::default()).unwrap();
        assert_eq!(again.log.head().await.unwrap().epoch, epoch);
    }
}

#[test]
fn a_newer_schema_is_accepted_or_refused_as_it_asks() {
    let (_folder, path) = folder();
    let location = path.to_str().unwrap();
    let made = migrate(location, true).unwrap();
    assert_eq!(migrate(location, false).unwrap(), made);
    let set = |version: i64, min_reader: i64| {
        let connection = Connection::open(&path).unwrap();
        connection
            .execute(
                "UPDATE schema_info SET version = ?1, min_reader = ?2",
                [version, min_reader],
            )
            .unwrap();
    };
    set(made.version + 5, made.version);
    open_at(&path, false).map(|_| ()).unwrap();
    set(made.version + 5, made.version + 1);
    let error = open_at(&path, false).map(|_| ()).unwrap_err();
    let words = error.to_string();
    assert!(words.contains("needs a newer version"), "{words}");
}

#[tokio::test]
async fn what_was_hidden_before_an_upgrade_stays_hidden_until_something_new_is_in_it() {
    let (_folder, path) = folder();
    let (stage, anna) = begun(&path).await;
    let (hidden, shown) = (Conv::private(anna, anna), Conv::private(anna, UserId(7)));
    let last = stage.say(anna, hidden, "second").await;
    for (conv, flag) in [(hidden, Seq(1)), (shown, Seq::ZERO)] {
        // An older program knew no more than whether it is.
        let patch = SettingsPatch {
            hidden_at: Some(flag),
            ..SettingsPatch::default()
        };
        let conversations = &stage.stores.conversations;
        conversations
            .patch_settings(anna, conv, patch)
            .await
            .unwrap();
    }
    drop(stage);
    let older = "UPDATE schema_info SET version = 11;
        DELETE FROM refinery_schema_history WHERE version > 11";
    Connection::open(&path)
        .unwrap()
        .execute_batch(older)
        .unwrap();
    let stores = open_at(&path, false).unwrap();
    for (conv, expected) in [(hidden, last), (shown, Seq::ZERO)] {
        let same = SettingsPatch::default();
        let now = stores.conversations.patch_settings(anna, conv, same).await;
        assert_eq!(now.unwrap().hidden_at, expected, "{conv}");
    }
}
