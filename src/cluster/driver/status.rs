//! What a running driver tells: the core's picture and what only the shell knows.
//!
//! Responsible for the shapes. Deliberately without deciding anything. Published by the driver four times a second.

use std::net::SocketAddr;
use std::time::Duration;

use crate::cluster::core::Status;

/// A picture of the bus at one moment.
#[derive(Debug, Clone, PartialEq)]
pub struct ShellStatus {
    /// The protocol's.
    pub core: Status,
    /// That of what carries it; none when this node runs alone.
    pub bus: Option<BusStatus>,
    /// The store's, as the bus sees it.
    pub store: StoreStatus,
    /// The own registry row's.
    pub registration: RegistrationStatus,
    /// The log seems to have gone back, and the store is being looked at.
    pub recovering: bool,
    /// Datagrams are lost on purpose (a test).
    pub faults: bool,
}

/// The sockets, or what stands in for them over Redis, and what went wrong on them since the start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusStatus {
    /// The shared address.
    pub listen: SocketAddr,
    /// The own socket as peers reach it.
    pub address: SocketAddr,
    /// Where everything is sent.
    pub targets: Vec<TargetStatus>,
    /// The longest datagram.
    pub datagram_bytes_max: usize,
    /// The receive buffer the kernel granted, or the room for what Redis brings.
    pub receive_buffer_bytes: usize,
    /// Datagrams dropped before the driver saw them: by the kernel on both sockets, or for want of that room.
    pub kernel_drops: u64,
    /// Datagrams not sent because the send buffer, or the line to Redis, was full.
    pub sends_blocked: u64,
    /// Datagrams not sent for any other reason.
    pub sends_failed: u64,
    /// Datagrams not sent because this run was not registered yet: peers would have refused them.
    pub sends_held_back: u64,
    /// Failed attempts to receive.
    pub receives_failed: u64,
}

impl BusStatus {
    /// Targets whose probe was not heard.
    pub fn deaf_targets(&self) -> impl Iterator<Item = SocketAddr> {
        self.targets
            .iter()
            .filter(|target| target.probe == ProbeStatus::Deaf)
            .map(|target| target.address)
    }
}

/// One target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TargetStatus {
    /// Where.
    pub address: SocketAddr,
    /// What became of the probe.
    pub probe: ProbeStatus,
}

/// What became of the probe of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStatus {
    /// Not a broadcast address of ours: what is sent there never comes back.
    NotPossible,
    /// On its way.
    Awaited,
    /// It came back: the target works.
    Heard,
    /// It did not come back.
    Deaf,
}

/// The store as the bus sees it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StoreStatus {
    /// How long the last successful read of the head took.
    pub poll_latency: Option<Duration>,
    /// Reads and writes that failed or took too long.
    pub failures: u64,
}

/// The own registry row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistrationStatus {
    /// Without a bus there is nothing to register.
    Alone,
    /// The first write is on its way; nothing is sent before.
    Pending,
    /// Written.
    Written {
        /// Time since then.
        ago: Duration,
    },
    /// The last write failed; after 20 s without one peers take this node for dead.
    Failing {
        /// Since the first failure.
        for_long: Duration,
        /// Time since the last success.
        last_written_ago: Option<Duration>,
    },
}
