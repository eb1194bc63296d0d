//! What a core tells about itself: for the health page, the metrics and the cluster page.
//!
//! Responsible for the shapes and the words of `degraded`. Deliberately without deciding anything. Built by
//! `Core::status` on request.

use std::net::SocketAddr;
use std::time::Duration;

use crate::model::ids::{Epoch, Incarnation, Seq};

use super::Core;
use super::counters::Counters;
use super::interface::{BeatInfo, WentBack};

/// A picture of the core at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct Status {
    /// This run.
    pub incarnation: Incarnation,
    /// The log.
    pub epoch: Epoch,
    /// Delivered up to here.
    pub applied: Seq,
    /// Known to be durable up to here.
    pub durable: Seq,
    /// Last packet number used.
    pub packet_number: u64,
    /// The key new datagrams are sealed with; none when alone.
    pub key_id: Option<u8>,
    /// All peers: those in the registry and those heard.
    pub peers: Vec<PeerStatus>,
    /// What is missing now.
    pub holes: Vec<HoleStatus>,
    /// Entries waiting behind a hole.
    pub reorder_entries: usize,
    /// The same in bytes.
    pub reorder_bytes: usize,
    /// Entries kept for repair.
    pub window_entries: usize,
    /// The same in bytes.
    pub window_bytes: usize,
    /// Own entries waiting for the sending budget.
    pub send_queue: usize,
    /// 1 when our loop keeps time; grows while it does not.
    pub health_factor: u32,
    /// Why this node is not at its best, in words by `Display`; empty is good.
    pub degraded: Vec<Degraded>,
    /// Drop classes that occurred, with the last source, for warnings.
    pub drops: Vec<DropStatus>,
    /// All counters.
    pub counters: Counters,
}

/// One peer.
#[derive(Debug, Clone, PartialEq)]
pub struct PeerStatus {
    /// The process run.
    pub incarnation: Incarnation,
    /// Its name.
    pub name: String,
    /// Its own socket, from the registry.
    pub address: SocketAddr,
    /// Its software version, from the registry.
    pub version: u16,
    /// The last head it told.
    pub head: Seq,
    /// Time since anything authentic was heard; none: never.
    pub heard_ago: Option<Duration>,
    /// Whether it is up.
    pub state: PeerState,
    /// How we hear it and it hears us.
    pub via: Via,
    /// Its last beat.
    pub info: BeatInfo,
    /// The keys it announced.
    pub key_ids: Vec<u8>,
}

/// What we think of a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PeerState {
    /// Alive in the registry, never heard.
    Unheard,
    /// Heard lately.
    Up,
    /// Silent for a while.
    Suspect,
    /// Silent for too long.
    Down,
    /// It said goodbye.
    Left,
}

/// The way datagrams take between us and a peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Via {
    /// Broadcast alone.
    Broadcast,
    /// Copies are sent to its own socket, because broadcast does not arrive in at least one direction.
    Unicast,
}

/// A range of missing entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HoleStatus {
    /// First missing.
    pub from: Seq,
    /// Last missing.
    pub to: Seq,
    /// Missing for so long.
    pub age: Duration,
}

/// Why a datagram was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum DropReason {
    /// We have no key.
    Keyless,
    /// Impossible length.
    Length,
    /// Not this protocol.
    Magic,
    /// Unreadable version.
    Version,
    /// Another cluster or key.
    OtherCluster,
    /// Our tag with a foreign key id.
    UnknownKey,
    /// Broken seal.
    Forged,
    /// Seen before or too old.
    Replayed,
    /// Our own.
    Own,
    /// Not alive in our registry.
    UnknownSender,
    /// Too many peers.
    TooManyPeers,
    /// Senseless frames.
    Malformed,
}

impl DropReason {
    /// The class in words, for a log line and a label.
    pub fn words(self) -> &'static str {
        match self {
            Self::Keyless => "no key here",
            Self::Length => "impossible length",
            Self::Magic => "not this protocol",
            Self::Version => "unreadable version",
            Self::OtherCluster => "another cluster or key",
            Self::UnknownKey => "unknown key id",
            Self::Forged => "broken seal",
            Self::Replayed => "seen before or too old",
            Self::Own => "our own",
            Self::UnknownSender => "sender not alive in our registry",
            Self::TooManyPeers => "too many peers",
            Self::Malformed => "malformed frames",
        }
    }
}

/// One class of dropped datagrams.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DropStatus {
    /// The class.
    pub reason: DropReason,
    /// How many since the start.
    pub count: u64,
    /// Where the last one came from.
    pub last_source: SocketAddr,
    /// When.
    pub last_ago: Duration,
}

/// A reason why the node is not at its best.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Degraded {
    /// Nothing is delivered until the shell has looked at the store.
    #[error("stopped: {0}")]
    Stopped(WentBack),
    /// The store does not answer.
    #[error("the store does not answer")]
    StoreUnavailable,
    /// The store skipped an entry.
    #[error("the store returned a range with a gap")]
    StoreGap,
    /// The registry cannot be read.
    #[error("the node registry cannot be read")]
    RegistryUnavailable,
    /// A living node is not heard at all: what it writes arrives by the store, later.
    #[error("node {name} at {address} is alive in the registry but not heard on the bus")]
    PeerUnheard {
        /// Its name.
        name: String,
        /// Its own socket.
        address: SocketAddr,
    },
    /// Broadcast does not reach a node; copies go to its own socket.
    #[error(
        "broadcast does not work with node {name} at {address}: datagrams are sent to it one by one"
    )]
    UnicastFallback {
        /// Its name.
        name: String,
        /// Its own socket.
        address: SocketAddr,
    },
    /// No key is known to all.
    #[error("node {name} has none of our keys announced in common with all others")]
    NoCommonKey {
        /// The peer that ruled out the last key.
        name: String,
    },
    /// The kernel dropped datagrams lately.
    #[error("the kernel dropped datagrams: raise net.core.rmem_max")]
    KernelDrops,
    /// Entries were announced instead of sent.
    #[error("the sending budget was exceeded; peers read from the store")]
    SendQueueOverflow,
    /// Our own loop is late.
    #[error("this node's own loop is late (health factor {factor})")]
    LoopLate {
        /// Times are multiplied by this.
        factor: u32,
    },
    /// More peers than allowed.
    #[error("more peers than the limit; some are ignored")]
    TooManyPeers,
    /// A new incarnation is awaited; nothing is sent.
    #[error("the clock jumped: waiting for a new incarnation")]
    AwaitingIncarnation,
}

impl Core {
    /// A picture of everything, with the reasons why this node is not at its best. A node without peers is well.
    pub fn status(&self, now: Duration) -> Status {
        let now = self.now.max(now);
        let limits = &self.config.limits;
        let factor = self.health.factor();
        let own_name = &self.config.node_name;
        let peers = self
            .peers
            .statuses(now, own_name, &self.registry, limits, factor);
        let (reorder_entries, reorder_bytes) = self.order.waiting();
        let degraded = self.degraded(now, &peers);
        Status {
            incarnation: self.config.incarnation,
            epoch: self.epoch,
            applied: self.order.applied(),
            durable: self.order.durable(),
            packet_number: self.packet_number(),
            key_id: self.key_id,
            peers: peers.into_iter().map(|(peer, _)| peer).collect(),
            holes: self
                .order
                .holes
                .iter()
                .map(|(from, to, noticed)| HoleStatus {
                    from,
                    to,
                    age: now.saturating_sub(noticed),
                })
                .collect(),
            reorder_entries,
            reorder_bytes,
            window_entries: self.order.window.len(),
            window_bytes: self.order.window.bytes(),
            send_queue: self.egress.waiting(),
            health_factor: factor,
            degraded,
            drops: self.drops(now),
            counters: self.counters.clone(),
        }
    }

    fn drops(&self, now: Duration) -> Vec<DropStatus> {
        let mut counters = self.counters.clone();
        self.last_drops
            .iter()
            .map(|(&reason, last)| DropStatus {
                reason,
                count: *counters.drop_class(reason),
                last_source: last.source,
                last_ago: now.saturating_sub(last.at),
            })
            .collect()
    }

    fn degraded(&self, now: Duration, peers: &[(PeerStatus, bool)]) -> Vec<Degraded> {
        let lately = |at: Option<Duration>| {
            at.is_some_and(|at| now.saturating_sub(at) < self.config.limits.trouble_shown)
        };
        let mut reasons: Vec<Degraded> = self.stopped.map(Degraded::Stopped).into_iter().collect();
        let own = [
            (
                self.reading.failing && !self.reading.gap,
                Degraded::StoreUnavailable,
            ),
            (self.reading.gap, Degraded::StoreGap),
            (self.registry.is_failing(), Degraded::RegistryUnavailable),
            (lately(self.kernel_dropped_at), Degraded::KernelDrops),
            (lately(self.overflowed_at), Degraded::SendQueueOverflow),
            (
                self.health.factor() > 1,
                Degraded::LoopLate {
                    factor: self.health.factor(),
                },
            ),
            (self.peers.too_many, Degraded::TooManyPeers),
            (self.awaiting_incarnation, Degraded::AwaitingIncarnation),
        ];
        reasons.extend(
            own.into_iter()
                .filter(|(holds, _)| *holds)
                .map(|(_, reason)| reason),
        );
        reasons.extend(
            self.no_common_key
                .clone()
                .map(|name| Degraded::NoCommonKey { name }),
        );
        reasons.extend(
            peers
                .iter()
                .filter_map(|(peer, lives)| self.peer_trouble(now, peer, *lives)),
        );
        reasons
    }

    fn peer_trouble(&self, now: Duration, peer: &PeerStatus, lives: bool) -> Option<Degraded> {
        let (name, address) = (peer.name.clone(), peer.address);
        match peer.state {
            PeerState::Unheard
                if lives
                    && self
                        .peers
                        .is_overdue(now, peer.incarnation, &self.config.limits) =>
            {
                Some(Degraded::PeerUnheard { name, address })
            }
            PeerState::Down if lives => Some(Degraded::PeerUnheard { name, address }),
            PeerState::Up | PeerState::Suspect if peer.via == Via::Unicast => {
                Some(Degraded::UnicastFallback { name, address })
            }
            PeerState::Unheard
            | PeerState::Up
            | PeerState::Suspect
            | PeerState::Down
            | PeerState::Left => None,
        }
    }
}
