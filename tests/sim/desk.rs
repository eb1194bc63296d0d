//! The connections of one simulated node, as its hub has them: who is live, what waits for whom.
//!
//! Responsible for the rules of the hub's shards without their sockets: bounded queues, falling behind, frames in the
//! order in which they were decided. Deliberately without time. Fed by the real replica.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use starling::journal::replica::{Dispatch, GoingLive, NotLive};
use starling::model::conversation::Conv;
use starling::model::entry::Entry;
use starling::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};
use starling::store::LogHead;

use crate::store::Cid;

/// Frames that wait for a client before it falls behind: few, so that it happens.
const QUEUE_FRAMES: usize = 6;

/// What a client is told.
#[derive(Debug, Clone)]
pub enum Frame {
    Entry(Arc<Entry>),
    Page {
        entries: Vec<Arc<Entry>>,
        position: Seq,
    },
    Pong(Seq),
    Ack(Cid),
    Refused(Cid),
    Reset {
        head: Seq,
    },
    /// The node closes the connection.
    Bye,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    CatchingUp,
    Live,
    FellBehind,
}

#[derive(Debug)]
pub struct Seat {
    pub user: UserId,
    pub standing: Standing,
    pub position: Seq,
    pub queue: VecDeque<Frame>,
    groups: BTreeSet<GroupId>,
}

/// What the replica is asked with.
#[derive(Debug, Clone, Copy)]
pub struct Ticket {
    pub conn: ConnId,
    pub announce: bool,
}

/// All connections of a process run.
#[derive(Debug, Default)]
pub struct Desk {
    pub seats: BTreeMap<ConnId, Seat>,
    pub applied: Seq,
    /// Drops what does not fit instead of letting a client fall behind.
    pub drops: bool,
    /// What became of wishes to go live, since last taken.
    pub answers: Vec<(ConnId, Result<(), NotLive>)>,
    pub fell_behind: u64,
}

impl Desk {
    pub fn open(&mut self, conn: ConnId, user: UserId, position: Seq) {
        let seat = Seat {
            user,
            standing: Standing::CatchingUp,
            position,
            queue: VecDeque::new(),
            groups: BTreeSet::new(),
        };
        self.seats.insert(conn, seat);
    }

    pub fn push(&mut self, conn: ConnId, frame: Frame) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.queue.push_back(frame);
        }
    }

    pub fn pong(&mut self, conn: ConnId) {
        let applied = self.applied;
        if let Some(seat) = self.seats.get_mut(&conn) {
            let after = if seat.standing == Standing::Live {
                applied.max(seat.position)
            } else {
                seat.position
            };
            seat.queue.push_back(Frame::Pong(after));
        }
    }

    pub fn send_reset(&mut self, conn: ConnId, head: Seq) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.position = head;
            seat.queue.push_back(Frame::Reset { head });
        }
    }

    pub fn page(&mut self, conn: ConnId, entries: Vec<Arc<Entry>>, position: Seq) {
        if let Some(seat) = self.seats.get_mut(&conn) {
            seat.position = position;
            seat.queue.push_back(Frame::Page { entries, position });
        }
    }
}

impl Dispatch for Desk {
    type Ticket = Ticket;

    fn deliver(&mut self, entry: &Arc<Entry>, origin: Option<ConnId>) {
        for (conn, seat) in &mut self.seats {
            let concerns = match entry.conv {
                Conv::Private(low, high) => seat.user == low || seat.user == high,
                Conv::Group(group) => seat.groups.contains(&group),
                Conv::Notices => true,
                Conv::Account(_) => false,
            };
            if !concerns || seat.standing != Standing::Live || origin == Some(*conn) {
                continue;
            }
            if seat.queue.len() < QUEUE_FRAMES {
                seat.queue.push_back(Frame::Entry(Arc::clone(entry)));
            } else if !self.drops {
                seat.standing = Standing::FellBehind;
                seat.position = entry.seq.prev();
                self.fell_behind += 1;
            }
        }
        self.applied = entry.seq;
    }

    fn open(&mut self, user: UserId, group: GroupId) {
        for seat in self.seats.values_mut().filter(|seat| seat.user == user) {
            seat.groups.insert(group);
        }
    }

    fn close(&mut self, user: UserId, group: GroupId) {
        for seat in self.seats.values_mut().filter(|seat| seat.user == user) {
            seat.groups.remove(&group);
        }
    }

    fn end_sessions(&mut self, _: &[SessionId]) {}

    fn live(&mut self, going: GoingLive<Ticket>) {
        self.applied = self.applied.max(going.position);
        let Some(seat) = self.seats.get_mut(&going.conn) else {
            return;
        };
        seat.groups = going.groups.into_iter().collect();
        seat.standing = Standing::Live;
        seat.position = going.position;
        if going.ticket.announce || !going.missed.is_empty() {
            seat.queue.push_back(Frame::Page {
                entries: going.missed,
                position: going.position,
            });
        }
        self.answers.push((going.conn, Ok(())));
    }

    fn not_live(&mut self, ticket: Ticket, why: NotLive) {
        self.answers.push((ticket.conn, Err(why)));
    }

    fn reset(&mut self, log: LogHead) {
        self.applied = log.head;
        for seat in self.seats.values_mut() {
            seat.queue.clear();
            seat.queue.push_back(Frame::Reset { head: log.head });
            seat.queue.push_back(Frame::Bye);
            // Nothing more is written behind the goodbye.
            seat.standing = Standing::FellBehind;
            seat.groups.clear();
        }
    }
}
