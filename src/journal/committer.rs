//! Gathers drafts into batches and appends them, one append in flight: the batch grows by itself while the
//! store works (group commit), and nobody waits for a timer.
//!
//! Orders nothing itself: the store does. Driven by one task ([`Gatherer::run`]); everybody else holds a
//! [`Committer`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::time::{Instant, timeout};
use tracing::{info, warn};

use super::position::Position;
use crate::model::draft::{Draft, Outcome};
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, Epoch};
use crate::store::{LogStore, StoreError, Verdicts};

/// Most drafts of one append. At 1,000 a single SQLite transaction is far past the knee of its cost curve.
const BATCH_DRAFTS_MAX: usize = 1_000;
/// Most bytes of one append: well below a quarter of any server's packet limit.
const BATCH_BYTES_MAX: usize = 1 << 20;
/// Most drafts that wait. Beyond it a sender is told `unavailable` before any cost.
const BACKLOG_DRAFTS_MAX: usize = 8_192;
/// Most bytes that wait; each draft weighs its body and its frame.
const BACKLOG_BYTES_MAX: usize = 32 << 20;
/// How long one batch is repeated while the store is away, before its senders are told.
const APPEND_DEADLINE: Duration = Duration::from_secs(3);
/// Pause between two attempts at the same batch.
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Between two looks whether a store that failed takes entries again, when nobody sends.
const PROBE_EVERY: Duration = Duration::from_secs(1);
/// A wait without an end in mind.
const IDLE: Duration = Duration::from_secs(3_600);
/// Upper bounds of the latency buckets: from an append to memory to one repeated until its deadline.
const SECONDS: [f64; 14] = [
    0.000_25, 0.000_5, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.125, 0.25, 0.5, 1.0, 4.0,
];
/// Powers of four, the last of them above [`BATCH_DRAFTS_MAX`].
const BATCH_BUCKETS: u16 = 6;
/// What a refused sender is told to wait.
const RETRY_AFTER_MS: u64 = 1_000;

/// An entry of our own that is durable now, and the connection that gets an ack in place of it.
#[derive(Clone, Debug)]
pub struct Committed {
    /// The log its place is in.
    pub epoch: Epoch,
    pub entry: Arc<Entry>,
    pub origin: Option<ConnId>,
}

/// Where committed entries go next: to the replica and the bus.
pub type CommittedSender = mpsc::Sender<Vec<Committed>>;

/// The store did not take the draft, or did not say so in time: repeat it with the same client id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the log cannot take entries now")]
pub struct Unavailable {
    pub retry_after_ms: u64,
}

struct Submission {
    draft: Draft,
    origin: Option<ConnId>,
    reply: oneshot::Sender<Result<Outcome, Unavailable>>,
    since: Instant,
    _weight: OwnedSemaphorePermit,
}

/// How the store takes entries.
#[derive(Debug, Default)]
struct Health {
    /// The last attempt failed.
    failing: AtomicBool,
    /// A batch is with the store now.
    busy: AtomicBool,
    times: Times,
}

/// How long entries take, and how many go together.
#[derive(Clone, Debug)]
pub struct Times {
    /// From a draft's being put in line to its verdict: what a sender waits for an ack.
    pub acks: Histogram,
    /// One append, as the store answered it.
    pub appends: Histogram,
    /// Drafts of one append.
    pub batches: Histogram,
}

impl Default for Times {
    fn default() -> Self {
        Times {
            acks: Histogram::new(SECONDS),
            appends: Histogram::new(SECONDS),
            batches: Histogram::new(exponential_buckets(1.0, 4.0, BATCH_BUCKETS)),
        }
    }
}

/// The way into the log. Cheap to clone.
#[derive(Clone)]
pub struct Committer {
    queue: mpsc::Sender<Submission>,
    backlog_bytes: Arc<Semaphore>,
    health: Arc<Health>,
}

/// A draft on its way: resolves to its verdict.
pub struct Pending(oneshot::Receiver<Result<Outcome, Unavailable>>);

impl Pending {
    /// Waits for the verdict.
    pub async fn outcome(self) -> Result<Outcome, Unavailable> {
        self.0.await.unwrap_or(Err(Unavailable {
            retry_after_ms: RETRY_AFTER_MS,
        }))
    }
}

impl Committer {
    /// A committer and the half that works. `committed` gets every new entry, in order.
    #[must_use]
    pub fn new(
        log: Arc<dyn LogStore>,
        position: Position,
        committed: CommittedSender,
    ) -> (Committer, Gatherer) {
        let (queue, submissions) = mpsc::channel(BACKLOG_DRAFTS_MAX);
        let backlog_bytes = Arc::new(Semaphore::new(BACKLOG_BYTES_MAX));
        let health = Arc::new(Health::default());
        let gatherer = Gatherer {
            health: Arc::clone(&health),
            log,
            position,
            committed,
            submissions,
            told: None,
            #[cfg(feature = "defects")]
            defects: super::defects::Defects::from_environment(),
        };
        (
            Committer {
                queue,
                backlog_bytes,
                health,
            },
            gatherer,
        )
    }

    /// Whether the store refused to take entries when last asked.
    #[must_use]
    pub fn is_failing(&self) -> bool {
        self.health.failing.load(Ordering::Acquire)
    }

    /// How long entries take.
    #[must_use]
    pub fn times(&self) -> &Times {
        &self.health.times
    }

    /// Puts a draft in line, without waiting: the order of calls is the order of entries of one caller.
    pub fn enqueue(&self, draft: Draft, origin: Option<ConnId>) -> Result<Pending, Unavailable> {
        let full = Unavailable {
            retry_after_ms: RETRY_AFTER_MS,
        };
        if self.is_failing() && self.health.busy.load(Ordering::Acquire) {
            // One batch tries the store; nobody else waits behind it for what it will learn.
            return Err(full);
        }
        let weight = u32::try_from(draft.weight()).map_err(|_| full)?;
        let permit = Arc::clone(&self.backlog_bytes)
            .try_acquire_many_owned(weight)
            .map_err(|_| full)?;
        let (reply, verdict) = oneshot::channel();
        let submission = Submission {
            draft,
            origin,
            reply,
            since: Instant::now(),
            _weight: permit,
        };
        self.queue.try_send(submission).map_err(|_| full)?;
        Ok(Pending(verdict))
    }

    /// Resolves when nothing waits any more, so that a leaving node leaves nothing undone.
    pub async fn settled(&self) {
        let all = u32::try_from(BACKLOG_BYTES_MAX).unwrap_or(u32::MAX);
        // Fails only when the semaphore is closed, which nobody does.
        let _ = self.backlog_bytes.acquire_many(all).await;
    }

    /// Appends a draft and waits for the verdict.
    pub async fn submit(
        &self,
        draft: Draft,
        origin: Option<ConnId>,
    ) -> Result<Outcome, Unavailable> {
        self.enqueue(draft, origin)?.outcome().await
    }
}

/// The working half. Ends when every [`Committer`] is gone and the line is empty.
pub struct Gatherer {
    log: Arc<dyn LogStore>,
    position: Position,
    committed: CommittedSender,
    submissions: mpsc::Receiver<Submission>,
    health: Arc<Health>,
    #[cfg(feature = "defects")]
    defects: super::defects::Defects,
    /// The failure that was told last, while it lasts.
    told: Option<String>,
}

impl Gatherer {
    /// Works until all committers are dropped; what was enqueued by then is still appended.
    pub async fn run(mut self) {
        let mut gathered = Vec::new();
        let mut carried: Option<Submission> = None;
        loop {
            gathered.extend(carried.take());
            if gathered.is_empty() {
                match timeout(self.patience(), self.submissions.recv()).await {
                    Ok(Some(first)) => gathered.push(first),
                    Ok(None) => return,
                    Err(_) => {
                        self.probe().await;
                        continue;
                    }
                }
            }
            let mut bytes: usize = gathered.iter().map(|s| s.draft.weight()).sum();
            while gathered.len() < BATCH_DRAFTS_MAX {
                let Ok(next) = self.submissions.try_recv() else {
                    break;
                };
                bytes += next.draft.weight();
                if bytes > BATCH_BYTES_MAX {
                    carried = Some(next);
                    break;
                }
                gathered.push(next);
            }
            self.commit(std::mem::take(&mut gathered)).await;
        }
    }

    /// How long to wait for a draft before the store is tried without one.
    fn patience(&self) -> Duration {
        if self.health.failing.load(Ordering::Acquire) {
            PROBE_EVERY
        } else {
            IDLE
        }
    }

    /// Notices that a store takes entries again though nobody sends: an append of nothing takes the same way.
    async fn probe(&mut self) {
        if self.health.failing.load(Ordering::Acquire) {
            let answer = self.log.append(Vec::new()).await;
            self.note(answer.as_ref().err());
        }
    }

    /// Remembers how the store took an attempt, and tells what changed: a failure is repeated many times a second.
    fn note(&mut self, failure: Option<&StoreError>) {
        self.health
            .failing
            .store(failure.is_some(), Ordering::Release);
        let failure = failure.map(ToString::to_string);
        if failure == self.told {
            return;
        }
        match &failure {
            Some(error) => warn!(error, "the store takes no entries; trying again"),
            None => info!("the store takes entries again"),
        }
        self.told = failure;
    }

    async fn commit(&mut self, batch: Vec<Submission>) {
        #[cfg(feature = "defects")]
        let batch = self.without_early_acks(batch);
        let drafts: Vec<Draft> = batch.iter().map(|s| s.draft.clone()).collect();
        #[expect(clippy::cast_precision_loss, reason = "a batch is small")]
        self.health.times.batches.observe(drafts.len() as f64);
        let verdicts = self.append(drafts).await;
        self.health.busy.store(false, Ordering::Release);
        let Some(Verdicts { epoch, outcomes }) = verdicts else {
            // Those who came meanwhile would only wait for the same.
            let waiting = std::iter::from_fn(|| self.submissions.try_recv().ok());
            for submission in batch.into_iter().chain(waiting) {
                // A sender that stopped waiting needs no answer.
                let _ = submission.reply.send(Err(Unavailable {
                    retry_after_ms: RETRY_AFTER_MS,
                }));
            }
            return;
        };
        let mut committed = Vec::with_capacity(batch.len());
        for (submission, outcome) in batch.into_iter().zip(outcomes) {
            let Submission {
                draft,
                origin,
                reply,
                since,
                _weight,
            } = submission;
            self.health
                .times
                .acks
                .observe(since.elapsed().as_secs_f64());
            if let Outcome::Appended { seq, at } = outcome {
                self.position.raise_durable(seq);
                let Draft {
                    conv,
                    from,
                    kind,
                    cid,
                    body,
                    ..
                } = draft;
                let entry = Arc::new(Entry {
                    seq,
                    conv,
                    from,
                    at,
                    kind,
                    cid,
                    body,
                });
                committed.push(Committed {
                    epoch,
                    entry,
                    origin,
                });
            }
            let _ = reply.send(Ok(outcome));
        }
        if !committed.is_empty() && self.committed.send(committed).await.is_err() {
            warn!("the replica is gone; entries reach it through the store");
        }
    }

    /// Answers some as stored that never are, if the environment asks for it.
    #[cfg(feature = "defects")]
    fn without_early_acks(&mut self, batch: Vec<Submission>) -> Vec<Submission> {
        let mut kept = Vec::new();
        for submission in batch {
            let is_message = submission.draft.kind == crate::model::entry::EntryKind::Message;
            if is_message && self.defects.acks_early() {
                let seq = self.position.durable().next();
                let _ = submission.reply.send(Ok(Outcome::Appended { seq, at: 0 }));
            } else {
                kept.push(submission);
            }
        }
        kept
    }

    /// Repeats a batch until its outcome is known; the store recognises what it has by client ids.
    async fn append(&mut self, drafts: Vec<Draft>) -> Option<Verdicts> {
        let started = Instant::now();
        loop {
            self.health.busy.store(true, Ordering::Release);
            let asked = Instant::now();
            let answer = self.log.append(drafts.clone()).await;
            self.health
                .times
                .appends
                .observe(asked.elapsed().as_secs_f64());
            let answer = answer.and_then(|verdicts| self.of_this_log(verdicts));
            self.note(answer.as_ref().err());
            match answer {
                Ok(verdicts) => return Some(verdicts),
                Err(_) if started.elapsed() < APPEND_DEADLINE => {
                    tokio::time::sleep(RETRY_PAUSE).await;
                }
                Err(_) => return None,
            }
        }
    }

    /// Another log's seqs say nothing here. Once the node has noticed the change and begun again, the repetition
    /// finds the same entries there.
    fn of_this_log(&self, verdicts: Verdicts) -> Result<Verdicts, StoreError> {
        if verdicts.epoch == self.position.epoch() {
            return Ok(verdicts);
        }
        Err(StoreError::Unavailable(
            "it answered with another log than this node follows".to_owned(),
        ))
    }
}
