//! The local connections: who they belong to, what each is owed, and the writing.
//!
//! A few shards, one task each, own the connections and write to them; everybody else sends a shard short
//! orders. A frame is encoded once and its bytes are shared by all who get it. The hub never touches the
//! store, never decides who is entitled to what, and never waits for a client.

pub mod delivery;
pub mod feed;
pub mod frame;
pub mod link;
mod order;
mod queue;
pub mod registry;
mod shard;
pub mod speech;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use crate::model::ids::{ConnId, GroupId, Seq, SessionId, UserId};
use feed::Feed;
use frame::CloseCode;
use link::Link;
pub use order::Bye;
use order::Order;
use registry::Registry;
use shard::Shard;
use speech::{Page, Speech};

/// Orders a shard may have waiting. The replica never waits for a full shard: it leaves out entries and lets
/// the shard's connections catch up from the log instead.
const ORDERS_WAITING_MAX: usize = 8_192;

/// Bounds and clocks of connections.
#[derive(Clone, Copy, Debug)]
pub struct HubSettings {
    /// How many shards write; one per core.
    pub shards: usize,
    /// Connections of one user on this node; one more closes the oldest.
    pub connections_per_user: usize,
    /// Frames one connection may have waiting before it falls behind.
    pub queue_frames: usize,
    /// Bytes one connection may have waiting before it falls behind.
    pub queue_bytes: usize,
    /// Between two pings to a client.
    pub ping: Duration,
    /// Without any inbound frame for this long, a client is taken for dead.
    pub dead: Duration,
    /// A client that takes nothing for this long is closed as too slow.
    pub slow: Duration,
}

impl Default for HubSettings {
    fn default() -> Self {
        HubSettings {
            shards: 2,
            connections_per_user: 16,
            queue_frames: 1_024,
            queue_bytes: 1 << 20,
            ping: Duration::from_secs(25),
            dead: Duration::from_secs(75),
            slow: Duration::from_secs(30),
        }
    }
}

/// A connection that has said who it is.
pub struct Opening {
    pub stream: Arc<TcpStream>,
    pub link: Arc<Link>,
    pub user: UserId,
    pub session: SessionId,
    /// When the session ends by itself; `None`: beyond what a clock can tell.
    pub expires: Option<Instant>,
    /// Its position: what it has seen of the log.
    pub position: Seq,
    /// How its client is spoken to.
    pub speech: Arc<dyn Speech>,
}

/// The way to the local connections. Cheap to clone.
#[derive(Clone)]
pub struct Hub {
    shards: Arc<[mpsc::Sender<Order>]>,
    registry: Registry,
    next_conn: Arc<AtomicU64>,
    stats: Arc<Stats>,
    clock: Instant,
}

/// Counters over all shards.
#[derive(Debug, Default)]
pub struct Stats {
    /// Entries handed to connections, each connection counted.
    pub delivered: AtomicU64,
    /// Bytes written to clients.
    pub written_bytes: AtomicU64,
    /// Times a connection fell behind and was caught up from the log.
    pub fell_behind: AtomicU64,
    /// Connections closed because they took nothing for too long.
    pub too_slow: AtomicU64,
    /// Connections closed because nothing came from them for too long.
    pub silent: AtomicU64,
}

impl Hub {
    /// Starts the shards. The feed is for the replica alone.
    #[must_use]
    pub fn start(settings: HubSettings) -> (Hub, Feed) {
        let stats = Arc::new(Stats::default());
        let clock = Instant::now();
        let registry = Registry::new(settings.connections_per_user);
        let shards: Arc<[mpsc::Sender<Order>]> = (0..settings.shards.max(1))
            .map(|_| {
                let (orders, waiting) = mpsc::channel(ORDERS_WAITING_MAX);
                tokio::spawn(
                    Shard::new(settings, registry.clone(), Arc::clone(&stats), clock).run(waiting),
                );
                orders
            })
            .collect();
        let feed = Feed::new(&shards);
        let hub = Hub {
            shards: Arc::clone(&shards),
            registry,
            next_conn: Arc::default(),
            stats,
            clock,
        };
        (hub, feed)
    }

    /// Who is connected here.
    #[must_use]
    pub fn registry(&self) -> &Registry {
        &self.registry
    }

    /// The counters.
    #[must_use]
    pub fn stats(&self) -> &Stats {
        &self.stats
    }

    /// Milliseconds of the clock by which connections are judged silent.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        u64::try_from(self.clock.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Draws the id of a new connection.
    #[must_use]
    pub fn draw_conn(&self) -> ConnId {
        ConnId(self.next_conn.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Takes a connection in. The user's oldest one beyond his limit is closed with 4001.
    pub async fn open(&self, conn: ConnId, opening: Opening) {
        let replaced = self.registry.enter(opening.user, conn);
        self.order(conn, Order::Open { conn, opening }).await;
        if let Some(oldest) = replaced {
            let bye = Bye {
                reason: "replaced",
                reconnect_after_ms: None,
            };
            self.close(
                oldest,
                Some(bye),
                CloseCode::REPLACED,
                "replaced by a newer connection",
            )
            .await;
        }
    }

    /// Queues a frame for one connection.
    pub async fn send(&self, conn: ConnId, frame: Bytes) {
        self.order(conn, Order::Frame { conn, frame }).await;
    }

    /// Queues a page of entries for a connection that is catching up; its position is then the page's.
    pub async fn send_page(&self, conn: ConnId, page: Page) {
        self.order(conn, Order::Page { conn, page }).await;
    }

    /// Answers a client's ping behind everything queued before.
    pub async fn pong(&self, conn: ConnId, n: i64) {
        self.order(conn, Order::Pong { conn, n }).await;
    }

    /// Queues an ack for one connection behind everything that the log holds for it below `seq`.
    pub async fn ack(&self, conn: ConnId, frame: Bytes, seq: Seq) {
        self.order(conn, Order::Ack { conn, frame, seq }).await;
    }

    /// Closes a connection after what is queued for it.
    pub async fn close(
        &self,
        conn: ConnId,
        bye: Option<Bye>,
        code: CloseCode,
        reason: &'static str,
    ) {
        self.order(
            conn,
            Order::Close {
                conn,
                bye,
                code,
                reason,
            },
        )
        .await;
    }

    /// The connection's socket is gone.
    pub async fn remove(&self, conn: ConnId) {
        self.order(conn, Order::Remove { conn }).await;
    }

    /// Queues a frame for all connections of a user but one. Best effort.
    pub fn signal_user(&self, user: UserId, frame: &Bytes, except: Option<ConnId>) {
        for shard in self.shards.iter() {
            // A full shard leaves signals out.
            let _ = shard.try_send(Order::UserSignal {
                user,
                frame: frame.clone(),
                except,
            });
        }
    }

    /// Queues a frame for all live connections of a group's members but one user's. Best effort.
    pub fn signal_group(&self, group: GroupId, frame: &Bytes, except: UserId) {
        for shard in self.shards.iter() {
            let _ = shard.try_send(Order::GroupSignal {
                group,
                frame: frame.clone(),
                except,
            });
        }
    }

    /// Queues a frame for all live connections. Best effort.
    pub fn signal_all(&self, frame: &Bytes) {
        for shard in self.shards.iter() {
            let _ = shard.try_send(Order::Signal {
                frame: frame.clone(),
            });
        }
    }

    /// Tells connections whose place is kept here nothing more of the log, or only this one of them. Resolves when the
    /// place of each is final, but for those that do not take what was queued.
    pub async fn end_telling(&self, only: Option<ConnId>) {
        let order = async |shard: &mpsc::Sender<Order>| {
            let (done, ended) = oneshot::channel();
            let _ = shard.send(Order::EndTelling { only, done }).await;
            // A shard ends only with the node itself.
            let _ = ended.await;
        };
        if let Some(conn) = only {
            return order(&self.shards[shard_of(conn, self.shards.len())]).await;
        }
        for shard in self.shards.iter() {
            order(shard).await;
        }
    }

    /// Says goodbye to every connection, spread over `grace`, and closes it with 1012.
    pub async fn drain(&self, grace: Duration) {
        for shard in self.shards.iter() {
            let _ = shard.send(Order::Drain { grace }).await;
        }
    }

    async fn order(&self, conn: ConnId, order: Order) {
        let shard = &self.shards[shard_of(conn, self.shards.len())];
        // A shard ends only with the node itself.
        let _ = shard.send(order).await;
    }
}

fn shard_of(conn: ConnId, shards: usize) -> usize {
    usize::try_from(conn.0 % shards as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests;
