//! Work at the store, done in tasks of its own so that the driver never waits.
//!
//! Responsible for deadlines and for exactly one answer per request. Deliberately without judging answers. Driven by
//! the driver, which receives the [`Answer`]s over a channel.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::identity::EntryIdentity;
use super::recovery::{self, Known, Verdict};
use crate::cluster::kernel::{self, SocketId};
use crate::model::ids::{Incarnation, Seq};
use crate::store::{LogHead, LogRange, LogStore, NodeRow, NodeStore, StoreError};

/// A store that has not answered by then counts as unavailable. The core asks again by itself.
const DEADLINE: Duration = Duration::from_secs(2);

/// Answers that may wait for the driver: more than the kinds of work, each of which is in flight once.
const ANSWERS_MAX: usize = 32;

/// What is done at the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    PollHead,
    Fetch,
    Confirm,
    ReadRegistry,
    WriteRow,
    Verify,
    Forget,
}

impl Work {
    pub(super) fn words(self) -> &'static str {
        match self {
            Work::PollHead => "reading the log's head",
            Work::Fetch => "reading a range of the log",
            Work::Confirm => "confirming what was read",
            Work::ReadRegistry => "reading the node registry",
            Work::WriteRow => "writing the own registry row",
            Work::Verify => "comparing the log with what was applied",
            Work::Forget => "removing rows of dead nodes",
        }
    }
}

/// What came of it.
#[derive(Debug)]
pub(super) enum Answer {
    Head {
        head: Result<LogHead, StoreError>,
        took: Duration,
    },
    Range {
        after: Seq,
        range: Result<LogRange, StoreError>,
    },
    Confirmed {
        seq: Seq,
        /// Whether the entry is still what was read.
        unchanged: Result<bool, StoreError>,
    },
    Registry(Result<Vec<NodeRow>, StoreError>),
    RowWritten {
        incarnation: Incarnation,
        written: Result<(), StoreError>,
    },
    Verified(Result<Verdict, StoreError>),
    Forgotten(Result<(), StoreError>),
    KernelDrops(io::Result<u64>),
}

impl Answer {
    /// Whether the own registry row was written on the way to this answer.
    pub(super) fn wrote_row(&self) -> bool {
        match self {
            Answer::Confirmed { .. } | Answer::RowWritten { .. } | Answer::Verified(_) => true,
            Answer::Head { .. }
            | Answer::Range { .. }
            | Answer::Registry(_)
            | Answer::Forgotten(_)
            | Answer::KernelDrops(_) => false,
        }
    }
}

/// Starts work.
pub(super) struct Jobs {
    log: Arc<dyn LogStore>,
    nodes: Arc<dyn NodeStore>,
    answers: mpsc::Sender<Answer>,
}

impl Jobs {
    pub(super) fn new(
        log: Arc<dyn LogStore>,
        nodes: Arc<dyn NodeStore>,
    ) -> (Jobs, mpsc::Receiver<Answer>) {
        let (answers, receiver) = mpsc::channel(ANSWERS_MAX);
        (
            Jobs {
                log,
                nodes,
                answers,
            },
            receiver,
        )
    }

    pub(super) fn poll_head(&self) {
        let log = Arc::clone(&self.log);
        let started = Instant::now();
        self.start(async move { log.head().await }, move |head| Answer::Head {
            head,
            took: started.elapsed(),
        });
    }

    pub(super) fn fetch(&self, after: Seq, limit: usize) {
        let log = Arc::clone(&self.log);
        self.start(async move { log.range(after, limit).await }, move |range| {
            Answer::Range { after, range }
        });
    }

    /// A durable commit, then a second look at the last entry that was read before it.
    ///
    /// The traits do not tell which connection did what, and a commit on a new connection proves nothing about what
    /// the store showed before it crashed. So the entry must still be there, the same one, *after* the commit: had
    /// the store lost it in between, it would be missing or, written again, have another time.
    pub(super) fn confirm(&self, read: EntryIdentity, row: NodeRow) {
        let (log, nodes) = (Arc::clone(&self.log), Arc::clone(&self.nodes));
        let seq = read.seq;
        self.start(
            async move {
                nodes.beat(row).await?;
                let now = log.entry(seq).await?;
                Ok(now.is_some_and(|entry| EntryIdentity::of(&entry) == read))
            },
            move |unchanged| Answer::Confirmed { seq, unchanged },
        );
    }

    pub(super) fn read_registry(&self) {
        let nodes = Arc::clone(&self.nodes);
        self.start(async move { nodes.nodes().await }, Answer::Registry);
    }

    pub(super) fn write_row(&self, row: NodeRow) {
        let nodes = Arc::clone(&self.nodes);
        let incarnation = row.incarnation;
        self.start(async move { nodes.beat(row).await }, move |written| {
            Answer::RowWritten {
                incarnation,
                written,
            }
        });
    }

    pub(super) fn forget(&self, rows: Vec<(Incarnation, u64)>) {
        let nodes = Arc::clone(&self.nodes);
        self.start(async move { nodes.forget(&rows).await }, Answer::Forgotten);
    }

    /// Removes the own row; the answer does not matter any more.
    pub(super) async fn forget_now(&self, rows: &[(Incarnation, u64)]) -> Result<(), StoreError> {
        self.nodes.forget(rows).await
    }

    pub(super) fn verify(&self, known: Known, row: NodeRow) {
        let (log, nodes) = (Arc::clone(&self.log), Arc::clone(&self.nodes));
        self.start(
            async move { recovery::verify(&*log, &*nodes, row, &known).await },
            Answer::Verified,
        );
    }

    /// Not the store's, but a file of the kernel that can be long on a machine with many sockets.
    pub(super) fn count_kernel_drops(&self, sockets: Vec<SocketId>) {
        let answers = self.answers.clone();
        tokio::task::spawn_blocking(move || {
            // A driver that ended needs no answer.
            let _ = answers.try_send(Answer::KernelDrops(kernel::dropped(&sockets)));
        });
    }

    fn start<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
        answer: impl FnOnce(Result<T, StoreError>) -> Answer + Send + 'static,
    ) {
        let answers = self.answers.clone();
        tokio::spawn(async move {
            let result = tokio::time::timeout(DEADLINE, work)
                .await
                .unwrap_or_else(|_| {
                    Err(StoreError::Unavailable(format!(
                        "no answer within {} s",
                        DEADLINE.as_secs()
                    )))
                });
            // A driver that ended needs no answer.
            let _ = answers.send(answer(result)).await;
        });
    }
}
