//! One run: nodes, store, network, clients and faults on a virtual clock.
//!
//! Responsible for the event queue and for the last judgement; `machine`, `storage` and `chaos` make things happen.
//! Deliberately decides nothing that is not
//! drawn from the seed. Driven by `seeds`, `mutations` and `scenarios`.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{
    Core, Fetched, PeerState, Registration, Safeguards, StorePosition, Unavailable,
};
use starling::journal::replica;
use starling::model::ids::{Epoch, Incarnation, Seq};

use crate::committer::Submission;
use crate::crowd::{Crowd, CrowdRules, Step};
use crate::faults::Profile;
use crate::network::Network;
use crate::node::{Node, Setup};
use crate::oracle::{Oracle, Violation, violated};
use crate::store::{Appended, Cid, ModelStore, StoreRules};

/// More events than any run can need: something spins.
const EVENTS_MAX: u64 = 3_000_000;

/// A peer is suspect after 2.5 s; a node that was frozen itself gives it more time.
const GHOST_BOUND: Duration = Duration::from_secs(8);

/// Nodes that lived together for less may know each other from the registry alone, which is read every 5 s.
const ACQUAINTED: Duration = Duration::from_secs(6);

/// Who did not hear the dead one himself may be fooled by fresh recordings until its row has stood still for its time.
const GHOST_BOUND_OF_NEWCOMERS: Duration = Duration::from_secs(32);

/// Something that happens at a moment.
#[derive(Debug)]
pub enum Event {
    Datagram {
        to: usize,
        source: SocketAddr,
        bytes: Bytes,
    },
    Timer {
        node: usize,
        generation: u32,
        due: Duration,
    },
    /// The store carries out a request.
    Execute {
        node: usize,
        generation: u32,
        request: Request,
    },
    /// Rows reached the disk, and somebody waits for that.
    Synced {
        node: usize,
        generation: u32,
        session: u64,
        head: Seq,
        reply: Reply,
    },
    Answer {
        node: usize,
        generation: u32,
        reply: Reply,
    },
    WriteRegistry {
        node: usize,
        generation: u32,
    },
    Send,
    Retry {
        cid: Cid,
        size: usize,
    },
    Signal,
    Fault(Fault),
    Thaw {
        node: usize,
    },
    Restart {
        node: usize,
    },
    StoreUp,
    Deadline {
        head: Seq,
        since: Duration,
    },
    Heal,
    Crowd(Step),
}

#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Partition,
    Crash,
    Pause,
    Outage,
    StoreCrash,
    Garbage,
    Replay,
    Stranger,
    Restore,
}

#[derive(Debug, Clone)]
pub enum Request {
    Start,
    Poll,
    Fetch {
        after: Seq,
        limit: usize,
    },
    Confirm(Seq),
    Registry,
    Append(Vec<Submission>),
    /// After a suspicion: is the last applied entry still there?
    Verify,
}

#[derive(Debug, Clone)]
pub enum Reply {
    Started(Option<StorePosition>),
    Polled(Result<StorePosition, Unavailable>),
    Fetched(Result<Fetched, Unavailable>, u64),
    Confirmed(Result<Seq, Unavailable>),
    Registry(Result<Vec<Registration>, Unavailable>),
    Appended(Option<(Epoch, Vec<Appended>)>),
    /// None: the store did not answer.
    Verified(Option<Look>),
}

/// What a look at the store shows after a suspicion.
#[derive(Debug, Clone, Copy)]
pub enum Look {
    Same,
    /// Another log: begin anew at this durable position.
    Different(StorePosition),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub trace: u64,
    pub events: u64,
    pub deliveries: u64,
    pub latencies: Vec<Duration>,
    pub vanished: u64,
    /// What the cores that are alive at the end counted, by name.
    pub counters: BTreeMap<&'static str, u64>,
}

/// The simulated world.
pub struct World {
    pub profile: Profile,
    pub rng: fastrand::Rng,
    pub now: Duration,
    pub nodes: Vec<Node>,
    pub store: ModelStore,
    pub network: Network,
    pub oracle: Oracle,
    pub setup: Setup,
    events: BTreeMap<(Duration, u64), Event>,
    scheduled: u64,
    pub trace: DefaultHasher,
    pub healed: bool,
    pub next_cid: Cid,
    pub strangers: u32,
    /// When process runs that ended had begun and ended.
    pub dead: BTreeMap<Incarnation, (Duration, Duration)>,
    /// People at the nodes; none: the bus alone is simulated.
    pub crowd: Option<Crowd>,
}

/// Everything that can be switched off to see whether it is missed.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules {
    pub core: Safeguards,
    pub replica: replica::Safeguards,
    pub store: StoreRules,
    pub crowd: CrowdRules,
}

impl World {
    /// A world of whole nodes and people at them.
    pub fn with_people(seed: u64, profile: Profile, rules: Rules) -> Self {
        let mut world = Self::new(seed, profile, rules.core);
        world.store.rules = rules.store;
        world.gather_crowd(rules.replica, rules.crowd);
        world
    }

    pub fn new(seed: u64, profile: Profile, safeguards: Safeguards) -> Self {
        let mut world = Self {
            rng: fastrand::Rng::with_seed(seed),
            now: Duration::ZERO,
            nodes: (0..profile.nodes).map(Node::new).collect(),
            store: ModelStore::new(),
            network: Network::new(profile.nodes),
            oracle: Oracle::default(),
            setup: Setup::new(&profile, safeguards),
            events: BTreeMap::new(),
            scheduled: 0,
            trace: DefaultHasher::new(),
            healed: false,
            next_cid: 1,
            strangers: 0,
            dead: BTreeMap::new(),
            crowd: None,
            profile,
        };
        world.schedule_beginning();
        world
    }

    /// Runs to the end of the heal phase.
    pub fn run(mut self) -> Result<Report, Violation> {
        let end = self.profile.active + self.profile.heal;
        self.run_until(end)?;
        self.finish()
    }

    /// Lets everything happen up to a moment.
    pub fn run_until(&mut self, end: Duration) -> Result<(), Violation> {
        while let Some(entry) = self.events.first_entry() {
            if entry.key().0 > end {
                break;
            }
            let ((at, number), event) = entry.remove_entry();
            self.now = at;
            (at, number).hash(&mut self.trace);
            self.handle(event)?;
            if self.scheduled > EVENTS_MAX {
                return violated("L0", format!("the run spins at {at:?}"));
            }
        }
        self.now = end;
        Ok(())
    }

    pub fn finish(mut self) -> Result<Report, Violation> {
        self.oracle.finally(&self.store)?;
        for node in &self.nodes {
            let applied = node.core.as_ref().map(Core::applied);
            if applied != Some(self.store.head()) {
                return violated(
                    "P2",
                    format!(
                        "node {} ends at {applied:?}, the log at {}",
                        node.index,
                        self.store.head()
                    ),
                );
            }
        }
        self.no_ghosts()?;
        self.crowd_is_content()?;
        for cid in 1..self.next_cid {
            // People are told no, too; whether they were answered their ledgers know.
            if self.crowd.is_none() && !self.oracle.is_acked(cid) {
                return violated("L1", format!("send {cid} was never acknowledged"));
            }
        }
        let mut counters = BTreeMap::new();
        for core in self.nodes.iter().filter_map(|node| node.core.as_ref()) {
            for (name, _, value) in core.counters().iter() {
                *counters.entry(name).or_default() += value;
            }
        }
        if let Some(crowd) = &self.crowd {
            counters.extend(crowd.counters());
        }
        Ok(Report {
            counters,
            trace: self.trace.finish(),
            events: self.scheduled,
            deliveries: self.oracle.deliveries,
            latencies: self.oracle.latencies,
            vanished: self.store.vanished,
        })
    }

    /// M1: a process that died long ago is nobody's living peer, whatever an attacker plays back.
    fn no_ghosts(&self) -> Result<(), Violation> {
        for node in &self.nodes {
            let peers = node
                .core
                .as_ref()
                .map(|core| core.status(self.now).peers)
                .unwrap_or_default();
            for peer in peers.iter().filter(|peer| peer.state == PeerState::Up) {
                let Some(&(born, died)) = self.dead.get(&peer.incarnation) else {
                    continue;
                };
                let newcomer = died < born.max(node.started_at) + ACQUAINTED;
                let bound = if newcomer {
                    GHOST_BOUND_OF_NEWCOMERS
                } else {
                    GHOST_BOUND
                };
                if self.now - died > bound {
                    let detail = format!(
                        "node {} holds {} for alive, it died at {died:?} (newcomer: {newcomer})",
                        node.index, peer.incarnation
                    );
                    return violated("M1", detail);
                }
            }
        }
        Ok(())
    }

    pub fn at(&mut self, at: Duration, event: Event) {
        self.scheduled += 1;
        self.events.insert((at, self.scheduled), event);
    }

    pub fn after(&mut self, wait: Duration, event: Event) {
        self.at(self.now + wait, event);
    }

    fn schedule_beginning(&mut self) {
        for node in 0..self.nodes.len() {
            self.write_registry_row(node);
            let at = self.micros(0, 20_000);
            self.at(at, Event::Restart { node });
        }
        let profile = self.profile.clone();
        let faults = [
            (profile.partition_every, Fault::Partition),
            (profile.crash_every, Fault::Crash),
            (profile.pause_every, Fault::Pause),
            (profile.outage_every, Fault::Outage),
            (profile.store_crash_every, Fault::StoreCrash),
            (profile.garbage_every, Fault::Garbage),
            (profile.replay_every, Fault::Replay),
            (profile.stranger_every, Fault::Stranger),
            (profile.restore_every, Fault::Restore),
        ];
        for (every, fault) in faults {
            if let Some(every) = every {
                let wait = self.around(every);
                self.after(wait, Event::Fault(fault));
            }
        }
        self.after(Duration::from_millis(60), Event::Send);
        self.after(Duration::from_millis(80), Event::Signal);
        self.at(profile.active, Event::Heal);
    }

    fn handle(&mut self, event: Event) -> Result<(), Violation> {
        match event {
            Event::Datagram { to, source, bytes } => return self.arrive(to, source, bytes),
            Event::Timer {
                node,
                generation,
                due,
            } => return self.timer(node, generation, due),
            Event::Execute {
                node,
                generation,
                request,
            } => self.execute(node, generation, request),
            Event::Synced {
                node,
                generation,
                session,
                head,
                reply,
            } => {
                self.synced(node, generation, session, head, reply);
            }
            Event::Answer {
                node,
                generation,
                reply,
            } => return self.answer(node, generation, reply),
            Event::WriteRegistry { node, generation } => self.write_registry(node, generation),
            Event::Send => self.send(),
            Event::Retry { cid, size } => self.retry(cid, size),
            Event::Signal => return self.signal(),
            Event::Fault(fault) => return self.fault(fault),
            Event::Thaw { node } => return self.thaw(node),
            Event::Restart { node } => self.request(node, Request::Start),
            Event::StoreUp => self.store.up = true,
            Event::Deadline { head, since } => return self.deadline(head, since),
            Event::Heal => self.heal(),
            Event::Crowd(step) => return self.crowd_step(step),
        }
        Ok(())
    }

    pub fn around(&mut self, mean: Duration) -> Duration {
        Duration::from_nanos(self.rng.u64(0..=2 * mean.as_nanos() as u64))
    }

    pub fn micros(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.rng.u64(low..high))
    }
}
