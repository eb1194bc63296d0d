//! One run: nodes, store, network, clients and faults on a virtual clock.
//!
//! Responsible for the event queue and for carrying out what the cores ask. Deliberately decides nothing that is not
//! drawn from the seed. Driven by `seeds`, `mutations` and `scenarios`.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{
    Core, Fetched, Item, Output, Registration, Safeguards, StorePosition, Target, Unavailable,
    WentBack,
};
use starling::model::ids::Seq;

use crate::faults::Profile;
use crate::network::Network;
use crate::node::{Node, SOCKET_BUFFER, Setup, address, incarnation, index_of};
use crate::oracle::{Oracle, Violation, violated};
use crate::replica::{Position, Replica};
use crate::store::{Appended, Cid, EPOCH, ModelStore};

/// P5: the poll interval, the wait for the bus, a range read and a confirmation, each with the model's latencies.
const DELIVERY_BOUND: Duration = Duration::from_millis(500);

/// After a failed read the core leaves the store alone for so long.
const STORE_RECOVERY: Duration = Duration::from_millis(300);

/// More events than any run can need: something spins.
const EVENTS_MAX: u64 = 3_000_000;

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
    Append(Vec<(Cid, usize)>),
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
    Appended(Option<Vec<Appended>>),
    Verified(bool),
}

/// What a run came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub trace: u64,
    pub events: u64,
    pub deliveries: u64,
    pub latencies: Vec<Duration>,
    pub vanished: u64,
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
    trace: DefaultHasher,
    pub healed: bool,
    next_cid: Cid,
    strangers: u32,
}

impl World {
    pub fn new(seed: u64, profile: Profile, safeguards: Safeguards) -> Self {
        Self::with_replicas(seed, profile, safeguards, &|| Box::<Position>::default())
    }

    /// A world whose nodes feed replicas of the given kind.
    pub fn with_replicas(
        seed: u64,
        profile: Profile,
        safeguards: Safeguards,
        replica: &dyn Fn() -> Box<dyn Replica>,
    ) -> Self {
        let mut world = Self {
            rng: fastrand::Rng::with_seed(seed),
            now: Duration::ZERO,
            nodes: (0..profile.nodes)
                .map(|index| Node::new(index, replica()))
                .collect(),
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

    pub fn finish(self) -> Result<Report, Violation> {
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
        for cid in 1..self.next_cid {
            if !self.oracle.is_acked(cid) {
                return violated("L1", format!("send {cid} was never acknowledged"));
            }
        }
        Ok(Report {
            trace: self.trace.finish(),
            events: self.scheduled,
            deliveries: self.oracle.deliveries,
            latencies: self.oracle.latencies,
            vanished: self.store.vanished,
        })
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
        }
        Ok(())
    }

    // -- the node's side ------------------------------------------------------------------------------------------

    fn arrive(&mut self, to: usize, source: SocketAddr, bytes: Bytes) -> Result<(), Violation> {
        bytes.hash(&mut self.trace);
        let node = &mut self.nodes[to];
        if node.is_paused(self.now) {
            if node.inbox.len() < SOCKET_BUFFER {
                node.inbox.push((source, bytes));
            }
            return Ok(());
        }
        self.with_core(to, |core, now| {
            core.handle_datagram(now, source, &mut bytes.to_vec())
        })
    }

    fn timer(&mut self, node: usize, generation: u32, due: Duration) -> Result<(), Violation> {
        let thaws = self.nodes[node].paused_until;
        if self.nodes[node].generation != generation || self.nodes[node].timer_at != Some(due) {
            return Ok(());
        }
        if self.now < thaws {
            self.at(
                thaws,
                Event::Timer {
                    node,
                    generation,
                    due,
                },
            );
            return Ok(());
        }
        self.nodes[node].timer_at = None;
        self.with_core(node, |core, now| core.handle_timeout(now))
    }

    /// Calls the core and carries out what it asks.
    pub fn with_core(
        &mut self,
        node: usize,
        call: impl FnOnce(&mut Core, Duration),
    ) -> Result<(), Violation> {
        let now = self.now;
        if let Some(core) = &mut self.nodes[node].core {
            call(core, now);
        }
        while let Some(output) = self.nodes[node].core.as_mut().and_then(Core::poll_output) {
            self.carry_out(node, output)?;
        }
        let due = self.nodes[node].core.as_ref().and_then(Core::poll_timeout);
        if let Some(due) = due.map(|due| due.max(now))
            && self.nodes[node].timer_at.is_none_or(|at| due < at)
        {
            self.nodes[node].timer_at = Some(due);
            let generation = self.nodes[node].generation;
            self.at(
                due,
                Event::Timer {
                    node,
                    generation,
                    due,
                },
            );
        }
        Ok(())
    }

    fn carry_out(&mut self, node: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::Send { to, datagram } => {
                let to = match to {
                    Target::Broadcast => None,
                    Target::Unicast(address) => Some(index_of(address)),
                };
                self.transmit(node, to, &datagram);
            }
            Output::Deliver(items) => self.deliver(node, &items)?,
            Output::Fetch { after, limit } => self.request(node, Request::Fetch { after, limit }),
            Output::PollHead => self.request(node, Request::Poll),
            Output::Confirm(seq) => self.request(node, Request::Confirm(seq)),
            Output::ReadRegistry => self.request(node, Request::Registry),
            Output::Signal { signal, .. } => {
                self.oracle.signal(self.nodes[node].incarnation, &signal)?
            }
            // An append that returned very late: the shell looks at the store and finds everything as it was.
            Output::WentBack(WentBack::AppendBelowApplied { .. }) => {
                self.request(node, Request::Verify)
            }
            Output::WentBack(reason) => {
                return violated("I6", format!("node {node} cried wolf: {reason}"));
            }
            Output::NewIncarnationNeeded => {
                return violated("I3", format!("node {node} wants another incarnation"));
            }
            Output::Beat { .. }
            | Output::PeerUp(_)
            | Output::PeerDown(_)
            | Output::ProbeHeard { .. } => {}
        }
        Ok(())
    }

    fn deliver(&mut self, node: usize, items: &[Item]) -> Result<(), Violation> {
        for item in items {
            (node, item.seq.0).hash(&mut self.trace);
            self.oracle.delivered(self.now, &self.store, node, item)?;
        }
        self.nodes[node]
            .replica
            .apply(items)
            .or_else(|detail| violated("P2", format!("node {node}: {detail}")))
    }

    pub fn transmit(&mut self, from: usize, to: Option<usize>, datagram: &Bytes) {
        let source = address(from);
        if self.profile.replay_every.is_some() {
            self.network.record(&mut self.rng, source, datagram);
        }
        for copy in self
            .network
            .carry(&mut self.rng, &self.profile, self.now, from, to)
        {
            self.at(
                copy.at,
                Event::Datagram {
                    to: copy.to,
                    source,
                    bytes: datagram.clone(),
                },
            );
        }
    }

    // -- the store's side -----------------------------------------------------------------------------------------

    fn request(&mut self, node: usize, request: Request) {
        let generation = self.nodes[node].generation;
        let wait = self.micros(100, 4_000);
        self.after(
            wait,
            Event::Execute {
                node,
                generation,
                request,
            },
        );
    }

    /// The store works on a request even if the asker has died meanwhile.
    fn execute(&mut self, node: usize, generation: u32, request: Request) {
        let up = self.store.up;
        let session = self.store.session;
        let reply = match request {
            Request::Start if up => {
                let reply = Reply::Started(Some(self.store.position()));
                return self.sync_and_reply(node, generation, reply);
            }
            Request::Append(batch) if up => {
                let reply = Reply::Appended(Some(self.store.append(&batch)));
                return self.sync_and_reply(node, generation, reply);
            }
            Request::Confirm(seq) if up && self.nodes[node].fetch_session == session => {
                return self.sync_and_reply(node, generation, Reply::Confirmed(Ok(seq)));
            }
            Request::Start => Reply::Started(None),
            Request::Append(_) => Reply::Appended(None),
            Request::Verify => Reply::Verified(up),
            Request::Confirm(_) => Reply::Confirmed(Err(Unavailable)),
            Request::Poll => Reply::Polled(if up {
                Ok(self.store.position())
            } else {
                Err(Unavailable)
            }),
            Request::Fetch { after, limit } => {
                let fetched = if up {
                    Ok(self.store.fetch(after, limit))
                } else {
                    Err(Unavailable)
                };
                Reply::Fetched(fetched, session)
            }
            Request::Registry => {
                let rows = self.store.registry.values().cloned().collect();
                Reply::Registry(if up { Ok(rows) } else { Err(Unavailable) })
            }
        };
        let wait = self.micros(100, 4_000);
        self.after(
            wait,
            Event::Answer {
                node,
                generation,
                reply,
            },
        );
    }

    fn sync_and_reply(&mut self, node: usize, generation: u32, reply: Reply) {
        let (session, head) = (self.store.session, self.store.head());
        let wait = self.micros(200, 6_000);
        self.after(
            wait,
            Event::Synced {
                node,
                generation,
                session,
                head,
                reply,
            },
        );
    }

    fn synced(&mut self, node: usize, generation: u32, session: u64, head: Seq, reply: Reply) {
        let reply = if session == self.store.session {
            if head > self.store.durable() {
                self.store.sync(self.now, head);
                let since = self.now;
                self.after(DELIVERY_BOUND, Event::Deadline { head, since });
            }
            reply
        } else {
            lost(&reply)
        };
        let wait = self.micros(100, 3_000);
        self.after(
            wait,
            Event::Answer {
                node,
                generation,
                reply,
            },
        );
    }

    fn answer(&mut self, node: usize, generation: u32, reply: Reply) -> Result<(), Violation> {
        let thaws = self.nodes[node].paused_until;
        if self.nodes[node].generation != generation {
            return Ok(());
        }
        if self.now < thaws {
            self.at(
                thaws,
                Event::Answer {
                    node,
                    generation,
                    reply,
                },
            );
            return Ok(());
        }
        match reply {
            Reply::Started(position) => self.started(node, position),
            Reply::Polled(answer) => {
                self.with_core(node, |core, now| core.handle_store_head(now, answer))
            }
            Reply::Fetched(answer, session) => {
                self.nodes[node].fetch_session = session;
                self.with_core(node, |core, now| core.handle_fetched(now, answer))
            }
            Reply::Confirmed(answer) => {
                self.with_core(node, |core, now| core.handle_confirmed(now, answer))
            }
            Reply::Registry(answer) => {
                self.with_core(node, |core, now| core.handle_registry(now, answer))
            }
            Reply::Appended(appended) => self.appended(node, appended),
            Reply::Verified(true) => self.with_core(node, |core, now| core.resume(now)),
            Reply::Verified(false) => {
                self.request(node, Request::Verify);
                Ok(())
            }
        }
    }

    fn started(&mut self, node: usize, position: Option<StorePosition>) -> Result<(), Violation> {
        let Some(position) = position else {
            self.after(Duration::from_millis(50), Event::Restart { node });
            return Ok(());
        };
        let seed = self.rng.u64(..);
        self.nodes[node].start(seed, self.now, position, &self.setup);
        let generation = self.nodes[node].generation;
        self.write_registry_row(node);
        self.after(
            Duration::from_secs(5),
            Event::WriteRegistry { node, generation },
        );
        self.with_core(node, |_, _| {})
    }

    fn appended(&mut self, node: usize, appended: Option<Vec<Appended>>) -> Result<(), Violation> {
        let Some(appended) = appended else {
            self.nodes[node].committer.failed();
            self.commit(node);
            return Ok(());
        };
        self.nodes[node].committer.done();
        let dies = !self.healed && self.rng.u32(0..100) < self.profile.crash_after_append;
        if dies && self.rng.bool() {
            self.crash(node);
            return Ok(());
        }
        for entry in &appended {
            self.oracle.acked(&self.store, entry.cid, entry.item.seq)?;
        }
        if dies {
            self.crash(node);
            return Ok(());
        }
        let items = appended
            .into_iter()
            .filter(|entry| entry.new)
            .map(|entry| entry.item)
            .collect();
        self.commit(node);
        self.with_core(node, |core, now| core.handle_committed(now, items))
    }

    pub fn commit(&mut self, node: usize) {
        if let Some(batch) = self.nodes[node].committer.next() {
            self.request(node, Request::Append(batch));
        }
    }

    fn write_registry(&mut self, node: usize, generation: u32) {
        if self.nodes[node].generation != generation {
            return;
        }
        if self.store.up && !self.nodes[node].is_paused(self.now) {
            self.write_registry_row(node);
        }
        self.after(
            Duration::from_secs(5),
            Event::WriteRegistry { node, generation },
        );
    }

    fn write_registry_row(&mut self, index: usize) {
        let node = &mut self.nodes[index];
        node.counter += 1;
        let row = Registration {
            incarnation: node.incarnation,
            name: format!("node{index}"),
            address: node.address(),
            version: 1,
            packet_number: node.core.as_ref().map_or(0, Core::packet_number),
            counter: node.counter,
        };
        self.store.registry.insert(node.incarnation, row);
    }

    /// P5: what was durable for so long is applied by every node that was left in peace.
    fn deadline(&mut self, head: Seq, since: Duration) -> Result<(), Violation> {
        if !self.store.up
            || self.store.disturbed_at + STORE_RECOVERY + Duration::from_secs(2) > since
        {
            return Ok(());
        }
        for node in &self.nodes {
            let Some(core) = &node.core else { continue };
            if node.disturbed_at < since && core.applied() < head {
                let detail = format!(
                    "node {} is at {}, {head} was durable at {since:?}",
                    node.index,
                    core.applied()
                );
                return violated("P5", detail);
            }
        }
        Ok(())
    }

    // -- clients and faults ---------------------------------------------------------------------------------------

    fn send(&mut self) {
        if self.healed {
            return;
        }
        let cid = self.next_cid;
        self.next_cid += 1;
        let size = if self.rng.u32(0..100) < self.profile.large {
            3_000
        } else {
            self.rng.usize(16..200)
        };
        self.retry(cid, size);
        let wait = self.around(self.profile.send_every);
        self.after(wait, Event::Send);
    }

    /// The client sends, or sends again, wherever a node is up; now and then even after it was acked (P4).
    fn retry(&mut self, cid: Cid, size: usize) {
        if self.oracle.is_acked(cid) && self.rng.u32(0..10) > 0 {
            return;
        }
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| self.nodes[node].core.is_some())
            .collect();
        if !up.is_empty() {
            let node = up[self.rng.usize(0..up.len())];
            self.nodes[node].committer.send(cid, size);
            self.commit(node);
        }
        let wait = Duration::from_millis(400) + self.micros(0, 400_000);
        self.after(wait, Event::Retry { cid, size });
    }

    fn signal(&mut self) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        let wait = self.around(self.profile.signal_every);
        self.after(wait, Event::Signal);
        let node = self.rng.usize(0..self.nodes.len());
        if self.nodes[node].is_paused(self.now) {
            return Ok(());
        }
        self.nodes[node].signals += 1;
        let signal = [
            self.nodes[node].incarnation.0.as_slice(),
            &self.nodes[node].signals.to_be_bytes(),
        ]
        .concat();
        self.with_core(node, |core, now| {
            core.handle_signal(now, Bytes::from(signal))
        })
    }

    fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        let profile = self.profile.clone();
        let node = self.rng.usize(0..self.nodes.len());
        let every = match fault {
            Fault::Partition => {
                self.network.repartition(&mut self.rng);
                profile.partition_every
            }
            Fault::Crash => {
                self.crash(node);
                profile.crash_every
            }
            Fault::Pause => {
                let length = self.micros(10_000, 1_500_000);
                self.pause(node, length);
                profile.pause_every
            }
            Fault::Outage => {
                self.store.break_connections(self.now);
                let wait = self.micros(50_000, 800_000);
                self.after(wait, Event::StoreUp);
                profile.outage_every
            }
            Fault::StoreCrash => {
                self.store.crash(self.now);
                let wait = self.micros(1_000, 300_000);
                self.after(wait, Event::StoreUp);
                profile.store_crash_every
            }
            Fault::Garbage => {
                self.garbage(node);
                profile.garbage_every
            }
            Fault::Replay => {
                if let Some((source, bytes)) = self.network.recording(&mut self.rng) {
                    let now = self.now;
                    self.at(
                        now,
                        Event::Datagram {
                            to: node,
                            source,
                            bytes,
                        },
                    );
                }
                profile.replay_every
            }
            Fault::Stranger => {
                self.stranger();
                profile.stranger_every
            }
        };
        if let Some(every) = every {
            let wait = self.around(every);
            self.after(wait, Event::Fault(fault));
        }
        Ok(())
    }

    pub fn crash(&mut self, node: usize) {
        if self.nodes[node].core.is_some() {
            self.nodes[node].crash(self.now);
            let wait = self.micros(20_000, 1_500_000);
            self.after(wait, Event::Restart { node });
        }
    }

    pub fn pause(&mut self, node: usize, length: Duration) {
        if !self.nodes[node].is_paused(self.now) {
            self.nodes[node].paused_until = self.now + length;
            self.nodes[node].disturbed_at = self.now + length;
            self.after(length, Event::Thaw { node });
        }
    }

    /// The process goes on with what its socket kept for it.
    fn thaw(&mut self, node: usize) -> Result<(), Violation> {
        for (source, bytes) in std::mem::take(&mut self.nodes[node].inbox) {
            self.with_core(node, |core, now| {
                core.handle_datagram(now, source, &mut bytes.to_vec())
            })?;
        }
        Ok(())
    }

    /// Random bytes, or a recorded datagram with a few bits changed.
    fn garbage(&mut self, node: usize) {
        let mut bytes = match self.network.recording(&mut self.rng) {
            Some((_, bytes)) if self.rng.bool() => bytes.to_vec(),
            Some(_) | None => (0..self.rng.usize(0..200))
                .map(|_| self.rng.u8(..))
                .collect(),
        };
        for _ in 0..self.rng.usize(1..4) {
            if !bytes.is_empty() {
                let place = self.rng.usize(0..bytes.len());
                bytes[place] ^= 1 << self.rng.u32(0..8);
            }
        }
        let now = self.now;
        self.at(
            now,
            Event::Datagram {
                to: node,
                source: address(99),
                bytes: Bytes::from(bytes),
            },
        );
    }

    /// A node with the right key on a copy of the store: same log identity, other entries, not in our registry.
    fn stranger(&mut self) {
        self.strangers += 1;
        let start = StorePosition {
            epoch: EPOCH,
            floor: Seq::ZERO,
            head: self.store.durable(),
        };
        let config = self.setup.config(incarnation(150, self.strangers), 150);
        let mut core = Core::new(config, u64::from(self.strangers), self.now, start);
        let payload = Bytes::from_static(b"an entry of another store");
        core.handle_committed(
            self.now,
            vec![Item {
                seq: start.head.next(),
                payload,
            }],
        );
        while let Some(output) = core.poll_output() {
            if let Output::Send { datagram, .. } = output {
                self.transmit(150, None, &datagram);
            }
        }
    }

    /// Paused processes thaw and dead ones restart as they would anyway.
    fn heal(&mut self) {
        self.healed = true;
        self.network.heal();
        self.store.up = true;
    }

    fn around(&mut self, mean: Duration) -> Duration {
        Duration::from_nanos(self.rng.u64(0..=2 * mean.as_nanos() as u64))
    }

    fn micros(&mut self, low: u64, high: u64) -> Duration {
        Duration::from_micros(self.rng.u64(low..high))
    }
}

/// What the asker learns when the store died while it worked for him.
fn lost(reply: &Reply) -> Reply {
    match reply {
        Reply::Started(_) => Reply::Started(None),
        Reply::Polled(_) => Reply::Polled(Err(Unavailable)),
        Reply::Fetched(_, session) => Reply::Fetched(Err(Unavailable), *session),
        Reply::Confirmed(_) => Reply::Confirmed(Err(Unavailable)),
        Reply::Registry(_) => Reply::Registry(Err(Unavailable)),
        Reply::Appended(_) => Reply::Appended(None),
        Reply::Verified(_) => Reply::Verified(false),
    }
}
