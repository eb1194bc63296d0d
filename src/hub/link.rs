//! What a connection's reading task and its writing shard tell each other, besides orders.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::Notify;

use crate::model::entry::Entry;
use crate::model::ids::{Cid, Seq, UserId};

/// Client ids of a connection's newest sends that are remembered. Of older ones a connection that is still catching up
/// is told as well as acknowledged.
const SAID_MAX: usize = 128;

/// Shared by the task that reads a connection and the shard that writes it.
#[derive(Debug, Default)]
pub struct Link {
    /// Milliseconds of the node's monotonic clock when the client was last heard.
    heard_ms: AtomicU64,
    queued_bytes: AtomicU64,
    told: AtomicU64,
    place_kept: AtomicBool,
    closed: AtomicBool,
    behind: Mutex<Option<Seq>>,
    said: Mutex<VecDeque<Cid>>,
    changed: Notify,
    drained: Notify,
}

impl Link {
    /// The client was heard at `now_ms` of the node's monotonic clock.
    pub fn heard(&self, now_ms: u64) {
        self.heard_ms.store(now_ms, Ordering::Relaxed);
    }

    /// When the client was last heard, in milliseconds of the node's monotonic clock.
    #[must_use]
    pub fn heard_ms(&self) -> u64 {
        self.heard_ms.load(Ordering::Relaxed)
    }

    /// Bytes that wait for the client to take them.
    #[must_use]
    pub fn queued_bytes(&self) -> u64 {
        self.queued_bytes.load(Ordering::Acquire)
    }

    /// The shard's word on how much waits; wakes who waits for there to be nothing.
    pub(super) fn set_queued_bytes(&self, bytes: u64) {
        self.queued_bytes.store(bytes, Ordering::Release);
        if bytes == 0 {
            self.drained.notify_one();
        }
    }

    /// The last place of the log up to which the client's socket has taken everything.
    #[must_use]
    pub fn told(&self) -> Seq {
        Seq(self.told.load(Ordering::Acquire))
    }

    pub(super) fn set_told(&self, seq: Seq) {
        self.told.store(seq.0, Ordering::Release);
    }

    /// The client's place in the log is kept here, since it has none of its own.
    pub fn keep_place(&self) {
        self.place_kept.store(true, Ordering::Release);
    }

    pub(super) fn is_place_kept(&self) -> bool {
        self.place_kept.load(Ordering::Acquire)
    }

    /// Resolves when the client has taken everything written so far. For one waiter.
    pub async fn drained(&self) {
        while self.queued_bytes() > 0 && !self.is_closed() {
            self.drained.notified().await;
        }
    }

    /// The shard's word that the connection is no longer live and all before `position` is written.
    pub(super) fn set_behind(&self, position: Seq) {
        *self.behind.lock().unwrap_or_else(PoisonError::into_inner) = Some(position);
        self.changed.notify_one();
    }

    /// Where to catch up from, once after each fall.
    #[must_use]
    pub fn take_behind(&self) -> Option<Seq> {
        self.behind
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// The client sends this and gets an ack for it: from now on it is not told of it, catching up or live.
    pub fn says(&self, cid: Cid) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if said.len() == SAID_MAX {
            said.pop_front();
        }
        said.push_back(cid);
    }

    /// The client got an error in place of the ack. Should it be in the log after all, now or from before, the client is
    /// told of it as of anybody's.
    pub fn unsays(&self, cid: &Cid) {
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        said.retain(|other| other != cid);
    }

    /// Takes out what the client, which is this user, has said on this connection.
    pub fn without_said(&self, user: UserId, mut entries: Vec<Arc<Entry>>) -> Vec<Arc<Entry>> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        if !said.is_empty() {
            entries.retain(|entry| entry.from != user || !said.contains(&entry.cid));
        }
        entries
    }

    /// The shard's word that the connection is over.
    pub(super) fn set_closed(&self) {
        self.closed.store(true, Ordering::Release);
        self.changed.notify_one();
        self.drained.notify_one();
    }

    /// Whether the connection is over.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// Resolves when the shard said something since the last call.
    pub async fn changed(&self) {
        self.changed.notified().await;
    }
}
