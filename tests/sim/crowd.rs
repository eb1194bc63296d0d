//! People at whole nodes: devices that connect, talk, move, come back and read slowly, and the part of a node above its
//! bus that serves them: the real replica, view, window and cursor behind a model of the hub.
//!
//! Responsible for everything between a client and a node's core. Deliberately without judging: `ledger` does. Driven by
//! `world`, if the run has people.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use starling::cluster::core::{Item, StorePosition};
use starling::journal::cursor::{Cursor, Start};
use starling::journal::position::Position;
use starling::journal::replica::{Replica, ReplicaSettings, Safeguards};
use starling::journal::window::WindowBounds;
use starling::model::entry::Entry;
use starling::model::ids::{ConnId, Epoch, Seq, UserId};
use starling::store::{LogHead, UserSnapshot};

use crate::desk::{Desk, Frame, Standing};
use crate::ledger::Ledger;
use crate::oracle::{Violation, violated};
use crate::store::Cid;
use crate::world::{Event, World};

/// Entries a node keeps in memory: few, so that readers need the store.
const WINDOW: WindowBounds = WindowBounds {
    entries: 24,
    bytes: 1 << 20,
};

pub const USERS: u64 = 4;
pub const DEVICES: usize = 6;
pub const GROUPS: u64 = 2;

/// How often a client asks for its position.
pub const PING_EVERY: Duration = Duration::from_millis(300);

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
    /// A user is loaded as of what was durable before the store was asked.
    pub cuts_snapshots: bool,
}

impl Default for CrowdRules {
    fn default() -> Self {
        Self {
            falls_behind: true,
            checks_epoch: true,
            keeps_place: true,
            reads_durable: true,
            resumes: true,
            cuts_snapshots: true,
        }
    }
}

/// Everybody, and what serves them.
pub struct Crowd {
    pub rules: CrowdRules,
    pub safeguards: Safeguards,
    pub devices: Vec<Device>,
    pub conns: BTreeMap<ConnId, Conn>,
    /// By node: the upper part of its running process.
    pub uppers: Vec<Option<Upper>>,
    pub author_of: BTreeMap<Cid, usize>,
    pub next_conn: u64,
    pub resets: u64,
    pub pages: u64,
    pub fell_behind: u64,
    pub refused: u64,
}

/// One client of a user.
pub struct Device {
    pub ledger: Ledger,
    pub conn: Option<ConnId>,
    pub slow_until: Duration,
}

/// A connection as the task that serves it knows it.
pub struct Conn {
    pub device: usize,
    pub node: usize,
    /// The log of the hello.
    pub epoch: Epoch,
    pub start: Option<Start>,
    pub cursor: Option<Cursor>,
    pub waits_for_drain: bool,
    pub draining: bool,
}

/// What a process has above its core.
pub struct Upper {
    pub replica: Replica<Desk>,
    pub position: Position,
    pub own: BTreeMap<Seq, Option<ConnId>>,
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
    /// As it was at this place, which is durable.
    Snapshot {
        durable: Seq,
    },
    Read {
        after: Seq,
        upto: Seq,
    },
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

    pub fn desk(&mut self, node: usize) -> Option<&mut Desk> {
        Some(self.uppers[node].as_mut()?.replica.dispatch())
    }

    pub fn user_of(&self, conn: ConnId) -> Option<UserId> {
        let device = self.conns.get(&conn)?.device;
        Some(self.devices[device].ledger.user)
    }
}

impl World {
    pub fn crowd(&mut self) -> &mut Crowd {
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
