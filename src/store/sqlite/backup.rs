//! Saving a store into another file while nodes write to it, and putting such a file in a store's place.
//!
//! A copy is a snapshot: it is made within one read transaction, so writers neither wait for it nor show in it. It
//! is checked before it gets its name. A copy that becomes a store gets a new epoch, because its log is another one
//! from its last entry on. Blocks; driven by the command line.
#![expect(
    clippy::disallowed_methods,
    reason = "waiting for a lock takes a clock and a thread that may sleep"
)]

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::failure::is_busy;
use super::open::{
    Access, FILE_MODE, OpenError, connect, explain, file_id, folder, path_of, unusable,
};
use super::{read, schema};
use crate::model::ids::Seq;
use crate::store::LogHead;

/// Copied at a time, between two looks at the clock: 4 MiB.
const STEP_PAGES: i32 = 1_024;
/// How long a copy may get nowhere because of locks.
const STUCK_MAX: Duration = Duration::from_secs(10);
const LOCK_LOOK: Duration = Duration::from_millis(10);
/// How long nodes that are just leaving may take to let go of a store.
const HOLD_WAIT: Duration = Duration::from_secs(2);

/// Below 2^53 for JSON readers. Nodes of the log before are none of this one's.
const NEW_EPOCH: &str = "UPDATE log_head SET epoch = abs(random() % 9007199254740991) + 1;
     DELETE FROM nodes;";

/// Where a copy is, in pages of the database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    pub done: u32,
    pub total: u32,
}

/// Why nothing was saved or put back.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error("{0} exists already")]
    Exists(PathBuf),
    #[error("{0} is the store itself")]
    Itself(PathBuf),
    #[error("the store {0} is in use: stop all nodes first")]
    InUse(PathBuf),
    #[error("{0} holds no store")]
    NoStore(PathBuf),
    #[error("the copy is not sound: {0}")]
    Unsound(String),
    #[error("the database stayed locked for {} s", STUCK_MAX.as_secs())]
    Stuck,
    #[error("{path}: {error}")]
    File { path: PathBuf, error: io::Error },
    #[error("the copy failed: {0}")]
    Failed(#[from] rusqlite::Error),
}

/// Saves the store at `location` into the file `target`, while nodes may run. `overwrite`: also when there is one.
/// Says what the copy's log is.
///
/// # Errors
/// As [`CopyError`] says; `target` is as it was then.
pub fn backup(
    location: &str,
    target: &Path,
    overwrite: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<LogHead, CopyError> {
    let path = path_of(location)?;
    let target = absolute(target)?;
    permit(&path, &target, overwrite)?;
    let source = connect(&path, Access::Read, false)?;
    schema::check(&path, &source)?;
    let partial = Partial::beside(&target)?;
    copy(&source, &partial.path, progress)?;
    let copied = Connection::open_with_flags(&partial.path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let log = seal(copied)?;
    partial.put_at(&target, overwrite)?;
    Ok(log)
}

/// Puts a copy of the file `saved` in the place of the store at `location`, on which no node may run, with a new
/// epoch and in this program's form. `overwrite`: also when there is a store. Says what the store's log is.
///
/// # Errors
/// As [`CopyError`] says; the store is as it was then.
pub fn restore(
    saved: &Path,
    location: &str,
    overwrite: bool,
    progress: &mut dyn FnMut(Progress),
) -> Result<LogHead, CopyError> {
    let path = path_of(location)?;
    let saved = absolute(saved)?;
    if !saved.is_file() {
        return Err(OpenError::Missing(saved).into());
    }
    permit(&saved, &path, overwrite)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source =
        Connection::open_with_flags(&saved, flags).map_err(|error| explain(&saved, &error))?;
    if !schema::is_ours(&source).map_err(|error| explain(&saved, &error))? {
        return Err(CopyError::NoStore(saved));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| folder(&path, &error))?;
    }
    let partial = Partial::beside(&path)?;
    copy(&source, &partial.path, progress)?;
    let mut copied = connect(&partial.path, Access::Write, false)?;
    schema::prepare(&partial.path, &mut copied)?;
    copied.execute_batch(NEW_EPOCH)?;
    let log = seal(copied)?;
    let _held = hold(&path)?;
    for ending in ["-wal", "-shm", "-journal"] {
        // Of a store that is gone or damaged; SQLite would replay it into the new one.
        let _ = fs::remove_file(with_ending(&path, ending));
    }
    partial.put_at(&path, overwrite)?;
    Ok(log)
}

/// Gives the log of the store at `location` a new epoch: for a store that was put back by other means.
///
/// # Errors
/// The store cannot be opened, or is in use; nothing was changed.
pub fn renew(location: &str) -> Result<LogHead, CopyError> {
    let path = path_of(location)?;
    let mut store = connect(&path, Access::Write, false)?;
    schema::prepare(&path, &mut store)?;
    let held = hold_open(&path, store)?;
    held.execute_batch(NEW_EPOCH)?;
    held.execute_batch("COMMIT")?;
    Ok(read::head(&held).map_err(|error| unusable(&path, &error))?)
}

/// A file is not copied onto itself, nor over another one unasked.
fn permit(from: &Path, to: &Path, overwrite: bool) -> Result<(), CopyError> {
    if to.is_dir() {
        return Err(OpenError::IsFolder(to.to_owned()).into());
    }
    if let (Ok(from), Ok(there)) = (file_id(from), file_id(to))
        && from == there
    {
        return Err(CopyError::Itself(to.to_owned()));
    }
    if to.exists() && !overwrite {
        return Err(CopyError::Exists(to.to_owned()));
    }
    Ok(())
}

/// Copies within one snapshot: otherwise every write of a node would begin the copy anew.
fn copy(
    source: &Connection,
    target: &Path,
    progress: &mut dyn FnMut(Progress),
) -> Result<(), CopyError> {
    let mut target = Connection::open_with_flags(target, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // A file without its name yet needs no protection from a power cut.
    target.execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;")?;
    source.execute_batch("BEGIN")?;
    source.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(()))?;
    let copying = Backup::new(source, &mut target)?;
    let mut moved_at = Instant::now();
    loop {
        match copying.step(STEP_PAGES)? {
            StepResult::Done => break,
            StepResult::More => {
                moved_at = Instant::now();
                let now = copying.progress();
                let pages = |count: i32| u32::try_from(count).unwrap_or(0);
                progress(Progress {
                    done: pages(now.pagecount - now.remaining),
                    total: pages(now.pagecount),
                });
            }
            StepResult::Busy | StepResult::Locked | _ => {
                if moved_at.elapsed() > STUCK_MAX {
                    return Err(CopyError::Stuck);
                }
                std::thread::sleep(LOCK_LOOK);
            }
        }
    }
    drop(copying);
    source.execute_batch("COMMIT")?;
    Ok(())
}

/// Checks a copy from end to end, and closes it as one file without a log beside it, safely on disk.
fn seal(copied: Connection) -> Result<LogHead, CopyError> {
    let damage: String = copied.query_row("PRAGMA integrity_check(1)", [], |row| row.get(0))?;
    if damage != "ok" {
        return Err(CopyError::Unsound(damage));
    }
    let log = read::head(&copied).map_err(|error| CopyError::Unsound(error.to_string()))?;
    let (count, first, last): (i64, Option<Seq>, Option<Seq>) = copied.query_row(
        "SELECT count(*), min(seq), max(seq) FROM entries",
        [],
        |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
    )?;
    let begins = log.floor.next();
    let (first, last) = (first.unwrap_or(begins), last.unwrap_or(log.head));
    let expected = log.head.0.saturating_sub(log.floor.0);
    if count.unsigned_abs() != expected || (first, last) != (begins, log.head) {
        return Err(CopyError::Unsound(format!(
            "its log has {count} entries from {first} to {last}, which should be those from {begins} to {}",
            log.head
        )));
    }
    copied.execute_batch("PRAGMA synchronous = FULL; PRAGMA journal_mode = DELETE;")?;
    copied.close().map_err(|(_, error)| error)?;
    Ok(log)
}

/// Makes sure that nobody has the store open, and keeps others out until dropped. `None`: there is no store, or a
/// file that nobody can be running on.
fn hold(path: &Path) -> Result<Option<Connection>, CopyError> {
    if !path.exists() {
        return Ok(None);
    }
    let store = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    match hold_open(path, store) {
        Ok(held) => Ok(Some(held)),
        Err(CopyError::Failed(_)) => Ok(None),
        Err(other) => Err(other),
    }
}

/// The write-ahead log can be left only by whoever is alone: every open connection to it holds a lock, used or not.
fn hold_open(path: &Path, store: Connection) -> Result<Connection, CopyError> {
    store.busy_timeout(HOLD_WAIT)?;
    let alone = store
        .query_row("PRAGMA journal_mode = DELETE", [], |row| {
            row.get::<_, String>(0)
        })
        .and_then(|_| store.execute_batch("BEGIN EXCLUSIVE"));
    match alone {
        Ok(()) => Ok(store),
        Err(error) if is_busy(&error) => Err(CopyError::InUse(path.to_owned())),
        Err(error) => Err(error.into()),
    }
}

/// A file under a name of its own until it is whole. Removed when dropped before.
struct Partial {
    path: PathBuf,
}

impl Partial {
    fn beside(target: &Path) -> Result<Partial, CopyError> {
        let path = with_ending(target, &format!(".partial-{}", std::process::id()));
        // Before anything is in it: it will hold password hashes.
        let made = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(FILE_MODE)
            .open(&path);
        match made {
            Ok(_) => Ok(Partial { path }),
            Err(error) => Err(CopyError::File { path, error }),
        }
    }

    /// Gives the file its name, in one step and safely on disk.
    fn put_at(self, target: &Path, overwrite: bool) -> Result<(), CopyError> {
        let failed = |error| CopyError::File {
            path: target.to_owned(),
            error,
        };
        let file = File::options().write(true).open(&self.path);
        file.and_then(|file| file.sync_all()).map_err(failed)?;
        if overwrite {
            fs::rename(&self.path, target).map_err(failed)?;
        } else {
            // A second name, unlike a rename, never takes one that is in use.
            match fs::hard_link(&self.path, target) {
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    return Err(CopyError::Exists(target.to_owned()));
                }
                Ok(()) => {}
                // Some file systems know one name per file.
                Err(_) if !target.exists() => {
                    fs::rename(&self.path, target).map_err(failed)?;
                }
                Err(error) => return Err(failed(error)),
            }
        }
        let parent = target.parent().unwrap_or(target);
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(failed)
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        for ending in ["", "-wal", "-shm", "-journal"] {
            // Gone already when it was put in its place.
            let _ = fs::remove_file(with_ending(&self.path, ending));
        }
    }
}

fn with_ending(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

fn absolute(path: &Path) -> Result<PathBuf, CopyError> {
    std::path::absolute(path).map_err(|error| CopyError::File {
        path: path.to_owned(),
        error,
    })
}
