//! One connection to Redis that is kept, looked after and never waited for.
//!
//! Responsible for connecting within bounds, for finding out that Redis stopped answering, for coming back by itself.
//! A caller gets an answer within the deadline it names, and [`Away`] at once while Redis is known not to answer: only
//! the keeper, a task of its own, waits for a reconnect. Deliberately without queues: what a call cannot deliver is the
//! caller's to drop.

use std::collections::BTreeSet;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::try_join_all;
use redis::aio::{ConnectionLike, ConnectionManager, ConnectionManagerConfig};
use redis::cluster_async::ClusterConnection;
use redis::cluster_routing::{RoutingInfo, SingleNodeRoutingInfo};
use redis::{Cmd, FromRedisValue, Pipeline, RedisFuture, Value};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep, timeout};

use super::health::Health;
use super::servers::Servers;

/// A server that does not take a connection by then is tried again later.
pub(super) const CONNECT_WITHIN: Duration = Duration::from_secs(1);
/// The driver's own bound; each call has a shorter one.
pub(super) const RESPONSE_WITHIN: Duration = Duration::from_secs(2);
/// The connection is tried this often, so that a server that went away is noticed while nobody calls.
const PING_EVERY: Duration = Duration::from_secs(1);
/// A healthy server answers in well below a millisecond; a machine that is busy is given this much.
const PING_WITHIN: Duration = Duration::from_millis(500);
/// An answer that took no longer is none to complain about; below every deadline a caller names.
const IN_TIME: Duration = Duration::from_millis(40);
/// Pause before the first and before every later attempt to connect: doubled in between.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);

/// Which server a link leads to when there are several.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spread {
    /// Each command to the server that holds its key.
    ByKey,
    /// All to one of them, whichever can be reached: for what all servers of a cluster share.
    AnyServer,
}

/// Redis did not do what it was asked for. Whether it was done all the same is known only for `NotConnected`: it was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Away {
    #[error("Redis is not reached")]
    NotConnected,
    #[error("Redis did not answer in time")]
    Late,
    #[error("Redis answers with an error: {0}")]
    Failed(String),
}

/// One of the servers that hold keys.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard(Option<(String, u16)>);

/// The way to Redis for one use. Cheap to clone; the connection is closed with the last clone.
#[derive(Clone)]
pub struct Link {
    shared: Arc<Shared>,
    /// Tells the keeper that a clone lives.
    _alive: Arc<watch::Receiver<()>>,
}

struct Shared {
    /// Open while Redis answers.
    gate: watch::Sender<Option<Connection>>,
    /// Somebody's call was late or failed: look now.
    suspect: Notify,
    health: Health,
}

/// An open connection. Calls on it wait; a [`Link`]'s do not.
#[derive(Clone)]
pub enum Connection {
    /// To one server.
    Single(ConnectionManager),
    /// To all servers of a cluster.
    Cluster(ClusterConnection),
}

impl Link {
    /// Begins to connect and returns at once. Called within a tokio runtime.
    #[must_use]
    pub fn open(servers: Servers, spread: Spread, purpose: &'static str) -> Link {
        let shared = Arc::new(Shared {
            gate: watch::Sender::new(None),
            suspect: Notify::new(),
            health: Health::new(purpose),
        });
        let (life, alive) = watch::channel(());
        let keeper = keep(Arc::clone(&shared), servers, spread);
        tokio::spawn(async move {
            tokio::select! {
                () = life.closed() => {}
                () = keeper => {}
            }
        });
        Link {
            shared,
            _alive: Arc::new(alive),
        }
    }

    /// How it goes.
    #[must_use]
    pub fn health(&self) -> &Health {
        &self.shared.health
    }

    /// The connection, while Redis answers.
    #[must_use]
    pub fn connection(&self) -> Option<Connection> {
        self.shared.gate.borrow().clone()
    }

    /// Resolves when Redis answers (again).
    pub async fn reached(&self) {
        let mut gate = self.shared.gate.subscribe();
        // The sender lives as long as this link.
        let _ = gate.wait_for(Option::is_some).await;
    }

    /// Asks one thing.
    ///
    /// # Errors
    /// No answer within `deadline`, or none that can be understood.
    pub async fn ask<T: FromRedisValue>(&self, cmd: &Cmd, deadline: Duration) -> Result<T, Away> {
        let mut connection = self.connection().ok_or(Away::NotConnected)?;
        self.judged(deadline, cmd.query_async(&mut connection))
            .await
    }

    /// Asks many things in one go; the answers in their order. For one server, or keys that live on one.
    ///
    /// # Errors
    /// As [`Link::ask`]; then any part of it may have been done.
    pub async fn ask_all<T: FromRedisValue>(
        &self,
        pipeline: &Pipeline,
        deadline: Duration,
    ) -> Result<T, Away> {
        let mut connection = self.connection().ok_or(Away::NotConnected)?;
        self.judged(deadline, pipeline.query_async(&mut connection))
            .await
    }

    /// Asks many things whose keys may live on different servers; the answers in their order. An error among them
    /// is one of the whole.
    ///
    /// # Errors
    /// As [`Link::ask`]; then any part of it may have been done.
    pub async fn ask_each(&self, cmds: Vec<Cmd>, deadline: Duration) -> Result<Vec<Value>, Away> {
        let connection = self.connection().ok_or(Away::NotConnected)?;
        if cmds.is_empty() {
            // Nothing to ask, so nothing that is refused.
            self.shared.health.obeyed();
            return Ok(Vec::new());
        }
        match connection {
            Connection::Single(_) => {
                let mut pipeline = redis::pipe();
                for cmd in cmds {
                    pipeline.add_command(cmd);
                }
                self.ask_all(&pipeline, deadline).await
            }
            Connection::Cluster(cluster) => {
                let answers = cmds.into_iter().map(|cmd| {
                    let mut connection = cluster.clone();
                    async move { cmd.query_async(&mut connection).await }
                });
                self.judged(deadline, try_join_all(answers)).await
            }
        }
    }

    /// The servers that hold keys, for what has to be asked of each.
    ///
    /// # Errors
    /// As [`Link::ask`].
    pub async fn shards(&self, deadline: Duration) -> Result<Vec<Shard>, Away> {
        match self.connection().ok_or(Away::NotConnected)? {
            Connection::Single(_) => Ok(vec![Shard(None)]),
            Connection::Cluster(_) => {
                let slots = redis::cmd("CLUSTER").arg("SLOTS").take();
                let ranges: Vec<Vec<Value>> = self.ask(&slots, deadline).await?;
                let primaries: BTreeSet<Shard> = ranges.into_iter().filter_map(primary).collect();
                Ok(primaries.into_iter().collect())
            }
        }
    }

    /// Asks one server, whatever keys it holds.
    ///
    /// # Errors
    /// As [`Link::ask`].
    pub async fn ask_shard<T: FromRedisValue>(
        &self,
        shard: &Shard,
        cmd: &Cmd,
        deadline: Duration,
    ) -> Result<T, Away> {
        let connection = self.connection().ok_or(Away::NotConnected)?;
        match (connection, shard) {
            (Connection::Cluster(mut cluster), Shard(Some((host, port)))) => {
                let to = SingleNodeRoutingInfo::ByAddress {
                    host: host.clone(),
                    port: *port,
                };
                let asked = async {
                    let routing = RoutingInfo::SingleNode(to);
                    let answer = cluster.route_command(cmd.clone(), routing).await?;
                    Ok(redis::from_redis_value(answer)?)
                };
                self.judged(deadline, asked).await
            }
            (Connection::Cluster(_) | Connection::Single(_), _) => self.ask(cmd, deadline).await,
        }
    }

    /// Waits for an answer, and closes the gate when Redis seems to be gone: the next calls need not find out.
    async fn judged<T>(
        &self,
        deadline: Duration,
        answer: impl Future<Output = redis::RedisResult<T>>,
    ) -> Result<T, Away> {
        match timeout(deadline, answer).await {
            Ok(Ok(answer)) => {
                self.shared.health.obeyed();
                Ok(answer)
            }
            Ok(Err(error)) => {
                if error.is_io_error() || error.is_timeout() || error.is_connection_dropped() {
                    self.shared.doubt();
                } else {
                    self.shared.health.refused(&error.to_string());
                }
                Err(Away::Failed(error.to_string()))
            }
            Err(_) => {
                self.shared.health.late();
                self.shared.doubt();
                Err(Away::Late)
            }
        }
    }
}

/// Of a range of slots, told as its first, its last, its primary, its replicas.
fn primary(range: Vec<Value>) -> Option<Shard> {
    let server: Vec<Value> = redis::from_redis_value(range.into_iter().nth(2)?).ok()?;
    let mut parts = server.into_iter();
    let host = redis::from_redis_value(parts.next()?).ok()?;
    let port = redis::from_redis_value(parts.next()?).ok()?;
    Some(Shard(Some((host, port))))
}

impl Shared {
    fn doubt(&self) {
        self.gate.send_replace(None);
        self.suspect.notify_one();
    }
}

async fn keep(shared: Arc<Shared>, servers: Servers, spread: Spread) {
    let mut pause = PAUSE_MIN;
    for attempt in 0_usize.. {
        let connected = timeout(CONNECT_WITHIN, connect(&servers, spread, attempt)).await;
        let why = match connected {
            Ok(Ok(connection)) => match watch_over(&shared, connection, &mut pause).await {
                Ok(never) => match never {},
                Err(why) => why,
            },
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("no connection within {} s", CONNECT_WITHIN.as_secs()),
        };
        shared.gate.send_replace(None);
        shared.health.away(&why);
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn connect(
    servers: &Servers,
    spread: Spread,
    attempt: usize,
) -> redis::RedisResult<Connection> {
    if let (Some(cluster), Spread::ByKey) = (servers.cluster(), spread) {
        return Ok(Connection::Cluster(cluster.get_async_connection().await?));
    }
    let config = ConnectionManagerConfig::new()
        .set_connection_timeout(Some(CONNECT_WITHIN))
        .set_response_timeout(Some(RESPONSE_WITHIN))
        .set_number_of_retries(1)
        .set_max_delay(PAUSE_MAX);
    let client = servers.one(attempt).clone();
    let manager = ConnectionManager::new_with_config(client, config).await?;
    Ok(Connection::Single(manager))
}

/// Keeps the gate open while Redis answers; returns why it does not any more.
async fn watch_over(
    shared: &Shared,
    mut connection: Connection,
    pause: &mut Duration,
) -> Result<std::convert::Infallible, String> {
    loop {
        let ping = redis::cmd("PING");
        let asked = Instant::now();
        match timeout(PING_WITHIN, ping.query_async::<Value>(&mut connection)).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => return Err(error.to_string()),
            Err(_) => return Err(format!("no answer within {} ms", PING_WITHIN.as_millis())),
        }
        *pause = PAUSE_MIN;
        shared.health.reached();
        if asked.elapsed() <= IN_TIME {
            shared.health.in_time();
        }
        if shared.gate.borrow().is_none() {
            shared.gate.send_replace(Some(connection.clone()));
        }
        let suspected = pin!(shared.suspect.notified());
        // Whichever comes first.
        let _ = timeout(PING_EVERY, suspected).await;
    }
}

impl ConnectionLike for Connection {
    fn req_packed_command<'a>(&'a mut self, cmd: &'a Cmd) -> RedisFuture<'a, Value> {
        match self {
            Connection::Single(manager) => manager.req_packed_command(cmd),
            Connection::Cluster(cluster) => cluster.req_packed_command(cmd),
        }
    }

    fn req_packed_commands<'a>(
        &'a mut self,
        pipeline: &'a Pipeline,
        offset: usize,
        count: usize,
    ) -> RedisFuture<'a, Vec<Value>> {
        match self {
            Connection::Single(manager) => {
                manager.req_packed_commands(pipeline, offset, count).boxed()
            }
            Connection::Cluster(cluster) => {
                cluster.req_packed_commands(pipeline, offset, count).boxed()
            }
        }
    }

    fn get_db(&self) -> i64 {
        match self {
            Connection::Single(manager) => manager.get_db(),
            Connection::Cluster(cluster) => cluster.get_db(),
        }
    }
}
