//! How a client comes in: its first frame, or all it said in its handshake, and where it begins in the log.

use std::sync::Arc;

use bytes::Bytes;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::Parts;
use super::codec::Incoming;
use super::requests::{AuthRequest, Request};
use super::socket::{Socket, first_frame};
use super::voice::{PublicVoice, Voice};
use crate::model::entry::Entry;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::Seq;
use crate::service::connections::{CloseCode, Resume, Start};
use crate::service::sessions::Identity;

use super::session::{Client, bad_frame, close_code};

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

impl Beginning {
    pub(super) fn start(&self) -> Start {
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

    pub(super) fn position(&self) -> Seq {
        match self.start() {
            Start::From { after, .. } => after,
            Start::Reset { head } => head,
        }
    }
}
