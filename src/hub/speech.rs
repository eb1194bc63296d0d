//! How a client is spoken to: what frames carry the same entries to clients of different protocols.
//!
//! A connection brings its [`Speech`]; the shards ask it for every frame that tells of the log. What is said twice in
//! the same words is encoded once ([`super::delivery`]). Acks and errors are made by whoever reads the connection.
//! Here is the public protocol's own, [`V1`]; the others live with their dialects.

use std::fmt::Debug;
use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;

use super::frame;
use crate::model::encode::encode_entry;
use crate::model::entry::Entry;
use crate::model::ids::{Seq, UserId};

/// Entries of one page.
pub const PAGE_ENTRIES: usize = 200;
/// A page ends early at this many bytes of bodies.
const PAGE_BYTES: usize = 256 << 10;

/// What a client missed, as it is told.
#[derive(Clone, Debug)]
pub struct Page {
    /// Complete WebSocket frames; empty where the client has no words for any of it.
    pub frames: Bytes,
    /// Where the client stands once it has them.
    pub position: Seq,
    /// How many entries they tell of.
    pub entries: u64,
}

/// A protocol's words. Frames are complete WebSocket frames, and one value may hold several.
pub trait Speech: Send + Sync + Debug {
    /// An entry as it happens, to a connection of `reader`; `None` where the protocol has no words for it.
    fn entry(&self, entry: &Entry, reader: UserId) -> Option<Bytes>;

    /// Whether all readers are told of an entry in the same words.
    fn is_alike(&self) -> bool;

    /// Entries in order that were missed, up to `end`; `more`: others follow. At least one page.
    fn missed(&self, entries: &[Arc<Entry>], reader: UserId, end: Seq, more: bool) -> Vec<Page>;

    /// The answer to a client's own ping.
    fn pong(&self, n: i64, after: Seq, delivered: u64) -> Option<Bytes>;

    /// The last word before a close frame, and when the client may come back.
    fn bye(&self, reason: &str, reconnect_after_ms: Option<u64>) -> Option<Bytes>;

    /// The client has to load anew and go on from `head`.
    fn reset(&self, head: Seq) -> Option<Bytes>;

    /// Whether the client is told what passes without a place in the log, in the public protocol's words.
    fn hears_signals(&self) -> bool;
}

/// The public protocol, version 1.
#[derive(Clone, Copy, Debug)]
pub struct V1;

impl Speech for V1 {
    fn entry(&self, entry: &Entry, reader: UserId) -> Option<Bytes> {
        let mut json = Vec::with_capacity(entry.body.len() + 160);
        encode_entry(&mut json, entry, reader, true);
        Some(frame::text(&json))
    }

    /// The sender's devices are told the client id, and the two of a private conversation call it by each other.
    fn is_alike(&self) -> bool {
        false
    }

    fn missed(&self, entries: &[Arc<Entry>], reader: UserId, end: Seq, more: bool) -> Vec<Page> {
        let page = |entries: &[Arc<Entry>], position, more| Page {
            frames: sync_frame(entries, reader, position, more),
            position,
            entries: entries.len() as u64,
        };
        in_pages(entries, end, more, page)
    }

    fn pong(&self, n: i64, after: Seq, delivered: u64) -> Option<Bytes> {
        Some(frame::json(&json!({
            "type": "pong", "n": n, "after": after, "delivered": delivered,
        })))
    }

    fn bye(&self, reason: &str, reconnect_after_ms: Option<u64>) -> Option<Bytes> {
        Some(frame::bye(reason, reconnect_after_ms))
    }

    fn reset(&self, head: Seq) -> Option<Bytes> {
        Some(frame::json(&json!({"type": "reset", "head": head})))
    }

    fn hears_signals(&self) -> bool {
        true
    }
}

/// Cuts entries into pages of bounded size. Each is given the position after it and whether others follow; the last
/// one ends at `end`. Without entries there is one, and it is empty.
pub fn in_pages(
    entries: &[Arc<Entry>],
    end: Seq,
    more: bool,
    mut page: impl FnMut(&[Arc<Entry>], Seq, bool) -> Page,
) -> Vec<Page> {
    let mut pages = Vec::new();
    let mut rest = entries;
    loop {
        let mut bytes = 0;
        let fits = rest.iter().take(PAGE_ENTRIES).take_while(|entry| {
            bytes += entry.body.len();
            bytes <= PAGE_BYTES
        });
        let count = fits.count().max(1).min(rest.len());
        let (first, others) = rest.split_at(count);
        let last = others.is_empty();
        let position = match first.last() {
            Some(entry) if !last => entry.seq,
            Some(_) | None => end,
        };
        pages.push(page(first, position, more || !last));
        if last {
            return pages;
        }
        rest = others;
    }
}

fn sync_frame(entries: &[Arc<Entry>], reader: UserId, after: Seq, more: bool) -> Bytes {
    let bodies: usize = entries.iter().map(|entry| entry.body.len() + 160).sum();
    let mut json = Vec::with_capacity(64 + bodies);
    json.extend_from_slice(br#"{"type":"sync","entries":["#);
    for (at, entry) in entries.iter().enumerate() {
        if at > 0 {
            json.push(b',');
        }
        encode_entry(&mut json, entry, reader, false);
    }
    json.extend_from_slice(format!(r#"],"after":{after},"more":{more}}}"#).as_bytes());
    frame::text(&json)
}
