//! One client on a WebSocket, from its first frame to its last.
//!
//! Reads and understands frames, one after the other, and answers through the hub; never writes to the socket
//! itself. Sends are put in line at once and acknowledged as the log takes them, so that one client's sends
//! keep their order and need not wait for each other. Driven by its own task.

mod saying;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesOrdered;
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Parts;
use super::arrival::{Arrival, Beginning};
use super::codec::{Incoming, Malformed};
use super::requests::Request;
use super::socket::{LINGER, Socket};
use super::voice::{About, Heard, Message, Voice};
use crate::model::conversation::Address;
use crate::model::draft::Outcome;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{Cid, ConnId, Seq, UserId};
use crate::service::connections::{Bye, Caller, CloseCode, Link, Opening, Start, frame};

/// Sends of one connection that the log has not answered yet; with so many, reading pauses.
const PENDING_MAX: usize = 64;
/// Frames a second one connection may send for long, and in a burst, on top of the sends it is allowed. Far above
/// what any client needs; beyond it the connection is closed with 4009.
const FRAMES_PER_SECOND: f64 = 200.0;
const FRAMES_BURST: f64 = 1_000.0;

/// Who ended a connection. A client that did expects nothing more.
enum End {
    ByClient,
    ByNode,
}

/// A send on its way into the log.
type PendingSend = BoxFuture<'static, (Sent, Result<Outcome, Failure>)>;

/// What a client is told of when its send is durable.
struct Sent {
    /// None: only a failure is told.
    cid: Option<Cid>,
    tag: u64,
    to: Address,
}

/// How long a client that may ask for what it missed is given to do so before it is told what happens now.
const FETCH_GRACE: Duration = Duration::from_secs(1);
/// How long it may take from one page to the next.
const FETCH_PAUSE_MAX: Duration = Duration::from_secs(10);

pub(super) struct Client {
    parts: Arc<Parts>,
    socket: Socket,
    conn: ConnId,
    user: UserId,
    language: Language,
    link: Arc<Link>,
    voice: Box<dyn Voice>,
    /// The log is told from here on once the client has asked for what it missed, or has not in time.
    waits_to_fetch: Option<(Seq, Instant)>,
    /// In the order of the frames: clients for whom an ack is a position are told of the lower one first.
    sends: FuturesOrdered<PendingSend>,
    catching_up: Option<BoxFuture<'static, ()>>,
    allowance: f64,
    allowance_at: Instant,
}

impl Client {
    /// Takes the client in and greets it.
    pub(super) async fn open(parts: Arc<Parts>, socket: Socket, arrival: Arrival) -> Client {
        let Arrival {
            identity,
            mut voice,
            beginning,
            language,
        } = arrival;
        let conn = parts.connections.hub().draw_conn();
        let link = Arc::new(Link::default());
        link.heard(parts.connections.hub().now_ms());
        let user = identity.user.id;
        let lasts_ms = u64::try_from(identity.expires_at - (parts.now)()).unwrap_or(0);
        let opening = Opening {
            stream: Arc::clone(&socket.stream),
            link: Arc::clone(&link),
            user,
            session: identity.session,
            expires: Instant::now().checked_add(Duration::from_millis(lasts_ms)),
            position: beginning.position(),
            speech: voice.speech(),
        };
        parts.connections.open(conn, opening).await;
        voice.joined(&link);
        let start = beginning.start();
        let hello = || parts.hello(&identity.user, conn, start);
        if let Some(greeting) = voice.greeting(&hello) {
            parts.connections.hub().send(conn, greeting).await;
        }
        debug!(%user, conn = conn.0, "client connected");
        let allowance = FRAMES_BURST + f64::from(parts.greeting.sends_burst);
        let mut client = Client {
            parts,
            socket,
            conn,
            user,
            language,
            link,
            voice,
            waits_to_fetch: None,
            sends: FuturesOrdered::new(),
            catching_up: None,
            allowance,
            allowance_at: Instant::now(),
        };
        client.begin(beginning).await;
        client
    }

    async fn begin(&mut self, beginning: Beginning) {
        let start = beginning.start();
        match beginning {
            Beginning::From(_) => self.catch_up_from(start),
            Beginning::Missed { entries, upto } => {
                for page in self.voice.speech().missed(&entries, self.user, upto, false) {
                    self.parts
                        .connections
                        .hub()
                        .send_page(self.conn, page)
                        .await;
                }
                self.catch_up_from(start);
            }
            Beginning::OnRequest { position } => {
                self.waits_to_fetch = Some((position, Instant::now() + FETCH_GRACE));
            }
        }
    }

    fn catch_up_from(&mut self, start: Start) {
        let caller = Caller {
            conn: self.conn,
            user: self.user,
            link: Arc::clone(&self.link),
            speech: self.voice.speech(),
        };
        let connections = self.parts.connections.clone();
        self.catching_up = Some(Box::pin(connections.catch_up(caller, start)));
    }

    /// The client has what it missed up to here, or wants nothing of it.
    fn go_live_from(&mut self, after: Seq) {
        self.waits_to_fetch = None;
        self.catch_up_from(Start::From {
            after,
            announce: false,
        });
    }

    pub(super) async fn run(mut self) {
        match self.converse().await {
            End::ByClient => {}
            End::ByNode => {
                self.part().await;
                self.socket.linger().await;
            }
        }
        self.parts.connections.close(self.conn).await;
        debug!(user = %self.user, conn = self.conn.0, "client gone");
        // What was put in line is appended whether or not anybody is here to be told.
    }

    async fn converse(&mut self) -> End {
        loop {
            // Frames left in the decoder come before new bytes, and never while too many sends are out.
            while self.sends.len() < PENDING_MAX {
                match self.socket.decoder.next() {
                    Ok(Some(incoming)) => {
                        if let Some(end) = self.handle(incoming).await {
                            return end;
                        }
                    }
                    Ok(None) => break,
                    Err(malformed) => {
                        self.give_up(malformed).await;
                        return End::ByNode;
                    }
                }
            }
            let catching_up = &mut self.catching_up;
            let is_catching_up = catching_up.is_some();
            let waits_to_fetch = self.waits_to_fetch;
            tokio::select! {
                () = self.link.changed() => {
                    if self.link.is_closed() {
                        return End::ByNode;
                    }
                    self.catch_up_again();
                }
                Some((sent, outcome)) = self.sends.next(), if !self.sends.is_empty() => {
                    self.acknowledge(&sent, outcome).await;
                }
                () = async { if let Some((_, until)) = waits_to_fetch { sleep_until(until).await } },
                    if waits_to_fetch.is_some() =>
                {
                    if let Some((position, _)) = waits_to_fetch {
                        self.go_live_from(position);
                    }
                }
                () = async { if let Some(task) = catching_up { task.await } }, if is_catching_up => {
                    self.catching_up = None;
                    self.catch_up_again();
                }
                ready = self.socket.stream.readable(), if self.sends.len() < PENDING_MAX => {
                    if ready.is_err() || !self.socket.read() {
                        return End::ByClient;
                    }
                    self.link.heard(self.parts.connections.hub().now_ms());
                }
            }
        }
    }

    /// Catches up from where the connection fell behind, unless that is being done.
    fn catch_up_again(&mut self) {
        if self.catching_up.is_some() {
            return;
        }
        if let Some(after) = self.link.take_behind() {
            self.catch_up_from(Start::From {
                after,
                announce: true,
            });
        }
    }

    async fn send(&mut self, frame: Bytes) {
        self.parts.connections.hub().send(self.conn, frame).await;
    }

    async fn send_error(&mut self, failure: &Failure, about: About<'_>) {
        self.parts.metrics.refused_frame(failure.code);
        if let Some(frame) = self.voice.error(failure, about, self.language) {
            self.send(frame).await;
        }
    }

    async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let bye = Bye {
            reason,
            reconnect_after_ms: None,
        };
        self.parts
            .connections
            .hub()
            .close(self.conn, Some(bye), code, reason)
            .await;
    }

    async fn give_up(&mut self, malformed: Malformed) {
        self.send_error(&bad_frame(malformed), About::default())
            .await;
        self.parts
            .connections
            .hub()
            .close(self.conn, None, close_code(malformed), "malformed frame")
            .await;
        self.wait_closed().await;
    }

    /// A store that hangs delays nobody's goodbye for long.
    async fn part(&mut self) {
        if let Some(parting) = self.voice.parting() {
            let parting = async {
                self.parts
                    .connections
                    .hub()
                    .end_telling(Some(self.conn))
                    .await;
                parting.await;
            };
            let _ = timeout(LINGER, parting).await;
        }
    }

    /// Waits until the last words are written, for as long as a close may take.
    async fn wait_closed(&mut self) {
        let closed = async {
            while !self.link.is_closed() {
                self.link.changed().await;
            }
        };
        let _ = timeout(LINGER, closed).await;
    }

    /// Deals with one message, and says when the connection is over.
    async fn handle(&mut self, incoming: Incoming) -> Option<End> {
        if !self.allow_frame() {
            self.close(CloseCode::ABUSE, "too many frames").await;
            self.wait_closed().await;
            return Some(End::ByNode);
        }
        match incoming {
            Incoming::Ping(payload) => self.send(frame::pong(&payload)).await,
            Incoming::Pong => {}
            Incoming::Close => {
                self.part().await;
                self.parts
                    .connections
                    .hub()
                    .close(self.conn, None, CloseCode::NORMAL, "goodbye")
                    .await;
                self.wait_closed().await;
                return Some(End::ByClient);
            }
            Incoming::Binary(bytes) => self.hear(Message::Binary(bytes)).await,
            Incoming::Text(text) => self.hear(Message::Text(text)).await,
        }
        None
    }

    async fn hear(&mut self, message: Message) {
        match self.voice.understand(message) {
            Ok(heard) => {
                if let (Some((position, _)), false) = (
                    self.waits_to_fetch,
                    matches!(heard, Heard::Fetch { .. } | Heard::Nothing),
                ) {
                    self.go_live_from(position);
                }
                self.count(&heard);
                match heard {
                    Heard::Request(request) => self.carry_out(*request).await,
                    Heard::Send { request, tag } => self.say(&request, tag).await,
                    Heard::Fetch { after } => self.fetch(after).await,
                    Heard::Nothing => {}
                }
            }
            Err(invalid) => {
                let about = About {
                    cid: invalid.cid.as_deref(),
                    tag: None,
                };
                self.send_error(&invalid.failure, about).await;
            }
        }
    }

    fn count(&self, heard: &Heard) {
        match heard {
            Heard::Request(request) => self.parts.metrics.framed(request.kind()),
            Heard::Send { .. } => self.parts.metrics.framed("send"),
            Heard::Fetch { .. } => self.parts.metrics.framed("fetch"),
            Heard::Nothing => {}
        }
    }

    /// Answers a client that asks for what it missed; with the last of it the client goes live.
    async fn fetch(&mut self, after: Seq) {
        let page = match self
            .parts
            .connections
            .missed_messages(self.user, after)
            .await
        {
            Ok(page) => page,
            Err(failure) => return self.send_error(&failure, About::default()).await,
        };
        if let Some(frame) = self.voice.fetched(&page.entries, page.more) {
            self.send(frame).await;
        }
        if self.waits_to_fetch.is_none() {
            return;
        }
        if page.more {
            self.waits_to_fetch = Some((page.position, Instant::now() + FETCH_PAUSE_MAX));
        } else {
            self.go_live_from(page.position);
        }
    }

    /// A token bucket over all frames: protects the node, not the conversation (sends have their own limit).
    fn allow_frame(&mut self) -> bool {
        let now = Instant::now();
        let greeting = &self.parts.greeting;
        let per_second = FRAMES_PER_SECOND + f64::from(greeting.sends_per_second);
        let burst = FRAMES_BURST + f64::from(greeting.sends_burst);
        let gained = (now - self.allowance_at).as_secs_f64() * per_second;
        self.allowance = (self.allowance + gained).min(burst) - 1.0;
        self.allowance_at = now;
        self.allowance >= 0.0
    }

    async fn carry_out(&mut self, request: Request) {
        match request {
            Request::Auth(_) => {
                let failure = Failure::new(Code::BadRequest);
                self.send_error(&failure, About::default()).await;
            }
            Request::Send(send) => self.say(&send, 0).await,
            Request::Alter(alter) => {
                if let Err(failure) = self.alter(&alter).await {
                    let about = About {
                        cid: alter.cid.as_deref(),
                        tag: None,
                    };
                    self.send_error(&failure, about).await;
                }
            }
            Request::Read { conv, seq } => {
                if let Err(failure) = self.parts.conversations.read(self.user, conv, seq).await {
                    self.send_error(&failure, About::default()).await;
                }
            }
            Request::Typing { conv } => self.parts.typing.typing(self.user, conv).await,
            Request::Ping { n } => self.parts.connections.hub().pong(self.conn, n).await,
        }
    }
}

pub(super) fn bad_frame(malformed: Malformed) -> Failure {
    Failure::new(match malformed {
        Malformed::Protocol(_) | Malformed::NotUtf8 => Code::BadRequest,
        Malformed::TooLarge => Code::TooLarge,
    })
}

pub(super) fn close_code(malformed: Malformed) -> CloseCode {
    match malformed {
        Malformed::Protocol(_) => CloseCode::PROTOCOL,
        Malformed::TooLarge => CloseCode::TOO_LARGE,
        Malformed::NotUtf8 => CloseCode::INVALID_TEXT,
    }
}

pub(super) fn error_json(failure: &Failure, cid: Option<&str>, language: Language) -> String {
    let mut error = json!({
        "type": "error", "code": failure.code.name(), "message": failure.code.message(language),
    });
    if let Some(cid) = cid {
        error["cid"] = json!(cid);
    }
    if let Some(field) = failure.field {
        error["field"] = json!(field);
    }
    if let Some(wait) = failure.retry_after_ms {
        error["retry_after_ms"] = json!(wait);
    }
    error.to_string()
}
