//! shyim's program: protobuf frames, acks by numbers of attempts, and a cursor that is the highest number it has seen.

use std::collections::BTreeMap;

use prost::Message as _;
use ring::digest::SHA256;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use super::api::Account;
use super::ledger::Room;
use super::pages::address;
use super::tongue::{Tongue, Understood};

/// `Input.kind` and `Output.kind`.
const LOGIN: i32 = 1;
const MESSAGE: i32 = 3;
const ACK: i32 = 4;
const SYNC: i32 = 5;
/// `AckMsg.kind`.
const ACK_UP: i32 = 1;
const ACK_LOGIN: i32 = 3;
/// `Said.session_type`.
const SINGLE: i32 = 1;
const GROUP: i32 = 2;
/// `Said.message_type`.
const TEXT: i32 = 1;
const PICTURE: i32 = 2;
/// `Output.code`.
const OK: i32 = 200;
/// What the log's ids of this dialect's messages are made of.
const DIGEST_BYTES: usize = 20;

#[derive(Clone, PartialEq, prost::Message)]
struct Input {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(bytes = "vec", tag = "2")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Output {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(int32, tag = "2")]
    code: i32,
    #[prost(string, tag = "3")]
    code_msg: String,
    #[prost(bytes = "vec", tag = "4")]
    data: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct OutputBatch {
    #[prost(bytes = "vec", repeated, tag = "1")]
    outputs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct LoginMsg {
    #[prost(bytes = "vec", tag = "1")]
    token: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct UpMsg {
    #[prost(message, optional, tag = "1")]
    msg: Option<Said>,
    #[prost(uint64, tag = "2")]
    client_id: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct PushMsg {
    #[prost(message, optional, tag = "1")]
    msg: Option<Said>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SyncInputMsg {
    #[prost(uint64, tag = "1")]
    seq: u64,
}

#[derive(Clone, PartialEq, prost::Message)]
struct SyncOutputMsg {
    #[prost(message, repeated, tag = "1")]
    messages: Vec<Said>,
    #[prost(bool, tag = "2")]
    has_more: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AckMsg {
    #[prost(int32, tag = "1")]
    kind: i32,
    #[prost(uint64, tag = "2")]
    client_id: u64,
    #[prost(uint64, tag = "3")]
    seq: u64,
}

/// A message; the old system has no other name for it than `Message`.
#[derive(Clone, PartialEq, prost::Message)]
struct Said {
    #[prost(int32, tag = "1")]
    session_type: i32,
    #[prost(uint64, tag = "2")]
    receiver_id: u64,
    #[prost(uint64, tag = "3")]
    sender_id: u64,
    #[prost(int32, tag = "4")]
    message_type: i32,
    #[prost(bytes = "vec", tag = "5")]
    content: Vec<u8>,
    #[prost(uint64, tag = "6")]
    seq: u64,
    #[prost(int64, tag = "7")]
    send_time: i64,
}

impl Said {
    /// From what a v1 client would send; the same for each attempt.
    fn of(frame: &Value) -> Said {
        let to = frame["to"].as_str().unwrap_or_default();
        let (kind, target) = to.split_once(':').unwrap_or_default();
        let text = |key: &str| frame[key].as_str().map(str::as_bytes);
        let (message_type, content) = match text("url") {
            Some(url) => (PICTURE, url),
            None => (TEXT, text("content").unwrap_or_default()),
        };
        Said {
            session_type: if kind == "g" { GROUP } else { SINGLE },
            receiver_id: target.parse().unwrap_or_default(),
            message_type,
            content: content.to_vec(),
            send_time: frame["send_time"].as_i64().unwrap_or_default(),
            ..Said::default()
        }
    }

    /// As v1 tells of it.
    fn entry(&self, me: u64) -> Value {
        let room = match self.session_type {
            GROUP => Room::Group(self.receiver_id),
            _ => Room::pair(self.sender_id, self.receiver_id),
        };
        let said = String::from_utf8_lossy(&self.content);
        let (content, url) = match self.message_type {
            PICTURE => ("", address(Some(&said), "")),
            _ => (said.as_ref(), address(None, &said)),
        };
        json!({
            "type": "entry", "kind": "message", "seq": self.seq, "from": self.sender_id, "conv": room.conv_for(me),
            "content": content, "url": url,
        })
    }
}

/// The id that a node gives to this message, whichever attempt it comes by.
pub(super) fn cid_of(frame: &Value) -> String {
    let digest = ring::digest::digest(&SHA256, &Said::of(frame).encode_to_vec());
    let bytes = digest.as_ref().iter().take(DIGEST_BYTES);
    let hex: String = bytes.map(|byte| format!("{byte:02x}")).collect();
    format!("p-{hex}")
}

/// See the module.
pub(super) struct ProgramTongue {
    me: u64,
    token: String,
    /// The highest number seen.
    cursor: u64,
    /// What each attempt was for: the message's id, and its conversation.
    attempts: BTreeMap<u64, (String, String)>,
    next: u64,
}

fn input(kind: i32, data: &impl prost::Message) -> Message {
    let input = Input {
        kind,
        data: data.encode_to_vec(),
    };
    Message::binary(input.encode_to_vec())
}

impl ProgramTongue {
    pub(super) fn new(account: &Account) -> ProgramTongue {
        ProgramTongue {
            me: account.id,
            token: account.token.clone(),
            cursor: 0,
            attempts: BTreeMap::new(),
            next: 1,
        }
    }

    fn output(&mut self, output: &Output) -> Result<Understood, prost::DecodeError> {
        let data = output.data.as_slice();
        Ok(match output.kind {
            MESSAGE => {
                let Some(said) = PushMsg::decode(data)?.msg else {
                    return Ok(Understood::garbled("a push of nothing"));
                };
                self.cursor = self.cursor.max(said.seq);
                Understood::frame(said.entry(self.me))
            }
            SYNC => self.synchronised(&SyncOutputMsg::decode(data)?),
            ACK => {
                let ack = AckMsg::decode(data)?;
                match ack.kind {
                    ACK_LOGIN => self.logged_in(output),
                    ACK_UP => self.answered(output, &ack),
                    other => Understood::garbled(format!("an ack of kind {other}")),
                }
            }
            other => Understood::garbled(format!("an output of kind {other}")),
        })
    }

    fn logged_in(&self, output: &Output) -> Understood {
        if output.code != OK {
            return Understood::frame(json!({"type": "error", "code": output.code_msg}));
        }
        Understood {
            frames: vec![json!({"type": "hello", "user": self.me})],
            replies: vec![self.ask()],
            garbled: None,
        }
    }

    fn ask(&self) -> Message {
        input(SYNC, &SyncInputMsg { seq: self.cursor })
    }

    fn synchronised(&mut self, page: &SyncOutputMsg) -> Understood {
        let entries: Vec<Value> = page
            .messages
            .iter()
            .map(|said| said.entry(self.me))
            .collect();
        let last = page.messages.iter().map(|said| said.seq).max();
        self.cursor = self.cursor.max(last.unwrap_or_default());
        let more = page.has_more;
        let frame = json!({"type": "sync", "entries": entries, "after": self.cursor, "more": more});
        Understood {
            frames: vec![frame],
            replies: more.then(|| self.ask()).into_iter().collect(),
            garbled: None,
        }
    }

    fn answered(&mut self, output: &Output, ack: &AckMsg) -> Understood {
        let Some((cid, conv)) = self.attempts.remove(&ack.client_id) else {
            return Understood::garbled(format!("an answer to attempt {}", ack.client_id));
        };
        if output.code != OK {
            let code = &output.code_msg;
            return Understood::frame(json!({"type": "error", "code": code, "cid": cid}));
        }
        self.cursor = self.cursor.max(ack.seq);
        Understood::frame(json!({"type": "ack", "cid": cid, "conv": conv, "seq": ack.seq}))
    }
}

impl Tongue for ProgramTongue {
    fn path(&self) -> String {
        "/ws".to_owned()
    }

    fn say(&mut self, frame: &Value) -> (Option<Message>, Option<Value>) {
        let message = match frame["type"].as_str().unwrap_or_default() {
            "auth" => {
                self.cursor = frame["after"].as_u64().unwrap_or_default();
                let token = self.token.clone().into_bytes();
                input(LOGIN, &LoginMsg { token })
            }
            "ping" => Message::Ping(Vec::new().into()),
            _ => {
                let client_id = self.next;
                self.next += 1;
                let conv = frame["to"].as_str().unwrap_or_default().to_owned();
                self.attempts.insert(client_id, (cid_of(frame), conv));
                let msg = Some(Said::of(frame));
                input(MESSAGE, &UpMsg { msg, client_id })
            }
        };
        (Some(message), None)
    }

    fn understand(&mut self, message: &Message) -> Understood {
        let Message::Binary(bytes) = message else {
            return Understood::garbled(format!("{message:?}"));
        };
        let mut all = Understood::default();
        let Ok(batch) = OutputBatch::decode(bytes.as_ref()) else {
            return Understood::garbled("bytes that are no batch");
        };
        for output in &batch.outputs {
            let output = Output::decode(output.as_slice());
            let Ok(one) = output.and_then(|output| self.output(&output)) else {
                return Understood::garbled("bytes that are no output");
            };
            all.frames.extend(one.frames);
            all.replies.extend(one.replies);
            all.garbled = all.garbled.or(one.garbled);
        }
        all
    }
}
