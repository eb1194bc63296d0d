//! Applies entries strictly in order to the view and the window, and hands each to the local connections:
//! the same input in the same order gives the same state on every node.
//!
//! Decides who goes live, and from which position; talks to no network and no store. Driven by the cluster
//! driver, in whose task it lives.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::position::Position;
use super::view::View;
use super::window::{Window, WindowBounds};
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};
use crate::model::policy::History;
use crate::store::{LogHead, UserSnapshot};

/// A connection may go live over at most this many entries of the window; farther behind it reads the store.
const CATCH_UP_ENTRIES_MAX: u64 = 4_096;
/// … and over at most this many bytes of bodies, so that nobody's first frame is as large as the window.
const CATCH_UP_BYTES_MAX: usize = 512 << 10;
/// Most connections that wait for this node to reach the position they have seen elsewhere.
const WAITING_MAX: usize = 16_384;

/// Where the replica's decisions go: the hub in a node, a model of clients in the simulation.
pub trait Dispatch {
    /// Where the answer to a wish to go live belongs.
    type Ticket;

    /// An entry was applied: give it to the live connections entitled to it, but not to `origin`.
    fn deliver(&mut self, entry: &Arc<Entry>, origin: Option<ConnId>);
    /// From the next delivery on, the user's connections get this group's entries.
    fn open(&mut self, user: UserId, group: GroupId);
    /// After the last delivery, they no longer do.
    fn close(&mut self, user: UserId, group: GroupId);
    /// Close the connections of these sessions.
    fn end_sessions(&mut self, sessions: &[SessionId]);
    /// The connection is live from the next delivery on; `going.missed` is what it has not seen before that.
    fn live(&mut self, going: GoingLive<Self::Ticket>);
    /// The connection cannot go live now.
    fn not_live(&mut self, ticket: Self::Ticket, why: NotLive);
    /// The log went back or is another one: tell all connections to load anew, and close them.
    fn reset(&mut self, log: LogHead);
}

/// What a connection gets when it goes live.
#[derive(Debug)]
pub struct GoingLive<T> {
    pub conn: ConnId,
    pub ticket: T,
    /// Groups the user is in.
    pub groups: Vec<GroupId>,
    /// Entries above its position that the user may see, ascending.
    pub missed: Vec<Arc<Entry>>,
    /// Its position once it has these.
    pub position: Seq,
}

/// Why a connection cannot go live now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotLive {
    /// Too far behind for the window: read on from the store, then ask again.
    Behind,
    /// Its snapshot is older than the window: read another one.
    Stale,
    /// Too many wait already, or the log is being replaced: wait a moment.
    Busy,
}

/// A connection's wish to go live.
#[derive(Debug)]
pub struct Attach<T> {
    pub conn: ConnId,
    pub user: UserId,
    /// Everything visible up to here is on its way to the client.
    pub after: Seq,
    pub snapshot: UserSnapshot,
    pub ticket: T,
}

/// Rules that make delivery airtight. The simulation switches off one at a time and must then find a violation.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Safeguards {
    /// Nobody goes live before the view has reached his snapshot.
    pub wait_for_snapshot: bool,
    /// What was applied since the snapshot is replayed for a user who is loaded.
    pub replay_since_snapshot: bool,
    /// What was missed is filtered by stays, not by who is in now.
    pub filter_by_stays: bool,
    /// Nobody is loaded from another log than the one that is applied.
    pub check_epoch: bool,
    /// The window keeps no text that was taken back or edited.
    pub rewrite_window: bool,
}

impl Default for Safeguards {
    fn default() -> Self {
        Safeguards {
            wait_for_snapshot: true,
            replay_since_snapshot: true,
            filter_by_stays: true,
            check_epoch: true,
            rewrite_window: true,
        }
    }
}

/// What a replica is built with, besides where it begins.
#[derive(Clone, Copy, Debug, Default)]
pub struct ReplicaSettings {
    pub history: History,
    pub window: WindowBounds,
    #[doc(hidden)]
    pub safeguards: Safeguards,
}

/// The log as applied by this node.
pub struct Replica<D: Dispatch> {
    applied: Seq,
    settings: ReplicaSettings,
    view: View,
    window: Window,
    position: Position,
    connections: BTreeMap<ConnId, UserId>,
    connections_of: BTreeMap<UserId, u32>,
    /// By the position they wait for.
    waiting: BTreeMap<(Seq, ConnId), Attach<D::Ticket>>,
    /// See [`Replica::take_withdrawn`].
    withdrawn: Vec<Seq>,
    dispatch: D,
}

impl<D: Dispatch> Replica<D> {
    /// A replica at a position read from the store and known to be durable.
    pub fn new(
        start: Seq,
        settings: ReplicaSettings,
        position: Position,
        dispatch: D,
    ) -> Replica<D> {
        Replica {
            applied: start,
            settings,
            view: View::new(settings.history),
            window: Window::new(start, settings.window),
            position,
            connections: BTreeMap::new(),
            connections_of: BTreeMap::new(),
            waiting: BTreeMap::new(),
            withdrawn: Vec::new(),
            dispatch,
        }
    }

    /// The last applied entry.
    #[must_use]
    pub fn applied(&self) -> Seq {
        self.applied
    }

    /// The last applied entry itself, to compare with what the store holds there.
    #[must_use]
    pub fn last_entry(&self) -> Option<&Arc<Entry>> {
        self.window.after(self.applied.prev()).next()
    }

    /// The places whose entries say something else since this was asked last: they were taken back or edited.
    pub fn take_withdrawn(&mut self) -> Vec<Seq> {
        std::mem::take(&mut self.withdrawn)
    }

    /// The way to the connections.
    pub fn dispatch(&mut self) -> &mut D {
        &mut self.dispatch
    }

    /// Applies the next entry. `origin` is the local connection that is told by an ack instead.
    pub fn apply(&mut self, entry: Arc<Entry>, origin: Option<ConnId>) {
        debug_assert_eq!(
            entry.seq,
            self.applied.next(),
            "P3: entries are applied densely, in order"
        );
        let changes = self.view.apply(&entry);
        for (user, group) in &changes.opened {
            self.dispatch.open(*user, *group);
        }
        self.applied = entry.seq;
        self.position.raise_applied(entry.seq);
        if self.settings.safeguards.rewrite_window {
            self.withdrawn.extend(self.window.rewrite(&entry));
        }
        self.dispatch.deliver(&entry, origin);
        self.window.push(entry);
        for (user, group) in &changes.closed {
            self.dispatch.close(*user, *group);
        }
        if !changes.sessions_ended.is_empty() {
            self.dispatch.end_sessions(&changes.sessions_ended);
        }
        self.wake();
    }

    /// Lets a connection go live, now or as soon as this node has reached its position.
    pub fn attach(&mut self, attach: Attach<D::Ticket>) {
        let is_of_this_log = attach.snapshot.log.epoch == self.position.epoch();
        if !is_of_this_log && self.settings.safeguards.check_epoch {
            // One of the two is yet to notice that the log was replaced; then everybody begins anew.
            return self.dispatch.not_live(attach.ticket, NotLive::Busy);
        }
        // Also for a user who is loaded: he may be unloaded while this one waits, and a snapshot from the
        // future would put him into groups before the entry that let him in.
        let needed = attach.after.max(attach.snapshot.log.head);
        if needed <= self.applied || !self.settings.safeguards.wait_for_snapshot {
            self.go_live(attach);
        } else if self.waiting.len() >= WAITING_MAX {
            self.dispatch.not_live(attach.ticket, NotLive::Busy);
        } else {
            self.waiting.insert((needed, attach.conn), attach);
        }
    }

    /// The connection is gone.
    pub fn detach(&mut self, conn: ConnId) {
        self.waiting.retain(|(_, waiting), _| *waiting != conn);
        let Some(user) = self.connections.remove(&conn) else {
            return;
        };
        let Some(count) = self.connections_of.get_mut(&user) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.connections_of.remove(&user);
            self.view.unload(user);
        }
    }

    /// The log is another one, or went back: forget everything and begin at its head.
    pub fn restart(&mut self, log: LogHead) {
        self.applied = log.head;
        self.view = View::new(self.settings.history);
        self.window = Window::new(log.head, self.settings.window);
        self.connections.clear();
        self.connections_of.clear();
        self.withdrawn.clear();
        self.position.restart(log.epoch, log.head);
        for (_, attach) in std::mem::take(&mut self.waiting) {
            self.dispatch.not_live(attach.ticket, NotLive::Stale);
        }
        self.dispatch.reset(log);
    }

    fn wake(&mut self) {
        while let Some(next) = self.waiting.first_entry() {
            if next.key().0 > self.applied {
                return;
            }
            let attach = next.remove();
            self.go_live(attach);
        }
    }

    fn go_live(&mut self, attach: Attach<D::Ticket>) {
        let Attach {
            conn,
            user,
            after,
            snapshot,
            ticket,
        } = attach;
        let behind = self.applied.0.saturating_sub(after.0);
        if after < self.window.start() || behind > CATCH_UP_ENTRIES_MAX {
            return self.dispatch.not_live(ticket, NotLive::Behind);
        }
        if !self.view.knows(user) {
            if snapshot.log.head < self.window.start() {
                return self.dispatch.not_live(ticket, NotLive::Stale);
            }
            self.load(user, &snapshot);
        }
        let view = &self.view;
        let entitled = self.window.after(after).filter(|entry| {
            let stays = self.settings.safeguards.filter_by_stays;
            if stays {
                view.entitled(user, entry)
            } else {
                view.is_in_now(user, entry.conv)
            }
        });
        let missed: Vec<Arc<Entry>> = entitled.cloned().collect();
        if missed.iter().map(|entry| entry.body.len()).sum::<usize>() > CATCH_UP_BYTES_MAX {
            if !self.connections_of.contains_key(&user) {
                self.view.unload(user);
            }
            return self.dispatch.not_live(ticket, NotLive::Behind);
        }
        if self.connections.insert(conn, user).is_none() {
            *self.connections_of.entry(user).or_insert(0) += 1;
        }
        let groups = self.view.groups_of(user);
        let position = self.applied;
        self.dispatch.live(GoingLive {
            conn,
            ticket,
            groups,
            missed,
            position,
        });
    }

    /// Loads a user and replays for him what was applied since his snapshot.
    fn load(&mut self, user: UserId, snapshot: &UserSnapshot) {
        debug_assert!(
            snapshot.log.head <= self.applied || !self.settings.safeguards.wait_for_snapshot,
            "P3: nobody is loaded from the future"
        );
        self.view.load(user, snapshot);
        if self.settings.safeguards.replay_since_snapshot {
            for entry in self.window.after(snapshot.log.head) {
                self.view.replay(entry, user);
            }
        }
    }
}

#[cfg(test)]
mod tests;
