//! The one task around the bus core: sockets, timers, the store's answers in; datagrams, deliveries, store work out.
//!
//! Responsible for carrying out what the core says, for the clock and the randomness it needs, for this node's registry
//! row and for what is told about all of it. Deliberately without decisions about the protocol and without knowing what
//! an entry is: the core decides, a [`Sink`] knows. Composed and spawned by the node, which stops it last.

mod clock;
mod events;
mod housekeeping;
mod identity;
mod jobs;
mod leaving;
mod outputs;
mod probes;
mod recovery;
mod registration;
mod status;
mod warnings;
mod wire;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot, watch};
use tracing::warn;
use uuid::Uuid;

pub use recovery::confirmed_head;
pub use status::{
    BusStatus, ProbeStatus, RegistrationStatus, ShellStatus, StoreStatus, TargetStatus,
};

use super::carrier::Carrier;
use super::core::{BeatInfo, Core, CoreConfig, DropReason, Item, KeyRing, StorePosition};
use super::faults::Faults;
use crate::model::ids::{Cid, Epoch, Incarnation, Seq, UserId};
use crate::model::signal::Signal;
use crate::store::{LogHead, LogStore, NodeStore};
use clock::Clock;
use events::Buffers;
use identity::EntryIdentity;
use jobs::{Answer, Jobs};
use probes::Probes;
use registration::{OwnRow, Watch};
use warnings::Warnings;
use wire::Wire;

/// Reloads waiting for the driver; each is the act of a person.
const CONTROLS_MAX: usize = 4;

/// What the driver feeds: the replica in a node, a recorder in tests. Called from the driver's task only, so it must not
/// block and needs no lock.
pub trait Sink: Send + 'static {
    /// An own append's new entry, and whom to tell by an ack instead of a delivery.
    type Committed: Send + 'static;
    /// What connections want: to go live, to be gone.
    type Command: Send + 'static;

    /// An own append returned: remembers origins and encodes. The entries come back by [`Sink::deliver`] in the log's
    /// order, unless they are at or below what was delivered or a restart happened in between.
    fn committed(&mut self, batch: Vec<Self::Committed>) -> Vec<Item>;
    /// Applies the next entries: consecutive, durable, each exactly once between two restarts.
    fn deliver(&mut self, items: Vec<Item>);
    /// Does what a connection wants.
    fn command(&mut self, command: Self::Command);
    /// A signal of this node: deals with it locally and gives the bytes for the bus, if it should go there.
    fn own_signal(&mut self, signal: Signal) -> Option<Bytes>;
    /// A peer's signal.
    fn signal(&mut self, from: Incarnation, bytes: Bytes);
    /// A peer's beat.
    fn beat(&mut self, from: Incarnation, info: &BeatInfo);
    /// A peer left or is silent for too long: what it told is void.
    fn peer_down(&mut self, peer: Incarnation);
    /// What the next beats tell about this node; asked four times a second.
    fn beat_info(&mut self) -> BeatInfo;
    /// The last applied entry: place, sender, client id. None when none was applied since the start.
    fn last_applied(&self) -> Option<(Seq, UserId, Cid)>;
    /// The log is another one, or went back: forget everything and begin behind its head.
    fn restart(&mut self, log: LogHead);
    /// Entries whose text was taken back by what was delivered since the last call: the bus must not repeat them.
    fn withdrawn(&mut self) -> Vec<Seq> {
        Vec::new()
    }
}

/// What a driver is built with.
pub struct DriverConfig {
    /// The core's configuration. `address` and `datagram_bytes_max` are taken from `bus`; without `bus`, `keys` are
    /// dropped. The incarnation comes from [`draw_incarnation`].
    pub core: CoreConfig,
    /// The way to the peers; none: this node runs alone and follows the store only.
    pub bus: Option<Carrier>,
    /// From [`Faults::from_environment`]; none outside tests.
    pub faults: Option<Faults>,
    /// The log.
    pub log: Arc<dyn LogStore>,
    /// The registry of nodes.
    pub nodes: Arc<dyn NodeStore>,
    /// Where the sink begins: a head from [`confirmed_head`].
    pub start: LogHead,
}

/// The receiving ends of what comes from the rest of the node. A closed one is simply silent.
pub struct Inputs<S: Sink> {
    /// Batches of new entries, from the committer.
    pub committed: mpsc::Receiver<Vec<S::Committed>>,
    /// Commands of connections.
    pub commands: mpsc::Receiver<S::Command>,
    /// Signals of this node, from `Signals::new`.
    pub signals: mpsc::Receiver<Signal>,
}

/// The driver, not yet running.
pub struct Driver<S: Sink> {
    core: Core,
    sink: S,
    clock: Clock,
    wire: Wire,
    jobs: Jobs,
    answers: mpsc::Receiver<Answer>,
    control: mpsc::Receiver<Control>,
    inputs: Inputs<S>,
    buffers: Buffers<S>,
    own_row: OwnRow,
    watch: Watch,
    probes: Probes,
    warnings: Warnings,
    store: StoreStatus,
    status: watch::Sender<Option<ShellStatus>>,
    /// Which log the core follows.
    epoch: Epoch,
    /// The last entry of the last range read, for its confirmation.
    last_read: Option<EntryIdentity>,
    recovery: Recovery,
    /// When the store was compared last.
    looked_at: Option<Duration>,
    /// After a restart: where, and until when own appends from before may still report.
    restarted: Option<(Seq, Duration)>,
    renewal: Renewal,
    next_count_of_drops: Duration,
    next_sweep: Duration,
    /// Per drop class, how many were given to [`Warnings`].
    drops_told: BTreeMap<DropReason, u64>,
    leaving: bool,
}

/// The look at the store after the log seems to have gone back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recovery {
    NotNeeded,
    /// A look is on its way.
    Looking,
    /// The store did not answer; look again then.
    LookAgainAt(Duration),
}

/// The way to a new incarnation after the clock jumped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Renewal {
    NotNeeded,
    /// Its row is being written.
    Writing(Incarnation),
    /// The write failed; write again then.
    WriteAgainAt(Incarnation, Duration),
}

enum Control {
    SetKeys {
        keys: KeyRing,
        reply: oneshot::Sender<Result<(), KeysRefused>>,
    },
}

/// Why new keys were not taken. The old ones stay in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeysRefused {
    #[error("this node runs alone; restart it to join the bus")]
    Alone,
    #[error("there is no key among the new ones; the old ones stay in use")]
    NoKey,
    #[error("the bus has ended")]
    Ended,
}

/// The way to a running driver. Cheap to clone.
#[derive(Clone)]
pub struct DriverHandle {
    control: mpsc::Sender<Control>,
    status: watch::Receiver<Option<ShellStatus>>,
}

impl DriverHandle {
    /// Replaces the keys (a reload): from now on datagrams are opened with all of them.
    pub async fn set_keys(&self, keys: KeyRing) -> Result<(), KeysRefused> {
        let (reply, verdict) = oneshot::channel();
        self.control
            .send(Control::SetKeys { keys, reply })
            .await
            .map_err(|_| KeysRefused::Ended)?;
        verdict.await.unwrap_or(Err(KeysRefused::Ended))
    }

    /// The last picture of the bus, renewed four times a second; none before the first.
    #[must_use]
    pub fn status(&self) -> watch::Receiver<Option<ShellStatus>> {
        self.status.clone()
    }
}

/// An identity for a run of a node that no run had before.
#[must_use]
pub fn draw_incarnation() -> Incarnation {
    Incarnation(Uuid::now_v7().into_bytes())
}

impl<S: Sink> Driver<S> {
    /// A driver and the way to it. Spawn [`Driver::run`] soon: until then nothing is received.
    pub fn new(mut config: DriverConfig, sink: S, inputs: Inputs<S>) -> (Driver<S>, DriverHandle) {
        if config.core.keys.is_empty() && config.bus.take().is_some() {
            warn!("there is no cluster key: this node runs alone");
        }
        match &config.bus {
            Some(carrier) => {
                config.core.address = carrier.advertised();
                config.core.datagram_bytes_max = carrier.datagram_bytes_max();
            }
            None => {
                config.core.keys = KeyRing::default();
                config.core.address = NO_BUS;
            }
        }
        let (jobs, answers) = Jobs::new(config.log, config.nodes);
        let (control_sender, control) = mpsc::channel(CONTROLS_MAX);
        let (status, status_receiver) = watch::channel(None);
        let targets = config.bus.as_ref().map_or(&[][..], Carrier::targets);
        let driver = Driver {
            own_row: OwnRow::new(&config.core, config.bus.is_some()),
            core: Core::new(
                config.core,
                Uuid::new_v4().as_u64_pair().0,
                Duration::ZERO,
                position(config.start),
            ),
            sink,
            clock: Clock::start(),
            probes: Probes::new(targets),
            wire: Wire::new(config.bus, config.faults),
            jobs,
            answers,
            control,
            inputs,
            buffers: Buffers::default(),
            watch: Watch::default(),
            warnings: Warnings::default(),
            store: StoreStatus::default(),
            status,
            epoch: config.start.epoch,
            last_read: None,
            recovery: Recovery::NotNeeded,
            looked_at: None,
            restarted: None,
            renewal: Renewal::NotNeeded,
            next_count_of_drops: Duration::ZERO,
            next_sweep: Duration::ZERO,
            drops_told: BTreeMap::new(),
            leaving: false,
        };
        let handle = DriverHandle {
            control: control_sender,
            status: status_receiver,
        };
        (driver, handle)
    }

    /// Works until `stop` resolves, then says goodbye: what was committed by then is still sent, the registry row is
    /// removed. Ends within a second after `stop`, whatever the store does.
    pub async fn run(mut self, stop: impl Future<Output = ()> + Send) {
        self.clock = Clock::start();
        self.serve(stop).await;
        self.leave().await;
    }
}

/// The registry address of a node without a bus: nobody can reach it, so nobody counts it among the peers.
const NO_BUS: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);

fn position(log: LogHead) -> StorePosition {
    StorePosition {
        epoch: log.epoch,
        floor: log.floor,
        head: log.head,
    }
}
