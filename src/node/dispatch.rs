//! Carries the replica's decisions to the hub: entries to the shards' feed, answers to the connections.
//!
//! Decides nothing. Lives in the driver's task with the replica.

use std::sync::Arc;

use prometheus_client::metrics::histogram::Histogram;
use tokio::time::Instant;
use tracing::error;

use crate::hub::feed::Feed;
use crate::journal::live::Ticket;
use crate::journal::replica::{Dispatch, GoingLive, NotLive};
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, GroupId, SessionId, UserId};
use crate::service::sessions::Sessions;
use crate::store::LogHead;

/// The replica's way out.
pub struct HubDispatch {
    feed: Feed,
    sessions: Sessions,
    times: Histogram,
    #[cfg(feature = "defects")]
    defects: crate::journal::defects::Defects,
}

impl HubDispatch {
    #[must_use]
    pub fn new(feed: Feed, sessions: Sessions, times: Histogram) -> HubDispatch {
        HubDispatch {
            feed,
            sessions,
            times,
            #[cfg(feature = "defects")]
            defects: crate::journal::defects::Defects::from_environment(),
        }
    }
}

impl Dispatch for HubDispatch {
    type Ticket = Ticket;

    fn deliver(&mut self, entry: &Arc<Entry>, origin: Option<ConnId>) {
        let began = Instant::now();
        #[cfg(feature = "defects")]
        for entry in self.defects.deliveries(entry) {
            self.feed.deliver(&entry, origin);
        }
        #[cfg(not(feature = "defects"))]
        self.feed.deliver(entry, origin);
        self.times.observe(began.elapsed().as_secs_f64());
    }

    fn open(&mut self, user: UserId, group: GroupId) {
        self.feed.open(user, group);
    }

    fn close(&mut self, user: UserId, group: GroupId) {
        self.feed.close(user, group);
    }

    fn end_sessions(&mut self, sessions: &[SessionId]) {
        // First the cache: a connection closed now must not come back by it.
        self.sessions.forget(sessions);
        self.feed.end_sessions(sessions);
    }

    fn live(&mut self, going: GoingLive<Ticket>) {
        let GoingLive {
            conn,
            ticket,
            groups,
            mut missed,
            position,
        } = going;
        missed.retain(|entry| ticket.hidden.binary_search(&entry.seq).is_err());
        let taken = self
            .feed
            .live(conn, groups, missed, ticket.announce, position);
        // A connection that is gone by now needs no answer.
        let _ = ticket.reply.send(taken.map_err(|_| NotLive::Busy));
    }

    fn not_live(&mut self, ticket: Ticket, why: NotLive) {
        let _ = ticket.reply.send(Err(why));
    }

    fn reset(&mut self, log: LogHead) {
        error!(
            head = log.head.0,
            "the log is not what it was: all clients load anew"
        );
        // What ended sessions may be among the entries that were not applied.
        self.sessions.forget_all();
        self.feed.reset(log.head);
    }
}
