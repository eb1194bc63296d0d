//! Threads that own connections, and the way to them.
//!
//! A lane is a bounded queue of closures with one or several threads behind it. A thread looks before every
//! closure whether the file is still the one it opened: gone is an outage that ends by itself when the file is
//! back, another file in its place is opened anew. Knows nothing of what the closures do.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;
use rusqlite::Connection;
use tokio::sync::oneshot;
use tokio::time::Instant;
use tracing::warn;

use super::failure::MayBeOutage;
use super::open::{Access, FileId, connect_existing, file_id, wal_id};
use crate::store::calls::unnamed;
use crate::store::{Result, StoreError};

/// Closures that may wait in one lane: far above what a healthy thread leaves waiting, small in memory.
const QUEUE_JOBS_MAX: usize = 2_048;
/// How long a caller waits in all: the busy handler's 2 s, and as much again for those ahead in the queue.
const CALL_DEADLINE: Duration = Duration::from_secs(5);

type Job = Box<dyn FnOnce(&mut Worker) + Send>;

/// The way to one or several threads.
pub(super) struct Lane {
    queue: SyncSender<Job>,
    times: Histogram,
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
        Ok(Lane {
            queue,
            times: unnamed(),
        })
    }

    /// Its calls are measured by these times, the wait for a thread included.
    pub(super) fn timed(self, times: Histogram) -> Lane {
        Lane { times, ..self }
    }

    /// Runs `work` on a thread of the lane. What is not begun by the deadline is not begun at all.
    pub(super) async fn run<T, E, F>(&self, work: F) -> Result<T, E>
    where
        T: Send + 'static,
        E: MayBeOutage,
        F: FnOnce(&mut Connection) -> Result<T, E> + Send + 'static,
    {
        let began = Instant::now();
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
        let answer = tokio::time::timeout(CALL_DEADLINE, answer).await;
        self.times.observe(began.elapsed().as_secs_f64());
        match answer {
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tempfile::TempDir;

    use super::*;
    use crate::store::sqlite::migrate;

    fn lane() -> (Lane, TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starling.db");
        migrate(path.to_str().unwrap(), true).unwrap();
        let connection = connect_existing(&path, Access::Write).unwrap();
        let file = file_id(&path).unwrap();
        let lane = Lane::start(&path, Access::Write, vec![(connection, file)]).unwrap();
        (lane, folder, path)
    }

    #[tokio::test]
    async fn what_was_done_to_a_file_that_left_meanwhile_does_not_count() {
        let (lane, folder, path) = lane();
        let away = folder.path().join("away.db");
        let here = path.clone();
        let moved: Result<()> = lane
            .run(move |_| {
                std::fs::rename(&here, &away).unwrap();
                std::fs::copy(&away, &here).unwrap();
                Ok(())
            })
            .await;
        assert!(
            matches!(moved, Err(StoreError::Unavailable(_))),
            "{moved:?}"
        );
    }

    #[tokio::test]
    async fn a_full_queue_is_an_outage_and_an_abandoned_call_is_not_begun() {
        let (lane, _folder, _path) = lane();
        let (let_go, held) = std::sync::mpsc::sync_channel::<()>(0);
        let begun = Arc::new(AtomicUsize::new(0));
        let mut blocking = Box::pin(lane.run::<_, StoreError, _>(move |_| {
            let _ = held.recv();
            Ok(())
        }));
        // The first poll puts a call in line.
        assert!(futures_util::poll!(&mut blocking).is_pending());
        let mut calls = Vec::new();
        let mut full = false;
        while !full && calls.len() <= 2 * QUEUE_JOBS_MAX {
            let begun = Arc::clone(&begun);
            let mut call = Box::pin(lane.run::<_, StoreError, _>(move |_| {
                begun.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }));
            full = futures_util::poll!(&mut call).is_ready();
            calls.push(call);
        }
        assert!(full, "the queue is bounded");
        drop(calls);
        let_go.send(()).unwrap();
        // The lane is first in, first out: by now every abandoned call has had its turn.
        while lane.run::<_, StoreError, _>(|_| Ok(())).await.is_err() {
            tokio::task::yield_now().await;
        }
        assert_eq!(begun.load(Ordering::Relaxed), 0);
    }
}
