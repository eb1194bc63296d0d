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
use tokio::time::{Instant, timeout};
use tracing::debug;

use super::Parts;
use super::codec::{Incoming, Malformed};
use super::requests::{AuthRequest, Request};
use super::socket::{LINGER, Socket, first_frame};
use crate::model::conversation::Address;
use crate::model::draft::Outcome;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{Cid, ConnId, UserId};
use crate::service::alterations::{AlterRequest, Pending};
use crate::service::connections::{CloseCode, Link, Opening, Resume, Start, frame};
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

/// Serves a client until it or the node is through. `leftover`: bytes read behind the handshake.
pub async fn serve(parts: Arc<Parts>, stream: TcpStream, leftover: Bytes, admission: Admission) {
    let language = admission.language;
    let mut socket = Socket::new(stream, &leftover, parts.frame_bytes_max);
    drop(leftover);
    let opened = match timeout(parts.auth_timeout, first_frame(&mut socket)).await {
        Ok(Ok(Some(request))) => authenticate(&parts, request, admission).await,
        Ok(Ok(None)) => return,
        Ok(Err(malformed)) => {
            return socket
                .refuse(&bad_frame(malformed), close_code(malformed), language)
                .await;
        }
        Err(_) => Err(Failure::new(Code::Unauthorized)),
    };
    match opened {
        Ok(opened) => Client::open(parts, socket, opened).await.run().await,
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

/// A client that has said who it is and where it stands.
struct Opened {
    identity: Identity,
    start: Start,
    language: Language,
}

async fn authenticate(
    parts: &Parts,
    first: Incoming,
    admission: Admission,
) -> Result<Opened, Failure> {
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
    Ok(Opened {
        identity,
        start,
        language: admission.language,
    })
}

/// Who ended a connection. A client that did expects nothing more.
enum End {
    ByClient,
    ByNode,
}

/// A send on its way into the log; without a client id only a failure is told.
type PendingSend = BoxFuture<'static, (Option<Cid>, Address, Result<Outcome, Failure>)>;

struct Client {
    parts: Arc<Parts>,
    socket: Socket,
    conn: ConnId,
    user: UserId,
    language: Language,
    link: Arc<Link>,
    sends: FuturesUnordered<PendingSend>,
    catching_up: Option<BoxFuture<'static, ()>>,
    allowance: f64,
    allowance_at: Instant,
}

impl Client {
    /// Takes the client in and greets it.
    async fn open(parts: Arc<Parts>, socket: Socket, opened: Opened) -> Client {
        let Opened {
            identity,
            start,
            language,
        } = opened;
        let conn = parts.connections.hub().draw_conn();
        let link = Arc::new(Link::default());
        link.heard(parts.connections.hub().now_ms());
        let position = match start {
            Start::From { after, .. } => after,
            Start::Reset { head } => head,
        };
        let user = identity.user.id;
        let lasts_ms = u64::try_from(identity.expires_at - (parts.now)()).unwrap_or(0);
        let opening = Opening {
            stream: Arc::clone(&socket.stream),
            link: Arc::clone(&link),
            user,
            session: identity.session,
            expires: Instant::now().checked_add(Duration::from_millis(lasts_ms)),
            position,
        };
        parts.connections.open(conn, opening).await;
        let hello = parts.hello(&identity.user, conn, start);
        parts
            .connections
            .hub()
            .send(conn, frame::json(&hello))
            .await;
        debug!(%user, conn = conn.0, "client connected");
        let catching_up = parts
            .connections
            .clone()
            .catch_up(conn, user, Arc::clone(&link), start);
        let allowance = FRAMES_BURST + f64::from(parts.greeting.sends_burst);
        Client {
            parts,
            socket,
            conn,
            user,
            language,
            link,
            sends: FuturesUnordered::new(),
            catching_up: Some(Box::pin(catching_up)),
            allowance,
            allowance_at: Instant::now(),
        }
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
            tokio::select! {
                () = self.link.changed() => {
                    if self.link.is_closed() {
                        return End::ByNode;
                    }
                    self.catch_up_again();
                }
                Some((cid, to, outcome)) = self.sends.next(), if !self.sends.is_empty() => {
                    self.acknowledge(cid.as_ref(), to, outcome).await;
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
            let start = Start::From {
                after,
                announce: true,
            };
            let connections = self.parts.connections.clone();
            self.catching_up = Some(Box::pin(connections.catch_up(
                self.conn,
                self.user,
                Arc::clone(&self.link),
                start,
            )));
        }
    }

    async fn send(&mut self, frame: Bytes) {
        self.parts.connections.hub().send(self.conn, frame).await;
    }

    async fn send_error(&mut self, failure: &Failure, cid: Option<&str>) {
        self.send(frame::text(
            error_json(failure, cid, self.language).as_bytes(),
        ))
        .await;
    }

    async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let bye = frame::bye(reason, None);
        self.parts
            .connections
            .hub()
            .close(self.conn, Some(bye), code, reason)
            .await;
    }

    async fn give_up(&mut self, malformed: Malformed) {
        self.send_error(&bad_frame(malformed), None).await;
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
            Incoming::Binary(_) => self.send_error(&Failure::new(Code::BadRequest), None).await,
            Incoming::Text(text) => match Request::parse(&text) {
                Ok(request) => self.carry_out(request).await,
                Err(invalid) => {
                    self.send_error(&invalid.failure, invalid.cid.as_deref())
                        .await;
                }
            },
        }
        None
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
            Request::Auth(_) => self.send_error(&Failure::new(Code::BadRequest), None).await,
            Request::Send(send) => {
                let cid = send.cid.clone();
                if let Err(failure) = self.put_in_line(&send).await {
                    self.send_error(&failure, cid.as_deref()).await;
                }
            }
            Request::Alter(alter) => {
                if let Err(failure) = self.alter(&alter).await {
                    self.send_error(&failure, alter.cid.as_deref()).await;
                }
            }
            Request::Read { conv, seq } => {
                if let Err(failure) = self.parts.conversations.read(self.user, conv, seq).await {
                    self.send_error(&failure, None).await;
                }
            }
            Request::Typing { conv } => self.parts.typing.typing(self.user, conv).await,
            Request::Ping { n } => self.parts.connections.hub().pong(self.conn, n).await,
        }
    }

    /// Admits a send and puts it in line, without waiting for the log: the order of frames is the order of entries.
    async fn put_in_line(&mut self, request: &SendRequest) -> Result<(), Failure> {
        self.parts.messages.admit(self.user)?;
        let draft = self.parts.messages.prepare(self.user, request)?;
        self.parts.messages.authorize(request, &draft).await?;
        let cid = draft.cid.clone();
        let to = draft.conv.as_seen_by(self.user).ok_or(Code::NotFound)?;
        let pending = self.parts.messages.enqueue(draft, Some(self.conn))?;
        self.await_outcome(Some(cid), to, pending);
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
        self.await_outcome(cid, to, pending);
        Ok(())
    }

    fn await_outcome(&mut self, cid: Option<Cid>, to: Address, pending: Pending) {
        self.sends.push(Box::pin(async move {
            let outcome = pending.outcome().await;
            (
                cid,
                to,
                outcome.map_err(|u| Failure::retry(Code::Unavailable, u.retry_after_ms)),
            )
        }));
    }

    async fn acknowledge(
        &mut self,
        cid: Option<&Cid>,
        to: Address,
        outcome: Result<Outcome, Failure>,
    ) {
        let named = cid.map(Cid::as_str);
        let (seq, at, duplicate) = match outcome {
            Ok(Outcome::Appended { seq, at }) => (seq, at, false),
            Ok(Outcome::Duplicate { seq, at }) => (seq, at, true),
            Ok(Outcome::Refused(refusal)) => {
                return self.send_error(&refusal.into(), named).await;
            }
            Err(failure) => return self.send_error(&failure, named).await,
        };
        let Some(cid) = cid else { return };
        let ack = json!({
            "type": "ack", "cid": cid, "seq": seq, "conv": to, "at": at, "duplicate": duplicate,
        });
        self.send(frame::json(&ack)).await;
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
