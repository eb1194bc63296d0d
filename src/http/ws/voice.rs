//! What sets one protocol's client apart from another's on the same socket: how its frames are understood, and how it
//! is answered.
//!
//! Reading, limits, sending in order, catching up and closing are `session`'s and alike for all. How the log itself is
//! told is the connection's [`Speech`]. Here is the public protocol's own voice; the dialects bring theirs.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use serde_json::{Value, json};

use super::requests::{Invalid, Request};
use super::session::error_json;
use crate::model::conversation::{Address, Conv};
use crate::model::entry::{Entry, UnixMillis};
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{Cid, Seq};
use crate::service::connections::{Link, Speech, V1, frame};
use crate::service::messages::SendRequest;

/// A whole message from a client.
#[derive(Debug)]
pub enum Message {
    Text(String),
    Binary(Vec<u8>),
}

/// What a client wants.
#[derive(Debug)]
pub enum Heard {
    /// In the public protocol's terms.
    Request(Box<Request>),
    /// To say something. `tag`: what the client calls this attempt.
    Send { request: Box<SendRequest>, tag: u64 },
    /// What it missed above its position, in a protocol whose clients ask for it.
    Fetch { after: Seq },
    /// Nothing: a sign of life.
    Nothing,
}

/// What a send became.
#[derive(Clone, Copy, Debug)]
pub struct Ack<'a> {
    pub cid: &'a Cid,
    pub tag: u64,
    pub to: Address,
    pub seq: Seq,
    pub at: UnixMillis,
    pub duplicate: bool,
}

/// What a failure is about.
#[derive(Clone, Copy, Debug, Default)]
pub struct About<'a> {
    /// The client id of what failed.
    pub cid: Option<&'a str>,
    /// What the client called the attempt.
    pub tag: Option<u64>,
}

/// One connection's protocol. Frames are complete WebSocket frames; `None`: it has no words for it.
pub trait Voice: Send + 'static {
    /// How this client is told of the log.
    fn speech(&self) -> Arc<dyn Speech>;

    /// The connection was taken in.
    fn joined(&mut self, _link: &Arc<Link>) {}

    /// What has to be done before the client learns that the connection is over; `None`: nothing.
    fn parting(&mut self) -> Option<BoxFuture<'_, ()>> {
        None
    }

    /// The first frame. `hello` makes the public protocol's.
    fn greeting(&self, hello: &dyn Fn() -> Value) -> Option<Bytes>;

    /// Understands a message.
    fn understand(&mut self, message: Message) -> Result<Heard, Invalid>;

    /// Tells that a send is durable.
    fn ack(&self, ack: &Ack<'_>) -> Option<Bytes>;

    /// Whether an ack must not overtake what the log holds below it: where clients take it for their position.
    fn acks_in_order(&self) -> bool;

    /// Tells that something was refused.
    fn error(&self, failure: &Failure, about: About<'_>, language: Language) -> Option<Bytes>;

    /// Whether the connection that sent to `conv` is itself told of the entry, as others are.
    fn is_echoed(&self, conv: Conv) -> bool;

    /// Whether a send also tells that its author has read the conversation up to it.
    fn reads_by_sending(&self) -> bool;

    /// The answer to [`Heard::Fetch`].
    fn fetched(&self, entries: &[Entry], more: bool) -> Option<Bytes>;
}

/// The public protocol, version 1.
#[derive(Clone, Copy, Debug)]
pub struct PublicVoice;

/// One value for all connections, so that they share what is encoded.
fn public_speech() -> Arc<dyn Speech> {
    static SPEECH: OnceLock<Arc<dyn Speech>> = OnceLock::new();
    Arc::clone(SPEECH.get_or_init(|| Arc::new(V1)))
}

impl Voice for PublicVoice {
    fn speech(&self) -> Arc<dyn Speech> {
        public_speech()
    }

    fn greeting(&self, hello: &dyn Fn() -> Value) -> Option<Bytes> {
        Some(frame::json(&hello()))
    }

    fn understand(&mut self, message: Message) -> Result<Heard, Invalid> {
        match message {
            Message::Text(text) => {
                Request::parse(&text).map(|request| Heard::Request(Box::new(request)))
            }
            Message::Binary(_) => Err(Invalid {
                failure: Failure::new(Code::BadRequest),
                cid: None,
            }),
        }
    }

    fn ack(&self, ack: &Ack<'_>) -> Option<Bytes> {
        let Ack {
            cid,
            to,
            seq,
            at,
            duplicate,
            ..
        } = ack;
        Some(frame::json(&json!({
            "type": "ack", "cid": cid, "seq": seq, "conv": to, "at": at, "duplicate": duplicate,
        })))
    }

    fn acks_in_order(&self) -> bool {
        false
    }

    fn error(&self, failure: &Failure, about: About<'_>, language: Language) -> Option<Bytes> {
        Some(frame::text(
            error_json(failure, about.cid, language).as_bytes(),
        ))
    }

    fn is_echoed(&self, _conv: Conv) -> bool {
        false
    }

    fn reads_by_sending(&self) -> bool {
        false
    }

    fn fetched(&self, _entries: &[Entry], _more: bool) -> Option<Bytes> {
        None
    }
}
