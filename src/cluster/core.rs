//! The bus protocol as a state machine: bytes and time in, datagrams and deliveries out.
//!
//! Responsible for everything PROTOCOL.md says: sealing, replays, holes, repair, peers, reading the store, the durable
//! rule. Deliberately without clock, random source, socket, task or store: `now` (time since any fixed origin that
//! does not jump) is an argument, randomness comes from a seed. Driven by the shell: call `handle_*` for what happened,
//! then `poll_output` until it is empty, and `handle_timeout` when `poll_timeout` says so.

mod bucket;
mod config;
mod counters;
mod egress;
pub mod fuzz;
mod health;
mod holes;
mod interface;
mod keys;
mod limits;
mod order;
mod peers;
mod reading;
mod receive;
mod registry;
mod replay;
mod seal;
mod sending;
mod status;
mod window;
mod wire;

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;

pub use config::{CoreConfig, DATAGRAM_BYTES_DEFAULT, Safeguards};
pub use counters::Counters;
pub use interface::{
    BeatInfo, DIGEST_BYTES_MAX, Fetched, Item, NAME_BYTES_MAX, Output, PAYLOAD_BYTES_MAX,
    PeerIdentity, Registration, StorePosition, Target, Unavailable, WentBack,
};
pub use keys::{InvalidKeys, KEY_BYTES, KEYS_MAX, KeyRing, generate_key_text};
pub use limits::BusLimits;
pub use status::{
    Degraded, DropReason, DropStatus, HoleStatus, PeerState, PeerStatus, Status, Via,
};

use crate::model::ids::{Epoch, Incarnation, Seq};
use egress::Egress;
use health::Health;
use order::{Contradiction, Order, Origin};
use peers::{Peers, UnicastTarget};
use reading::Reading;
use receive::LastDrop;
use registry::Registry;
use replay::ReplayWindow;
use seal::{ClusterKeys, Sealer, SubkeyCache};

/// Every path on the Internet carries this much.
const DATAGRAM_BYTES_MIN: usize = 576;

/// The state machine of one node on the bus. See the module for how to drive it.
#[derive(Debug)]
pub struct Core {
    config: CoreConfig,
    datagram_bytes_max: usize,
    rng: fastrand::Rng,
    /// The latest `now` seen: time never runs backwards here.
    now: Duration,
    epoch: Epoch,
    order: Order,
    reading: Reading,
    stopped: Option<WentBack>,
    keys: ClusterKeys,
    key_id: Option<u8>,
    /// The peer for whose sake no common key is left.
    no_common_key: Option<String>,
    sealer: Sealer,
    own_subkeys: SubkeyCache,
    own_window: ReplayWindow,
    registry: Registry,
    peers: Peers,
    unicast_targets: Vec<UnicastTarget>,
    egress: Egress,
    beat_info: BeatInfo,
    health: Health,
    next_tick: Duration,
    /// Which tail beat comes next, and the time of the last own entries it is counted from.
    tail: Option<(usize, Duration)>,
    left: bool,
    awaiting_incarnation: bool,
    overflowed_at: Option<Duration>,
    kernel_dropped_at: Option<Duration>,
    last_drops: BTreeMap<DropReason, LastDrop>,
    counters: Counters,
    outputs: VecDeque<Output>,
    /// What `poll_timeout` answers: computed once per call.
    next_timeout: Option<Duration>,
}

impl Core {
    /// A core whose view starts at `start.head`, which the caller has read *and confirmed* (made durable by a commit of
    /// its own). `seed` decides all jitter. `config.incarnation` must never have been used by another core.
    pub fn new(config: CoreConfig, seed: u64, now: Duration, start: StorePosition) -> Self {
        let limits = &config.limits;
        let datagram_bytes_max = config
            .datagram_bytes_max
            .clamp(DATAGRAM_BYTES_MIN, seal::DATAGRAM_BYTES_LIMIT);
        let keys = ClusterKeys::new(&config.cluster_name, &config.keys);
        let key_id = keys.ids().next_back();
        let mut core = Self {
            datagram_bytes_max,
            rng: fastrand::Rng::with_seed(seed),
            now,
            epoch: start.epoch,
            order: Order::starting_at(start.head),
            reading: Reading::new(now, start.head, limits),
            stopped: None,
            key_id,
            keys,
            no_common_key: None,
            sealer: Sealer::new(config.incarnation),
            own_subkeys: SubkeyCache::default(),
            own_window: ReplayWindow::starting_after(0),
            registry: Registry::new(now),
            peers: Peers::default(),
            unicast_targets: Vec::new(),
            egress: Egress::new(limits, datagram_bytes_max, now),
            beat_info: BeatInfo::default(),
            health: Health::default(),
            next_tick: now,
            tail: None,
            left: false,
            awaiting_incarnation: false,
            overflowed_at: None,
            kernel_dropped_at: None,
            last_drops: BTreeMap::new(),
            counters: Counters::default(),
            outputs: VecDeque::new(),
            next_timeout: None,
            config,
        };
        core.settle(now);
        core
    }

    /// An own append returned these *new* entries (not old seqs of repeated sends): they are durable. They are broadcast
    /// at once and delivered when nothing below them is missing.
    pub fn handle_committed(&mut self, now: Duration, items: Vec<Item>) {
        let now = self.enter(now);
        if self.stopped.is_none() && !items.is_empty() {
            // A new seq tells where the head is, as a poll would. An append without new entries tells nothing.
            self.reading.store_answered(now, &self.config.limits);
            self.take_committed(now, items);
        }
        self.settle(now);
    }

    /// Publishes a best-effort signal to all peers. Too large or too many: dropped and counted.
    pub fn handle_signal(&mut self, now: Duration, signal: Bytes) {
        let now = self.enter(now);
        if !self.keys.is_empty() {
            self.egress
                .signal(now, signal, &self.config.limits, &mut self.counters);
        }
        self.settle(now);
    }

    /// Answers [`Output::ReadRegistry`].
    pub fn handle_registry(
        &mut self,
        now: Duration,
        answer: Result<Vec<Registration>, Unavailable>,
    ) {
        let now = self.enter(now);
        match answer {
            Ok(rows) => {
                self.registry
                    .update(now, rows, self.config.incarnation, &self.config.limits);
                for gone in self.peers.follow(now, &self.registry, &self.config.limits) {
                    self.peer_down(gone);
                }
                self.review_peers(now);
            }
            Err(Unavailable) => {
                self.counters.registry_failures += 1;
                self.registry.failed();
            }
        }
        self.settle(now);
    }

    /// Sets what the next beats tell about this node.
    pub fn set_beat_info(&mut self, info: BeatInfo) {
        self.beat_info = info;
    }

    /// Replaces the keys (a reload). From now on datagrams are opened with all of them.
    pub fn set_keys(&mut self, keys: KeyRing) {
        self.config.keys = keys;
        self.keys = ClusterKeys::new(&self.config.cluster_name, &self.config.keys);
        self.sealer.forget_subkey();
        self.own_subkeys = SubkeyCache::default();
        self.peers.forget_subkeys();
        self.choose_key();
    }

    /// Says goodbye: beats end. Entries committed afterwards are still sent, and repairs answered.
    pub fn handle_leave(&mut self, now: Duration) {
        let now = self.enter(now);
        self.left = true;
        self.egress.leave();
        self.settle(now);
    }

    /// The shell's total of datagrams the kernel dropped on the sockets since the start.
    pub fn handle_kernel_drops(&mut self, now: Duration, total: u64) {
        let now = self.enter(now);
        if total > self.counters.kernel_drops {
            self.counters.kernel_drops = total;
            self.kernel_dropped_at = Some(now);
        }
        self.settle(now);
    }

    /// The boot-time clock jumped: this machine may be a copy of a running one, and two nodes that count packets from
    /// one memory would use a nonce twice. Sending stops; a new incarnation is asked for.
    pub fn handle_clock_jump(&mut self, now: Duration) {
        let now = self.enter(now);
        self.awaiting_incarnation = true;
        self.outputs.push_back(Output::NewIncarnationNeeded);
        self.settle(now);
    }

    /// A new incarnation was drawn and registered: sending goes on under it.
    pub fn handle_new_incarnation(&mut self, now: Duration, incarnation: Incarnation) {
        let now = self.enter(now);
        debug_assert_ne!(
            incarnation, self.config.incarnation,
            "I3: an incarnation is never used twice"
        );
        self.config.incarnation = incarnation;
        self.sealer = Sealer::new(incarnation);
        self.own_subkeys = SubkeyCache::default();
        self.own_window = ReplayWindow::starting_after(0);
        self.awaiting_incarnation = false;
        self.settle(now);
    }

    /// After [`Output::WentBack`]: the shell found its last applied entry unchanged in the store. Delivery goes on behind
    /// it; everything not delivered yet is learnt anew.
    pub fn resume(&mut self, now: Duration) {
        let now = self.enter(now);
        self.stopped = None;
        self.order.forget_undelivered();
        self.reading
            .restart(now, self.order.applied(), &self.config.limits);
        self.reading.poll_now(now);
        self.settle(now);
    }

    /// After [`Output::WentBack`]: the view was dropped; delivery starts again behind `start.head`, which was read and
    /// confirmed as in [`Core::new`]. Peers and packet numbers stay.
    pub fn restart_at(&mut self, now: Duration, start: StorePosition) {
        let now = self.enter(now);
        self.stopped = None;
        self.epoch = start.epoch;
        self.order = Order::starting_at(start.head);
        self.reading.restart(now, start.head, &self.config.limits);
        self.egress.forget_entries();
        self.settle(now);
    }

    /// A recalled entry: its bytes never leave this node again, repairs of it become announcements.
    pub fn withdraw(&mut self, seq: Seq) {
        self.order.window.withdraw(seq);
        self.egress.withdraw(seq);
    }

    /// The time of [`Core::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Duration) {
        let now = self.enter(now);
        self.settle(now);
    }

    /// When [`Core::handle_timeout`] wants to be called, since the same origin as `now`. Ask after the outputs.
    pub fn poll_timeout(&self) -> Option<Duration> {
        self.next_timeout
    }

    /// The next thing to do; call until `None` after every `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Delivered up to here.
    pub fn applied(&self) -> Seq {
        self.order.applied()
    }

    /// All counters, cheaply.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// Every call begins here: time moves on, and a late loop is noticed.
    fn enter(&mut self, now: Duration) -> Duration {
        self.now = self.now.max(now);
        let late = self
            .next_timeout
            .map_or(Duration::ZERO, |due| self.now.saturating_sub(due));
        if late > self.config.limits.loop_late {
            self.counters.loop_late += 1;
            self.health.was_late(late);
            // Counted once: the next call is not late again by the same standstill.
            self.next_timeout = Some(self.now);
        }
        self.now
    }

    /// Every call ends here: whatever is due is done, in an order in which each step may cause the next.
    fn settle(&mut self, now: Duration) {
        if self.next_tick <= now {
            self.tick(now);
        }
        self.beat_tail(now);
        if self.stopped.is_none() {
            if self.config.safeguards.hole_detection {
                let anyone =
                    !self.keys.is_empty() && !self.awaiting_incarnation && self.peers.any_up();
                let ask = self.order.holes.advance(now, anyone, &self.config.limits);
                self.egress.nack(ask);
            }
            self.read_store(now);
        }
        self.read_registry(now);
        self.flush(now);
        self.next_timeout = self.earliest_deadline();
    }

    fn earliest_deadline(&self) -> Option<Duration> {
        let following = self.stopped.is_none();
        let holes = if self.config.safeguards.hole_detection {
            self.order.holes.deadline()
        } else {
            None
        };
        [
            Some(self.next_tick),
            self.tail
                .map(|(stage, since)| since + self.config.limits.tail_beats[stage]),
            holes.filter(|_| following),
            self.read_store_at().filter(|_| following),
            self.registry_due_at(),
            self.flush_at(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The regular beat, and everything that need not be more punctual than it.
    fn tick(&mut self, now: Duration) {
        let limits = &self.config.limits;
        let spread = limits.idle_beat * limits.idle_beat_jitter_percent / 100;
        self.next_tick = now + limits.idle_beat - spread + scaled(&mut self.rng, 2 * spread);
        self.health.was_in_time();
        for down in self.peers.expire(
            now,
            &self.registry,
            &self.config.limits,
            self.health.factor(),
        ) {
            self.peer_down(down);
        }
        self.review_peers(now);
        if !self.keys.is_empty() {
            self.queue_beat();
        }
    }

    fn review_peers(&mut self, now: Duration) {
        let factor = self.health.factor();
        self.unicast_targets =
            self.peers
                .unicast_targets(now, &self.registry, &self.config.limits, factor);
        self.choose_key();
    }

    fn choose_key(&mut self) {
        let (key_id, odd_one) = self.peers.common_key(&self.keys);
        self.key_id = key_id;
        self.no_common_key = odd_one.map(str::to_owned);
    }

    fn peer_down(&mut self, incarnation: Incarnation) {
        self.counters.peers_down += 1;
        self.outputs.push_back(Output::PeerDown(incarnation));
    }

    fn registry_due_at(&self) -> Option<Duration> {
        if self.keys.is_empty() {
            None
        } else {
            self.registry.due_at()
        }
    }

    fn read_registry(&mut self, now: Duration) {
        if self.registry_due_at().is_some_and(|due| due <= now) {
            self.registry.asked(now, &self.config.limits);
            self.counters.registry_reads += 1;
            self.outputs.push_back(Output::ReadRegistry);
        }
    }

    fn take_committed(&mut self, now: Duration, mut items: Vec<Item>) {
        items.sort_by_key(|item| item.seq);
        for item in items {
            if self.order.check_own(&item) == Err(Contradiction)
                && self.config.safeguards.went_back_check
            {
                self.stop(WentBack::AppendBelowApplied {
                    seq: item.seq,
                    applied: self.order.applied(),
                });
                return;
            }
            self.order.raise_durable(item.seq);
            if !self.keys.is_empty() {
                self.egress
                    .entry(item.seq, item.payload.clone(), &mut self.counters);
                self.tail = self.config.safeguards.tail_beat.then_some((0, now));
            }
            if !self.take_durable(now, item, Origin::Own) {
                self.counters.committed_known += 1;
            }
        }
        self.deliver(now);
    }

    /// Hands one durable entry to the order. Returns whether it was news.
    fn take_durable(&mut self, now: Duration, item: Item, origin: Origin) -> bool {
        let wait = self.hole_wait();
        self.order.insert(
            now,
            item,
            origin,
            wait,
            &self.config.limits,
            &mut self.counters,
        )
    }

    /// Entries up to `head` exist.
    fn miss_up_to(&mut self, now: Duration, head: Seq) {
        let wait = self.hole_wait();
        if self.order.raise_known(now, head, wait, &self.config.limits) {
            self.counters.holes_seen += 1;
        }
    }

    fn hole_wait(&mut self) -> Duration {
        self.config.limits.hole_wait + scaled(&mut self.rng, self.config.limits.hole_wait_jitter)
    }

    fn deliver(&mut self, now: Duration) {
        let before = self.order.applied();
        let ready = self.order.drain(&self.config.limits, &mut self.counters);
        debug_assert!(
            ready
                .iter()
                .zip(before.0 + 1..)
                .all(|(item, seq)| item.seq.0 == seq),
            "I1: what is delivered follows what was delivered"
        );
        if !ready.is_empty() {
            self.outputs.push_back(Output::Deliver(ready));
        }
        self.order
            .shed(now, &self.config.limits, &mut self.counters);
    }

    fn stop(&mut self, reason: WentBack) {
        if self.stopped.is_none() {
            self.stopped = Some(reason);
            self.outputs.push_back(Output::WentBack(reason));
        }
    }
}

/// A random part of `most`.
fn scaled(rng: &mut fastrand::Rng, most: Duration) -> Duration {
    Duration::from_nanos(rng.u64(0..=u64::try_from(most.as_nanos()).unwrap_or(u64::MAX)))
}
