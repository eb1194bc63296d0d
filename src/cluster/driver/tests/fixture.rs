//! A cluster in one process: drivers on loopback broadcast, one SQLite store behind a switch, sinks that record.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::switch::Switch;
use crate::cluster::carrier::Carrier;
use crate::cluster::core::{BeatInfo, CoreConfig, Item, KEY_BYTES, KeyRing, generate_key_text};
use crate::cluster::driver::{
    Driver, DriverConfig, DriverHandle, Inputs, ShellStatus, Sink, confirmed_head, draw_incarnation,
};
use crate::cluster::faults::Faults;
use crate::cluster::redis::RedisBus;
use crate::cluster::socket::{BusSettings, Sockets};
use crate::journal::committer::{Committed, Committer};
use crate::journal::position::Position;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::{Cid, Incarnation, Seq, UserId};
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::redis::Servers;
use crate::store::{LogHead, LogStore as _, NodeRow, NodeStore as _};

/// Far more than anything here takes on a machine that is not busy.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for a condition.
pub(super) async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(3)).await;
        }
    };
    assert!(
        tokio::time::timeout(DEADLINE, waited).await.is_ok(),
        "never happened: {what}"
    );
}

pub(super) fn key(id: u8) -> KeyRing {
    keys(&[id])
}

pub(super) fn keys(ids: &[u8]) -> KeyRing {
    let texts: Vec<String> = ids
        .iter()
        .map(|id| generate_key_text(*id, [*id; KEY_BYTES]))
        .collect();
    KeyRing::parse(&texts.join(",")).unwrap()
}

/// What every node here tells in its beats.
pub(super) const CONNECTIONS_TOLD: u32 = 42;

/// What a sink saw.
#[derive(Default)]
struct Record {
    entries: Vec<Entry>,
    restarts: Vec<LogHead>,
    /// Entries before the last restart.
    restarted_at: usize,
    peers_gone: Vec<Incarnation>,
    signals: Vec<(Incarnation, Bytes)>,
    beats: Vec<(Incarnation, u32)>,
}

struct Recorder {
    record: Arc<Mutex<Record>>,
    /// The committer's: it takes no answer of a log that the sink does not follow.
    position: Position,
    last: Option<(Seq, UserId, Cid)>,
}

impl Recorder {
    fn new(position: Position) -> Recorder {
        Recorder {
            record: Arc::default(),
            position,
            last: None,
        }
    }
}

impl Sink for Recorder {
    type Committed = Committed;
    type Command = ();

    fn committed(&mut self, batch: Vec<Committed>) -> Vec<Item> {
        batch
            .into_iter()
            .map(|committed| Item {
                seq: committed.entry.seq,
                payload: committed.entry.encode(),
            })
            .collect()
    }

    fn deliver(&mut self, items: Vec<Item>) {
        let mut record = self.record.lock().unwrap();
        for item in items {
            let entry = Entry::decode(item.seq, &item.payload).unwrap();
            self.last = Some((entry.seq, entry.from, entry.cid.clone()));
            record.entries.push(entry);
        }
    }

    fn command(&mut self, (): ()) {}

    fn own_signal(&mut self, signal: Signal) -> Option<Bytes> {
        match signal {
            Signal::Profile { user } => Some(user.0.to_be_bytes().to_vec().into()),
            Signal::Typing { .. }
            | Signal::Read { .. }
            | Signal::Presence { .. }
            | Signal::Settings { .. } => None,
        }
    }

    fn signal(&mut self, from: Incarnation, bytes: Bytes) {
        self.record.lock().unwrap().signals.push((from, bytes));
    }

    fn beat(&mut self, from: Incarnation, info: &BeatInfo) {
        let mut record = self.record.lock().unwrap();
        record.beats.push((from, info.connections));
    }

    fn peer_down(&mut self, peer: Incarnation) {
        self.record.lock().unwrap().peers_gone.push(peer);
    }

    fn beat_info(&mut self) -> BeatInfo {
        BeatInfo {
            connections: CONNECTIONS_TOLD,
            ..BeatInfo::default()
        }
    }

    fn last_applied(&self) -> Option<(Seq, UserId, Cid)> {
        self.last.clone()
    }

    fn restart(&mut self, log: LogHead) {
        self.last = None;
        self.position.restart(log.epoch, log.head);
        let mut record = self.record.lock().unwrap();
        record.restarted_at = record.entries.len();
        record.restarts.push(log);
    }
}

/// What the nodes share.
pub(super) struct Cluster {
    pub(super) store: Arc<Switch>,
    folder: TempDir,
    port: u16,
    /// Their bus goes over Redis.
    redis: Option<Servers>,
}

impl Cluster {
    pub(super) fn new() -> Cluster {
        let folder = tempfile::tempdir().unwrap();
        Cluster {
            store: Arc::new(Switch::new(folder.path().to_owned())),
            port: free_port(),
            folder,
            redis: None,
        }
    }

    pub(super) fn over_redis(servers: Servers) -> Cluster {
        Cluster {
            redis: Some(servers),
            ..Cluster::new()
        }
    }

    pub(super) async fn node(&self, name: &str) -> Node {
        self.start(name, true, None, false).await
    }

    pub(super) async fn node_alone(&self, name: &str) -> Node {
        self.start(name, false, None, false).await
    }

    pub(super) async fn node_under_faults(&self, name: &str, plan: &str) -> Node {
        let path = self.folder.path().join(format!("faults-{name}"));
        std::fs::write(&path, plan).unwrap();
        self.start(name, true, Some(path), false).await
    }

    pub(super) async fn node_after_a_clock_jump(&self, name: &str) -> Node {
        self.start(name, true, None, true).await
    }

    /// The last seq in the store.
    pub(super) async fn head(&self) -> u64 {
        self.store.head().await.unwrap().head.0
    }

    /// Names in the registry.
    pub(super) async fn registered(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .store
            .nodes()
            .await
            .unwrap()
            .into_iter()
            .map(|row| row.name)
            .collect();
        names.sort();
        names
    }

    /// Sends garbage of all lengths to the shared port and to one node's own, from a thread of its own.
    pub(super) fn flood(&self, own: SocketAddr) -> JoinHandle<()> {
        let all = SocketAddr::from(([127, 255, 255, 255], self.port));
        tokio::task::spawn_blocking(move || {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0)).unwrap();
            socket.set_broadcast(true).unwrap();
            let mut dice = fastrand::Rng::with_seed(11);
            let mut garbage = vec![0; 4_000];
            for _ in 0..20_000 {
                let length = dice.usize(0..garbage.len());
                dice.fill(&mut garbage[..length]);
                // Half of them look like ours at first sight.
                if length > 3 && dice.bool() {
                    garbage[..3].copy_from_slice(b"St\x01");
                }
                let target = if dice.bool() { all } else { own };
                let _ = socket.send_to(&garbage[..length], target);
            }
        })
    }

    fn carrier(&self, incarnation: Incarnation) -> Carrier {
        if let Some(servers) = &self.redis {
            return RedisBus::open(servers.clone(), "test", incarnation).into();
        }
        let settings = BusSettings {
            listen: (Ipv4Addr::UNSPECIFIED, self.port).into(),
            targets: vec![([127, 255, 255, 255], self.port).into()],
            advertise: None,
            own_port: 0,
        };
        Sockets::open(&settings).unwrap().into()
    }

    /// The log's head, as a node makes sure of it before it starts.
    async fn confirmed(
        &self,
        core: &CoreConfig,
        name: &str,
        incarnation: Incarnation,
        address: SocketAddr,
    ) -> LogHead {
        let row = NodeRow {
            incarnation,
            name: name.to_owned(),
            address,
            version: core.version,
            packet_number: 0,
            counter: 0,
        };
        confirmed_head(&*self.store, &*self.store, row)
            .await
            .unwrap()
    }

    async fn start(
        &self,
        name: &str,
        with_bus: bool,
        faults: Option<PathBuf>,
        clock_jumps: bool,
    ) -> Node {
        let incarnation = draw_incarnation();
        let bus = with_bus.then(|| self.carrier(incarnation));
        let address = bus
            .as_ref()
            .map_or(([0, 0, 0, 0], 0).into(), Carrier::advertised);
        let core = CoreConfig::new("test", key(1), incarnation, name, address);
        let head = self.confirmed(&core, name, incarnation, address).await;

        let position = Position::new(head.epoch, head.head);
        let (committed_sender, committed) = mpsc::channel(64);
        let log = Arc::<Switch>::clone(&self.store);
        let (committer, gatherer) = Committer::new(log, position.clone(), committed_sender);
        let (commands_sender, commands) = mpsc::channel(1);
        let (signals_sender, signals) = Signals::new();
        let sink = Recorder::new(position);
        let record = Arc::clone(&sink.record);
        let config = DriverConfig {
            core,
            bus,
            faults: faults.clone().map(Faults::controlled_by),
            log: Arc::<Switch>::clone(&self.store),
            nodes: Arc::<Switch>::clone(&self.store),
            start: head,
        };
        let inputs = Inputs {
            committed,
            commands,
            signals,
        };
        let (mut driver, handle) = Driver::new(config, sink, inputs);
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async {
                let _ = stopped.await;
            };
            if clock_jumps {
                driver.clock.pretend_jump();
                driver.serve(stopped).await;
                driver.leave().await;
            } else {
                Box::pin(driver.run(stopped)).await;
            }
        });
        Node {
            committer,
            gatherer: tokio::spawn(gatherer.run()),
            record,
            handle,
            incarnation,
            address,
            faults,
            stop,
            task,
            name: name.to_owned(),
            _commands: commands_sender,
            signals: signals_sender,
        }
    }
}

/// One running driver with its committer.
pub(super) struct Node {
    committer: Committer,
    gatherer: JoinHandle<()>,
    record: Arc<Mutex<Record>>,
    pub(super) handle: DriverHandle,
    incarnation: Incarnation,
    address: SocketAddr,
    faults: Option<PathBuf>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
    name: String,
    _commands: mpsc::Sender<()>,
    signals: Signals,
}

impl Node {
    /// Commits so many entries, one after another.
    pub(super) async fn say(&self, count: usize) {
        for number in 0..count {
            let outcome = self.committer.submit(self.draft(number), None).await;
            // Repeated by the committer itself when its first answer was another log's.
            let is_in_the_log = matches!(
                outcome,
                Ok(Outcome::Appended { .. } | Outcome::Duplicate { .. })
            );
            assert!(is_in_the_log, "{outcome:?}");
        }
    }

    /// Commits so many at once and returns when the last is durable.
    pub(super) async fn say_without_waiting(&self, count: usize) {
        let pending: Vec<_> = (0..count)
            .map(|number| self.committer.enqueue(self.draft(number), None).unwrap())
            .collect();
        for verdict in pending {
            assert!(verdict.outcome().await.is_ok());
        }
    }

    pub(super) fn seqs(&self) -> Vec<u64> {
        let record = self.record.lock().unwrap();
        record.entries.iter().map(|entry| entry.seq.0).collect()
    }

    pub(super) fn bodies(&self) -> Vec<Bytes> {
        let record = self.record.lock().unwrap();
        record
            .entries
            .iter()
            .map(|entry| entry.body.clone())
            .collect()
    }

    pub(super) fn restarts(&self) -> Vec<LogHead> {
        self.record.lock().unwrap().restarts.clone()
    }

    pub(super) fn peers_gone(&self) -> Vec<Incarnation> {
        self.record.lock().unwrap().peers_gone.clone()
    }

    /// Publishes that this user changed his profile.
    pub(super) fn publish(&self, user: u64) {
        let user = UserId(user);
        self.signals.publish(Signal::Profile { user });
    }

    pub(super) fn signals(&self) -> Vec<(Incarnation, Bytes)> {
        self.record.lock().unwrap().signals.clone()
    }

    pub(super) fn beats(&self) -> Vec<(Incarnation, u32)> {
        self.record.lock().unwrap().beats.clone()
    }

    /// What was delivered since the last restart.
    pub(super) fn entries_of_this_log(&self) -> Vec<(u64, Bytes)> {
        let record = self.record.lock().unwrap();
        let from = record.restarted_at;
        record.entries[from..]
            .iter()
            .map(|entry| (entry.seq.0, entry.body.clone()))
            .collect()
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    pub(super) fn status(&self) -> Option<ShellStatus> {
        self.handle.status().borrow().clone()
    }

    /// Waits for a report that says so.
    pub(super) async fn report_after(&self, says: impl Fn(&ShellStatus) -> bool) {
        eventually("the report says so", || {
            self.status().is_some_and(|status| says(&status))
        })
        .await;
    }

    pub(super) fn set_faults(&self, plan: &str) {
        std::fs::write(self.faults.as_ref().unwrap(), plan).unwrap();
    }

    /// As a node does it: the committer first, then the driver.
    pub(super) async fn stop(self) {
        drop(self.committer);
        self.gatherer.abort();
        self.stop.send(()).unwrap();
        let ended = tokio::time::timeout(Duration::from_secs(5), self.task).await;
        assert!(matches!(ended, Ok(Ok(()))), "the driver ends");
    }

    fn draft(&self, number: usize) -> Draft {
        Draft {
            conv: Conv::Notices,
            from: UserId::SYSTEM,
            kind: EntryKind::Notice,
            cid: uuid::Uuid::new_v4().to_string().parse().unwrap(),
            body: format!(r#"{{"content":"{} {number}"}}"#, self.name).into(),
            change: Change::Notice,
        }
    }
}

/// A port below the ephemeral range that nobody uses.
fn free_port() -> u16 {
    let mut dice = fastrand::Rng::with_seed(uuid::Uuid::new_v4().as_u64_pair().0);
    std::iter::repeat_with(|| dice.u16(12_000..32_000))
        .find(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, *port)).is_ok())
        .unwrap()
}
