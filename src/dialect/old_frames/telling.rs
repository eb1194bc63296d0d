//! What pages are told: messages in their own fields, and what they cannot show in words.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::Look;
use crate::dialect::media::{self, Place};
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::{Seq, UserId};
use crate::model::message::{Media, MessageBody};
use crate::service::connections::{Page as Told, Speech, frame, in_pages};

/// How a page is told of the log.
#[derive(Debug)]
pub(super) struct OldSpeech {
    pub(super) look: Look,
    pub(super) place: Place,
}

impl Speech for OldSpeech {
    fn entry(&self, entry: &Entry, _reader: UserId) -> Option<Bytes> {
        let json = match self.look {
            Look::Ginchat => ginchat_json(entry, Some(&self.place)),
            Look::Imooc => imooc_json(entry, &self.place, false),
            Look::ImoocBasic => imooc_json(entry, &self.place, true),
        };
        json.map(|json| frame::text(json.to_string().as_bytes()))
    }

    /// Sender and receiver are both in every frame.
    fn is_alike(&self) -> bool {
        true
    }

    fn missed(&self, entries: &[Arc<Entry>], reader: UserId, end: Seq, more: bool) -> Vec<Told> {
        in_pages(entries, end, more, |entries, position, _more| {
            let frames: Vec<Bytes> = entries
                .iter()
                .filter_map(|entry| self.entry(entry, reader))
                .collect();
            Told {
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

/// A message as ginchat's history holds it; `None` for what is none, or was taken back.
pub(in crate::dialect) fn ginchat_text(entry: &Entry) -> Option<String> {
    ginchat_json(entry, None).map(|json| json.to_string())
}

/// To whom, by number, and whether that is a group.
fn target(entry: &Entry) -> Option<(u64, bool)> {
    match entry.conv {
        Conv::Group(group) => Some((group.0, true)),
        Conv::Private(..) => entry.conv.peer_of(entry.from).map(|peer| (peer.0, false)),
        Conv::Notices | Conv::Account(_) => None,
    }
}

pub(super) fn ginchat_json(entry: &Entry, place: Option<&Place>) -> Option<Value> {
    let (media, body) = media::message(entry)?;
    let (target, is_group) = target(entry)?;
    let nowhere = Place::default();
    let (medium, content, url) = basic(media, &body, place.unwrap_or(&nowhere));
    Some(json!({
        "userId": entry.from,
        "TargetId": target,
        "Type": if is_group { 2 } else { 1 },
        "Media": medium,
        "Content": content,
        "CreateTime": entry.at,
        "url": url,
        "amount": body.amount,
        "Pic": body.pic,
        "Desc": body.memo,
        "Id": entry.seq,
    }))
}

/// Text, voice and pictures as they are, stickers as pictures, the rest in words.
fn basic(media: Media, body: &MessageBody, place: &Place) -> (u16, String, String) {
    match media {
        Media::Text | Media::Voice | Media::Picture => {
            (body.media, body.content.clone(), body.url.clone())
        }
        Media::Sticker if !body.url.is_empty() => (4, body.content.clone(), body.url.clone()),
        Media::Article
        | Media::Packet
        | Media::Sticker
        | Media::Link
        | Media::Video
        | Media::Contact
        | Media::File
        | Media::Location
        | Media::Other(_) => (1, place.in_words(media, body), String::new()),
    }
}

pub(super) fn imooc_json(entry: &Entry, place: &Place, is_basic: bool) -> Option<Value> {
    let (media, body) = media::message(entry)?;
    let (target, is_group) = target(entry)?;
    let knows = matches!(body.media, 1..=9 | 100);
    let (medium, content, url) = match (is_basic, knows) {
        (true, _) => basic(media, &body, place),
        (false, true)
            if body.content.is_empty() && !matches!(media, Media::Voice | Media::Picture) =>
        {
            (body.media, place.in_words(media, &body), body.url.clone())
        }
        (false, true) => (body.media, body.content.clone(), body.url.clone()),
        (false, false) => (1, place.in_words(media, &body), String::new()),
    };
    let mut fields = Map::new();
    let numbers = [
        ("id", json!(entry.seq)),
        ("userid", json!(entry.from)),
        ("cmd", json!(if is_group { 11 } else { 10 })),
        ("dstid", json!(target)),
        ("media", json!(medium)),
        ("at", json!(entry.at)),
    ];
    fields.extend(numbers.map(|(name, value)| (name.to_owned(), value)));
    let texts = [
        ("content", content),
        ("pic", body.pic.clone()),
        ("url", url),
        ("memo", body.memo.clone()),
    ];
    for (name, text) in texts {
        if !text.is_empty() {
            fields.insert(name.to_owned(), json!(text));
        }
    }
    if body.amount != 0 {
        fields.insert("amount".to_owned(), json!(body.amount));
    }
    Some(Value::Object(fields))
}
