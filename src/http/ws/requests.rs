//! What clients ask on a WebSocket: text frames into typed requests, each refusal with its code.

use serde::Deserialize;
use serde::de::{DeserializeOwned, IgnoredAny};

use crate::model::conversation::Address;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Epoch, Seq};
use crate::service::alterations::{AlterRequest, Alteration};
use crate::service::messages::SendRequest;

/// A frame from a client.
#[derive(Debug)]
pub enum Request {
    Auth(AuthRequest),
    Send(SendRequest),
    Alter(AlterRequest),
    Read { conv: Address, seq: Seq },
    Typing { conv: Address },
    Ping { n: i64 },
}

/// The first frame.
#[derive(Debug, Deserialize)]
pub struct AuthRequest {
    pub token: Option<String>,
    pub after: Option<Seq>,
    pub epoch: Option<Epoch>,
}

/// A frame that cannot be carried out, and the client id it was about when it named one.
#[derive(Debug)]
pub struct Invalid {
    pub failure: Failure,
    pub cid: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct WithCid {
    cid: Option<String>,
}

#[derive(Deserialize)]
struct RecallRequest {
    seq: Seq,
    cid: Option<String>,
}

#[derive(Deserialize)]
struct EditRequest {
    seq: Seq,
    content: String,
    cid: Option<String>,
}

#[derive(Deserialize)]
struct ReactRequest {
    seq: Seq,
    emoji: String,
    on: bool,
    cid: Option<String>,
}

#[derive(Deserialize)]
struct ReadRequest {
    conv: String,
    seq: Seq,
}

#[derive(Deserialize)]
struct TypingRequest {
    conv: String,
}

#[derive(Deserialize)]
struct PingRequest {
    #[serde(default)]
    n: i64,
}

impl Request {
    /// The `type` it came with.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Request::Auth(_) => "auth",
            Request::Send(_) => "send",
            Request::Alter(request) => match &request.alteration {
                Alteration::Recall => "recall",
                Alteration::Edit { .. } => "edit",
                Alteration::React { .. } => "react",
            },
            Request::Read { .. } => "read",
            Request::Typing { .. } => "typing",
            Request::Ping { .. } => "ping",
        }
    }

    /// Understands a frame. Unknown fields are ignored, an unknown type is not.
    pub fn parse(text: &str) -> Result<Request, Invalid> {
        // First the whole text, so that a broken one is called broken whatever comes first in it.
        let _: IgnoredAny = parse(text)?;
        let head: Head = parse(text)?;
        match head.kind.as_str() {
            "auth" => parse(text).map(Request::Auth),
            "send" => parse(text).map(Request::Send),
            "recall" => {
                let RecallRequest { seq, cid } = parse(text)?;
                Ok(alter(seq, cid, Alteration::Recall))
            }
            "edit" => {
                let EditRequest { seq, content, cid } = parse(text)?;
                Ok(alter(seq, cid, Alteration::Edit { content }))
            }
            "react" => {
                let ReactRequest {
                    seq,
                    emoji,
                    on,
                    cid,
                } = parse(text)?;
                Ok(alter(seq, cid, Alteration::React { emoji, on }))
            }
            "read" => {
                let ReadRequest { conv, seq } = parse(text)?;
                Ok(Request::Read {
                    conv: address(&conv)?,
                    seq,
                })
            }
            "typing" => {
                let TypingRequest { conv } = parse(text)?;
                Ok(Request::Typing {
                    conv: address(&conv)?,
                })
            }
            "ping" => parse(text).map(|PingRequest { n }| Request::Ping { n }),
            _ => Err(Invalid {
                failure: Failure::field(Code::BadRequest, "type"),
                cid: cid_of(text),
            }),
        }
    }
}

fn alter(seq: Seq, cid: Option<String>, alteration: Alteration) -> Request {
    Request::Alter(AlterRequest {
        cid,
        seq,
        alteration,
    })
}

fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Invalid> {
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => Invalid {
            failure: Code::BadRequest.into(),
            cid: cid_of(text),
        },
        serde_json::error::Category::Syntax
        | serde_json::error::Category::Eof
        | serde_json::error::Category::Io => Invalid {
            failure: Code::InvalidJson.into(),
            cid: None,
        },
    })
}

fn cid_of(text: &str) -> Option<String> {
    serde_json::from_str::<WithCid>(text)
        .ok()
        .and_then(|with| with.cid)
}

fn address(text: &str) -> Result<Address, Invalid> {
    text.parse().map_err(|_| Invalid {
        failure: Failure::field(Code::BadRequest, "conv"),
        cid: None,
    })
}
