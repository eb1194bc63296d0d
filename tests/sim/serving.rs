//! The task that serves one connection at its node: greets, catches up by the real cursor, has frames taken.
//!
//! Responsible for asking store and replica as the node's own task does, and for handing each frame to its client's
//! ledger. Deliberately without faults. Driven by `world` and by what the replica decides.

use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use starling::cluster::core::StorePosition;
use starling::journal::cursor::{Cursor, Start};
use starling::journal::replica::NotLive;
use starling::model::entry::Entry;
use starling::model::ids::{ConnId, Seq};
use starling::store::{LogHead, UserSnapshot};

use crate::crowd::{Ask, PING_EVERY, Step, Told};
use crate::desk::{Frame, Standing};
use crate::oracle::{Violation, violated};
use crate::store::Cid;
use crate::world::{Event, World};

/// Entries of a page from the store.
const PAGE_ENTRIES: usize = 5;

/// Before a connection asks the store or a busy replica again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// Before it goes on after any other answer.
const AT_ONCE: Duration = Duration::from_micros(10);

impl World {
    pub fn applied(&self, node: usize) -> Seq {
        let crowd = self.crowd.as_ref().expect("a run with people");
        crowd.uppers[node]
            .as_ref()
            .map_or(Seq::ZERO, |upper| upper.position.applied())
    }

    fn durable(&self, node: usize) -> Seq {
        let crowd = self.crowd.as_ref().expect("a run with people");
        crowd.uppers[node]
            .as_ref()
            .map_or(Seq::ZERO, |upper| upper.position.durable())
    }

    pub fn ask(&mut self, conn: ConnId, ask: Ask) {
        let wait = self.micros(100, 4_000);
        self.after(wait, Event::Crowd(Step::Ask { conn, ask }));
    }

    /// The store reads, if it is there.
    pub fn ask_store(&mut self, conn: ConnId, ask: Ask) {
        let Some(user) = self.crowd().user_of(conn) else {
            return;
        };
        let up = self.store.up;
        let StorePosition { epoch, floor, head } = self.store.position();
        let log = LogHead { epoch, floor, head };
        let told = match ask {
            Ask::Head => Told::Head(up.then_some(log)),
            Ask::Snapshot { durable } => Told::Snapshot(up.then(|| {
                let snapshot = UserSnapshot {
                    log,
                    registered_seq: Seq::ZERO,
                    intervals: self.store.story_of(epoch).intervals(user),
                };
                snapshot.as_of(durable)
            })),
            Ask::Read { after, upto } => {
                let story = self.store.story_of(epoch);
                let mut entries: Vec<Arc<Entry>> =
                    story.visible(user, after, upto).cloned().collect();
                let more = entries.len() > PAGE_ENTRIES;
                entries.truncate(PAGE_ENTRIES);
                let end = entries.last().filter(|_| more);
                let position = end.map_or(upto, |entry| entry.seq);
                Told::Read(up.then_some((log, entries, position)))
            }
        };
        let wait = self.micros(100, 4_000);
        self.after(wait, Event::Crowd(Step::Told { conn, told }));
    }

    pub fn told(&mut self, conn: ConnId, told: Told) {
        let Some(node) = self.crowd().conns.get(&conn).map(|conn| conn.node) else {
            return;
        };
        if self.nodes[node].is_paused(self.now) {
            let thaws = self.nodes[node].paused_until;
            return self.at(thaws, Event::Crowd(Step::Told { conn, told }));
        }
        match told {
            Told::Head(None) => {
                let device = self.crowd().conns[&conn].device;
                self.hangs_up(device);
            }
            Told::Head(Some(log)) => self.head_told(conn, node, &log),
            Told::Snapshot(None) | Told::Read(None) => {
                if !self.crowd().rules.keeps_place {
                    self.begin_again(conn);
                }
                self.after(RETRY_PAUSE, Event::Crowd(Step::Advance { conn }));
            }
            Told::Snapshot(Some(snapshot)) => self.attach(conn, node, snapshot),
            Told::Read(Some((log, entries, position))) => {
                let applied = self.applied(node);
                let epoch = self.nodes[node].epoch;
                let crowd = self.crowd();
                let cursor = crowd.conns.get_mut(&conn).and_then(|c| c.cursor.as_mut());
                if cursor.is_some_and(|cursor| cursor.may_show(&log, position, epoch, applied)) {
                    crowd.pages += 1;
                    if let Some(desk) = crowd.desk(node) {
                        desk.page(conn, entries, position);
                    }
                }
                self.settle(node);
                self.advance(conn);
            }
        }
    }

    /// What a connection did that forgot its place when a read failed.
    fn begin_again(&mut self, conn: ConnId) {
        if let Some(conn) = self.crowd().conns.get_mut(&conn)
            && let (Some(start), Some(cursor)) = (conn.start, &mut conn.cursor)
        {
            *cursor = Cursor::new(start);
        }
    }

    fn head_told(&mut self, conn: ConnId, node: usize, log: &LogHead) {
        let applied = self.applied(node);
        let crowd = self.crowd();
        let ledger = &crowd.devices[crowd.conns[&conn].device].ledger;
        let epoch = ledger.epoch.filter(|_| crowd.rules.checks_epoch);
        let start = Start::at(ledger.position.unwrap_or_default(), epoch, log, applied);
        self.greet(conn, start);
    }

    pub fn greet(&mut self, conn: ConnId, start: Start) {
        let (device, node) = {
            let conn = &self.crowd().conns[&conn];
            (conn.device, conn.node)
        };
        let epoch = self.nodes[node].epoch;
        let crowd = self.crowd();
        let position = match start {
            Start::From { after, .. } => after,
            Start::Reset { head } => head,
        };
        let ledger = &mut crowd.devices[device].ledger;
        ledger.hello(epoch, position);
        let user = ledger.user;
        let unanswered: Vec<(Cid, usize)> = ledger.pending.clone().into_iter().collect();
        if let Some(this) = crowd.conns.get_mut(&conn) {
            this.start = Some(start);
            this.cursor = Some(Cursor::new(start));
            this.epoch = epoch;
        }
        if let Some(desk) = crowd.desk(node) {
            desk.open(conn, user, position);
        }
        for (cid, size) in unanswered {
            self.submit(cid, size);
        }
        self.after(PING_EVERY, Event::Crowd(Step::Ping { conn }));
        self.advance(conn);
    }

    /// Takes the next step towards being live.
    pub fn advance(&mut self, conn: ConnId) {
        use starling::journal::cursor::Step as Next;
        let Some(this) = self.crowd().conns.get_mut(&conn) else {
            return;
        };
        let (Some(cursor), node) = (&mut this.cursor, this.node) else {
            return;
        };
        match cursor.step() {
            Next::Reset { head } => {
                cursor.was_reset();
                if let Some(desk) = self.crowd().desk(node) {
                    desk.send_reset(conn, head);
                }
                self.settle(node);
                self.advance(conn);
            }
            Next::GoLive { .. } => {
                let durable = if self.crowd().rules.cuts_snapshots {
                    self.durable(node)
                } else {
                    Seq(u64::MAX)
                };
                self.ask(conn, Ask::Snapshot { durable });
            }
            Next::Read { after, upto } => {
                let drained = self
                    .crowd()
                    .desk(node)
                    .and_then(|desk| desk.seats.get(&conn))
                    .is_none_or(|seat| seat.queue.is_empty());
                if drained {
                    self.ask(conn, Ask::Read { after, upto });
                } else if let Some(this) = self.crowd().conns.get_mut(&conn) {
                    this.waits_for_drain = true;
                }
            }
        }
    }

    fn attach(&mut self, conn: ConnId, node: usize, snapshot: UserSnapshot) {
        use starling::journal::cursor::Step as Next;
        use starling::journal::replica::Attach;
        let crowd = self.crowd();
        let Some(user) = crowd.user_of(conn) else {
            return;
        };
        let next = crowd.conns[&conn].cursor.map(|cursor| cursor.step());
        if let (Some(Next::GoLive { after, announce }), Some(upper)) =
            (next, &mut crowd.uppers[node])
        {
            let ticket = crate::desk::Ticket { conn, announce };
            upper.replica.attach(Attach {
                conn,
                user,
                after,
                snapshot,
                ticket,
            });
        }
        self.settle(node);
    }

    /// Carries on what the replica decided, and has queued frames taken.
    pub fn settle(&mut self, node: usize) {
        let head = self.store.head();
        let Some(upper) = &mut self.crowd().uppers[node] else {
            return;
        };
        let known = upper.position.durable();
        let desk = upper.replica.dispatch();
        let answers = std::mem::take(&mut desk.answers);
        let fell_behind = std::mem::take(&mut desk.fell_behind);
        let full: Vec<ConnId> = desk
            .seats
            .iter()
            .filter(|(_, seat)| !seat.queue.is_empty())
            .map(|(conn, _)| *conn)
            .collect();
        self.crowd().fell_behind += fell_behind;
        for conn in full {
            self.has_frames(conn);
        }
        for (conn, answer) in answers {
            let crowd = self.crowd();
            let durable = if crowd.rules.reads_durable {
                known
            } else {
                head
            };
            let Some(this) = crowd.conns.get_mut(&conn) else {
                continue;
            };
            match answer {
                Ok(()) => this.cursor = None,
                Err(why) => {
                    if let Some(cursor) = &mut this.cursor {
                        cursor.not_live(why, durable);
                    }
                    let wait = match why {
                        NotLive::Busy => RETRY_PAUSE,
                        NotLive::Behind | NotLive::Stale => AT_ONCE,
                    };
                    self.after(wait, Event::Crowd(Step::Advance { conn }));
                }
            }
        }
    }

    fn has_frames(&mut self, conn: ConnId) {
        let now = self.now;
        let crowd = self.crowd();
        let Some(this) = crowd.conns.get_mut(&conn) else {
            return;
        };
        if std::mem::replace(&mut this.draining, true) {
            return;
        }
        let slow_until = crowd.devices[this.device].slow_until;
        let wait = if slow_until > now && !self.healed {
            self.micros(20_000, 200_000)
        } else {
            self.micros(50, 2_000)
        };
        self.after(wait, Event::Crowd(Step::Drain { conn }));
    }

    /// The client takes a few frames.
    pub fn drain(&mut self, conn: ConnId) -> Result<(), Violation> {
        let Some((node, device)) = self.crowd().conns.get(&conn).map(|c| (c.node, c.device)) else {
            return Ok(());
        };
        if self.nodes[node].is_paused(self.now) {
            let thaws = self.nodes[node].paused_until;
            self.at(thaws, Event::Crowd(Step::Drain { conn }));
            return Ok(());
        }
        for _ in 0..self.rng.usize(1..5) {
            let seat = self
                .crowd()
                .desk(node)
                .and_then(|desk| desk.seats.get_mut(&conn));
            let Some(frame) = seat.and_then(|seat| seat.queue.pop_front()) else {
                break;
            };
            if matches!(frame, Frame::Bye) {
                self.hangs_up(device);
                return Ok(());
            }
            self.client_gets(device, conn, &frame)?;
        }
        self.drained(conn, node);
        Ok(())
    }

    fn drained(&mut self, conn: ConnId, node: usize) {
        let crowd = self.crowd();
        if let Some(this) = crowd.conns.get_mut(&conn) {
            this.draining = false;
        }
        let Some(seat) = crowd.desk(node).and_then(|desk| desk.seats.get_mut(&conn)) else {
            return;
        };
        if !seat.queue.is_empty() {
            return self.has_frames(conn);
        }
        let after = seat.position;
        let fell = seat.standing == Standing::FellBehind;
        if fell {
            seat.standing = Standing::CatchingUp;
        }
        let Some(this) = crowd.conns.get_mut(&conn) else {
            return;
        };
        if fell && this.cursor.is_none() {
            let start = Start::From {
                after,
                announce: true,
            };
            this.start = Some(start);
            this.cursor = Some(Cursor::new(start));
            self.advance(conn);
        } else if std::mem::take(&mut this.waits_for_drain) {
            self.advance(conn);
        }
    }

    fn client_gets(&mut self, device: usize, conn: ConnId, frame: &Frame) -> Result<(), Violation> {
        let World {
            crowd,
            store,
            trace,
            ..
        } = self;
        let crowd = crowd.as_mut().expect("a run with people");
        let epoch = crowd.conns[&conn].epoch;
        let story = store.story_of(epoch);
        let ledger = &mut crowd.devices[device].ledger;
        let result = match frame {
            Frame::Entry(entry) => {
                (device, entry.seq.0).hash(trace);
                ledger.entry(epoch, story, entry)
            }
            Frame::Page { entries, position } => {
                (device, position.0, entries.len()).hash(trace);
                let vanishing = entries
                    .iter()
                    .find(|entry| store.durable_row_of(epoch, entry.seq).is_none());
                if let Some(entry) = vanishing {
                    let seq = entry.seq;
                    return violated("D1", format!("a page shows {seq}, which is not durable"));
                }
                ledger.page(epoch, story, entries, *position)
            }
            Frame::Pong(after) => ledger.moved(epoch, story, *after),
            // Whether the answer is right was judged when the node gave it.
            Frame::Ack(cid) => {
                ledger.pending.remove(cid);
                Ok(())
            }
            Frame::Refused(cid) => {
                crowd.refused += 1;
                ledger.pending.remove(cid);
                Ok(())
            }
            Frame::Reset { head } => {
                crowd.resets += 1;
                ledger.reset(epoch, *head);
                Ok(())
            }
            Frame::Bye => Ok(()),
        };
        result.map_err(|violation| Violation {
            detail: format!(
                "device {device} on {conn:?} at {:?}: {}",
                self.now, violation.detail
            ),
            ..violation
        })
    }
}
