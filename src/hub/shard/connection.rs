//! One connection as its shard knows it.

use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::hub::link::Link;
use crate::hub::queue::Queue;
use crate::hub::speech::Speech;
use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};

/// Where a connection stands in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Served from the log by its own task.
    CatchingUp,
    /// Gets every delivery.
    Live,
    /// Fell behind; its task hears of it when what is queued has left.
    FellBehind,
    /// Is told nothing more: it is about to go, and its place is being written down.
    Ended,
}

pub(super) struct Connection {
    pub(super) conn: ConnId,
    pub(super) stream: Arc<TcpStream>,
    pub(super) link: Arc<Link>,
    pub(super) user: UserId,
    pub(super) session: SessionId,
    pub(super) expires: Option<Instant>,
    pub(super) standing: Standing,
    pub(super) position: Seq,
    /// The place in the log of the last that was queued.
    pub(super) told: Seq,
    pub(super) speech: Arc<dyn Speech>,
    /// Acks that wait for what comes before them in the log; their senders bound how many.
    pub(super) held_acks: Vec<(Seq, Bytes)>,
    pub(super) delivered: u64,
    pub(super) groups: Vec<GroupId>,
    pub(super) queue: Queue,
    pub(super) dirty: bool,
    /// Since when the client takes nothing.
    pub(super) blocked_since: Option<Instant>,
    pub(super) last_ping: Instant,
    /// The close frame is queued: nothing more follows it.
    pub(super) closing: bool,
}

impl Connection {
    /// Whether it is told nothing more of the log.
    pub(super) fn is_over(&self) -> bool {
        self.closing || self.standing == Standing::Ended
    }

    /// The client is being told of the log up to here: it has been once its socket has taken all that is queued.
    pub(super) fn tell(&mut self, seq: Seq) {
        self.told = seq;
        if self.queue.len() == 0 {
            self.link.set_told(seq);
        }
    }

    /// Drops what is queued, and that the client was told of it.
    pub(super) fn forget_unsent(&mut self) {
        self.queue.clear_unsent();
        self.told = self.link.told();
    }
}
