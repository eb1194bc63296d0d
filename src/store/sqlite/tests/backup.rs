//! Copies made while others write, and copies put in a store's place.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::model::conversation::Conv;
use crate::model::ids::Seq;
use crate::store::Stores;
use crate::store::conformance::stage::Stage;
use crate::store::sqlite::{CopyError, OpenOptions, backup, open, renew, restore};

fn folder() -> (TempDir, PathBuf, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("starling.db");
    let saved = folder.path().join("saved.db");
    (folder, store, saved)
}

fn open_at(path: &Path) -> Stores {
    open(path.to_str().unwrap(), OpenOptions::default()).unwrap()
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A store with so many messages of one kilobyte.
async fn filled(path: &Path, messages: usize) -> Stage {
    let stage = Stage::new(open_at(path), ());
    let anna = stage.user("anna").await;
    let drafts =
        (0..messages).map(|_| stage.message(anna, Conv::private(anna, anna), &"x".repeat(1_000)));
    stage.append(drafts.collect()).await;
    stage
}

fn names(folder: &TempDir) -> Vec<String> {
    let names = std::fs::read_dir(folder.path()).unwrap();
    let mut names: Vec<String> = names
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_made_while_others_write_is_whole_and_its_log_dense() {
    let (_folder, path, saved) = folder();
    let stage = filled(&path, 12_000).await;
    let before = stage.head().await;
    let stop = Arc::new(AtomicBool::new(false));
    let writer = {
        // Another process would be another store as well.
        let (other, stop) = (Stage::new(open_at(&path), ()), Arc::clone(&stop));
        tokio::spawn(async move {
            let bert = other.user("bert").await;
            let mut written = 0;
            while !stop.load(Ordering::Relaxed) {
                other
                    .say(bert, Conv::private(bert, bert), "meanwhile")
                    .await;
                written += 1;
            }
            written
        })
    };
    let (from, to) = (path.clone(), saved.clone());
    let (log, steps) = tokio::task::spawn_blocking(move || {
        let mut steps = 0;
        let log = backup(text(&from), &to, false, &mut |progress| {
            assert!(progress.done <= progress.total);
            steps += 1;
        });
        (log.unwrap(), steps)
    })
    .await
    .unwrap();
    stop.store(true, Ordering::Relaxed);
    let written: u64 = writer.await.unwrap();
    assert!(written > 0 && steps > 1, "{written} written, {steps} steps");
    assert!(log.head >= before);
    assert!(
        log.head.0 <= before.0 + written,
        "a copy ends where it began"
    );
    let mode = std::fs::metadata(&saved).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let copy = open_at(&saved);
    let range = copy.log.range(Seq::ZERO, 100_000).await.unwrap();
    assert_eq!(range.log, log);
    assert_eq!(range.entries.len() as u64, log.head.0);
    let original = stage.stores.log.range(Seq::ZERO, range.entries.len()).await;
    assert_eq!(range.entries, original.unwrap().entries);
}

#[tokio::test]
async fn a_file_is_overwritten_only_when_asked_and_never_by_what_it_is_itself() {
    let (folder, path, saved) = folder();
    let stage = filled(&path, 1).await;
    std::fs::write(&saved, "a letter").unwrap();
    let refused = backup(text(&path), &saved, false, &mut |_| {});
    assert!(matches!(refused, Err(CopyError::Exists(_))), "{refused:?}");
    assert_eq!(std::fs::read_to_string(&saved).unwrap(), "a letter");
    let itself = backup(text(&path), &path, true, &mut |_| {});
    assert!(matches!(itself, Err(CopyError::Itself(_))), "{itself:?}");
    let nowhere = folder.path().join("none").join("saved.db");
    let failed = backup(text(&path), &nowhere, false, &mut |_| {});
    assert!(matches!(failed, Err(CopyError::File { .. })), "{failed:?}");
    let missing = backup(text(&nowhere), &saved, true, &mut |_| {});
    assert!(matches!(missing, Err(CopyError::Open(_))), "{missing:?}");
    backup(text(&path), &saved, true, &mut |_| {}).unwrap();
    drop(stage);
    let left: Vec<String> = names(&folder)
        .into_iter()
        .filter(|name| name.contains("saved"))
        .collect();
    assert_eq!(left, ["saved.db"], "nothing is left lying about");
}

#[tokio::test]
async fn a_damaged_store_makes_no_copy() {
    let (folder, path, saved) = folder();
    drop(filled(&path, 10).await);
    let raw = Connection::open(&path).unwrap();
    raw.execute("DELETE FROM entries WHERE seq = 5", [])
        .unwrap();
    drop(raw);
    let unsound = backup(text(&path), &saved, false, &mut |_| {});
    assert!(matches!(unsound, Err(CopyError::Unsound(_))), "{unsound:?}");
    assert!(names(&folder).iter().all(|name| !name.contains("saved")));
}

#[tokio::test]
async fn a_restored_store_holds_what_was_saved_as_another_log() {
    let (_folder, path, saved) = folder();
    let stage = filled(&path, 10).await;
    let log = backup(text(&path), &saved, false, &mut |_| {}).unwrap();
    let anna = stage
        .stores
        .users
        .list(Default::default(), 1)
        .await
        .unwrap()[0]
        .id;
    stage.say(anna, Conv::private(anna, anna), "lost").await;

    let in_use = restore(&saved, text(&path), true, &mut |_| {});
    assert!(matches!(in_use, Err(CopyError::InUse(_))), "{in_use:?}");
    assert_eq!(stage.head().await, Seq(11), "the store is as it was");
    drop(stage);
    wait_until_closed(&path);
    let asked = restore(&saved, text(&path), false, &mut |_| {});
    assert!(matches!(asked, Err(CopyError::Exists(_))), "{asked:?}");
    let back = restore(&saved, text(&path), true, &mut |_| {}).unwrap();
    assert_eq!((back.head, back.floor), (log.head, log.floor));
    assert_ne!(back.epoch, log.epoch);
    let stores = open_at(&path);
    let range = stores.log.range(Seq::ZERO, 100).await.unwrap();
    assert_eq!((range.log, range.entries.len()), (back, 10));
    // The saved file is as it was.
    let kept = open_at(&saved).log.head().await.unwrap();
    assert_eq!(kept, log);
}

#[tokio::test]
async fn a_store_is_restored_where_there_is_none_and_from_nothing_but_a_store() {
    let (folder, path, saved) = folder();
    drop(filled(&path, 3).await);
    backup(text(&path), &saved, false, &mut |_| {}).unwrap();
    let elsewhere = folder.path().join("new").join("starling.db");
    let back = restore(&saved, text(&elsewhere), false, &mut |_| {}).unwrap();
    assert_eq!(open_at(&elsewhere).log.head().await.unwrap(), back);
    let letter = folder.path().join("letter");
    std::fs::write(&letter, "this is a letter, not a database. ".repeat(100)).unwrap();
    let empty = folder.path().join("empty");
    std::fs::write(&empty, "").unwrap();
    for (file, words) in [
        (&letter, "is not an SQLite database"),
        (&empty, "holds no store"),
    ] {
        let error = restore(file, text(&elsewhere), true, &mut |_| {}).unwrap_err();
        assert!(error.to_string().contains(words), "{error}");
    }
    assert_eq!(open_at(&elsewhere).log.head().await.unwrap(), back);
}

#[tokio::test]
async fn a_store_put_back_by_other_means_is_declared_another_log_when_nobody_uses_it() {
    let (_folder, path, _) = folder();
    let stage = filled(&path, 3).await;
    let before = stage.stores.log.head().await.unwrap();
    let in_use = renew(text(&path));
    assert!(matches!(in_use, Err(CopyError::InUse(_))), "{in_use:?}");
    drop(stage);
    wait_until_closed(&path);
    let after = renew(text(&path)).unwrap();
    assert_eq!((after.head, after.floor), (before.head, before.floor));
    assert_ne!(after.epoch, before.epoch);
    assert_eq!(open_at(&path).log.head().await.unwrap(), after);
}

/// The threads of a dropped store end by themselves; the last one to close takes the write-ahead log along.
fn wait_until_closed(path: &Path) {
    let wal = PathBuf::from(format!("{}-wal", path.display()));
    for _ in 0..500 {
        if !wal.exists() {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    panic!("the store is still open");
}
