//! One simulated node: the core, its committer, its replica, and what the machine does to it.
//!
//! Responsible for the state of a node and for building its core. Deliberately without scheduling. Driven by `world`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{BusLimits, Core, CoreConfig, KeyRing, Safeguards, StorePosition};
use starling::model::ids::{Epoch, Incarnation};

use crate::committer::Committer;
use crate::faults::Profile;
use crate::replica::Position;

/// Datagrams a frozen process' socket holds.
pub const SOCKET_BUFFER: usize = 200;

/// One machine with at most one running process.
pub struct Node {
    pub index: usize,
    pub core: Option<Core>,
    pub incarnation: Incarnation,
    /// Counts process runs: answers to an earlier run are lost.
    pub generation: u32,
    pub replica: Position,
    /// The log it follows.
    pub epoch: Epoch,
    pub committer: Committer,
    pub started_at: Duration,
    pub paused_until: Duration,
    /// The last moment something kept this node from working; in the future while it is paused.
    pub disturbed_at: Duration,
    pub inbox: Vec<(SocketAddr, Bytes)>,
    pub timer_at: Option<Duration>,
    /// Session of the store in which the last range was read.
    pub fetch_session: u64,
    pub counter: u64,
    pub signals: u32,
}

impl Node {
    pub fn new(index: usize) -> Self {
        Self {
            index,
            core: None,
            incarnation: incarnation(index, 0),
            generation: 0,
            replica: Position::default(),
            epoch: Epoch(0),
            committer: Committer::default(),
            started_at: Duration::ZERO,
            paused_until: Duration::ZERO,
            disturbed_at: Duration::ZERO,
            inbox: Vec::new(),
            timer_at: None,
            fetch_session: 0,
            counter: 0,
            signals: 0,
        }
    }

    pub fn address(&self) -> SocketAddr {
        address(self.index)
    }

    pub fn is_paused(&self, now: Duration) -> bool {
        now < self.paused_until
    }

    /// The process dies; what it had in memory is gone.
    pub fn crash(&mut self, now: Duration) {
        self.core = None;
        self.generation += 1;
        self.incarnation = incarnation(self.index, self.generation);
        self.committer = Committer::default();
        self.paused_until = Duration::ZERO;
        self.inbox.clear();
        self.timer_at = None;
        self.disturbed_at = now;
    }

    /// The process has read and confirmed the head and begins.
    pub fn start(&mut self, seed: u64, now: Duration, start: StorePosition, setup: &Setup) {
        self.replica.start(start.head);
        self.epoch = start.epoch;
        self.started_at = now;
        self.core = Some(Core::new(
            setup.config(self.incarnation, self.index),
            seed,
            now,
            start,
        ));
        self.disturbed_at = now;
    }
}

/// What all nodes have in common.
pub struct Setup {
    pub keys: KeyRing,
    pub limits: BusLimits,
    pub safeguards: Safeguards,
}

impl Setup {
    pub fn new(profile: &Profile, safeguards: Safeguards) -> Self {
        let keys = if profile.keyless {
            KeyRing::default()
        } else {
            key_ring(1)
        };
        let limits = if profile.small_bounds {
            small_limits()
        } else {
            BusLimits::default()
        };
        Self {
            keys,
            limits,
            safeguards,
        }
    }

    pub fn config(&self, incarnation: Incarnation, index: usize) -> CoreConfig {
        let mut config = CoreConfig::new(
            "flock",
            self.keys.clone(),
            incarnation,
            &format!("node{index}"),
            address(index),
        );
        config.limits = self.limits.clone();
        config.safeguards = self.safeguards;
        config
    }
}

/// A ring of one key made from a byte.
pub fn key_ring(seed: u8) -> KeyRing {
    KeyRing::parse(&starling::cluster::core::generate_key_text(1, [seed; 32])).unwrap()
}

pub fn address(index: usize) -> SocketAddr {
    SocketAddr::from(([10, 0, 0, index as u8 + 1], 4_000))
}

pub fn index_of(address: SocketAddr) -> usize {
    match address {
        SocketAddr::V4(address) => usize::from(address.ip().octets()[3]) - 1,
        SocketAddr::V6(_) => usize::MAX,
    }
}

pub fn incarnation(index: usize, generation: u32) -> Incarnation {
    let mut bytes = [0; 16];
    bytes[0] = index as u8 + 1;
    bytes[12..].copy_from_slice(&generation.to_be_bytes());
    Incarnation(bytes)
}

/// Every queue and buffer overflows.
fn small_limits() -> BusLimits {
    BusLimits {
        nack_entries_max: 4,
        nack_ranges_max: 1,
        holes_max: 2,
        repair_guards_max: 4,
        repair_queue_max: 3,
        send_rate: 60,
        send_burst: 2,
        send_queue_max: 3,
        window_entries_max: 64,
        reorder_entries_max: 4,
        fetch_entries_max: 16,
        signal_queue_max: 2,
        ..BusLimits::default()
    }
}
