//! The bus over Redis: the same sealed datagrams, published on channels, for nodes that share no network segment.
//!
//! Responsible for two connections (what one publishes, the other hears), for queues with a bound between them and the
//! driver, and for telling how that goes. Deliberately without knowing what is inside a datagram and without repeating
//! one: datagrams are hints, so whatever does not get through at once is dropped and counted. The driver never waits.
//!
//! Everybody listens on `<cluster.name>:bus` and on a channel of his own, `<cluster.name>:bus:<id>`, where answers
//! arrive. The rest of the cluster knows nodes by socket addresses; here an address is an id in the clothes of an IPv6
//! address, of which UDP has none on our bus. In front of each datagram stand the 16 bytes of the sender's id: what the
//! source address is to UDP, and believed no more than that.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use redis::Value;
use redis::aio::{PubSubSink, PubSubStream};
use tokio::sync::{Notify, mpsc, watch};
use tokio::time::{sleep, timeout};

use super::core::DATAGRAM_BYTES_DEFAULT;
use super::socket::BusTarget;
use crate::model::ids::Incarnation;
use crate::redis::{Health, Link, Servers, Spread};

/// Datagrams that wait to be published: 40 % of what the sending budget lets out in a second. More are dropped.
const OUTGOING_MAX: usize = 4_096;
/// Datagrams heard that wait for the driver, as many as the receive buffer of a UDP socket holds. More are dropped.
const INBOX_MAX: usize = 4_096;
/// Datagrams published in one go.
const PUBLISHED_AT_ONCE: usize = 256;
/// After this long what was published is old news anyway; peers have read the store.
const PUBLISH_WITHIN: Duration = Duration::from_millis(500);
/// A subscription takes this long at most, connecting included.
const SUBSCRIBE_WITHIN: Duration = Duration::from_secs(1);
/// The hearing connection is tried this often, and has to answer within this time.
const PING_EVERY: Duration = Duration::from_secs(1);
const PING_WITHIN: Duration = Duration::from_millis(500);
/// Pause before the first and before every later attempt to subscribe: doubled in between.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(2);
/// In front of each datagram.
const ID_BYTES: usize = 16;
/// Addresses need a port other than 0; this one tells people where to look.
const PORT: u16 = 6_379;
/// Everybody's address: "all nodes" of IPv6, which no id is.
const EVERYBODY: SocketAddr =
    SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1)), PORT);

/// The bus of one node.
pub struct RedisBus {
    address: SocketAddr,
    targets: [BusTarget; 1],
    outgoing: mpsc::Sender<Outgoing>,
    shared: Arc<Shared>,
    sending: Health,
    hearing: Health,
    /// Ends the hearing task.
    _alive: watch::Receiver<()>,
}

struct Outgoing {
    to: SocketAddr,
    datagram: Bytes,
}

#[derive(Default)]
struct Shared {
    inbox: Mutex<VecDeque<(SocketAddr, Bytes)>>,
    heard: Notify,
    /// Heard, and dropped because the driver was too slow.
    overflowed: AtomicU64,
    /// Taken for publishing, and not published.
    lost: AtomicU64,
    /// Not published yet.
    waiting: AtomicUsize,
}

impl RedisBus {
    /// Joins the bus: begins to connect and returns at once. Called within a tokio runtime.
    #[must_use]
    pub fn open(servers: Servers, cluster_name: &str, own: Incarnation) -> RedisBus {
        let address = address_of(own);
        let shared = Arc::new(Shared::default());
        let link = Link::open(servers.clone(), Spread::AnyServer, "sending on the bus");
        let sending = link.health().clone();
        let hearing = Health::new("hearing the bus");
        let (outgoing, to_publish) = mpsc::channel(OUTGOING_MAX);
        let publisher = Publisher {
            link,
            cluster_name: cluster_name.to_owned(),
            own: address,
            shared: Arc::clone(&shared),
        };
        tokio::spawn(publisher.run(to_publish));
        let listener = Listener {
            servers,
            channels: [EVERYBODY, address].map(|to| channel(cluster_name, to)),
            shared: Arc::clone(&shared),
            health: hearing.clone(),
        };
        let (life, alive) = watch::channel(());
        tokio::spawn(async move {
            tokio::select! {
                () = life.closed() => {}
                () = listener.run() => {}
            }
        });
        RedisBus {
            address,
            targets: [BusTarget {
                address: EVERYBODY,
                broadcast: true,
            }],
            outgoing,
            shared,
            sending,
            hearing,
            _alive: alive,
        }
    }

    /// This node's address among its peers.
    #[must_use]
    pub fn advertised(&self) -> SocketAddr {
        self.address
    }

    /// How sending and hearing go.
    #[must_use]
    pub fn health(&self) -> [Health; 2] {
        [self.sending.clone(), self.hearing.clone()]
    }

    pub(super) fn targets(&self) -> &[BusTarget] {
        &self.targets
    }

    /// Bytes that wait for the driver at most.
    pub(super) fn inbox_bytes(&self) -> usize {
        INBOX_MAX * DATAGRAM_BYTES_DEFAULT
    }

    /// Datagrams that were heard and dropped because the driver was too slow.
    pub(super) fn overflowed(&self) -> u64 {
        self.shared.overflowed.load(Ordering::Relaxed)
    }

    /// Datagrams that Redis did not take.
    pub(super) fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Until something was heard.
    pub(super) async fn readable(&self) {
        while self.shared.inbox().is_empty() {
            self.shared.heard.notified().await;
        }
    }

    /// Takes one datagram, cut to the buffer, or says that there is none.
    pub(super) fn try_receive(&self, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
        let (from, datagram) = self
            .shared
            .inbox()
            .pop_front()
            .ok_or(io::ErrorKind::WouldBlock)?;
        let length = datagram.len().min(buffer.len());
        buffer[..length].copy_from_slice(&datagram[..length]);
        Ok((length, from))
    }

    /// Puts one datagram in line, or says that the line is full.
    pub(super) fn try_send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        if to.is_ipv4() {
            let why = "a node on the UDP bus cannot be reached over Redis: all nodes need the same cluster.transport";
            return Err(io::Error::new(io::ErrorKind::Unsupported, why));
        }
        let datagram = Bytes::copy_from_slice(datagram);
        self.shared.waiting.fetch_add(1, Ordering::Relaxed);
        self.outgoing
            .try_send(Outgoing { to, datagram })
            .map_err(|_| {
                self.shared.waiting.fetch_sub(1, Ordering::Relaxed);
                io::ErrorKind::WouldBlock.into()
            })
    }

    /// Whether everything put in line was published, or dropped.
    pub(super) fn is_flushed(&self) -> bool {
        self.shared.waiting.load(Ordering::Relaxed) == 0
    }
}

impl fmt::Debug for RedisBus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisBus")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Shared {
    fn inbox(&self) -> std::sync::MutexGuard<'_, VecDeque<(SocketAddr, Bytes)>> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_in(&self, from: SocketAddr, datagram: Bytes) {
        let mut inbox = self.inbox();
        if inbox.len() < INBOX_MAX {
            inbox.push_back((from, datagram));
            drop(inbox);
            self.heard.notify_one();
        } else {
            self.overflowed.fetch_add(1, Ordering::Relaxed);
        }
    }
}

struct Publisher {
    link: Link,
    cluster_name: String,
    own: SocketAddr,
    shared: Arc<Shared>,
}

impl Publisher {
    /// Works until the bus is dropped. While Redis is away everything is dropped at once, so that it finds no old news
    /// in line when it is back.
    async fn run(self, mut outgoing: mpsc::Receiver<Outgoing>) {
        let mut batch = Vec::new();
        let id = id_of(self.own);
        while outgoing.recv_many(&mut batch, PUBLISHED_AT_ONCE).await > 0 {
            let mut pipeline = redis::pipe();
            for Outgoing { to, datagram } in &batch {
                let mut message = Vec::with_capacity(ID_BYTES + datagram.len());
                message.extend_from_slice(&id);
                message.extend_from_slice(datagram);
                pipeline
                    .cmd("PUBLISH")
                    .arg(channel(&self.cluster_name, *to))
                    .arg(message);
            }
            let published: Result<Vec<u64>, _> = self.link.ask_all(&pipeline, PUBLISH_WITHIN).await;
            if published.is_err() {
                let lost = batch.len() as u64;
                self.shared.lost.fetch_add(lost, Ordering::Relaxed);
            }
            self.shared
                .waiting
                .fetch_sub(batch.len(), Ordering::Relaxed);
            batch.clear();
        }
    }
}

struct Listener {
    servers: Servers,
    channels: [String; 2],
    shared: Arc<Shared>,
    health: Health,
}

impl Listener {
    /// Works until it is dropped.
    async fn run(self) {
        let mut pause = PAUSE_MIN;
        for attempt in 0_usize.. {
            let why = match timeout(SUBSCRIBE_WITHIN, self.subscribe(attempt)).await {
                Ok(Ok((sink, stream))) => {
                    pause = PAUSE_MIN;
                    self.health.reached();
                    self.hear(sink, stream).await
                }
                Ok(Err(error)) => error.to_string(),
                Err(_) => format!("no subscription within {} s", SUBSCRIBE_WITHIN.as_secs()),
            };
            self.health.away(&why);
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE_MAX);
        }
    }

    async fn subscribe(&self, attempt: usize) -> redis::RedisResult<(PubSubSink, PubSubStream)> {
        let mut both = self.servers.one(attempt).get_async_pubsub().await?;
        both.subscribe(&self.channels[..]).await?;
        Ok(both.split())
    }

    /// Hears until the connection is lost; returns why.
    async fn hear(&self, mut sink: PubSubSink, mut stream: PubSubStream) -> String {
        // Between the two is a queue without a bound, but nothing here waits before it takes the next out.
        let hearing = async {
            while let Some(message) = stream.next().await {
                if let Some((from, datagram)) = opened(message.get_payload_bytes()) {
                    self.shared.take_in(from, datagram);
                }
            }
            "the connection was closed".to_owned()
        };
        let asking = async {
            loop {
                sleep(PING_EVERY).await;
                match timeout(PING_WITHIN, sink.ping::<Value>()).await {
                    Ok(Ok(_)) => {}
                    Ok(Err(error)) => return error.to_string(),
                    Err(_) => return format!("no answer within {} ms", PING_WITHIN.as_millis()),
                }
            }
        };
        tokio::select! {
            why = hearing => why,
            why = asking => why,
        }
    }
}

/// The sender's address and the datagram; none when a stranger published something else.
fn opened(message: &[u8]) -> Option<(SocketAddr, Bytes)> {
    let (id, datagram) = message.split_first_chunk::<ID_BYTES>()?;
    // A longer one is none of ours; cut like this the core refuses it for its length.
    let kept = &datagram[..datagram.len().min(2 * DATAGRAM_BYTES_DEFAULT)];
    Some((address_of(Incarnation(*id)), Bytes::copy_from_slice(kept)))
}

fn address_of(id: Incarnation) -> SocketAddr {
    SocketAddr::new(Ipv6Addr::from(id.0).into(), PORT)
}

fn id_of(address: SocketAddr) -> [u8; ID_BYTES] {
    match address.ip() {
        IpAddr::V6(ip) => ip.octets(),
        IpAddr::V4(ip) => ip.to_ipv6_mapped().octets(),
    }
}

fn channel(cluster_name: &str, to: SocketAddr) -> String {
    if to == EVERYBODY {
        format!("{cluster_name}:bus")
    } else {
        let id = Incarnation(id_of(to));
        format!("{cluster_name}:bus:{id}")
    }
}

#[cfg(test)]
mod tests;
