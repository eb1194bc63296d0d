//! The replica's way into the shards: every applied entry, in order, without ever waiting.
//!
//! A shard that cannot take an order now is *lost* from that entry on: it gets nothing more until there is
//! room, and then first the order to let all its live connections catch up from the log. So a shard that
//! cannot keep up costs its own clients latency, and the node nothing.

use std::sync::Arc;

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
    /// The log became another one while it was lost: its connections must not catch up, but load anew.
    reset_owed: Option<Seq>,
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
                reset_owed: None,
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

    /// Makes a connection live: it is in these groups, is told what it missed, and gets every delivery after this.
    pub fn live(
        &mut self,
        conn: ConnId,
        groups: Vec<GroupId>,
        missed: Vec<Arc<Entry>>,
        announce: bool,
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
                missed,
                announce,
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
                lane.reset_owed = Some(head);
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
        if let Some(head) = self.reset_owed {
            if self.orders.try_send(Order::Reset { head }).is_err() {
                return;
            }
            self.reset_owed = None;
        }
        if self.orders.try_send(Order::AllBehind { position }).is_ok() {
            self.lost_after = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::entry::EntryKind;

    fn entry(seq: u64) -> Arc<Entry> {
        Arc::new(Entry {
            seq: Seq(seq),
            conv: Conv::Notices,
            from: UserId::SYSTEM,
            at: 0,
            kind: EntryKind::Notice,
            cid: "c".parse().unwrap(),
            body: Bytes::from_static(b"{}"),
        })
    }

    fn next(orders: &mut mpsc::Receiver<Order>) -> String {
        match orders.try_recv() {
            Ok(Order::Deliver(delivery)) => format!("deliver {}", delivery.seq()),
            Ok(Order::AllBehind { position }) => format!("behind {position}"),
            Ok(Order::Reset { head }) => format!("reset {head}"),
            Ok(Order::EndSessions(sessions)) => format!("end {}", sessions.len()),
            Ok(_) => "another".to_owned(),
            Err(_) => "nothing".to_owned(),
        }
    }

    #[test]
    fn a_full_shard_is_told_where_its_connections_fell_behind_and_loses_no_ended_session() {
        let (sender, mut orders) = mpsc::channel(2);
        let mut feed = Feed::new(&[sender]);
        for seq in 1..=4 {
            feed.deliver(&entry(seq), None);
        }
        feed.end_sessions(&[SessionId(7)]);
        assert_eq!(next(&mut orders), "deliver 1");
        assert_eq!(next(&mut orders), "deliver 2");
        feed.deliver(&entry(5), None);
        assert_eq!(next(&mut orders), "end 1");
        assert_eq!(next(&mut orders), "behind 2");
        feed.deliver(&entry(6), None);
        // There was room for those two words only, so the fifth entry was left out as well.
        assert_eq!(next(&mut orders), "behind 4");
        assert_eq!(next(&mut orders), "deliver 6");
    }

    #[test]
    fn a_reset_reaches_a_full_shard_before_anything_of_the_new_log() {
        let (sender, mut orders) = mpsc::channel(2);
        let mut feed = Feed::new(&[sender]);
        for seq in 1..=3 {
            feed.deliver(&entry(seq), None);
        }
        feed.reset(Seq(1));
        assert_eq!(next(&mut orders), "deliver 1");
        assert_eq!(next(&mut orders), "deliver 2");
        feed.deliver(&entry(2), None);
        assert_eq!(next(&mut orders), "reset 1");
        assert!(next(&mut orders).starts_with("behind"));
        feed.deliver(&entry(3), None);
        assert_eq!(next(&mut orders), "behind 1");
        assert_eq!(next(&mut orders), "deliver 3");
    }
}
