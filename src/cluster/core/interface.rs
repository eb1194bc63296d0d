//! The words the core and its shell exchange: what happened (arguments of `handle_*`) and what to do (`Output`).
//!
//! Responsible for plain data only. Deliberately without behaviour, without encoding on the wire and without the
//! payload's meaning: an entry is bytes here. Driven by nobody; `Core` and the shell pass these values.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::model::ids::{Epoch, Incarnation, Seq};

/// Longest payload of one entry, in bytes. Longer ones are refused at the door, long before the bus.
pub const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

/// Longest digest a node may put into its beats, in bytes: a beat must fit into one datagram beside the rest.
pub const DIGEST_BYTES_MAX: usize = 768;

/// Longest node name on the bus, in bytes; longer ones are cut at a character boundary.
pub const NAME_BYTES_MAX: usize = 64;

/// One entry of the log at its place in the total order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its place.
    pub seq: Seq,
    /// The encoded entry, opaque here, at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Bytes,
}

/// Where the store's log stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StorePosition {
    /// Identity of the log.
    pub epoch: Epoch,
    /// Entries up to this one are pruned; reading starts after it.
    pub floor: Seq,
    /// The last visible entry (visible is not yet durable).
    pub head: Seq,
}

/// The answer to [`Output::Fetch`]: floor, head and rows of one snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// The position the read started after, as asked.
    pub after: Seq,
    /// The log's floor in that snapshot.
    pub floor: Seq,
    /// The log's head in that snapshot.
    pub head: Seq,
    /// The log's epoch in that snapshot.
    pub epoch: Epoch,
    /// The entries, consecutive from `after + 1`, at most `limit`.
    pub items: Vec<Item>,
}

/// The store did not answer, or answered with an error. Nothing is known about what it holds now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the store did not answer")]
pub struct Unavailable;

/// One row of the node registry in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registration {
    /// The process run.
    pub incarnation: Incarnation,
    /// The node's name, for people.
    pub name: String,
    /// The node's own (not the shared) socket as others reach it.
    pub address: SocketAddr,
    /// Version of the software, for people.
    pub version: u16,
    /// [`Core::packet_number`](super::Core::packet_number) when the row was written: older packets are replays.
    pub packet_number: u64,
    /// Moves with every write while the node is alive; its value means nothing.
    pub counter: u64,
}

/// What a node tells about itself in every beat, besides what the core adds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BeatInfo {
    /// Open client connections.
    pub connections: u32,
    /// Distinct users online here.
    pub users: u32,
    /// Load in percent of one core.
    pub load: u16,
    /// A piece of the presence digest, opaque here, at most [`DIGEST_BYTES_MAX`] (longer ones are left out).
    pub digest: Bytes,
}

/// A peer as it became known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerIdentity {
    /// The process run: this, not the address, is the identity.
    pub incarnation: Incarnation,
    /// The node's name.
    pub name: String,
    /// The node's own socket, from the registry.
    pub address: SocketAddr,
}

/// Where a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// To every configured target of the node (broadcast addresses, or whatever stands in for them).
    Broadcast,
    /// To one node's own socket.
    Unicast(SocketAddr),
}

/// Why the log seems to have gone back. The core has stopped: it neither delivers nor asks any more.
///
/// The shell compares its last applied entry with the store. The same: [`Core::resume`](super::Core::resume). Different:
/// it drops its view and calls [`Core::restart_at`](super::Core::restart_at).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum WentBack {
    /// The store's log is another one (restored, moved, created anew).
    #[error("the log's epoch changed from {ours:?} to {store:?}")]
    EpochChanged {
        /// The epoch this core started with.
        ours: Epoch,
        /// The epoch the store tells now.
        store: Epoch,
    },
    /// The store's head is below what was durable when the read began.
    #[error("the store's head {head} is below {durable}, which was durable")]
    HeadBelowDurable {
        /// The store's head.
        head: Seq,
        /// What had been durable.
        durable: Seq,
    },
    /// An own append returned a seq that had been delivered with other content.
    #[error(
        "an append returned {seq}, which was delivered with other content (applied up to {applied})"
    )]
    AppendBelowApplied {
        /// The seq the append returned.
        seq: Seq,
        /// What had been delivered.
        applied: Seq,
    },
    /// Pruning overtook this node: the entries it needs next are gone. The view must be loaded anew.
    #[error("the log was pruned up to {floor}, above {applied}")]
    BelowFloor {
        /// The log's floor.
        floor: Seq,
        /// What had been delivered.
        applied: Seq,
    },
}

/// What the shell has to do. Every `Fetch`, `PollHead`, `Confirm` and `ReadRegistry` is answered exactly once, with
/// `Unavailable` when a deadline passes: until then the core does not ask again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a datagram.
    Send {
        /// Where to.
        to: Target,
        /// The sealed bytes.
        datagram: Bytes,
    },
    /// Apply these entries: consecutive, following what was delivered before, durable, each exactly once.
    Deliver(Vec<Item>),
    /// Read the range `(after, after + limit]` from the store and call `handle_fetched`. One in flight at most.
    Fetch {
        /// Read what follows this.
        after: Seq,
        /// At most so many entries.
        limit: usize,
    },
    /// Read epoch, floor and head and call `handle_store_head`. One in flight at most.
    PollHead,
    /// Make one small durable commit and call `handle_confirmed` with this seq, provided that the store cannot have
    /// lost and replaced what the last fetch showed: the commit was made on the connection that did the fetch, or
    /// the last entry read is found unchanged (its time included) after the commit. Otherwise: `Unavailable`.
    Confirm(Seq),
    /// Read the node registry and call `handle_registry`. One in flight, at most one a second.
    ReadRegistry,
    /// A peer's best-effort signal.
    Signal {
        /// Who sent it.
        from: Incarnation,
        /// The signal, opaque here.
        signal: Bytes,
    },
    /// A peer's beat.
    Beat {
        /// Who sent it.
        from: Incarnation,
        /// What it tells about itself.
        info: BeatInfo,
    },
    /// A peer was heard for the first time, or again after it was down.
    PeerUp(PeerIdentity),
    /// A peer left, or was not heard for too long.
    PeerDown(Incarnation),
    /// An own probe came back, see [`Core::probe`](super::Core::probe).
    ProbeHeard {
        /// The token of the probe.
        token: u64,
    },
    /// The log seems to have gone back; the core has stopped.
    WentBack(WentBack),
    /// The clock jumped: this run may be a copy of another. Draw an incarnation, call
    /// [`Core::handle_new_incarnation`](super::Core::handle_new_incarnation). Nothing is sent until then.
    NewIncarnationNeeded,
}
