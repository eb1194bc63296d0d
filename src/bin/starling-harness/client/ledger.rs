//! Everything one client sent and heard, in order, over all its connections.
//!
//! Responsible for the client's rules of position and for keeping what the checker needs. Deliberately without a
//! verdict: whether something is missing only the checker can tell, with the log beside it.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};

use serde_json::Value;

use super::dialect::Dialect;
use super::files::Got;

/// A conversation, named the same by all who are in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Room {
    Group(u64),
    /// The lower id first.
    Pair(u64, u64),
}

impl Room {
    pub(crate) fn pair(a: u64, b: u64) -> Room {
        Room::Pair(a.min(b), a.max(b))
    }

    /// From the name this reader has for it.
    pub(crate) fn of(conv: &str, reader: u64) -> Option<Room> {
        match conv.split_once(':')? {
            ("u", id) => Some(Room::pair(reader, id.parse().ok()?)),
            ("g", id) => Some(Room::Group(id.parse().ok()?)),
            _ => None,
        }
    }

    /// The name this reader has for it.
    pub(crate) fn conv_for(self, reader: u64) -> String {
        match self {
            Room::Group(id) => format!("g:{id}"),
            Room::Pair(a, b) if a == reader => format!("u:{b}"),
            Room::Pair(a, _) => format!("u:{a}"),
        }
    }
}

/// What texts are compared by: they are not kept.
pub(crate) fn digest_of(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    text.hash(&mut hasher);
    hasher.finish()
}

/// A message this client sent, under its cid.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) room: Room,
    pub(crate) digest: u64,
    /// When it was first sent, in seconds of the run; all times here are.
    pub(crate) at: f64,
    /// When it was last repeated.
    pub(crate) last_at: f64,
    pub(crate) attempts: u32,
    /// The connection it was first sent on.
    pub(crate) session: usize,
}

#[derive(Clone, Debug)]
pub(crate) struct Ack {
    pub(crate) seq: u64,
    pub(crate) duplicate: bool,
    pub(crate) at: f64,
    pub(crate) session: usize,
    pub(crate) epoch: u64,
}

/// An entry as this client received it.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) seq: u64,
    pub(crate) room: Option<Room>,
    pub(crate) from: u64,
    pub(crate) is_message: bool,
    pub(crate) digest: u64,
    /// Of the address of its file.
    pub(crate) url: Option<u64>,
    /// Whether it carried a client id, which is for its sender only.
    pub(crate) has_cid: bool,
    pub(crate) by_sync: bool,
    pub(crate) at: f64,
    pub(crate) session: usize,
    /// The client's position just before.
    pub(crate) position: u64,
}

/// A file that a message named, as this client got it.
#[derive(Clone, Debug)]
pub(crate) struct Fetch {
    /// When the message came.
    pub(crate) at: f64,
    pub(crate) room: Option<Room>,
    pub(crate) url: String,
    /// `None`: nothing yet.
    pub(crate) got: Option<Got>,
}

/// A message as a page's history shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) seq: u64,
    pub(crate) digest: u64,
    pub(crate) url: Option<u64>,
}

impl Told {
    /// From an entry as v1 has it.
    pub(super) fn of(entry: &Value) -> Told {
        Told {
            seq: entry["seq"].as_u64().unwrap_or_default(),
            digest: digest_of(entry["content"].as_str().unwrap_or_default()),
            url: entry["url"].as_str().map(digest_of),
        }
    }
}

/// One connection.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) node: String,
    pub(crate) epoch: u64,
    pub(crate) hello_at: f64,
    /// The position it went on from.
    pub(crate) from: u64,
    /// When the node said that nothing more was missed.
    pub(crate) caught_up_at: Option<f64>,
    pub(crate) ended: Option<(f64, String)>,
    pub(crate) received: u64,
}

/// The node sent the client back to the start.
#[derive(Clone, Debug)]
pub(crate) struct Reset {
    pub(crate) at: f64,
    pub(crate) head: u64,
    /// Receipts before it belong to what was before.
    pub(crate) receipts: usize,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) user: u64,
    pub(crate) name: String,
    pub(crate) dialect: Dialect,
    /// Reads nothing for seconds at a time, by the run's will.
    pub(crate) stalls: bool,
    pub(crate) began: Option<u64>,
    pub(crate) position: u64,
    pub(crate) epoch: u64,
    pub(crate) sessions: Vec<Session>,
    pub(crate) sent: BTreeMap<String, Sent>,
    pub(crate) acks: BTreeMap<String, Ack>,
    /// Refusals that ended a send, by cid: code and time.
    pub(crate) refused: BTreeMap<String, (String, f64)>,
    pub(crate) put_off: u64,
    /// What a page was told of refusals: they name no message. When, and on which connection.
    pub(crate) turned_away: Vec<(f64, usize)>,
    pub(crate) receipts: Vec<Receipt>,
    pub(crate) resets: Vec<Reset>,
    /// Files on their way to a node; their messages are sent afterwards.
    pub(crate) uploading: usize,
    /// Addresses that nodes gave to this client's files, and the digests of these.
    pub(crate) uploads: BTreeMap<String, String>,
    /// What a page's history shows of private conversations at the end.
    pub(crate) histories: BTreeMap<Room, Vec<Told>>,
    /// By the place of the message.
    pub(crate) fetches: BTreeMap<u64, Fetch>,
    /// Rules of the protocol that were broken on the way: when, and what.
    pub(crate) breaches: Vec<(f64, String)>,
}

/// Enough to understand; a broken node could fill the memory.
const BREACHES_MAX: usize = 100;

impl Ledger {
    pub(crate) fn new(user: u64, name: &str, dialect: Dialect) -> Ledger {
        Ledger {
            user,
            name: name.to_owned(),
            dialect,
            ..Ledger::default()
        }
    }

    pub(crate) fn is_settled(&self) -> bool {
        let answered = self.sent.len() == self.acks.len() + self.refused.len();
        self.uploading == 0
            && (answered || self.dialect.is_page())
            && self.fetches.values().all(|fetch| fetch.got.is_some())
    }

    pub(crate) fn breach(&mut self, at: f64, what: String) {
        if self.breaches.len() < BREACHES_MAX {
            self.breaches.push((at, what));
        }
    }

    pub(crate) fn hello(&mut self, at: f64, hello: &Value) {
        let head = hello["head"].as_u64().unwrap_or_default();
        let epoch = hello["epoch"].as_u64().unwrap_or_default();
        let first = self.began.is_none();
        if first {
            self.began = Some(head);
            self.position = head;
            self.epoch = epoch;
        }
        if hello["user"]["id"] != self.user && hello["user"] != self.user {
            self.breach(at, format!("hello names another user: {}", hello["user"]));
        }
        self.sessions.push(Session {
            node: hello["node"]["name"].as_str().unwrap_or("?").to_owned(),
            epoch,
            hello_at: at,
            from: self.position,
            // Nothing is missed by who begins now.
            caught_up_at: first.then_some(at),
            ended: None,
            received: 0,
        });
    }

    pub(crate) fn ended(&mut self, at: f64, why: &str) {
        if let Some(session) = self.sessions.last_mut() {
            session.ended.get_or_insert((at, why.to_owned()));
        }
    }

    /// Takes in a frame other than `hello` and `error`.
    pub(crate) fn take(&mut self, at: f64, frame: &Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "entry" => self.entry(at, frame, false),
            "sync" => self.sync(at, frame),
            "ack" => self.ack(at, frame),
            "pong" => self.pong(at, frame),
            "reset" => self.reset(at, frame),
            "bye" | "presence" | "typing" | "read" | "profile" | "conversation" => {}
            _ => self.breach(at, format!("a frame the protocol does not have: {frame}")),
        }
    }

    fn entry(&mut self, at: f64, entry: &Value, by_sync: bool) {
        let Told { seq, digest, url } = Told::of(entry);
        self.receipts.push(Receipt {
            seq,
            room: Room::of(entry["conv"].as_str().unwrap_or_default(), self.user),
            from: entry["from"].as_u64().unwrap_or_default(),
            is_message: entry["kind"] == "message",
            digest,
            url,
            has_cid: !entry["cid"].is_null(),
            by_sync,
            at,
            session: self.sessions.len().saturating_sub(1),
            position: self.position,
        });
        if let Some(session) = self.sessions.last_mut() {
            session.received += 1;
        }
        self.position = self.position.max(seq);
    }

    fn sync(&mut self, at: f64, frame: &Value) {
        for entry in frame["entries"].as_array().into_iter().flatten() {
            self.entry(at, entry, true);
        }
        self.move_to(at, frame["after"].as_u64());
        if frame["more"] == false
            && let Some(session) = self.sessions.last_mut()
        {
            session.caught_up_at.get_or_insert(at);
        }
    }

    fn ack(&mut self, at: f64, frame: &Value) {
        let cid = frame["cid"].as_str().unwrap_or_default().to_owned();
        let Some(seq) = frame["seq"].as_u64() else {
            return self.breach(at, format!("ack without seq: {frame}"));
        };
        let Some(sent) = self.sent.get(&cid) else {
            return self.breach(at, format!("ack for what was never sent: {frame}"));
        };
        if Room::of(frame["conv"].as_str().unwrap_or_default(), self.user) != Some(sent.room) {
            return self.breach(at, format!("ack names another conversation: {frame}"));
        }
        let ack = Ack {
            seq,
            duplicate: frame["duplicate"] == true,
            at,
            session: self.sessions.len().saturating_sub(1),
            epoch: self.sessions.last().map_or(0, |session| session.epoch),
        };
        if self.dialect == Dialect::Shyim {
            self.position = self.position.max(seq);
        }
        let first = self.acks.entry(cid).or_insert(ack);
        if first.seq != seq {
            let first = first.seq;
            self.breach(at, format!("acked as {first} before: {frame}"));
        }
    }

    fn pong(&mut self, at: f64, frame: &Value) {
        self.move_to(at, frame["after"].as_u64());
        let here = self.sessions.last().map_or(0, |session| session.received);
        if frame["delivered"].as_u64() != Some(here) {
            self.breach(
                at,
                format!("{here} entries came on this connection: {frame}"),
            );
        }
    }

    fn reset(&mut self, at: f64, frame: &Value) {
        let head = frame["head"].as_u64().unwrap_or_default();
        self.resets.push(Reset {
            at,
            head,
            receipts: self.receipts.len(),
        });
        self.position = head;
        if let Some(session) = self.sessions.last_mut() {
            self.epoch = session.epoch;
            session.from = head;
            session.caught_up_at.get_or_insert(at);
        }
    }

    fn move_to(&mut self, at: f64, to: Option<u64>) {
        match to {
            None => self.breach(at, "a frame without the position it must have".to_owned()),
            Some(to) if to < self.position => {
                self.breach(
                    at,
                    format!("the position went back from {} to {to}", self.position),
                );
            }
            Some(to) => self.position = to,
        }
    }
}
