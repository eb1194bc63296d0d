//! What a core is built with.
//!
//! Responsible for the configuration as plain data. Deliberately without reading files or environment: the node does
//! that. Filled by the shell (or by the simulation), read once by `Core::new`.

use std::net::SocketAddr;

use crate::model::ids::Incarnation;

use super::keys::KeyRing;
use super::limits::BusLimits;

/// The largest datagram by default: 1,400 bytes pass every Ethernet, tunnels included, without fragments.
pub const DATAGRAM_BYTES_DEFAULT: usize = 1_400;

/// Everything one core needs to know at its birth.
#[derive(Debug, Clone)]
pub struct CoreConfig {
    /// Clusters of different names never hear each other, even with one key.
    pub cluster_name: String,
    /// The cluster's keys. Empty: this node runs alone; nothing is sent, opened or asked on the bus.
    pub keys: KeyRing,
    /// Drawn at process start, never used by two cores: packet numbers start at 1 for it.
    pub incarnation: Incarnation,
    /// This node's name, for people.
    pub node_name: String,
    /// This node's own socket as others reach it (told in beats; peers use the registry's).
    pub address: SocketAddr,
    /// Version of the software, for people.
    pub version: u16,
    /// Timers and bounds.
    pub limits: BusLimits,
    /// Largest UDP payload: at most the interface's MTU minus 28. Values below 576 are raised to it.
    pub datagram_bytes_max: usize,
    /// Tells whether bytes from the bus are an encoded entry; others are dropped, the store then supplies the entry.
    pub check_payload: fn(&[u8]) -> bool,
    /// Protections that tests switch off to prove that something would notice.
    #[doc(hidden)]
    pub safeguards: Safeguards,
}

impl CoreConfig {
    /// A configuration with default limits that takes every payload.
    pub fn new(
        cluster_name: &str,
        keys: KeyRing,
        incarnation: Incarnation,
        node_name: &str,
        address: SocketAddr,
    ) -> Self {
        Self {
            cluster_name: cluster_name.to_owned(),
            keys,
            incarnation,
            node_name: node_name.to_owned(),
            address,
            version: 1,
            limits: BusLimits::default(),
            datagram_bytes_max: DATAGRAM_BYTES_DEFAULT,
            check_payload: |_| true,
            safeguards: Safeguards::default(),
        }
    }
}

/// Protections of the core, all on. The simulation switches off one at a time and must then find a violation.
#[doc(hidden)]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Safeguards {
    /// Refuse packet numbers seen before.
    pub replay_window: bool,
    /// Hand on each numbered signal once.
    pub signal_numbers: bool,
    /// Notice that a seq is missing.
    pub hole_detection: bool,
    /// Tell the head soon after the last entries.
    pub tail_beat: bool,
    /// Read the store's head periodically.
    pub store_poll: bool,
    /// Apply nothing before it is durable.
    pub durable_rule: bool,
    /// Hear only those who are in our registry.
    pub registry_check: bool,
    /// Believe heads and entries of our own log only.
    pub epoch_check: bool,
    /// Notice that the store went back.
    pub went_back_check: bool,
    /// Do not repeat a repair that is still on its way.
    pub repair_guard: bool,
}

impl Default for Safeguards {
    fn default() -> Self {
        Self {
            replay_window: true,
            signal_numbers: true,
            hole_detection: true,
            tail_beat: true,
            store_poll: true,
            durable_rule: true,
            registry_check: true,
            epoch_check: true,
            went_back_check: true,
            repair_guard: true,
        }
    }
}
