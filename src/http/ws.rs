//! `/ws`: the handshake, and what a client's task is given.
//!
//! Warp routes; the upgraded stream is taken from hyper and served by our own reading task and the hub's
//! shards, because a socket per connection with warp's own filter costs 136 KiB of buffers. The handshake is
//! RFC 6455, section 4.2.

mod arrival;
mod codec;
#[cfg(test)]
mod fuzz;
mod requests;
mod session;
mod socket;
mod voice;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tracing::debug;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{
    CONNECTION, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use warp::http::{HeaderMap, StatusCode};
use warp::reply::Response;

use super::auth::{Gate, OriginVerdict};
use super::metrics::Metrics;
use super::reply;
use super::server::Place;
use super::v1::shapes::OwnUser;
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{ConnId, Incarnation};
use crate::model::user::User;
use crate::service::connections::{CloseCode, Connections, Start};
use crate::service::conversations::Conversations;
use crate::service::entries::Entries;
use crate::service::messages::Messages;
use crate::service::sessions::Sessions;
use crate::service::typing::Typing;
use arrival::Admission;

pub use arrival::{Arrival, Beginning};
pub use requests::{Invalid, Request};
pub use voice::{About, Ack, Heard, Message, Voice};

/// Appended to the client's key before hashing (RFC 6455, section 1.3).
const HANDSHAKE_GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// What clients are told about the node and its limits.
#[derive(Clone, Debug)]
pub struct Greeting {
    pub node: Incarnation,
    pub node_name: String,
    pub ping_ms: u64,
    pub text_bytes: usize,
    pub sends_per_second: u32,
    pub sends_burst: u32,
    pub file_bytes: u64,
    pub recall_seconds: u64,
}

/// What a connection uses.
pub struct Parts {
    pub connections: Connections,
    pub messages: Messages,
    pub entries: Entries,
    pub conversations: Conversations,
    pub sessions: Sessions,
    pub typing: Typing,
    pub gate: Gate,
    pub metrics: Metrics,
    pub greeting: Greeting,
    pub frame_bytes_max: usize,
    pub auth_timeout: Duration,
    pub now: fn() -> UnixMillis,
    /// True once the node is leaving: no new client is taken in.
    pub leaving: watch::Receiver<bool>,
    /// The protocol of clients whose first frame is binary, where it is served.
    pub binary: Option<Arc<dyn BinaryProtocol>>,
}

/// A protocol whose clients begin with a binary frame.
#[async_trait]
pub trait BinaryProtocol: Send + Sync {
    /// Understands the first frame; refuses with a last frame and a close code.
    async fn begin(
        &self,
        parts: &Parts,
        first: &[u8],
        language: Language,
    ) -> Result<Arrival, (Bytes, CloseCode)>;
}

impl Parts {
    fn hello(&self, own: &User, conn: ConnId, start: Start) -> Value {
        let head = match start {
            Start::From {
                after,
                announce: false,
            } => after,
            Start::From { .. } => self.connections.position().applied(),
            Start::Reset { head } => head,
        };
        let Greeting {
            node,
            node_name,
            ping_ms,
            text_bytes,
            sends_per_second,
            sends_burst,
            file_bytes,
            recall_seconds,
        } = &self.greeting;
        json!({
            "type": "hello",
            "user": OwnUser::from(own),
            "node": {"id": node.to_string(), "name": node_name},
            "conn": conn.0,
            "head": head,
            "epoch": self.connections.position().epoch(),
            "server_time": (self.now)(),
            "ping_ms": ping_ms,
            "limits": {
                "frame_bytes": self.frame_bytes_max,
                "text_bytes": text_bytes,
                "sends_per_second": sends_per_second,
                "sends_burst": sends_burst,
                "file_bytes": file_bytes,
                "recall_seconds": recall_seconds,
            },
        })
    }
}

/// The route.
#[must_use]
pub fn route(parts: Arc<Parts>) -> BoxedFilter<(Response,)> {
    warp::path!("ws")
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .and(warp::ext::get::<Place>())
        .and(warp::ext::optional::<OnUpgrade>())
        .then(
            move |headers: HeaderMap, place: Place, upgrade: Option<OnUpgrade>| {
                let parts = Arc::clone(&parts);
                async move { handshake(parts, &headers, place, upgrade).await }
            },
        )
        .boxed()
}

async fn handshake(
    parts: Arc<Parts>,
    headers: &HeaderMap,
    place: Place,
    upgrade: Option<OnUpgrade>,
) -> Response {
    let language = reply::language(headers);
    let handshake = match Handshake::new(&parts, headers, place, upgrade) {
        Ok(handshake) => handshake,
        Err(failure) => return reply::failure(&failure, language),
    };
    // A token that is not good is judged by the first frame: the client hears why on the socket.
    let identity = match parts
        .gate
        .token(headers, handshake.origin == OriginVerdict::Own)
    {
        Some(token) => parts.sessions.authenticate(&token).await.ok(),
        None => None,
    };
    let admission = Admission { identity, language };
    handshake.accept(|stream, leftover| arrival::serve(parts, stream, leftover, admission))
}

/// A request to become a WebSocket that nothing speaks against but perhaps who makes it.
pub struct Handshake {
    key: String,
    upgrade: OnUpgrade,
    place: Place,
    origin: OriginVerdict,
}

impl Handshake {
    /// Judges a request. `bad_request`, `unavailable` where the node is leaving, `forbidden` from a foreign page.
    pub fn new(
        parts: &Parts,
        headers: &HeaderMap,
        place: Place,
        upgrade: Option<OnUpgrade>,
    ) -> Result<Handshake, Failure> {
        let (Some(key), Some(upgrade)) = (handshake_key(headers), upgrade) else {
            return Err(Failure::new(Code::BadRequest));
        };
        if *parts.leaving.borrow() {
            return Err(Failure::retry(Code::Unavailable, 1_000));
        }
        let origin = parts.gate.origin(headers);
        if origin == OriginVerdict::Foreign {
            return Err(Failure::new(Code::Forbidden));
        }
        Ok(Handshake {
            key,
            upgrade,
            place,
            origin,
        })
    }

    /// Whether a cookie may speak for who makes it.
    #[must_use]
    pub fn is_from_own_page(&self) -> bool {
        self.origin == OriginVerdict::Own
    }

    /// Answers, and serves a client that said everything in its request.
    #[must_use]
    pub fn accept_arrived(self, parts: Arc<Parts>, arrival: Arrival) -> Response {
        self.accept(|stream, leftover| arrival::serve_arrived(parts, stream, leftover, arrival))
    }

    fn accept<F: Future<Output = ()> + Send + 'static>(
        self,
        serve: impl FnOnce(TcpStream, Bytes) -> F + Send + 'static,
    ) -> Response {
        let Handshake {
            key,
            upgrade,
            place,
            ..
        } = self;
        tokio::spawn(async move {
            if let Some((stream, leftover)) = take_stream(upgrade).await {
                serve(stream, leftover).await;
            }
            drop(place);
        });
        accepted(&key)
    }
}

/// The client's key, when all of the handshake is as it must be.
fn handshake_key(headers: &HeaderMap) -> Option<String> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let has = |name, token: &str| {
        text(name).is_some_and(|list| {
            list.split(',')
                .any(|item| item.trim().eq_ignore_ascii_case(token))
        })
    };
    let key = text(SEC_WEBSOCKET_KEY)?.trim();
    let well_formed = BASE64.decode(key).is_ok_and(|bytes| bytes.len() == 16);
    let asked =
        has(CONNECTION, "upgrade") && has(UPGRADE, "websocket") && has(SEC_WEBSOCKET_VERSION, "13");
    (well_formed && asked).then(|| key.to_owned())
}

fn accepted(key: &str) -> Response {
    let mut hash = ring::digest::Context::new(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(HANDSHAKE_GUID);
    let mut response = Response::default();
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(CONNECTION, warp::http::HeaderValue::from_static("Upgrade"));
    headers.insert(UPGRADE, warp::http::HeaderValue::from_static("websocket"));
    if let Ok(accept) = BASE64.encode(hash.finish()).parse() {
        headers.insert(SEC_WEBSOCKET_ACCEPT, accept);
    }
    response
}

/// The bare socket, and what was read behind the handshake. Hyper's 8 KiB buffer is let go.
async fn take_stream(upgrade: OnUpgrade) -> Option<(TcpStream, Bytes)> {
    match upgrade
        .await
        .map(hyper::upgrade::Upgraded::downcast::<TokioIo<TcpStream>>)
    {
        Ok(Ok(parts)) => {
            let leftover = Bytes::copy_from_slice(&parts.read_buf);
            Some((parts.io.into_inner(), leftover))
        }
        Ok(Err(_)) => None,
        Err(error) => {
            debug!(%error, "a client left during the handshake");
            None
        }
    }
}
