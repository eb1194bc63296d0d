//! Finds, makes and opens the database file, sets up connections, and says in words what stands in the way.
//!
//! Never opens the file but through SQLite: closing any other descriptor of it would drop this process's locks.
//! Used once at start ([`open`], [`migrate`]) and by threads whose file was replaced.
#![expect(
    clippy::disallowed_methods,
    reason = "waiting for other processes' locks takes a clock, a jitter and threads that may sleep"
)]

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use rusqlite::{Connection, ErrorCode, OpenFlags, TransactionBehavior};

use super::Sqlite;
use super::failure::is_busy;
use super::read;
use super::schema;
use super::worker::Lane;
use crate::model::policy::StoreRules;
use crate::store::CallTimes;
use crate::store::tables::INCOMPLETE;
use crate::store::{SchemaVersion, StoreError, Stores};

/// How long a statement waits for a lock somebody else holds.
const LOCK_WAIT: Duration = Duration::from_secs(2);
/// Between two looks at a held lock: this and up to as much again. SQLite's own handler backs off so far that
/// one of three busy writers starves.
const LOCK_LOOK: Duration = Duration::from_micros(300);
/// Statements kept prepared per connection; there are fewer than this in all.
const STATEMENTS_MAX: usize = 160;
/// Reading threads when nothing is said.
const READERS_DEFAULT: usize = 2;
/// Who may read the file: it holds password hashes.
pub(super) const FILE_MODE: u32 = 0o600;

/// How to open the store.
#[derive(Clone, Copy, Debug)]
pub struct OpenOptions {
    /// Make the file, and its folder, when there is none.
    pub create: bool,
    /// What the deployment permits.
    pub rules: StoreRules,
    /// Reading threads, at least one.
    pub readers: usize,
    /// Also a store that is being filled from another one, or was left so.
    pub incomplete: bool,
}

impl Default for OpenOptions {
    fn default() -> Self {
        OpenOptions {
            create: true,
            rules: StoreRules::default(),
            readers: READERS_DEFAULT,
            incomplete: false,
        }
    }
}

/// Why the store cannot be opened, in words for whoever started the program. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("there is no database at {0}")]
    Missing(PathBuf),
    #[error("{0} is not the path of a database file")]
    NotAPath(String),
    #[error("{0} is a folder, not a database file")]
    IsFolder(PathBuf),
    #[error("the database folder {folder} cannot be written to: {reason}")]
    Folder { folder: PathBuf, reason: String },
    #[error("{0} is not an SQLite database")]
    NotADatabase(PathBuf),
    #[error("{0} is a database of another program")]
    Foreign(PathBuf),
    #[error("the database {0} or its folder cannot be written to; check owner and permissions")]
    ReadOnly(PathBuf),
    #[error("the database {0} is locked by another program")]
    Locked(PathBuf),
    #[error(
        "the database {path} needs a newer version of this program: it asks for schema {needed}, this one knows {known}"
    )]
    TooNew {
        path: PathBuf,
        needed: i64,
        known: i64,
    },
    #[error(
        "the database {0} is incomplete: a move from another store was interrupted; repeat it with --force"
    )]
    Incomplete(PathBuf),
    #[error("the database {path} cannot be used: {reason}")]
    Unusable { path: PathBuf, reason: String },
}

/// Opens the store in the file at `location` (a path, or `sqlite:` and a path), makes and migrates it as needed,
/// and starts its threads, which end when the last of the stores is dropped. Blocks.
pub fn open(location: &str, options: OpenOptions) -> Result<Stores, OpenError> {
    let path = path_of(location)?;
    let mut writer = connect(&path, Access::Write, options.create)?;
    schema::prepare(&path, &mut writer)?;
    let log = read::head(&writer).map_err(|error| unusable(&path, &error))?;
    if log.epoch == INCOMPLETE && !options.incomplete {
        return Err(OpenError::Incomplete(path));
    }
    let file = identify(&path)?;
    let mut readers = Vec::new();
    for _ in 0..options.readers.max(1) {
        readers.push((connect(&path, Access::Read, false)?, file));
    }
    let start = |access, connections| {
        Lane::start(&path, access, connections).map_err(|error| unusable(&path, &error))
    };
    let calls = CallTimes::new();
    let sqlite = Sqlite {
        writer: start(Access::Write, vec![(writer, file)])?.timed(calls.of("write")),
        readers: start(Access::Read, readers)?.timed(calls.of("read")),
        calls,
        rules: options.rules,
    };
    Ok(sqlite.into_stores())
}

/// Brings the file at `location` to the schema of this program and says which it has now. Blocks.
pub fn migrate(location: &str, create: bool) -> Result<SchemaVersion, OpenError> {
    let path = path_of(location)?;
    let mut connection = connect(&path, Access::Write, create)?;
    schema::prepare(&path, &mut connection)
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

impl Access {
    pub(super) fn name(self) -> &'static str {
        match self {
            Access::Read => "read",
            Access::Write => "write",
        }
    }
}

/// Which file is at a path: a name given again to another file is another file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    device: u64,
    inode: u64,
    /// Numbers of deleted files are used again.
    made: Option<SystemTime>,
}

impl FileId {
    fn of(metadata: &fs::Metadata) -> FileId {
        FileId {
            device: metadata.dev(),
            inode: metadata.ino(),
            made: metadata.created().ok(),
        }
    }
}

/// The database file that is at the path now.
pub(super) fn file_id(path: &Path) -> Result<FileId, StoreError> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(FileId::of(&metadata)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(StoreError::Unavailable(
            "the database file is missing".to_owned(),
        )),
        Err(error) => Err(StoreError::Unavailable(format!(
            "the database file cannot be looked at: {error}"
        ))),
    }
}

/// The write-ahead log beside the database file.
pub(super) fn wal_id(path: &Path) -> Option<FileId> {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    fs::metadata(name)
        .ok()
        .map(|metadata| FileId::of(&metadata))
}

/// A connection to a file that was opened by this process before and is there again, possibly another one.
pub(super) fn connect_existing(path: &Path, access: Access) -> Result<Connection, OpenError> {
    let connection = connect(path, access, false)?;
    schema::check(path, &connection)?;
    Ok(connection)
}

/// The path in a `sqlite:` URL, or a plain path, made absolute so that a change of folder does not matter.
pub(super) fn path_of(location: &str) -> Result<PathBuf, OpenError> {
    let name = location.strip_prefix("sqlite:").unwrap_or(location);
    let name = match name.strip_prefix("//") {
        Some(rest) if location.starts_with("sqlite:") => rest,
        Some(_) | None => name,
    };
    // Each connection to SQLite's ":memory:" would be a database of its own; "file:" would be read as options.
    if name.is_empty() || name.starts_with(':') || name.starts_with("file:") || name.contains("://")
    {
        return Err(OpenError::NotAPath(location.to_owned()));
    }
    std::path::absolute(name).map_err(|_| OpenError::NotAPath(location.to_owned()))
}

pub(super) fn connect(path: &Path, access: Access, create: bool) -> Result<Connection, OpenError> {
    let fresh = match fs::metadata(path) {
        Ok(metadata) if metadata.is_dir() => return Err(OpenError::IsFolder(path.to_owned())),
        Ok(_) => false,
        Err(error) if error.kind() == io::ErrorKind::NotFound && create => true,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(OpenError::Missing(path.to_owned()));
        }
        Err(error) => return Err(folder(path, &error)),
    };
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if fresh {
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(|error| folder(path, &error))?;
        }
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let words = |error| explain(path, &error);
    let mut connection = Connection::open_with_flags(path, flags).map_err(words)?;
    if fresh {
        // Before anything is in it; the files beside it inherit the mode.
        fs::set_permissions(path, fs::Permissions::from_mode(FILE_MODE))
            .map_err(|error| folder(path, &error))?;
    }
    connection
        .busy_handler(Some(wait_for_lock()))
        .map_err(words)?;
    if connection.is_readonly("main").map_err(words)? {
        return Err(OpenError::ReadOnly(path.to_owned()));
    }
    write_ahead(path, &connection)?;
    configure(&mut connection, access).map_err(words)?;
    Ok(connection)
}

/// Looks often and without backing off, for a bounded time.
fn wait_for_lock() -> impl FnMut(i32) -> bool + Send + 'static {
    let mut since = Instant::now();
    move |looks| {
        if looks == 0 {
            since = Instant::now();
        }
        if since.elapsed() >= LOCK_WAIT {
            return false;
        }
        std::thread::sleep(LOCK_LOOK + LOCK_LOOK.mul_f64(fastrand::f64()));
        true
    }
}

/// Turns the write-ahead log on. Several processes may do so at once, and SQLite answers some of them "busy"
/// without asking the busy handler.
fn write_ahead(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let started = Instant::now();
    loop {
        let mode = connection.query_row("PRAGMA journal_mode = WAL", [], |row| {
            row.get::<_, String>(0)
        });
        match mode {
            Ok(mode) if mode == "wal" => return Ok(()),
            Ok(mode) => {
                return Err(unusable(
                    path,
                    &format!("its folder permits no write-ahead log (mode {mode})"),
                ));
            }
            Err(error) if is_busy(&error) && started.elapsed() < LOCK_WAIT => {
                std::thread::sleep(LOCK_LOOK + LOCK_LOOK.mul_f64(fastrand::f64()));
            }
            Err(error) => return Err(explain(path, &error)),
        }
    }
}

fn configure(connection: &mut Connection, access: Access) -> rusqlite::Result<()> {
    connection.set_prepared_statement_cache_capacity(STATEMENTS_MAX);
    // FULL: the log is on disk before a commit returns, and before anybody sees what it holds.
    connection.execute_batch(
        "PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = OFF;
         PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864;",
    )?;
    match access {
        Access::Read => connection.execute_batch(
            "PRAGMA query_only = ON;
             PRAGMA cache_size = -8192;",
        ),
        Access::Write => {
            // Client ids are random, so every entry touches its own page of their index: in KiB, most of the
            // recent ones.
            connection.execute_batch("PRAGMA cache_size = -32768;")?;
            // A transaction that reads first and locks later fails when somebody wrote in between.
            connection.set_transaction_behavior(TransactionBehavior::Immediate);
            Ok(())
        }
    }
}

/// What an error while opening means to whoever started the program.
pub(super) fn explain(path: &Path, error: &rusqlite::Error) -> OpenError {
    let owned = path.to_owned();
    match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => OpenError::NotADatabase(owned),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => OpenError::Locked(owned),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => OpenError::ReadOnly(owned),
        Some(ErrorCode::CannotOpen) => OpenError::Folder {
            folder: parent_of(path),
            reason: error.to_string(),
        },
        Some(_) | None => unusable(path, error),
    }
}

pub(super) fn unusable(path: &Path, reason: &dyn std::fmt::Display) -> OpenError {
    OpenError::Unusable {
        path: path.to_owned(),
        reason: reason.to_string(),
    }
}

fn identify(path: &Path) -> Result<FileId, OpenError> {
    file_id(path).map_err(|_| OpenError::Missing(path.to_owned()))
}

pub(super) fn folder(path: &Path, error: &io::Error) -> OpenError {
    OpenError::Folder {
        folder: parent_of(path),
        reason: error.to_string(),
    }
}

fn parent_of(path: &Path) -> PathBuf {
    path.parent().unwrap_or(path).to_owned()
}
