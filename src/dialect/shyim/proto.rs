//! The frames of dialect P as types; `messages.proto` says the same for people who write clients.
//!
//! Enumerations are plain numbers here: what a client sends is judged where it is used. [`UpMsg::msg`] is left as bytes,
//! since its very bytes tell a repetition.

use prost::Message as _;

/// What a client sends.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Input {
    #[prost(int32, tag = "1")]
    pub(super) r#type: i32,
    #[prost(bytes = "vec", tag = "2")]
    pub(super) data: Vec<u8>,
}

/// What a client is sent, packed in [`OutputBatch`].
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Output {
    #[prost(int32, tag = "1")]
    pub(super) r#type: i32,
    #[prost(int32, tag = "2")]
    pub(super) code: i32,
    #[prost(string, tag = "3")]
    pub(super) code_msg: String,
    #[prost(bytes = "vec", tag = "4")]
    pub(super) data: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct OutputBatch {
    #[prost(bytes = "vec", repeated, tag = "1")]
    pub(super) outputs: Vec<Vec<u8>>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct LoginMsg {
    #[prost(bytes = "vec", tag = "1")]
    pub(super) token: Vec<u8>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct UpMsg {
    #[prost(bytes = "vec", optional, tag = "1")]
    pub(super) msg: Option<Vec<u8>>,
    #[prost(uint64, tag = "2")]
    pub(super) client_id: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct PushMsg {
    #[prost(message, optional, tag = "1")]
    pub(super) msg: Option<Message>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct SyncInputMsg {
    #[prost(uint64, tag = "1")]
    pub(super) seq: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct SyncOutputMsg {
    #[prost(message, repeated, tag = "1")]
    pub(super) messages: Vec<Message>,
    #[prost(bool, tag = "2")]
    pub(super) has_more: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub(super) struct Message {
    #[prost(int32, tag = "1")]
    pub(super) session_type: i32,
    #[prost(uint64, tag = "2")]
    pub(super) receiver_id: u64,
    #[prost(uint64, tag = "3")]
    pub(super) sender_id: u64,
    #[prost(int32, tag = "4")]
    pub(super) message_type: i32,
    #[prost(bytes = "vec", tag = "5")]
    pub(super) content: Vec<u8>,
    #[prost(uint64, tag = "6")]
    pub(super) seq: u64,
    #[prost(int64, tag = "7")]
    pub(super) send_time: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub(super) struct AckMsg {
    #[prost(int32, tag = "1")]
    pub(super) r#type: i32,
    #[prost(uint64, tag = "2")]
    pub(super) client_id: u64,
    #[prost(uint64, tag = "3")]
    pub(super) seq: u64,
}

/// `Input.type` and `Output.type`.
pub(super) const LOGIN: i32 = 1;
pub(super) const HEARTBEAT: i32 = 2;
pub(super) const MESSAGE: i32 = 3;
pub(super) const ACK: i32 = 4;
pub(super) const SYNC: i32 = 5;
/// `ACKMsg.type`.
pub(super) const ACK_UP: i32 = 1;
pub(super) const ACK_LOGIN: i32 = 3;
/// `Message.session_type`.
pub(super) const SINGLE: i32 = 1;
pub(super) const GROUP: i32 = 2;
/// `Message.message_type`.
pub(super) const TEXT: i32 = 1;
pub(super) const PICTURE: i32 = 2;
pub(super) const VOICE: i32 = 3;
/// `Output.code`.
pub(super) const OK: i32 = 200;

/// One output, packed.
pub(super) fn batch(kind: i32, code: i32, code_msg: &str, data: &impl prost::Message) -> Vec<u8> {
    let output = Output {
        r#type: kind,
        code,
        code_msg: code_msg.to_owned(),
        data: data.encode_to_vec(),
    };
    OutputBatch {
        outputs: vec![output.encode_to_vec()],
    }
    .encode_to_vec()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// `message.field=number type` of each field in the description for people.
    fn described() -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut message = None;
        for line in include_str!("messages.proto").lines() {
            let line = line.trim();
            if let Some(rest) = line.strip_prefix("message ") {
                message = rest.split_whitespace().next();
            } else if line.starts_with("enum ") || line == "}" {
                message = None;
            } else if let (Some(message), Some((field, number))) = (message, line.split_once('=')) {
                let words: Vec<&str> = field.split_whitespace().collect();
                let name = words[words.len() - 1];
                let number = number.trim().trim_end_matches(';');
                found.insert(format!(
                    "{message}.{name}={number} {}",
                    words[..words.len() - 1].join(" ")
                ));
            }
        }
        found
    }

    #[test]
    fn the_description_for_people_says_what_is_on_the_wire() {
        let source = include_str!("proto.rs");
        let (mut message, mut wire, mut own) = ("", String::new(), BTreeSet::new());
        for line in source
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
        {
            let line = line.trim();
            if let Some(name) = line.strip_prefix("pub(super) struct ") {
                message = name.trim_end_matches(" {");
            } else if let Some(attribute) = line.strip_prefix("#[prost(") {
                wire = attribute.to_owned();
            } else if let Some(field) = line
                .strip_prefix("pub(super) ")
                .filter(|_| !wire.is_empty())
            {
                let (name, kind) = field.trim_end_matches(',').split_once(": ").unwrap();
                let number = wire
                    .split("tag = \"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap();
                let name = name.trim_start_matches("r#");
                own.insert((
                    message.to_owned(),
                    name.to_owned(),
                    number.to_owned(),
                    kind.to_owned(),
                ));
                wire.clear();
            }
        }
        assert!(own.len() > 15);
        let spelled = |name: &str| match name {
            "client_id" => "clientId".to_owned(),
            "code_msg" => "CodeMsg".to_owned(),
            other => other.to_owned(),
        };
        let described = described();
        assert_eq!(described.len(), own.len());
        for (message, name, number, _) in own {
            let message = if message == "AckMsg" {
                "ACKMsg"
            } else {
                message.as_str()
            };
            let begins = format!("{message}.{}={number} ", spelled(&name));
            assert!(
                described.iter().any(|line| line.starts_with(&begins)),
                "{begins}"
            );
        }
    }

    #[test]
    fn frames_have_the_bytes_other_implementations_give_them() {
        // Written out by the rules of the encoding: field 1 varint 3, field 2 of 2 bytes.
        let input = Input {
            r#type: MESSAGE,
            data: vec![1, 2],
        };
        assert_eq!(input.encode_to_vec(), [0x08, 3, 0x12, 2, 1, 2]);
        let ack = AckMsg {
            r#type: ACK_UP,
            client_id: 300,
            seq: 0,
        };
        assert_eq!(ack.encode_to_vec(), [0x08, 1, 0x10, 0xac, 2]);
    }
}
