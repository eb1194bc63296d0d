//! How far this node may let anybody read: the place up to which the log is known to be durable.
//!
//! Raised by the committer when an append returned and by the replica when it applied; read by everybody.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::model::ids::{Epoch, Seq};

/// A cheap handle on this node's position in the log.
#[derive(Clone, Debug, Default)]
pub struct Position(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    epoch: AtomicU64,
    applied: AtomicU64,
    durable: AtomicU64,
}

impl Position {
    /// A position for a log read at `applied`, which is known to be durable.
    #[must_use]
    pub fn new(epoch: Epoch, applied: Seq) -> Position {
        let position = Position::default();
        position.restart(epoch, applied);
        position
    }

    /// Which log this is.
    #[must_use]
    pub fn epoch(&self) -> Epoch {
        Epoch(self.0.epoch.load(Ordering::Acquire))
    }

    /// The last entry this node has dispatched to its connections.
    #[must_use]
    pub fn applied(&self) -> Seq {
        Seq(self.0.applied.load(Ordering::Acquire))
    }

    /// The highest entry known to be durable: what a read may show. Never below [`Position::applied`].
    #[must_use]
    pub fn durable(&self) -> Seq {
        Seq(self.0.durable.load(Ordering::Acquire).max(self.applied().0))
    }

    /// Everything up to `seq` is durable: an append of ours at or above it returned.
    pub fn raise_durable(&self, seq: Seq) {
        self.0.durable.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// Everything up to `seq` has been dispatched.
    pub fn raise_applied(&self, seq: Seq) {
        self.0.applied.fetch_max(seq.0, Ordering::AcqRel);
    }

    /// The log is another one, or went back: begin again at `applied`.
    pub fn restart(&self, epoch: Epoch, applied: Seq) {
        self.0.epoch.store(epoch.0, Ordering::Release);
        self.0.durable.store(applied.0, Ordering::Release);
        self.0.applied.store(applied.0, Ordering::Release);
    }
}
