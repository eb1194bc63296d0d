//! Composition root: builds the parts of a node, runs them, and drains them in order.

mod bus;
mod dispatch;
mod figures;
pub mod files;
mod keepers;
mod redis;
mod services;
mod signals;
mod sink;
mod status;
pub mod storage;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::cluster::Carrier;
use crate::cluster::core::KeyRing;
use crate::cluster::driver::{
    Driver, DriverConfig, DriverHandle, Inputs, confirmed_head, draw_incarnation,
};
use crate::cluster::faults::Faults;
use crate::config::{Cluster, Config};
use crate::files::peers::PeerKeys;
use crate::http::remote::Proxies;
use crate::http::server::{self, ServerSettings};
use crate::hub::feed::Feed;
use crate::hub::{Hub, HubSettings};
use crate::journal::committer::{Committer, Gatherer};
use crate::journal::live::Live;
use crate::journal::position::Position;
use crate::journal::replica::{Replica, ReplicaSettings};
use crate::model::ids::Incarnation;
use crate::presence::{self, Presence, Signals};
use crate::redis::Servers;
use crate::service::clock::system_now;
use crate::service::files::Files;
use crate::service::hooks::delivery::Tally;
use crate::service::indexer::Behind;
use crate::service::online;
use crate::service::reads::Reads;
use crate::store::{LogHead, NodeRow, Stores};
use dispatch::HubDispatch;
use keepers::{keep_writing, keepers};
use services::{Handles, Services};
use signals::SignalDesk;
use sink::NodeSink;

/// Batches of own entries on their way to the driver; the committer has one append in flight at a time.
const COMMITTED_BATCHES_MAX: usize = 64;
/// Attempts to read and confirm the log's head at the start, and the pause between them.
const START_ATTEMPTS: u32 = 5;
const START_PAUSE: Duration = Duration::from_millis(200);
/// After the clients were told to leave: for their close frames and for what they put in line.
const LINGER: Duration = Duration::from_secs(1);
/// For writing down how far old pages were told: nodes that share a SQLite file wait for each other.
const PLACES_WITHIN: Duration = Duration::from_secs(5);

/// Runs a node until `stop` resolves, then drains it. Each notification of `reload` rereads the key file.
///
/// # Errors
/// What keeps a node from starting: a store that cannot be opened (see [`storage::open`]),
/// an address that is taken, a bus that cannot be joined.
pub async fn serve(
    config: Config,
    stop: impl Future<Output = ()>,
    reload: Arc<Notify>,
) -> anyhow::Result<()> {
    let servers = Servers::parse(&config.redis.url)?;
    let stores = storage::open(&config, true, config.store.readers()).await?;
    let keys = bus::keys(&config.cluster)?;
    let incarnation = draw_incarnation();
    let carrier = bus::carrier(&config.cluster, servers.as_ref(), &keys, incarnation)?;
    let listeners = listen(&config).await?;
    let start = read_start(&config, &stores, incarnation, carrier.as_ref()).await?;
    let identity = Identity { incarnation, start };
    let bus = Bus {
        keys,
        carrier,
        servers,
    };
    let peers = PeerKeys::default();
    let listening = listeners.first().and_then(|one| one.local_addr().ok());
    let files = files::open(&config, &stores, &bus, peers.clone(), listening)?;
    let node = Node::start(&config, &stores, identity, bus, listeners, files)?;
    let reloading = tokio::spawn(reload_keys(
        config.cluster.clone(),
        reload,
        node.driver.clone(),
        peers,
    ));
    stop.await;
    reloading.abort();
    node.leave(Duration::from_millis(config.limits.drain_ms))
        .await;
    Ok(())
}

async fn listen(config: &Config) -> anyhow::Result<Vec<TcpListener>> {
    let mut listeners = Vec::new();
    for address in &config.http.listen {
        let listener = TcpListener::bind(address).await;
        let listener =
            listener.with_context(|| format!("cannot listen on http.listen {address}"))?;
        info!(address = %listener.local_addr()?, "listening");
        listeners.push(listener);
    }
    Ok(listeners)
}

/// Reads where the log is and makes sure of it, before anything is built on it.
async fn read_start(
    config: &Config,
    stores: &Stores,
    incarnation: Incarnation,
    carrier: Option<&Carrier>,
) -> anyhow::Result<LogHead> {
    let core = bus::core_config(
        &config.cluster,
        KeyRing::default(),
        incarnation,
        &config.node.name,
        carrier,
    );
    let row = NodeRow {
        incarnation,
        name: config.node.name.clone(),
        address: core.address,
        version: bus::software_version(),
        packet_number: 0,
        counter: 0,
    };
    let mut attempt = 1;
    loop {
        match confirmed_head(stores.log.as_ref(), stores.nodes.as_ref(), row.clone()).await {
            Ok(head) => return Ok(head),
            Err(error) if attempt == START_ATTEMPTS => {
                return Err(error).context("the log's head cannot be read");
            }
            Err(error) => {
                warn!(%error, "the log's head cannot be read, trying again");
                attempt += 1;
                sleep(START_PAUSE).await;
            }
        }
    }
}

/// Rereads the keys whenever asked; wrong ones change nothing.
async fn reload_keys(cluster: Cluster, reload: Arc<Notify>, driver: DriverHandle, peers: PeerKeys) {
    loop {
        reload.notified().await;
        match bus::keys(&cluster) {
            Ok(keys) => match driver.set_keys(keys.clone()).await {
                Ok(()) => {
                    files::set_keys(&peers, &cluster, &keys);
                    info!("the cluster keys were read again");
                }
                Err(refused) => error!(error = %refused, "the cluster keys were not taken"),
            },
            Err(invalid) => error!(
                error = format!("{invalid:#}"),
                "the cluster keys stay as they are"
            ),
        }
    }
}

/// Which run this is, and where it begins.
#[derive(Clone, Copy)]
struct Identity {
    incarnation: Incarnation,
    start: LogHead,
}

/// The way to the peers.
struct Bus {
    keys: KeyRing,
    carrier: Option<Carrier>,
    /// For whatever else Redis is used for.
    servers: Option<Servers>,
}

impl Bus {
    fn driver(self, config: &Config, stores: &Stores, identity: Identity) -> DriverConfig {
        let Bus { keys, carrier, .. } = self;
        let Identity { incarnation, start } = identity;
        let name = &config.node.name;
        DriverConfig {
            core: bus::core_config(&config.cluster, keys, incarnation, name, carrier.as_ref()),
            bus: carrier,
            faults: Faults::from_environment(),
            log: Arc::clone(&stores.log),
            nodes: Arc::clone(&stores.nodes),
            start,
        }
    }
}

fn sink(
    config: &Config,
    start: LogHead,
    feed: Feed,
    services: &Services,
    handles: &Handles,
) -> NodeSink {
    let settings = ReplicaSettings {
        history: config.chat.history,
        ..ReplicaSettings::default()
    };
    let dispatch = HubDispatch::new(feed, services.sessions.clone(), handles.dispatched.clone());
    let replica = Replica::new(start.head, settings, handles.position.clone(), dispatch);
    let desk = SignalDesk::new(handles.hub.clone(), services);
    let registry = handles.hub.registry().clone();
    NodeSink::new(
        replica,
        handles.position.clone(),
        handles.presence.clone(),
        registry,
        desk,
        system_now,
    )
}

/// A running node.
struct Node {
    redis: redis::Running,
    hub: Hub,
    reads: Reads,
    committer: Committer,
    driver: DriverHandle,
    /// True: no new clients.
    leaving: watch::Sender<bool>,
    /// True: no new requests either.
    stop_http: watch::Sender<bool>,
    stop_driver: oneshot::Sender<()>,
    http: JoinHandle<()>,
    driving: JoinHandle<()>,
    stop_writing: oneshot::Sender<()>,
    writing: JoinHandle<()>,
    background: Vec<JoinHandle<()>>,
}

impl Node {
    fn start(
        config: &Config,
        stores: &Stores,
        identity: Identity,
        bus: Bus,
        listeners: Vec<TcpListener>,
        files: Files,
    ) -> anyhow::Result<Node> {
        let Identity { incarnation, start } = identity;
        let position = Position::new(start.epoch, start.head);
        let (hub, feed) = Hub::start(hub_settings(config));
        let (live, commands) = Live::new();
        let (signals, own_signals) = Signals::new();
        let (presence, changes) = Presence::new();
        let (committed, committed_batches) = mpsc::channel(COMMITTED_BATCHES_MAX);
        let log = Arc::clone(&stores.log);
        let (committer, gatherer) = Committer::new(log, position.clone(), committed);
        let (leaving, is_leaving) = watch::channel(false);
        let (stop_http, http_stopped) = watch::channel(false);
        let (stop_driver, driver_stopped) = oneshot::channel::<()>();

        let (metrics, dispatched) = figures::metered(stores, &committer);
        let uses = redis::Uses::new(config, &bus, incarnation, &presence);
        let handles = Handles {
            counts: uses.counts(),
            committer,
            position,
            signals: signals.clone(),
            presence: presence.clone(),
            hub: hub.clone(),
            live,
            leaving: is_leaving,
            told: Tally::default(),
            metrics,
            dispatched,
            index_behind: Behind::default(),
        };
        let services = Services::new(config, stores, &handles, files.clone())?;
        let sink = sink(config, start, feed, &services, &handles);
        let inputs = Inputs {
            committed: committed_batches,
            commands,
            signals: own_signals,
        };
        let (driver, handle) = Driver::new(bus.driver(config, stores, identity), sink, inputs);
        let driving = tokio::spawn(driver.run(told_to_stop(driver_stopped)));

        let (redis, health) = uses.start(services.senders());
        let routes = services.routes(config, &handles, incarnation, handle.clone(), health);
        let serving = server::serve(listeners, routes, server_settings(config), http_stopped);
        let mut background = background(
            Services::news(stores, &hub),
            changes,
            &hub,
            presence,
            signals,
            Duration::from_millis(config.presence.offline_after_ms),
            gatherer,
        );
        background.extend(keepers(config, stores, incarnation, &handles, files));
        let (stop_writing, writing) = keep_writing(&services);
        info!(node = config.node.name, run = %incarnation, head = start.head.0, "the node is up");
        Ok(Node {
            redis,
            hub,
            reads: services.reads.clone(),
            committer: handles.committer,
            driver: handle,
            leaving,
            stop_http,
            stop_driver,
            http: tokio::spawn(serving),
            driving,
            stop_writing,
            writing,
            background,
        })
    }

    /// Lets clients go, finishes what was begun, says goodbye to the peers.
    async fn leave(self, grace: Duration) {
        info!("leaving");
        // A receiver that is gone needs no word.
        let _ = self.leaving.send(true);
        // Old pages come back on another node at once, and know no place of their own.
        let places = async {
            self.hub.end_telling(None).await;
            self.reads.tell_all().await
        };
        if !matches!(timeout(PLACES_WITHIN, places).await, Ok(Ok(()))) {
            warn!("the places of old pages were not written; they may be told something twice");
        }
        self.hub.drain(grace).await;
        let emptied = async {
            while self.hub.registry().connections() > 0 {
                sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(LINGER * 2, emptied).await.is_err() {
            warn!(
                connections = self.hub.registry().connections(),
                "some clients did not close"
            );
        }
        // Until here `/readyz` could tell that the node is leaving; from here on it takes no connection.
        let _ = self.stop_http.send(true);
        if timeout(LINGER * 2, self.http).await.is_err() {
            warn!("requests were still under way");
        }
        if timeout(LINGER * 2, self.committer.settled()).await.is_err() {
            warn!(
                "the store did not take all that was put in line; the senders were not told it did"
            );
        }
        let _ = self.stop_writing.send(());
        if timeout(LINGER * 2, self.writing).await.is_err() {
            warn!("the last read positions were not written");
        }
        self.redis.leave().await;
        let _ = self.stop_driver.send(());
        if timeout(LINGER * 2, self.driving).await.is_err() {
            warn!("the bus did not end in time");
        }
        for task in self.background {
            task.abort();
        }
        info!("gone");
    }
}

fn background(
    news: crate::service::news::NewsDesk,
    changes: mpsc::Receiver<presence::News>,
    hub: &Hub,
    presence: Presence,
    signals: Signals,
    grace: Duration,
    gatherer: Gatherer,
) -> Vec<JoinHandle<()>> {
    let watching = online::run(hub.registry().clone(), presence, signals, grace, system_now);
    vec![
        tokio::spawn(news.run(changes)),
        tokio::spawn(watching),
        tokio::spawn(gatherer.run()),
    ]
}

/// Resolves with the word to stop; also when whoever would say it is gone.
async fn told_to_stop(word: oneshot::Receiver<()>) {
    let _ = word.await;
}

fn server_settings(config: &Config) -> ServerSettings {
    let http = &config.http;
    ServerSettings {
        connections_max: usize::try_from(http.connections_max).unwrap_or(usize::MAX),
        header_timeout: Duration::from_millis(http.header_timeout_ms),
        keepalive: Duration::from_millis(http.keepalive_ms),
        grace: LINGER,
        proxies: Proxies::new(http.proxies.clone()),
    }
}

fn hub_settings(config: &Config) -> HubSettings {
    let limits = &config.limits;
    HubSettings {
        shards: std::thread::available_parallelism().map_or(1, usize::from),
        connections_per_user: usize::try_from(limits.connections_per_user).unwrap_or(usize::MAX),
        queue_frames: limits.queue_frames,
        queue_bytes: limits.queue_bytes,
        ping: Duration::from_millis(limits.ping_ms),
        dead: Duration::from_millis(limits.dead_ms),
        slow: Duration::from_millis(limits.slow_ms),
    }
}
