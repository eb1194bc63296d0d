//! The replica's way into the shards: every applied entry, in order, without ever waiting.
//!
//! A shard that cannot take an order now is *lost* from that entry on: it gets nothing more until there is
//! room, and then first the order to let all its live connections catch up from the log. So a shard that
//! cannot keep up costs its own clients latency, and the node nothing.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::delivery::Delivery;
use super::order::Order;
use super::shard_of;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};

/// The replica's exclusive end of the hub.
pub struct Feed {
    lanes: Vec<Lane>,
    applied: Seq,
}

struct Lane {
    orders: mpsc::Sender<Order>,
    /// The last position the shard's live connections have, while it is lost.
    lost_after: Option<Seq>,
    /// Sessions that ended while it was lost: the one thing it cannot learn from the log again.
    sessions_owed: Vec<SessionId>,
}

/// The shard of this connection takes nothing now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lost;

impl Feed {
    pub(super) fn new(shards: &[mpsc::Sender<Order>]) -> Feed {
        let lanes = shards
            .iter()
            .map(|orders| Lane {
                orders: orders.clone(),
                lost_after: None,
                sessions_owed: Vec::new(),
            })
            .collect();
        Feed {
            lanes,
            applied: Seq::ZERO,
        }
    }

    /// Hands an entry to all shards; each knows which of its connections get it.
    pub fn deliver(&mut self, entry: &Arc<Entry>, origin: Option<ConnId>) {
        let delivery = Arc::new(Delivery::new(Arc::clone(entry), origin));
        for lane in &mut self.lanes {
            lane.recover();
            lane.offer(Order::Deliver(Arc::clone(&delivery)), self.applied);
        }
        self.applied = entry.seq;
    }

    /// The user's connections get this group's entries from now on.
    pub fn open(&mut self, user: UserId, group: GroupId) {
        for lane in &mut self.lanes {
            lane.offer(Order::EnterGroup { user, group }, self.applied);
        }
    }

    /// The user's connections no longer get this group's entries.
    pub fn close(&mut self, user: UserId, group: GroupId) {
        for lane in &mut self.lanes {
            lane.offer(Order::LeaveGroup { user, group }, self.applied);
        }
    }

    /// Closes the connections of these sessions.
    pub fn end_sessions(&mut self, sessions: &[SessionId]) {
        for lane in &mut self.lanes {
            if !lane.offer(Order::EndSessions(sessions.into()), self.applied) {
                lane.sessions_owed.extend_from_slice(sessions);
            }
        }
    }

    /// Makes a connection live: it is in these groups, is sent `pages`, and gets every delivery after this.
    pub fn live(
        &mut self,
        conn: ConnId,
        groups: Vec<GroupId>,
        pages: Vec<(Bytes, u64)>,
        position: Seq,
    ) -> Result<(), Lost> {
        let count = self.lanes.len();
        let lane = &mut self.lanes[shard_of(conn, count)];
        lane.recover();
        self.applied = self.applied.max(position);
        if lane.offer(
            Order::Live {
                conn,
                groups,
                pages,
                position,
            },
            self.applied,
        ) {
            Ok(())
        } else {
            Err(Lost)
        }
    }

    /// Tells every connection to load anew and closes it: the log is not what it was.
    pub fn reset(&mut self, head: Seq) {
        self.applied = head;
        for lane in &mut self.lanes {
            if !lane.offer(Order::Reset { head }, head) {
                // What the shard's connections have is of a log that is no more: below everything.
                lane.lost_after = Some(Seq::ZERO);
            }
        }
    }
}

impl Lane {
    /// `true` when the shard has the order.
    fn offer(&mut self, order: Order, applied: Seq) -> bool {
        if self.lost_after.is_some() {
            return false;
        }
        let taken = self.orders.try_send(order).is_ok();
        if !taken {
            self.lost_after = Some(applied);
        }
        taken
    }

    /// Brings a lost shard back as soon as it has room.
    fn recover(&mut self) {
        let Some(position) = self.lost_after else {
            return;
        };
        let owed: Arc<[SessionId]> = self.sessions_owed.as_slice().into();
        if !owed.is_empty() && self.orders.try_send(Order::EndSessions(owed)).is_err() {
            return;
        }
        self.sessions_owed.clear();
        if self.orders.try_send(Order::AllBehind { position }).is_ok() {
            self.lost_after = None;
        }
    }
}
