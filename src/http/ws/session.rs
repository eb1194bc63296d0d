//! One client on a WebSocket, from its first frame to its last.
//!
//! Reads and understands frames, one after the other, and answers through the hub; never writes to the socket
//! itself. Sends are put in line at once and acknowledged as the log takes them, so that one client's sends
//! keep their order and need not wait for each other. Driven by its own task.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use serde_json::json;
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until, timeout};
use tracing::debug;

use super::Parts;
use super::codec::{Incoming, Malformed};
use super::requests::{AuthRequest, Request};
use super::socket::{LINGER, Socket, first_frame};
use super::voice::{About, Ack, Heard, Message, PublicVoice, Voice};
use crate::model::conversation::Address;
use crate::model::draft::Outcome;
use crate::model::entry::Entry;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{Cid, ConnId, Seq, UserId};
use crate::service::alterations::{AlterRequest, Pending};
use crate::service::connections::{Bye, Caller, CloseCode, Link, Opening, Resume, Start, frame};
use crate::service::messages::SendRequest;
use crate::service::sessions::Identity;

/// Sends of one connection that the log has not answered yet; with so many, reading pauses.
const PENDING_MAX: usize = 64;
/// Frames a second one connection may send for long, and in a burst, on top of the sends it is allowed. Far above
/// what any client needs; beyond it the connection is closed with 4009.
const FRAMES_PER_SECOND: f64 = 200.0;
const FRAMES_BURST: f64 = 1_000.0;

/// What is known of a client before its first frame.
pub struct Admission {
    /// From the cookie or the header, when it came with one that is good.
    pub identity: Option<Identity>,
    pub language: Language,
}

/// A client that has said who it is and where it stands.
pub struct Arrival {
    pub identity: Identity,
    pub voice: Box<dyn Voice>,
    pub beginning: Beginning,
    pub language: Language,
}

/// Where a client begins.
pub enum Beginning {
    /// Where it says, or where the node says.
    From(Start),
    /// These are what it missed up to a place that this node has applied; it goes on from there.
    Missed { entries: Vec<Arc<Entry>>, upto: Seq },
    /// It asks for what it missed itself, and goes live when it has it; when it asks for nothing, from here.
    OnRequest { position: Seq },
}

/// Serves a client until it or the node is through. `leftover`: bytes read behind the handshake.
pub async fn serve(parts: Arc<Parts>, stream: TcpStream, leftover: Bytes, admission: Admission) {
    let language = admission.language;
    let mut socket = Socket::new(stream, &leftover, parts.frame_bytes_max);
    drop(leftover);
    let first = match timeout(parts.auth_timeout, first_frame(&mut socket)).await {
        Ok(Ok(Some(first))) => first,
        Ok(Ok(None)) => return,
        Ok(Err(malformed)) => {
            return socket
                .refuse(&bad_frame(malformed), close_code(malformed), language)
                .await;
        }
        Err(_) => {
            let failure = Failure::new(Code::Unauthorized);
            return socket
                .refuse(&failure, CloseCode::UNAUTHORIZED, language)
                .await;
        }
    };
    if let (Incoming::Binary(bytes), Some(protocol)) = (&first, &parts.binary) {
        return match protocol.begin(&parts, bytes, language).await {
            Ok(arrival) => Client::open(parts, socket, arrival).await.run().await,
            Err((words, code)) => socket.refuse_with(&words, code, "unauthorized").await,
        };
    }
    match authenticate(&parts, first, admission).await {
        Ok(arrival) => Client::open(parts, socket, arrival).await.run().await,
        Err(failure) if failure.code == Code::Unavailable => {
            socket.refuse(&failure, CloseCode::LEAVING, language).await;
        }
        Err(failure) => {
            socket
                .refuse(&failure, CloseCode::UNAUTHORIZED, language)
                .await;
        }
    }
}

/// Serves a client that said all it had to say in its handshake.
pub async fn serve_arrived(
    parts: Arc<Parts>,
    stream: TcpStream,
    leftover: Bytes,
    arrival: Arrival,
) {
    let socket = Socket::new(stream, &leftover, parts.frame_bytes_max);
    drop(leftover);
    Client::open(parts, socket, arrival).await.run().await;
}

async fn authenticate(
    parts: &Parts,
    first: Incoming,
    admission: Admission,
) -> Result<Arrival, Failure> {
    let unauthorized = || Failure::new(Code::Unauthorized);
    let Incoming::Text(text) = first else {
        return Err(unauthorized());
    };
    let Ok(Request::Auth(AuthRequest {
        token,
        after,
        epoch,
        ..
    })) = Request::parse(&text)
    else {
        return Err(unauthorized());
    };
    let identity = match token {
        Some(token) => parts.sessions.authenticate(&token).await?,
        None => admission.identity.ok_or_else(unauthorized)?,
    };
    let start = parts.connections.start(Resume { after, epoch }).await;
    let start = start.map_err(|_| Failure::retry(Code::Unavailable, 1_000))?;
    Ok(Arrival {
        identity,
        voice: Box::new(PublicVoice),
        beginning: Beginning::From(start),
        language: admission.language,
    })
}

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

struct Client {
    parts: Arc<Parts>,
    socket: Socket,
    conn: ConnId,
    user: UserId,
    language: Language,
    link: Arc<Link>,
    voice: Box<dyn Voice>,
    /// The log is told from here on once the client has asked for what it missed, or has not in time.
    waits_to_fetch: Option<(Seq, Instant)>,
    sends: FuturesUnordered<PendingSend>,
    catching_up: Option<BoxFuture<'static, ()>>,
    allowance: f64,
    allowance_at: Instant,
}

impl Client {
    /// Takes the client in and greets it.
    async fn open(parts: Arc<Parts>, socket: Socket, arrival: Arrival) -> Client {
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
            sends: FuturesUnordered::new(),
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

    async fn run(mut self) {
        match self.converse().await {
            End::ByClient => {}
            End::ByNode => self.socket.linger().await,
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

    async fn say(&mut self, request: &SendRequest, tag: u64) {
        if let Err(failure) = self.put_in_line(request, tag).await {
            let about = About {
                cid: request.cid.as_deref(),
                tag: Some(tag),
            };
            self.send_error(&failure, about).await;
        }
    }

    /// Admits a send and puts it in line, without waiting for the log: the order of frames is the order of entries.
    async fn put_in_line(&mut self, request: &SendRequest, tag: u64) -> Result<(), Failure> {
        self.parts.messages.admit(self.user)?;
        let draft = self.parts.messages.prepare(self.user, request)?;
        self.parts.messages.authorize(request, &draft).await?;
        let cid = draft.cid.clone();
        let to = draft.conv.as_seen_by(self.user).ok_or(Code::NotFound)?;
        let origin = (!self.voice.is_echoed(draft.conv)).then_some(self.conn);
        let pending = self.parts.messages.enqueue(draft, origin)?;
        let cid = Some(cid);
        self.await_outcome(Sent { cid, tag, to }, pending);
        Ok(())
    }

    /// Puts an alteration in line. One without client id gets no ack, and so its entry, as any other connection.
    async fn alter(&mut self, request: &AlterRequest) -> Result<(), Failure> {
        let alterations = self.parts.entries.alterations();
        let draft = alterations.prepare(self.user, request).await?;
        let acked = request.cid.is_some();
        let cid = acked.then(|| draft.cid.clone());
        let to = draft.conv.as_seen_by(self.user).ok_or(Code::NotFound)?;
        let pending = alterations.enqueue(draft, acked.then_some(self.conn))?;
        self.await_outcome(Sent { cid, tag: 0, to }, pending);
        Ok(())
    }

    fn await_outcome(&mut self, sent: Sent, pending: Pending) {
        self.sends.push(Box::pin(async move {
            let outcome = pending.outcome().await;
            (
                sent,
                outcome.map_err(|u| Failure::retry(Code::Unavailable, u.retry_after_ms)),
            )
        }));
    }

    async fn acknowledge(&mut self, sent: &Sent, outcome: Result<Outcome, Failure>) {
        let Sent { cid, tag, to } = sent;
        let about = About {
            cid: cid.as_ref().map(Cid::as_str),
            tag: Some(*tag),
        };
        let (seq, at, duplicate) = match outcome {
            Ok(Outcome::Appended { seq, at }) => (seq, at, false),
            Ok(Outcome::Duplicate { seq, at }) => (seq, at, true),
            Ok(Outcome::Refused(refusal)) => return self.send_error(&refusal.into(), about).await,
            Err(failure) => return self.send_error(&failure, about).await,
        };
        let Some(cid) = cid else { return };
        if self.voice.reads_by_sending() {
            // Best effort, as every read position is.
            let _ = self.parts.conversations.read(self.user, *to, seq).await;
        }
        let ack = Ack {
            cid,
            tag: *tag,
            to: *to,
            seq,
            at,
            duplicate,
        };
        let Some(frame) = self.voice.ack(&ack) else {
            return;
        };
        if self.voice.acks_in_order() {
            self.parts
                .connections
                .hub()
                .ack(self.conn, frame, seq)
                .await;
        } else {
            self.send(frame).await;
        }
    }
}

impl Beginning {
    fn start(&self) -> Start {
        match self {
            Beginning::From(start) => *start,
            Beginning::Missed { upto: after, .. } | Beginning::OnRequest { position: after } => {
                Start::From {
                    after: *after,
                    announce: false,
                }
            }
        }
    }

    fn position(&self) -> Seq {
        match self.start() {
            Start::From { after, .. } => after,
            Start::Reset { head } => head,
        }
    }
}

fn bad_frame(malformed: Malformed) -> Failure {
    Failure::new(match malformed {
        Malformed::Protocol(_) | Malformed::NotUtf8 => Code::BadRequest,
        Malformed::TooLarge => Code::TooLarge,
    })
}

fn close_code(malformed: Malformed) -> CloseCode {
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
