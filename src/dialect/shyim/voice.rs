//! One client of dialect P on its socket.
//!
//! Its cursor is the highest seq it has seen, acks included. So an ack waits for all that comes before it in the log,
//! and nothing is pushed until the client has asked for what it missed, or has turned to something else.

use std::sync::Arc;

use bytes::Bytes;
use prost::Message as _;
use serde_json::Value;
use uuid::Uuid;

use super::proto::{
    ACK, ACK_LOGIN, ACK_UP, AckMsg, GROUP, HEARTBEAT, Input, LOGIN, MESSAGE, Message as Frame, OK,
    PICTURE, PushMsg, SINGLE, SYNC, SyncInputMsg, SyncOutputMsg, TEXT, UpMsg, VOICE, batch,
};
use crate::dialect::media::{self, Place};
use crate::dialect::uses::Uses;
use crate::http::ws::{About, Ack, Heard, Invalid, Message, Voice};
use crate::model::conversation::{Address, Conv};
use crate::model::entry::Entry;
use crate::model::error::{Code, Failure, Language};
use crate::model::ids::{GroupId, ID_MAX, Seq, UserId};
use crate::model::message::Media;
use crate::service::connections::{Page, Speech, frame, in_pages};
use crate::service::messages::SendRequest;

/// Why a login is refused.
pub(super) fn login_refused(failure: &Failure) -> Bytes {
    let ack = AckMsg {
        r#type: ACK_LOGIN,
        ..AckMsg::default()
    };
    let code = if failure.code == Code::Unavailable {
        code_of(failure.code)
    } else {
        1003
    };
    frame::binary(&batch(ACK, code, failure.code.name(), &ack))
}

/// The codes of that system: 1001 bad parameters, 1002 no such user, 1003 not permitted, 1004 the server, 1008 the
/// store, 1009 for anything else.
fn code_of(code: Code) -> i32 {
    match code {
        Code::BadRequest
        | Code::InvalidJson
        | Code::TooLarge
        | Code::UnsupportedMedia
        | Code::CidReused => 1001,
        Code::NotFound => 1002,
        Code::Unauthorized
        | Code::Forbidden
        | Code::Blocked
        | Code::NotMember
        | Code::NotAllowed => 1003,
        Code::Internal => 1004,
        Code::Unavailable => 1008,
        Code::NameTaken
        | Code::PhoneTaken
        | Code::EmailTaken
        | Code::WeakPassword
        | Code::WrongCredentials
        | Code::Throttled
        | Code::OneSelf
        | Code::AlreadyFriends
        | Code::AlreadyMember
        | Code::RecallExpired
        | Code::Gone
        | Code::PacketEmpty
        | Code::PacketExpired
        | Code::AlreadyClaimed
        | Code::Insufficient
        | Code::RateLimited => 1009,
    }
}

/// See the module.
pub(super) struct ShyimVoice {
    speech: Arc<ShyimSpeech>,
    shared: Arc<dyn Speech>,
    uses: Arc<Uses>,
    /// Sets attempts apart that carry no time of sending: their numbers are of this connection.
    connection: Uuid,
}

impl ShyimVoice {
    /// `shared`: `speech` as all connections have it, one value.
    pub(super) fn new(
        speech: Arc<ShyimSpeech>,
        shared: Arc<dyn Speech>,
        uses: Arc<Uses>,
    ) -> ShyimVoice {
        ShyimVoice {
            speech,
            shared,
            uses,
            connection: Uuid::new_v4(),
        }
    }

    fn up(&self, data: &[u8]) -> Result<Heard, Invalid> {
        let up = UpMsg::decode(data).map_err(|_| invalid(None, Code::BadRequest))?;
        let refused = |code| invalid(Some(up.client_id), code);
        let raw = up.msg.as_deref().ok_or_else(|| refused(Code::BadRequest))?;
        let said = Frame::decode(raw).map_err(|_| refused(Code::BadRequest))?;
        if !(1..=ID_MAX).contains(&said.receiver_id) {
            return Err(refused(Code::NotFound));
        }
        let to = match said.session_type {
            SINGLE => Address::User(UserId(said.receiver_id)),
            GROUP => Address::Group(GroupId(said.receiver_id)),
            _ => return Err(refused(Code::BadRequest)),
        };
        let content = String::from_utf8(said.content).map_err(|_| refused(Code::BadRequest))?;
        let (medium, content, url) = match said.message_type {
            TEXT => (1, content, String::new()),
            PICTURE => (4, String::new(), media::our_url(&content)),
            VOICE => (3, String::new(), media::our_url(&content)),
            _ => return Err(refused(Code::BadRequest)),
        };
        let cid = if said.send_time == 0 {
            format!("p-{}-{}", self.connection.simple(), up.client_id)
        } else {
            // The same frame sent again under another number is the same message.
            let digest = ring::digest::digest(&ring::digest::SHA256, raw);
            let hex: String = digest.as_ref()[..20]
                .iter()
                .map(|byte| format!("{byte:02x}"))
                .collect();
            format!("p-{hex}")
        };
        self.uses.shyim.messages.inc();
        Ok(Heard::Send {
            request: Box::new(SendRequest {
                cid: Some(cid),
                to: Some(to.to_string()),
                media: Some(medium),
                content: Some(content),
                url: Some(url),
                ..SendRequest::default()
            }),
            tag: up.client_id,
        })
    }
}

/// `client_id`: of the attempt that is refused, which takes the place of a client id in this protocol.
fn invalid(client_id: Option<u64>, code: Code) -> Invalid {
    Invalid {
        failure: Failure::new(code),
        cid: client_id.map(|id| id.to_string()),
    }
}

impl Voice for ShyimVoice {
    fn speech(&self) -> Arc<dyn Speech> {
        Arc::clone(&self.shared)
    }

    fn greeting(&self, _hello: &dyn Fn() -> Value) -> Option<Bytes> {
        let ack = AckMsg {
            r#type: ACK_LOGIN,
            ..AckMsg::default()
        };
        Some(frame::binary(&batch(ACK, OK, "", &ack)))
    }

    fn understand(&mut self, message: Message) -> Result<Heard, Invalid> {
        let Message::Binary(bytes) = message else {
            return Err(invalid(None, Code::BadRequest));
        };
        let input = Input::decode(bytes.as_slice()).map_err(|_| invalid(None, Code::BadRequest))?;
        match input.r#type {
            MESSAGE => self.up(&input.data),
            SYNC => {
                let asked = SyncInputMsg::decode(input.data.as_slice());
                let asked = asked.map_err(|_| invalid(None, Code::BadRequest))?;
                Ok(Heard::Fetch {
                    after: Seq(asked.seq.min(ID_MAX)),
                })
            }
            // Logged in already; signs of life; and that a push arrived, which nothing waits for.
            LOGIN | HEARTBEAT | ACK => Ok(Heard::Nothing),
            _ => Err(invalid(None, Code::BadRequest)),
        }
    }

    fn ack(&self, ack: &Ack<'_>) -> Option<Bytes> {
        let ack = AckMsg {
            r#type: ACK_UP,
            client_id: ack.tag,
            seq: ack.seq.0,
        };
        Some(frame::binary(&batch(ACK, OK, "", &ack)))
    }

    fn acks_in_order(&self) -> bool {
        true
    }

    fn error(&self, failure: &Failure, about: About<'_>, _language: Language) -> Option<Bytes> {
        let named = || about.cid.and_then(|id| id.parse().ok());
        let ack = AckMsg {
            r#type: ACK_UP,
            client_id: about.tag.or_else(named).unwrap_or_default(),
            seq: 0,
        };
        let code = code_of(failure.code);
        Some(frame::binary(&batch(ACK, code, failure.code.name(), &ack)))
    }

    fn is_echoed(&self, _conv: Conv) -> bool {
        false
    }

    fn reads_by_sending(&self) -> bool {
        false
    }

    fn fetched(&self, entries: &[Entry], more: bool) -> Option<Bytes> {
        let messages = entries
            .iter()
            .filter_map(|entry| self.speech.message(entry));
        let answer = SyncOutputMsg {
            messages: messages.collect(),
            has_more: more,
        };
        Some(frame::binary(&batch(SYNC, OK, "", &answer)))
    }
}

/// How the dialect's clients are told of the log.
#[derive(Debug)]
pub(super) struct ShyimSpeech(Place);

impl ShyimSpeech {
    pub(super) fn new(place: Place) -> ShyimSpeech {
        ShyimSpeech(place)
    }

    fn message(&self, entry: &Entry) -> Option<Frame> {
        let (media, body) = media::message(entry)?;
        let (session_type, receiver_id) = match entry.conv {
            Conv::Group(group) => (GROUP, group.0),
            Conv::Private(..) => (SINGLE, entry.conv.peer_of(entry.from)?.0),
            Conv::Notices | Conv::Account(_) => return None,
        };
        let (message_type, content) = match media {
            Media::Text => (TEXT, body.content),
            Media::Picture => (PICTURE, self.0.absolute(&body.url)),
            Media::Voice => (VOICE, self.0.absolute(&body.url)),
            Media::Article
            | Media::Packet
            | Media::Sticker
            | Media::Link
            | Media::Video
            | Media::Contact
            | Media::File
            | Media::Location
            | Media::Other(_) => (TEXT, self.0.in_words(media, &body)),
        };
        Some(Frame {
            session_type,
            receiver_id,
            sender_id: entry.from.0,
            message_type,
            content: content.into_bytes(),
            seq: entry.seq.0,
            send_time: entry.at,
        })
    }
}

impl Speech for ShyimSpeech {
    fn entry(&self, entry: &Entry, _reader: UserId) -> Option<Bytes> {
        let push = PushMsg {
            msg: Some(self.message(entry)?),
        };
        Some(frame::binary(&batch(MESSAGE, OK, "", &push)))
    }

    fn is_alike(&self) -> bool {
        true
    }

    fn missed(&self, entries: &[Arc<Entry>], reader: UserId, end: Seq, more: bool) -> Vec<Page> {
        in_pages(entries, end, more, |entries, position, _more| {
            let frames: Vec<Bytes> = entries
                .iter()
                .filter_map(|entry| self.entry(entry, reader))
                .collect();
            Page {
                entries: frames.len() as u64,
                frames: frames.concat().into(),
                position,
            }
        })
    }

    fn pong(&self, _n: i64, _after: Seq, _delivered: u64) -> Option<Bytes> {
        None
    }

    fn bye(&self, _reason: &str, _reconnect_after_ms: Option<u64>) -> Option<Bytes> {
        None
    }

    fn reset(&self, _head: Seq) -> Option<Bytes> {
        None
    }

    fn hears_signals(&self) -> bool {
        false
    }
}
