//! The bus protocol as a state machine: bytes and time in, datagrams and deliveries out.
pub mod config;
pub mod counters;
pub mod interface;
pub mod keys;
pub mod limits;
pub mod status;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

pub use config::{CoreConfig, Safeguards};
pub use counters::Counters;
pub use interface::{
    BeatInfo, Fetched, Item, Output, PeerIdentity, Registration, StorePosition, Target,
    Unavailable, WentBack,
};
pub use keys::{InvalidKeys, KeyRing, generate_key_text};
pub use limits::BusLimits;
pub use status::{
    Degraded, DropReason, DropStatus, HoleStatus, PeerState, PeerStatus, Status, Via,
};

use crate::model::ids::{Incarnation, Seq};

/// The state machine of one node on the bus.
#[derive(Debug)]
pub struct Core {
    config: CoreConfig,
    outputs: VecDeque<Output>,
    counters: Counters,
}

// First shape: the methods take everything and do nothing yet.
#[expect(unused_variables, clippy::needless_pass_by_value)]
impl Core {
    /// A core whose view starts at `start.head`, which the caller has read *and confirmed* (made durable).
    pub fn new(config: CoreConfig, seed: u64, now: Duration, start: StorePosition) -> Self {
        Self {
            config,
            outputs: VecDeque::new(),
            counters: Counters::default(),
        }
    }
    /// A datagram arrived on either socket. It is opened in place.
    pub fn handle_datagram(&mut self, now: Duration, source: SocketAddr, datagram: &mut [u8]) {}
    /// An own append returned with these *new* entries (not with old seqs of repeated sends): they are durable.
    pub fn handle_committed(&mut self, now: Duration, items: Vec<Item>) {}
    /// Answers [`Output::PollHead`].
    pub fn handle_store_head(&mut self, now: Duration, answer: Result<StorePosition, Unavailable>) {
    }
    /// Answers [`Output::Fetch`].
    pub fn handle_fetched(&mut self, now: Duration, answer: Result<Fetched, Unavailable>) {}
    /// Answers [`Output::Confirm`].
    pub fn handle_confirmed(&mut self, now: Duration, answer: Result<Seq, Unavailable>) {}
    /// Answers [`Output::ReadRegistry`].
    pub fn handle_registry(
        &mut self,
        now: Duration,
        answer: Result<Vec<Registration>, Unavailable>,
    ) {
    }
    /// Publishes a best-effort signal.
    pub fn handle_signal(&mut self, now: Duration, signal: Bytes) {}
    /// Sets what the next beats tell about this node.
    pub fn set_beat_info(&mut self, info: BeatInfo) {}
    /// Replaces the keys (a reload).
    pub fn set_keys(&mut self, keys: KeyRing) {}
    /// Says goodbye; nothing but repairs is sent afterwards.
    pub fn handle_leave(&mut self, now: Duration) {}
    /// The shell's count of datagrams the kernel dropped, since the start.
    pub fn handle_kernel_drops(&mut self, now: Duration, total: u64) {}
    /// The boot-time clock jumped (a restored snapshot): stops sending and asks for a new incarnation.
    pub fn handle_clock_jump(&mut self, now: Duration) {}
    /// A new incarnation was drawn (and registered).
    pub fn handle_new_incarnation(&mut self, now: Duration, incarnation: Incarnation) {}
    /// After [`Output::WentBack`]: the last applied entry is still in the store; carry on.
    pub fn resume(&mut self, now: Duration) {}
    /// After [`Output::WentBack`]: the view was dropped; start again at a head that was read and confirmed.
    pub fn restart_at(&mut self, now: Duration, start: StorePosition) {}
    /// A recalled entry: it is never sent again, repairs of it become announcements.
    pub fn withdraw(&mut self, seq: Seq) {}
    /// A sealed probe to be sent to one target; `None` without a key. Hearing it back gives [`Output::ProbeHeard`].
    pub fn probe(&mut self, now: Duration, token: u64) -> Option<Bytes> {
        None
    }
    /// The time of [`Core::poll_timeout`] has come.
    pub fn handle_timeout(&mut self, now: Duration) {}
    /// When [`Core::handle_timeout`] wants to be called, since the same origin as `now`.
    pub fn poll_timeout(&self) -> Option<Duration> {
        None
    }
    /// The next thing to do; call until `None` after every `handle_*`.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }
    /// The last packet number used: goes into the own registry row.
    pub fn packet_number(&self) -> u64 {
        0
    }
    /// All counters, cheaply.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }
    /// A picture of everything.
    pub fn status(&self, now: Duration) -> Status {
        todo!()
    }
}
