//! Threads that own connections, and the way to them.
//!
//! A lane is a bounded queue of closures with one or several threads behind it. A thread looks before every
//! closure whether the file is still the one it opened: gone is an outage that ends by itself when the file is
//! back, another file in its place is opened anew. Knows nothing of what the closures do.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::oneshot;
use tracing::warn;

use super::failure::MayBeOutage;
use super::open::{Access, FileId, connect_existing, file_id, wal_id};
use crate::store::{Result, StoreError};

/// Closures that may wait in one lane: far above what a healthy thread leaves waiting, small in memory.
const QUEUE_JOBS_MAX: usize = 2_048;
/// How long a caller waits in all: the busy handler's 2 s, and as much again for those ahead in the queue.
const CALL_DEADLINE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// The way to one or several threads.
pub(super) struct Lane {
    queue: SyncSender<Job>,
}

impl Lane {
    /// Starts a thread for each connection, all of which were opened on `path`.
    pub(super) fn start(
        path: &Path,
        access: Access,
        connections: Vec<(Connection, FileId)>,
    ) -> std::io::Result<Lane> {
        let (queue, jobs) = sync_channel::<Job>(QUEUE_JOBS_MAX);
        let jobs = Arc::new(Mutex::new(jobs));
        for (connection, file) in connections {
            let worker = Worker {
                path: path.to_owned(),
                access,
                wal: wal_id(path),
                open: Some(Open { connection, file }),
                last_file: file,
            };
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("sqlite-{}", access.name()))
                .spawn(move || worker.run(&jobs))?;
        }
        Ok(Lane { queue })
    }

    /// Runs `work` on a thread of the lane. What is not begun by the deadline is not begun at all.
    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: MayBeOutage,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let job: Job = Box::new(move |worker| {
            if reply.is_closed() {
                return;
            }
            // A caller that stopped waiting needs no answer.
            let _ = reply.send(worker.work(work));
        });
        self.queue.try_send(job).map_err(|error| {
            unavailable(match error {
                TrySendError::Full(_) => "too many calls are waiting",
                TrySendError::Disconnected(_) => "its thread has ended",
            })
        })?;
        match tokio::time::timeout(CALL_DEADLINE, answer).await {
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(unavailable("its thread has ended").into()),
            Err(_) => Err(unavailable("no answer in time").into()),
        }
    }
}

struct Open {
    connection: Connection,
    file: FileId,
}

struct Worker {
    path: PathBuf,
    access: Access,
    open: Option<Open>,
    /// The database file last open, and the write-ahead log beside it at that time.
    last_file: FileId,
    wal: Option<FileId>,
}

impl Worker {
    /// Works until the lane is dropped.
    fn run(mut self, jobs: &Mutex<Receiver<Job>>) {
        loop {
            let job = jobs.lock().unwrap_or_else(PoisonError::into_inner).recv();
            match job {
                Ok(job) => job(&mut self),
                Err(_) => return,
            }
        }
    }

    fn work<T, E, F>(&mut self, work: F) -> Result<T, E>
    where
        E: MayBeOutage,
        F: FnOnce(&mut Connection) -> Result<T, E>,
    {
        let mut open = self.ready()?;
        let result = work(&mut open.connection);
        // What was done to a file that is no longer in its place must not count as stored or as read.
        let still_there = file_id(&self.path).map(|file| file == open.file);
        if !result.as_ref().is_err_and(MayBeOutage::is_outage) {
            self.open = Some(open);
        }
        match still_there {
            Ok(true) => result,
            Ok(false) => Err(unavailable("the database file was replaced").into()),
            Err(error) => Err(error.into()),
        }
    }

    /// Hands out the connection to the file that is at the path now.
    fn ready(&mut self) -> Result<Open> {
        let file = file_id(&self.path)?;
        // Looked at while the former log is still open, so that its number cannot have been given away.
        let stale_log =
            file != self.last_file && self.wal.is_some() && wal_id(&self.path) == self.wal;
        match self.open.take() {
            Some(open) if open.file == file => return Ok(open),
            Some(_) => {
                warn!(path = %self.path.display(), "the database file was replaced, opening the new one");
            }
            None => {}
        }
        if stale_log {
            // SQLite would replay it into the new file.
            return Err(unavailable(
                "the database file was replaced but the former file's -wal was left beside it: \
                 stop all nodes and put the file in place without -wal and -shm",
            ));
        }
        let connection = connect_existing(&self.path, self.access)
            .map_err(|error| StoreError::Unavailable(error.to_string()))?;
        self.last_file = file;
        self.wal = wal_id(&self.path);
        Ok(Open { connection, file })
    }
}

fn unavailable(reason: &str) -> StoreError {
    StoreError::Unavailable(reason.to_owned())
}
