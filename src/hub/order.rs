//! What a shard is told to do: by connections' tasks through the hub, by the replica through the feed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::Opening;
use super::delivery::Delivery;
use super::frame::CloseCode;
use super::speech::Page;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};

/// Why a connection ends, for protocols that have a word for it.
#[derive(Clone, Copy, Debug)]
pub struct Bye {
    pub reason: &'static str,
    pub reconnect_after_ms: Option<u64>,
}

/// One order. Those of the replica come last.
pub(super) enum Order {
    Open {
        conn: ConnId,
        opening: Opening,
    },
    Frame {
        conn: ConnId,
        frame: Bytes,
    },
    Page {
        conn: ConnId,
        page: Page,
    },
    Pong {
        conn: ConnId,
        n: i64,
    },
    /// An ack that must not overtake what the log holds below `seq`.
    Ack {
        conn: ConnId,
        frame: Bytes,
        seq: Seq,
    },
    Close {
        conn: ConnId,
        bye: Option<Bye>,
        code: CloseCode,
        reason: &'static str,
    },
    Remove {
        conn: ConnId,
    },
    UserSignal {
        user: UserId,
        frame: Bytes,
        except: Option<ConnId>,
    },
    GroupSignal {
        group: GroupId,
        frame: Bytes,
        except: UserId,
    },
    Signal {
        frame: Bytes,
    },
    EndTelling {
        only: Option<ConnId>,
        done: oneshot::Sender<()>,
    },
    Drain {
        grace: Duration,
    },
    Deliver(Arc<Delivery>),
    EnterGroup {
        user: UserId,
        group: GroupId,
    },
    LeaveGroup {
        user: UserId,
        group: GroupId,
    },
    EndSessions(Arc<[SessionId]>),
    Live {
        conn: ConnId,
        groups: Vec<GroupId>,
        missed: Vec<Arc<Entry>>,
        /// The client waits for a page even when it missed nothing.
        announce: bool,
        position: Seq,
    },
    AllBehind {
        position: Seq,
    },
    Reset {
        head: Seq,
    },
}
