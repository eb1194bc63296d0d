//! The log as the store has it, and who was in which group at which place of it.

use std::collections::{BTreeMap, HashMap};

use anyhow::Context as _;
use serde_json::Value;
use starling::model::conversation::Conv;
use starling::model::entry::{Entry, EntryKind};
use starling::model::ids::Seq;
use starling::store::LogStore;

use crate::client::{Room, digest_of};

/// Entries read at once.
const PAGE: usize = 1_000;

/// An entry that clients are shown.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    pub(crate) room: Room,
    pub(crate) from: u64,
    pub(crate) is_message: bool,
    pub(crate) digest: u64,
    /// Of the address of its file.
    pub(crate) url: Option<u64>,
    pub(crate) cid: String,
}

/// From the own join to the own leave, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stay {
    from: u64,
    to: Option<u64>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Truth {
    pub(crate) epoch: u64,
    pub(crate) head: u64,
    pub(crate) entries: BTreeMap<u64, Logged>,
    /// Of messages, by sender and client id: all places it is at.
    pub(crate) by_cid: HashMap<(u64, String), Vec<u64>>,
    /// Of messages, by the digest of their text or of their file's address.
    by_text: HashMap<u64, Vec<u64>>,
    stays: HashMap<(u64, u64), Vec<Stay>>,
}

impl Truth {
    /// Reads the whole log.
    pub(crate) async fn read(log: &dyn LogStore) -> anyhow::Result<Truth> {
        let mut truth = Truth::default();
        let mut after = Seq(0);
        loop {
            let range = log
                .range(after, PAGE)
                .await
                .context("the log cannot be read")?;
            truth.epoch = range.log.epoch.0;
            truth.head = range.log.head.0;
            let Some(last) = range.entries.last() else {
                return Ok(truth);
            };
            after = last.seq;
            for entry in &range.entries {
                truth.take(entry);
            }
        }
    }

    fn take(&mut self, entry: &Entry) {
        let room = match entry.conv {
            Conv::Private(low, high) => Room::Pair(low.0, high.0),
            Conv::Group(group) => Room::Group(group.0),
            // Nobody writes notices here, and account entries are shown to nobody.
            Conv::Notices | Conv::Account(_) => return,
        };
        let body: Value = serde_json::from_slice(&entry.body).unwrap_or_default();
        if let Room::Group(group) = room {
            let users = body["users"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64);
            match entry.kind {
                EntryKind::Joined => users.for_each(|user| self.enter(group, user, entry.seq.0)),
                EntryKind::Left => users.for_each(|user| self.leave(group, user, entry.seq.0)),
                EntryKind::Group if body["created"] == true => {
                    self.enter(group, entry.from.0, entry.seq.0);
                    users.for_each(|user| self.enter(group, user, entry.seq.0));
                }
                EntryKind::Group
                | EntryKind::Message
                | EntryKind::Recall
                | EntryKind::Edit
                | EntryKind::Reaction
                | EntryKind::Friend
                | EntryKind::Notice
                | EntryKind::Revoked
                | EntryKind::Asked
                | EntryKind::Unknown(_) => {}
            }
        }
        if entry.kind.name().is_none() {
            return;
        }
        let logged = Logged {
            room,
            from: entry.from.0,
            is_message: entry.kind == EntryKind::Message,
            digest: digest_of(body["content"].as_str().unwrap_or_default()),
            url: body["url"]
                .as_str()
                .filter(|url| !url.is_empty())
                .map(digest_of),
            cid: entry.cid.as_str().to_owned(),
        };
        self.put(entry.seq.0, logged);
    }

    pub(crate) fn put(&mut self, seq: u64, logged: Logged) {
        if logged.is_message {
            self.by_cid
                .entry((logged.from, logged.cid.clone()))
                .or_default()
                .push(seq);
            for digest in std::iter::once(logged.digest).chain(logged.url) {
                self.by_text.entry(digest).or_default().push(seq);
            }
        }
        self.head = self.head.max(seq);
        self.entries.insert(seq, logged);
    }

    /// All places of the messages with this text, or with a file at this address.
    pub(crate) fn places_of(&self, digest: u64) -> &[u64] {
        self.by_text.get(&digest).map_or(&[], Vec::as_slice)
    }

    /// The only one; texts and addresses of a run are all different, empty ones apart.
    pub(crate) fn place_of(&self, digest: u64) -> Option<u64> {
        match self.places_of(digest) {
            [place] => Some(*place),
            _ => None,
        }
    }

    pub(crate) fn enter(&mut self, group: u64, user: u64, seq: u64) {
        let stays = self.stays.entry((group, user)).or_default();
        if stays.last().is_none_or(|stay| stay.to.is_some()) {
            stays.push(Stay {
                from: seq,
                to: None,
            });
        }
    }

    pub(crate) fn leave(&mut self, group: u64, user: u64, seq: u64) {
        if let Some(stay) = self.stays.entry((group, user)).or_default().last_mut() {
            stay.to.get_or_insert(seq);
        }
    }

    /// Whether this user may see what is said there at this place.
    pub(crate) fn entitled(&self, user: u64, room: Room, seq: u64) -> bool {
        match room {
            Room::Pair(low, high) => user == low || user == high,
            Room::Group(group) => self.stays.get(&(group, user)).is_some_and(|stays| {
                stays
                    .iter()
                    .any(|stay| stay.from <= seq && stay.to.is_none_or(|to| seq <= to))
            }),
        }
    }

    /// Whether the user was ever outside a group he was once in: then a send may be refused.
    pub(crate) fn was_ever_out(&self, user: u64, room: Room) -> bool {
        match room {
            Room::Pair(..) => false,
            Room::Group(group) => self
                .stays
                .get(&(group, user))
                .is_none_or(|stays| stays.iter().any(|stay| stay.to.is_some())),
        }
    }
}
