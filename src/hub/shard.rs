//! One shard: the task that owns some of the connections and writes to them.
//!
//! Takes orders in sequence, so what a connection gets has the order in which it was decided. All orders that
//! are waiting are carried out before anything is written: a burst of entries leaves in one system call per
//! connection, and nothing waits for a timer.

mod acks;
mod closing;
mod connection;
mod writing;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use slab::Slab;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::delivery::Delivery;
use super::order::{Bye, Order};
use super::queue::Queue;
use super::registry::Registry;
use super::speech::Page;
use super::{HubSettings, Opening, Stats};
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, GroupId, Seq, UserId};
use connection::{Connection, Standing};

/// Orders carried out before the connections they touched are written.
const ORDERS_AT_ONCE: usize = 256;
/// The shortest interval at which pings, silence and slowness are looked at.
const SWEEP_MIN: Duration = Duration::from_millis(20);
const SWEEP_MAX: Duration = Duration::from_secs(1);

pub(super) struct Shard {
    settings: HubSettings,
    registry: Registry,
    stats: Arc<Stats>,
    connections: Slab<Connection>,
    slots: HashMap<ConnId, usize>,
    by_user: BTreeMap<UserId, Vec<usize>>,
    by_group: HashMap<GroupId, Vec<usize>>,
    applied: Seq,
    dirty: Vec<ConnId>,
    writable: FuturesUnordered<BoxFuture<'static, ConnId>>,
    /// Who waits for what was queued in this round to be written.
    ended: Vec<oneshot::Sender<()>>,
    clock: Instant,
}

impl Shard {
    pub(super) fn new(
        settings: HubSettings,
        registry: Registry,
        stats: Arc<Stats>,
        clock: Instant,
    ) -> Shard {
        Shard {
            settings,
            registry,
            stats,
            connections: Slab::new(),
            slots: HashMap::new(),
            by_user: BTreeMap::new(),
            by_group: HashMap::new(),
            applied: Seq::ZERO,
            dirty: Vec::new(),
            writable: FuturesUnordered::new(),
            ended: Vec::new(),
            clock,
        }
    }

    /// Works until every handle of the hub is gone.
    pub(super) async fn run(mut self, mut waiting: mpsc::Receiver<Order>) {
        let shortest = self
            .settings
            .ping
            .min(self.settings.slow)
            .min(self.settings.dead)
            / 4;
        let mut sweep = tokio::time::interval(shortest.clamp(SWEEP_MIN, SWEEP_MAX));
        sweep.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut orders = Vec::with_capacity(ORDERS_AT_ONCE);
        loop {
            tokio::select! {
                count = waiting.recv_many(&mut orders, ORDERS_AT_ONCE) => {
                    if count == 0 {
                        return;
                    }
                    for order in orders.drain(..) {
                        self.carry_out(order);
                    }
                }
                Some(conn) = self.writable.next(), if !self.writable.is_empty() => self.unblock(conn),
                _ = sweep.tick() => self.sweep(),
            }
            self.write_dirty().await;
            for done in self.ended.drain(..) {
                // Who no longer waits does not mind.
                let _ = done.send(());
            }
        }
    }

    fn carry_out(&mut self, order: Order) {
        match order {
            Order::Open { conn, opening } => self.open(conn, opening),
            Order::Frame { conn, frame } => self.push_control(conn, frame),
            Order::Page { conn, page } => self.page(conn, page),
            Order::Pong { conn, n } => self.pong(conn, n),
            Order::Ack { conn, frame, seq } => self.ack(conn, frame, seq),
            Order::Close {
                conn,
                bye,
                code,
                reason,
            } => self.close(conn, bye, code, reason),
            Order::Remove { conn } => self.remove(conn),
            Order::UserSignal {
                user,
                frame,
                except,
            } => self.user_signal(user, &frame, except),
            Order::GroupSignal {
                group,
                frame,
                except,
            } => self.group_signal(group, &frame, except),
            Order::Signal { frame } => {
                for slot in self.all_slots() {
                    self.push_signal(slot, &frame);
                }
            }
            Order::EndTelling { only, done } => self.end_telling(only, done),
            Order::Drain { grace } => self.drain(grace),
            Order::Deliver(delivery) => self.deliver(&delivery),
            Order::EnterGroup { user, group } => self.enter_group(user, group),
            Order::LeaveGroup { user, group } => self.leave_group(user, group),
            Order::EndSessions(sessions) => self.end_sessions(&sessions),
            Order::Live {
                conn,
                groups,
                missed,
                announce,
                position,
            } => self.live(conn, groups, missed, announce, position),
            Order::AllBehind { position } => self.all_behind(position),
            Order::Reset { head } => self.reset(head),
        }
    }

    fn slot(&self, conn: ConnId) -> Option<usize> {
        self.slots.get(&conn).copied()
    }

    fn open(&mut self, conn: ConnId, opening: Opening) {
        let Opening {
            stream,
            link,
            user,
            session,
            expires,
            position,
            speech,
        } = opening;
        link.set_told(position);
        let slot = self.connections.insert(Connection {
            conn,
            stream,
            link,
            user,
            session,
            expires,
            standing: Standing::CatchingUp,
            position,
            told: position,
            speech,
            held_acks: Vec::new(),
            delivered: 0,
            groups: Vec::new(),
            queue: Queue::default(),
            dirty: false,
            blocked_since: None,
            last_ping: Instant::now(),
            closing: false,
        });
        self.slots.insert(conn, slot);
        self.by_user.entry(user).or_default().push(slot);
    }

    fn remove(&mut self, conn: ConnId) {
        let Some(slot) = self.slots.remove(&conn) else {
            return;
        };
        let gone = self.connections.remove(slot);
        if let Some(own) = self.by_user.get_mut(&gone.user) {
            own.retain(|other| *other != slot);
            if own.is_empty() {
                self.by_user.remove(&gone.user);
            }
        }
        for group in &gone.groups {
            self.leave_index(slot, *group);
        }
        self.registry.leave(gone.user, conn);
        gone.link.set_closed();
    }

    fn leave_index(&mut self, slot: usize, group: GroupId) {
        if let Some(present) = self.by_group.get_mut(&group) {
            present.retain(|other| *other != slot);
            if present.is_empty() {
                self.by_group.remove(&group);
            }
        }
    }

    /// Queues a frame and has the connection written at the end of this round.
    fn push(&mut self, slot: usize, frame: Bytes) {
        let connection = &mut self.connections[slot];
        if connection.closing {
            return;
        }
        connection.queue.push(frame);
        self.mark_dirty(slot);
    }

    /// Acks, errors, pongs: beside the log, so a client that sends and never reads cannot be caught up from
    /// it. At twice the bound it is closed.
    fn push_control(&mut self, conn: ConnId, frame: Bytes) {
        let Some(slot) = self.slot(conn) else { return };
        let queue = &self.connections[slot].queue;
        let bounds = (
            self.settings.queue_frames * 2,
            self.settings.queue_bytes * 2,
        );
        if queue.len() >= bounds.0 || queue.bytes() >= bounds.1 {
            self.close_too_slow(slot);
        } else {
            self.push(slot, frame);
        }
    }

    fn page(&mut self, conn: ConnId, page: Page) {
        let Page {
            frames,
            position,
            entries,
        } = page;
        let Some(slot) = self.slot(conn) else { return };
        let connection = &mut self.connections[slot];
        if connection.is_over() {
            return;
        }
        connection.position = position;
        connection.delivered += entries;
        connection.tell(position);
        if !frames.is_empty() {
            self.push(slot, frames);
        }
        self.release_acks(slot);
    }

    fn pong(&mut self, conn: ConnId, n: i64) {
        let Some(slot) = self.slot(conn) else { return };
        let connection = &self.connections[slot];
        let after = if connection.standing == Standing::Live {
            self.applied.max(connection.position)
        } else {
            connection.position
        };
        let pong = connection.speech.pong(n, after, connection.delivered);
        if let Some(pong) = pong {
            self.push_control(conn, pong);
        }
    }

    fn live(
        &mut self,
        conn: ConnId,
        groups: Vec<GroupId>,
        missed: Vec<Arc<Entry>>,
        announce: bool,
        position: Seq,
    ) {
        self.applied = self.applied.max(position);
        let Some(slot) = self.slot(conn) else { return };
        if self.connections[slot].is_over() {
            return;
        }
        for group in std::mem::take(&mut self.connections[slot].groups) {
            self.leave_index(slot, group);
        }
        for group in &groups {
            self.by_group.entry(*group).or_default().push(slot);
        }
        let connection = &mut self.connections[slot];
        connection.groups = groups;
        connection.standing = Standing::Live;
        connection.position = position;
        connection.tell(position);
        let (user, speech) = (connection.user, Arc::clone(&connection.speech));
        let missed = connection.link.without_said(user, missed);
        let pages = if announce {
            speech.missed(&missed, user, position, false)
        } else {
            // To a client that asked for nothing what happened since it was greeted is as live as what follows.
            let frames = missed.iter().filter_map(|entry| speech.entry(entry, user));
            let page = |frames| Page {
                frames,
                position,
                entries: 1,
            };
            frames.map(page).collect()
        };
        for Page {
            frames, entries, ..
        } in pages
        {
            self.connections[slot].delivered += entries;
            if !frames.is_empty() {
                self.push(slot, frames);
            }
        }
        self.release_acks(slot);
    }

    fn deliver(&mut self, delivery: &Delivery) {
        debug_assert!(
            // Defects made on purpose must get as far as the clients.
            cfg!(feature = "defects") || self.applied < delivery.seq(),
            "P3: a shard gets entries in order"
        );
        if delivery.is_shown() {
            match delivery.conv() {
                Conv::Private(low, high) => {
                    self.deliver_to_user(delivery, low);
                    if high != low {
                        self.deliver_to_user(delivery, high);
                    }
                }
                Conv::Group(group) => {
                    let present = std::mem::take(self.by_group.entry(group).or_default());
                    for slot in &present {
                        self.deliver_to(delivery, *slot);
                    }
                    if present.is_empty() {
                        self.by_group.remove(&group);
                    } else {
                        self.by_group.insert(group, present);
                    }
                }
                Conv::Notices => {
                    for slot in self.all_slots() {
                        self.deliver_to(delivery, slot);
                    }
                }
                Conv::Account(_) => {}
            }
        }
        self.applied = delivery.seq();
        // An ack comes from the connection whose send became this entry.
        if let Some(slot) = delivery.origin().and_then(|conn| self.slot(conn)) {
            self.release_acks(slot);
        }
    }

    fn deliver_to_user(&mut self, delivery: &Delivery, user: UserId) {
        let Some(own) = self.by_user.get(&user) else {
            return;
        };
        for slot in own.clone() {
            self.deliver_to(delivery, slot);
        }
    }

    fn deliver_to(&mut self, delivery: &Delivery, slot: usize) {
        let connection = &mut self.connections[slot];
        if connection.standing != Standing::Live
            || connection.closing
            || delivery.is_from(connection.conn)
        {
            return;
        }
        let full = connection.queue.len() >= self.settings.queue_frames
            || connection.queue.bytes() >= self.settings.queue_bytes;
        if full {
            connection.standing = Standing::FellBehind;
            connection.position = delivery.seq().prev();
            self.stats.fell_behind.fetch_add(1, Ordering::Relaxed);
            return;
        }
        connection.tell(delivery.seq());
        let Some(frame) = delivery.frame_for(connection.user, &connection.speech) else {
            return;
        };
        connection.delivered += 1;
        self.stats.delivered.fetch_add(1, Ordering::Relaxed);
        self.push(slot, frame);
    }

    fn all_slots(&self) -> Vec<usize> {
        self.connections.iter().map(|(slot, _)| slot).collect()
    }

    fn user_signal(&mut self, user: UserId, frame: &Bytes, except: Option<ConnId>) {
        let Some(own) = self.by_user.get(&user) else {
            return;
        };
        for slot in own.clone() {
            if Some(self.connections[slot].conn) != except {
                self.push_signal(slot, frame);
            }
        }
    }

    fn group_signal(&mut self, group: GroupId, frame: &Bytes, except: UserId) {
        let Some(present) = self.by_group.get(&group) else {
            return;
        };
        for slot in present.clone() {
            if self.connections[slot].user != except {
                self.push_signal(slot, frame);
            }
        }
    }

    /// Signals are best effort: a connection with a backlog does without.
    fn push_signal(&mut self, slot: usize, frame: &Bytes) {
        let connection = &self.connections[slot];
        if connection.speech.hears_signals()
            && connection.queue.len() < self.settings.queue_frames / 2
        {
            self.push(slot, frame.clone());
        }
    }

    fn enter_group(&mut self, user: UserId, group: GroupId) {
        let Some(own) = self.by_user.get(&user) else {
            return;
        };
        for slot in own.clone() {
            let groups = &mut self.connections[slot].groups;
            if !groups.contains(&group) {
                groups.push(group);
                self.by_group.entry(group).or_default().push(slot);
            }
        }
    }

    fn leave_group(&mut self, user: UserId, group: GroupId) {
        let Some(own) = self.by_user.get(&user) else {
            return;
        };
        for slot in own.clone() {
            self.connections[slot]
                .groups
                .retain(|other| *other != group);
            self.leave_index(slot, group);
        }
    }
}
