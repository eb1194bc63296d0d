//! Messages: the fields a client may send, checked once at the edge.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;

use super::entry::UnixMillis;
use super::ids::{ID_MAX, Seq, UserId};

/// Longest text, in bytes.
pub const TEXT_BYTES_MAX: usize = 16 * 1024;
/// Longest `meta`, in bytes of JSON.
pub const META_BYTES_MAX: usize = 2 * 1024;
/// Longest URL, in bytes.
pub const URL_BYTES_MAX: usize = 2 * 1024;
/// Most users one message may mention.
pub const MENTIONS_MAX: usize = 100;
/// Media from here on belong to clients; the server passes them on.
pub const MEDIA_OF_CLIENTS: u16 = 100;

/// What kind of message: numbers as the ancestors use them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Media {
    Text,
    Article,
    Voice,
    Picture,
    Packet,
    Sticker,
    Link,
    Video,
    Contact,
    File,
    Location,
    /// A client's own, 100 and above.
    Other(u16),
}

impl Media {
    /// The kind with this number; 12-99 and 0 are not assigned.
    #[must_use]
    pub fn from_code(code: u16) -> Option<Media> {
        match code {
            1 => Some(Media::Text),
            2 => Some(Media::Article),
            3 => Some(Media::Voice),
            4 => Some(Media::Picture),
            5 => Some(Media::Packet),
            6 => Some(Media::Sticker),
            7 => Some(Media::Link),
            8 => Some(Media::Video),
            9 => Some(Media::Contact),
            10 => Some(Media::File),
            11 => Some(Media::Location),
            code if code >= MEDIA_OF_CLIENTS => Some(Media::Other(code)),
            _ => None,
        }
    }
}

/// A message as its sender wrote it, and as it is stored: empty fields are left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageBody {
    pub media: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub content: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub url: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub pic: String,
    #[serde(skip_serializing_if = "String::is_empty")]
    pub memo: String,
    #[serde(skip_serializing_if = "is_zero")]
    pub amount: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub meta: Option<Box<RawValue>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<Seq>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<UserId>,
    /// When its author last changed the text. Never a client's to say.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub edited_at: Option<UnixMillis>,
    /// A red packet that is drawn and stands in no ledger. Never a client's of the public protocol to say.
    #[serde(skip)]
    pub is_drawn_packet: bool,
    /// It was taken back, and the other fields are empty. Never a client's to say.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub recalled: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands a reference")]
fn is_zero(amount: &i64) -> bool {
    *amount == 0
}

/// Why a message cannot be taken. Nothing happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMessage {
    /// A field is missing, or has a value it cannot have.
    #[error("the field {0} is missing or not valid")]
    Field(&'static str),
    /// A field is longer than allowed.
    #[error("the field {0} is too large")]
    TooLarge(&'static str),
}

impl MessageBody {
    /// Checks every field and returns the body to store.
    ///
    /// `text_bytes_max` is the deployment's limit, at most [`TEXT_BYTES_MAX`] by default.
    pub fn encode(&self, text_bytes_max: usize) -> Result<Bytes, InvalidMessage> {
        let media = Media::from_code(self.media).ok_or(InvalidMessage::Field("media"))?;
        self.check_sizes(text_bytes_max)?;
        self.check_media(media)?;
        for (name, url) in [("url", &self.url), ("pic", &self.pic)] {
            if !url.is_empty() && !is_allowed_url(url) {
                return Err(InvalidMessage::Field(name));
            }
        }
        self.check_numbers()?;
        let meta = if media == Media::Packet {
            Some(drawn_packet_meta()?)
        } else {
            self.meta.as_deref().map(canonical_object).transpose()?
        };
        let stored = MessageBody {
            meta,
            edited_at: None,
            recalled: false,
            ..self.clone()
        };
        let json = serde_json::to_vec(&stored).map_err(|_| InvalidMessage::Field("meta"))?;
        Ok(json.into())
    }

    fn check_sizes(&self, text_bytes_max: usize) -> Result<(), InvalidMessage> {
        let meta_bytes = self.meta.as_ref().map_or(0, |meta| meta.get().len());
        let sizes = [
            ("content", self.content.len(), text_bytes_max),
            ("memo", self.memo.len(), text_bytes_max),
            ("url", self.url.len(), URL_BYTES_MAX),
            ("pic", self.pic.len(), URL_BYTES_MAX),
            ("meta", meta_bytes, META_BYTES_MAX),
            ("mentions", self.mentions.len(), MENTIONS_MAX),
        ];
        match sizes.iter().find(|(_, size, max)| size > max) {
            Some((name, _, _)) => Err(InvalidMessage::TooLarge(name)),
            None => Ok(()),
        }
    }

    /// Every JSON reader keeps integers below 2^53 exact, and none must be given others.
    fn check_numbers(&self) -> Result<(), InvalidMessage> {
        if self.reply_to.is_some_and(|seq| seq.0 > ID_MAX) {
            return Err(InvalidMessage::Field("reply_to"));
        }
        if self.mentions.iter().any(|user| user.0 > ID_MAX) {
            return Err(InvalidMessage::Field("mentions"));
        }
        if self.amount.unsigned_abs() > ID_MAX {
            return Err(InvalidMessage::Field("amount"));
        }
        Ok(())
    }

    fn check_media(&self, media: Media) -> Result<(), InvalidMessage> {
        let required = |name, value: &str| {
            if value.trim().is_empty() {
                Err(InvalidMessage::Field(name))
            } else {
                Ok(())
            }
        };
        match media {
            Media::Text | Media::Contact | Media::Location => required("content", &self.content),
            Media::Article => required("content", &self.content).and(required("url", &self.url)),
            // Seconds.
            Media::Voice if self.amount < 0 => Err(InvalidMessage::Field("amount")),
            Media::Voice | Media::Picture | Media::Link | Media::Video | Media::File => {
                required("url", &self.url)
            }
            Media::Sticker => required("content", &self.content).or(required("url", &self.url)),
            // A red packet moves money of the deployment's ledger; it cannot be claimed into being by a frame.
            Media::Packet if !self.is_drawn_packet => Err(InvalidMessage::Field("media")),
            Media::Packet if self.amount < 0 => Err(InvalidMessage::Field("amount")),
            Media::Packet => Ok(()),
            Media::Other(_) => Ok(()),
        }
    }
}

/// What tells a red packet that is only drawn from one that can be claimed.
fn drawn_packet_meta() -> Result<Box<RawValue>, InvalidMessage> {
    let meta = serde_json::value::to_raw_value(&serde_json::json!({"packet": "display"}));
    meta.map_err(|_| InvalidMessage::Field("meta"))
}

/// An object in one spelling, whatever white space and order of keys it came with: a repeated send says the same. What
/// other readers might choke on (nesting beyond 128, halves of surrogate pairs) does not pass the parser.
fn canonical_object(meta: &RawValue) -> Result<Box<RawValue>, InvalidMessage> {
    let invalid = |_| InvalidMessage::Field("meta");
    let object: BTreeMap<String, Value> = serde_json::from_str(meta.get()).map_err(invalid)?;
    serde_json::value::to_raw_value(&object).map_err(invalid)
}

/// `http:`, `https:`, or a file of ours by root-absolute path. Nothing a browser would run.
#[must_use]
pub fn is_allowed_url(url: &str) -> bool {
    let lower = url.get(..8).unwrap_or(url).to_ascii_lowercase();
    let scheme_ok = lower.starts_with("http://") || lower.starts_with("https://");
    let ours = (url.starts_with("/files/") || url.starts_with("/asset/")) && !url.contains("..");
    (scheme_ok || ours)
        && !url
            .chars()
            .any(|c| c.is_control() || c.is_whitespace() || c == '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(content: &str) -> MessageBody {
        MessageBody {
            media: 1,
            content: content.to_owned(),
            ..MessageBody::default()
        }
    }

    #[test]
    fn a_text_is_stored_with_its_own_fields_only() {
        let body = text("hi").encode(TEXT_BYTES_MAX).unwrap();
        assert_eq!(&body[..], br#"{"media":1,"content":"hi"}"#);
    }

    #[test]
    fn blank_text_unassigned_media_and_oversize_are_refused_by_field() {
        assert_eq!(
            text(" \n").encode(TEXT_BYTES_MAX),
            Err(InvalidMessage::Field("content"))
        );
        let unassigned = MessageBody {
            media: 12,
            ..text("x")
        };
        assert_eq!(
            unassigned.encode(TEXT_BYTES_MAX),
            Err(InvalidMessage::Field("media"))
        );
        let long = text(&"x".repeat(TEXT_BYTES_MAX + 1));
        assert_eq!(
            long.encode(TEXT_BYTES_MAX),
            Err(InvalidMessage::TooLarge("content"))
        );
        assert!(
            text(&"x".repeat(TEXT_BYTES_MAX))
                .encode(TEXT_BYTES_MAX)
                .is_ok()
        );
    }

    #[test]
    fn each_kind_needs_what_it_is_about() {
        let missing = |media: u16, message: MessageBody| {
            let message = MessageBody { media, ..message };
            match message.encode(TEXT_BYTES_MAX) {
                Ok(_) => "",
                Err(InvalidMessage::Field(field) | InvalidMessage::TooLarge(field)) => field,
            }
        };
        let url = || MessageBody {
            url: "/files/1/a".to_owned(),
            ..MessageBody::default()
        };
        let both = || MessageBody {
            url: "/files/1/a".to_owned(),
            ..text("x")
        };
        for media in [1, 9, 11] {
            assert_eq!(missing(media, url()), "content", "{media}");
            assert_eq!(missing(media, text("x")), "", "{media}");
        }
        for media in [3, 4, 7, 8, 10] {
            assert_eq!(missing(media, text("x")), "url", "{media}");
            assert_eq!(missing(media, url()), "", "{media}");
        }
        assert_eq!(missing(2, url()), "content");
        assert_eq!(missing(2, text("x")), "url");
        assert_eq!(missing(2, both()), "");
        assert_eq!(missing(6, text("x")), "");
        assert_eq!(missing(6, url()), "");
        assert_eq!(missing(6, MessageBody::default()), "url");
        for media in [0, 5, 12, 99] {
            assert_eq!(missing(media, both()), "media", "{media}");
        }
        let drawn = |amount| MessageBody {
            is_drawn_packet: true,
            amount,
            ..MessageBody::default()
        };
        assert_eq!(missing(5, drawn(0)), "");
        assert_eq!(missing(5, drawn(-1)), "amount");
        for media in [100, u16::MAX] {
            assert_eq!(missing(media, MessageBody::default()), "", "{media}");
        }
        let backwards = MessageBody {
            amount: -1,
            ..url()
        };
        assert_eq!(missing(3, backwards), "amount");
    }

    #[test]
    fn meta_is_stored_in_one_spelling_and_what_readers_choke_on_is_refused() {
        let stored = |meta: &str| {
            let meta = Some(RawValue::from_string(meta.to_owned()).unwrap());
            MessageBody { meta, ..text("x") }.encode(TEXT_BYTES_MAX)
        };
        assert_eq!(
            stored(r#"{"b":1,"a":{"d":2,"c":[]}}"#),
            stored(r#"{ "a" : {"c":[], "d":2}, "b":1 }"#)
        );
        let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(200), "]".repeat(200));
        for bad in [deep.as_str(), r#"{"a":"\ud800"}"#, "[]", "1"] {
            assert_eq!(stored(bad), Err(InvalidMessage::Field("meta")), "{bad}");
        }
    }

    #[test]
    fn only_web_addresses_and_own_files_are_links() {
        for good in ["https://a.example/x", "HTTP://a", "/files/1/a.png"] {
            assert!(is_allowed_url(good), "{good}");
        }
        for bad in [
            "javascript:alert(1)",
            "data:text/html,x",
            "//a/b",
            "/files/../x",
            "https:/",
            " https://a",
            "/api",
        ] {
            assert!(!is_allowed_url(bad), "{bad}");
        }
    }
}
