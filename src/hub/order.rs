//! What a shard is told to do: by connections' tasks through the hub, by the replica through the feed.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::Opening;
use super::delivery::Delivery;
use super::frame::CloseCode;
use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};

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
        frame: Bytes,
        position: Seq,
        entries: u64,
    },
    Pong {
        conn: ConnId,
        n: i64,
    },
    Close {
        conn: ConnId,
        bye: Option<Bytes>,
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
        pages: Vec<(Bytes, u64)>,
        position: Seq,
    },
    AllBehind {
        position: Seq,
    },
    Reset {
        head: Seq,
    },
}
