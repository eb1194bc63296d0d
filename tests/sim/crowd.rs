//! People at whole nodes: devices that connect, talk, move, come back and read slowly, and the part of a node above its
//! bus that serves them: the real replica, view, window and cursor behind a model of the hub.
//!
//! Responsible for everything between a client and a node's core. Deliberately without judging: `ledger` does. Driven by
//! `world`, if the run has people.

use std::collections::BTreeMap;
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

use starling::cluster::core::{Item, StorePosition};
use starling::journal::cursor::{Cursor, Start};
use starling::journal::position::Position;
use starling::journal::replica::{Replica, ReplicaSettings, Safeguards};
use starling::journal::window::WindowBounds;
use starling::model::conversation::Conv;
use starling::model::entry::Entry;
use starling::model::ids::{ConnId, Epoch, GroupId, Seq, UserId};
use starling::store::{LogHead, UserSnapshot};

use crate::committer::Submission;
use crate::desk::{Desk, Frame, Standing};
use crate::ledger::Ledger;
use crate::oracle::{Violation, violated};
use crate::people::{Draft, What};
use crate::store::Cid;
use crate::world::{Event, World};

/// Entries a node keeps in memory: few, so that readers need the store.
const WINDOW: WindowBounds = WindowBounds {
    entries: 24,
    bytes: 1 << 20,
};

const USERS: u64 = 4;
const DEVICES: usize = 6;
const GROUPS: u64 = 2;

/// Entries of a page from the store.
const PAGE_ENTRIES: usize = 5;

/// Before a connection asks the store or a busy replica again.
const RETRY_PAUSE: Duration = Duration::from_millis(200);

/// How often a client asks for its position.
const PING_EVERY: Duration = Duration::from_millis(300);

/// Rules beside the cores and replicas. The simulation switches off one at a time and must then find a violation.
#[derive(Debug, Clone, Copy)]
pub struct CrowdRules {
    /// A queue that is full makes its client fall behind.
    pub falls_behind: bool,
    /// A position of another log is worth nothing.
    pub checks_epoch: bool,
    /// A connection goes on where it was after a failed read.
    pub keeps_place: bool,
    /// Pages end at what is known to be durable.
    pub reads_durable: bool,
    /// A connection that comes back names its position.
    pub resumes: bool,
}

impl Default for CrowdRules {
    fn default() -> Self {
        Self {
            falls_behind: true,
            checks_epoch: true,
            keeps_place: true,
            reads_durable: true,
            resumes: true,
        }
    }
}

/// Everybody, and what serves them.
pub struct Crowd {
    pub rules: CrowdRules,
    safeguards: Safeguards,
    pub devices: Vec<Device>,
    conns: BTreeMap<ConnId, Conn>,
    /// By node: the upper part of its running process.
    uppers: Vec<Option<Upper>>,
    author_of: BTreeMap<Cid, usize>,
    next_conn: u64,
    resets: u64,
    pages: u64,
    fell_behind: u64,
    refused: u64,
}

/// One client of a user.
pub struct Device {
    pub ledger: Ledger,
    conn: Option<ConnId>,
    slow_until: Duration,
}

/// A connection as the task that serves it knows it.
struct Conn {
    device: usize,
    node: usize,
    /// The log of the hello.
    epoch: Epoch,
    start: Option<Start>,
    cursor: Option<Cursor>,
    waits_for_drain: bool,
    draining: bool,
}

/// What a process has above its core.
struct Upper {
    replica: Replica<Desk>,
    position: Position,
    own: BTreeMap<Seq, Option<ConnId>>,
}

#[derive(Debug)]
pub enum Step {
    Connect { device: usize },
    Ask { conn: ConnId, ask: Ask },
    Told { conn: ConnId, told: Told },
    Advance { conn: ConnId },
    Drain { conn: ConnId },
    Ping { conn: ConnId },
    Move,
    Stall,
}

#[derive(Debug, Clone, Copy)]
pub enum Ask {
    Head,
    Snapshot,
    Read { after: Seq, upto: Seq },
}

/// The store's answers; none: it did not answer.
#[derive(Debug)]
pub enum Told {
    Head(Option<LogHead>),
    Snapshot(Option<UserSnapshot>),
    Read(Option<(LogHead, Vec<Arc<Entry>>, Seq)>),
}

impl Crowd {
    pub fn new(nodes: usize, safeguards: Safeguards, rules: CrowdRules) -> Self {
        let device = |number: usize| Device {
            ledger: Ledger::new(UserId(number as u64 % USERS + 1)),
            conn: None,
            slow_until: Duration::ZERO,
        };
        Self {
            rules,
            safeguards,
            devices: (0..DEVICES).map(device).collect(),
            conns: BTreeMap::new(),
            uppers: (0..nodes).map(|_| None).collect(),
            author_of: BTreeMap::new(),
            next_conn: 0,
            resets: 0,
            pages: 0,
            fell_behind: 0,
            refused: 0,
        }
    }

    /// What the run met, by name.
    pub fn counters(&self) -> [(&'static str, u64); 5] {
        let received = self.devices.iter().map(|device| device.ledger.received);
        [
            ("people_received", received.sum()),
            ("people_resets", self.resets),
            ("people_pages", self.pages),
            ("people_fell_behind", self.fell_behind),
            ("people_refused", self.refused),
        ]
    }

    fn desk(&mut self, node: usize) -> Option<&mut Desk> {
        Some(self.uppers[node].as_mut()?.replica.dispatch())
    }

    fn user_of(&self, conn: ConnId) -> Option<UserId> {
        let device = self.conns.get(&conn)?.device;
        Some(self.devices[device].ledger.user)
    }
}

// -- what the rest of the node tells ----------------------------------------------------------------------------------

impl World {
    fn crowd(&mut self) -> &mut Crowd {
        self.crowd.as_mut().expect("a run with people")
    }

    pub fn gather_crowd(&mut self, safeguards: Safeguards, rules: CrowdRules) {
        self.crowd = Some(Crowd::new(self.nodes.len(), safeguards, rules));
        for device in 0..DEVICES {
            let wait = self.micros(30_000, 400_000);
            self.after(wait, Event::Crowd(Step::Connect { device }));
        }
        let (moves, stalls) = (self.profile.move_every, self.profile.stall_every);
        for (every, step) in [(moves, Step::Move), (stalls, Step::Stall)] {
            if let Some(every) = every {
                let wait = self.around(every);
                self.after(wait, Event::Crowd(step));
            }
        }
    }

    /// A process begins.
    pub fn upper_begins(&mut self, node: usize, start: StorePosition) {
        let Some(crowd) = &mut self.crowd else { return };
        let settings = ReplicaSettings {
            window: WINDOW,
            safeguards: crowd.safeguards,
            ..ReplicaSettings::default()
        };
        let position = Position::new(start.epoch, start.head);
        let desk = Desk {
            applied: start.head,
            drops: !crowd.rules.falls_behind,
            ..Desk::default()
        };
        crowd.uppers[node] = Some(Upper {
            replica: Replica::new(start.head, settings, position.clone(), desk),
            position,
            own: BTreeMap::new(),
        });
    }

    /// A process died: its connections are gone, their clients come back elsewhere.
    pub fn upper_dies(&mut self, node: usize) {
        let Some(crowd) = &mut self.crowd else { return };
        crowd.uppers[node] = None;
        let gone: Vec<usize> = crowd
            .conns
            .extract_if(.., |_, conn| conn.node == node)
            .map(|(_, conn)| conn.device)
            .collect();
        for device in gone {
            self.crowd().devices[device].conn = None;
            self.comes_back(device);
        }
    }

    /// The log is another one.
    pub fn upper_restarts(&mut self, node: usize, start: StorePosition) {
        let Some(crowd) = &mut self.crowd else { return };
        let Some(upper) = &mut crowd.uppers[node] else {
            return;
        };
        upper.own.clear();
        upper.replica.restart(LogHead {
            epoch: start.epoch,
            floor: start.floor,
            head: start.head,
        });
        self.settle(node);
    }

    pub fn upper_committed(&mut self, node: usize, seq: Seq, origin: Option<ConnId>) {
        let Some(crowd) = &mut self.crowd else { return };
        if let Some(upper) = &mut crowd.uppers[node] {
            upper.position.raise_durable(seq);
            upper.own.insert(seq, origin);
        }
    }

    pub fn upper_delivers(&mut self, node: usize, items: &[Item]) -> Result<(), Violation> {
        let Some(crowd) = &mut self.crowd else {
            return Ok(());
        };
        if let Some(upper) = &mut crowd.uppers[node] {
            for item in items {
                let Ok(entry) = Entry::decode(item.seq, &item.payload) else {
                    return violated("P3", format!("{} is no entry", item.seq));
                };
                let origin = upper.own.remove(&item.seq).flatten();
                upper.replica.apply(Arc::new(entry), origin);
            }
            upper.own = upper.own.split_off(&upper.replica.applied().next());
        }
        self.settle(node);
        Ok(())
    }

    pub fn tell_author(&mut self, node: usize, origin: Option<ConnId>, frame: Frame) {
        let Some(crowd) = &mut self.crowd else { return };
        if let (Some(desk), Some(conn)) = (crowd.desk(node), origin) {
            desk.push(conn, frame);
        }
        self.settle(node);
    }

    /// Everybody has everything.
    pub fn crowd_is_content(&mut self) -> Result<(), Violation> {
        let Some(crowd) = &mut self.crowd else {
            return Ok(());
        };
        for (number, device) in crowd.devices.iter().enumerate() {
            let seat = device.conn.and_then(|conn| {
                let upper = crowd.uppers[crowd.conns[&conn].node].as_mut()?;
                upper.replica.dispatch().seats.get(&conn)
            });
            let waits = |frame: &Frame| !matches!(frame, Frame::Pong(_));
            let content = seat.is_some_and(|seat| {
                seat.standing == Standing::Live && !seat.queue.iter().any(waits)
            });
            if !content {
                return violated(
                    "P2",
                    format!("device {number} is not live at the end: {seat:?}"),
                );
            }
            let story = self.store.story_of(self.store.epoch());
            let mut ledger = device.ledger.clone();
            ledger.moved(self.store.epoch(), story, self.store.head())?;
            if let Some(cid) = ledger.pending.keys().next() {
                return violated("L1", format!("send {cid} was never answered"));
            }
        }
        Ok(())
    }
}

// -- what people do ---------------------------------------------------------------------------------------------------

impl World {
    /// Somebody says something, joins or leaves.
    pub fn somebody_acts(&mut self, cid: Cid, size: usize) {
        let device = self.rng.usize(0..DEVICES);
        let group = GroupId(self.rng.u64(1..=GROUPS));
        let from = self.crowd().devices[device].ledger.user;
        let what = match self.rng.u32(0..10) {
            0..=4 => What::Say(Conv::Group(group)),
            5..=6 => What::Say(Conv::private(from, UserId(self.rng.u64(1..=USERS)))),
            7..=8 => What::Join(group),
            _ => What::Leave(group),
        };
        self.store.drafts.insert(cid, Draft { from, what });
        let crowd = self.crowd();
        crowd.author_of.insert(cid, device);
        let ledger = &mut crowd.devices[device].ledger;
        ledger.pending.insert(cid, size);
        ledger.sent.insert(cid);
    }

    /// Sends, or sends again, by the connection the device has now; an answered one is repeated now and then (P4).
    pub fn submit(&mut self, cid: Cid, size: usize) {
        let crowd = self.crowd.as_ref().expect("a run with people");
        let device = &crowd.devices[crowd.author_of[&cid]];
        let again = !device.ledger.pending.contains_key(&cid);
        let Some(conn) = device.conn.filter(|conn| crowd.conns[conn].is_greeted()) else {
            return;
        };
        let node = crowd.conns[&conn].node;
        if again && self.rng.u32(0..10) > 0 || self.nodes[node].is_paused(self.now) {
            return;
        }
        // A node's own early no, which a change may overtake on the way.
        if !self.store.rules.judged_in_append && !self.store.would_allow(cid) {
            return self.tell_author(node, Some(conn), Frame::Refused(cid));
        }
        self.nodes[node].committer.send(Submission {
            cid,
            size,
            origin: Some(conn),
        });
        self.commit(node);
    }

    pub fn still_asks(&self, cid: Cid) -> bool {
        self.crowd.as_ref().is_some_and(|crowd| {
            let device = &crowd.devices[crowd.author_of[&cid]];
            device.ledger.pending.contains_key(&cid)
        })
    }

    pub fn crowd_step(&mut self, step: Step) -> Result<(), Violation> {
        match step {
            Step::Connect { device } => self.connect(device),
            Step::Ask { conn, ask } => self.ask_store(conn, ask),
            Step::Told { conn, told } => self.told(conn, told),
            Step::Advance { conn } => self.advance(conn),
            Step::Drain { conn } => return self.drain(conn),
            Step::Ping { conn } => self.ping(conn),
            Step::Move => {
                if !self.healed {
                    let device = self.rng.usize(0..DEVICES);
                    self.hangs_up(device);
                    let every = self.profile.move_every.unwrap_or_default();
                    let wait = self.around(every);
                    self.after(wait, Event::Crowd(Step::Move));
                }
            }
            Step::Stall => {
                if !self.healed {
                    let device = self.rng.usize(0..DEVICES);
                    let until = self.now + self.micros(50_000, 900_000);
                    self.crowd().devices[device].slow_until = until;
                    let every = self.profile.stall_every.unwrap_or_default();
                    let wait = self.around(every);
                    self.after(wait, Event::Crowd(Step::Stall));
                }
            }
        }
        Ok(())
    }

    fn comes_back(&mut self, device: usize) {
        let wait = self.micros(1_000, 200_000);
        self.after(wait, Event::Crowd(Step::Connect { device }));
    }

    fn hangs_up(&mut self, device: usize) {
        let crowd = self.crowd();
        let Some(conn) = crowd.devices[device].conn.take() else {
            return;
        };
        if let Some(gone) = crowd.conns.remove(&conn)
            && let Some(upper) = &mut crowd.uppers[gone.node]
        {
            upper.replica.dispatch().seats.remove(&conn);
            upper.replica.detach(conn);
        }
        self.comes_back(device);
    }

    fn connect(&mut self, device: usize) {
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| {
                self.nodes[node].core.is_some() && !self.nodes[node].is_paused(self.now)
            })
            .collect();
        if up.is_empty() {
            return self.comes_back(device);
        }
        let node = up[self.rng.usize(0..up.len())];
        let crowd = self.crowd();
        if crowd.devices[device].conn.is_some() {
            return;
        }
        crowd.next_conn += 1;
        let conn = ConnId(crowd.next_conn);
        crowd.devices[device].conn = Some(conn);
        crowd.conns.insert(
            conn,
            Conn {
                device,
                node,
                epoch: Epoch(0),
                start: None,
                cursor: None,
                waits_for_drain: false,
                draining: false,
            },
        );
        let resumes = crowd.rules.resumes && crowd.devices[device].ledger.position.is_some();
        if resumes {
            self.ask(conn, Ask::Head);
        } else {
            let applied = self.applied(node);
            self.greet(conn, Start::now(applied));
        }
    }

    fn ping(&mut self, conn: ConnId) {
        let Some(node) = self.crowd().conns.get(&conn).map(|conn| conn.node) else {
            return;
        };
        if let Some(desk) = self.crowd().desk(node) {
            desk.pong(conn);
        }
        self.after(PING_EVERY, Event::Crowd(Step::Ping { conn }));
        self.settle(node);
    }
}

impl Conn {
    fn is_greeted(&self) -> bool {
        self.start.is_some()
    }
}

// -- the connection's task at its node --------------------------------------------------------------------------------

impl World {
    fn applied(&self, node: usize) -> Seq {
        let crowd = self.crowd.as_ref().expect("a run with people");
        crowd.uppers[node]
            .as_ref()
            .map_or(Seq::ZERO, |upper| upper.position.applied())
    }

    fn ask(&mut self, conn: ConnId, ask: Ask) {
        let wait = self.micros(100, 4_000);
        self.after(wait, Event::Crowd(Step::Ask { conn, ask }));
    }

    /// The store reads, if it is there.
    fn ask_store(&mut self, conn: ConnId, ask: Ask) {
        let Some(user) = self.crowd().user_of(conn) else {
            return;
        };
        let up = self.store.up;
        let StorePosition { epoch, floor, head } = self.store.position();
        let log = LogHead { epoch, floor, head };
        let told = match ask {
            Ask::Head => Told::Head(up.then_some(log)),
            Ask::Snapshot => Told::Snapshot(up.then(|| UserSnapshot {
                log,
                registered_seq: Seq::ZERO,
                intervals: self.store.story_of(epoch).intervals(user),
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

    fn told(&mut self, conn: ConnId, told: Told) {
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

    fn greet(&mut self, conn: ConnId, start: Start) {
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
    fn advance(&mut self, conn: ConnId) {
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
                    desk.push(conn, Frame::Reset { head });
                }
                self.settle(node);
                self.advance(conn);
            }
            Next::GoLive { .. } => self.ask(conn, Ask::Snapshot),
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
    fn settle(&mut self, node: usize) {
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
                    self.after(
                        Duration::from_micros(10),
                        Event::Crowd(Step::Advance { conn }),
                    );
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
    fn drain(&mut self, conn: ConnId) -> Result<(), Violation> {
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
            self.client_gets(device, conn, frame)?;
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

    fn client_gets(&mut self, device: usize, conn: ConnId, frame: Frame) -> Result<(), Violation> {
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
        let result = match &frame {
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
