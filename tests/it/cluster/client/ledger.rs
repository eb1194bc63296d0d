//! Everything one client sent and heard, in order, over all its connections.
//!
//! Responsible for the client's rules of position, and for noting at once what breaks them. Whether something is
//! missing only the checker can tell, with the store beside it.

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

use serde_json::Value;
use tokio::time::Instant;

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

/// A message this client sent, under its cid.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) room: Room,
    pub(crate) content: String,
    /// When it was first sent.
    pub(crate) at: Instant,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Ack {
    pub(crate) seq: u64,
    pub(crate) duplicate: bool,
    pub(crate) at: Instant,
}

/// An entry as this client received it.
#[derive(Clone, Debug)]
pub(crate) struct Receipt {
    pub(crate) seq: u64,
    pub(crate) room: Room,
    pub(crate) from: u64,
    pub(crate) kind: String,
    pub(crate) content: String,
    pub(crate) cid: Option<String>,
    pub(crate) by_sync: bool,
    pub(crate) at: Instant,
}

/// One thing that happened, for the history of a counter-example.
#[derive(Clone, Debug)]
pub(crate) struct Event {
    pub(crate) connection: u32,
    pub(crate) at: Instant,
    pub(crate) what: String,
    /// The seq it is about.
    pub(crate) seq: Option<u64>,
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}: {}", self.connection, self.what)
    }
}

pub(crate) struct Ledger {
    pub(crate) user: u64,
    /// Where the client began to listen.
    pub(crate) began_at: Option<u64>,
    /// The client's position by the rules of the API.
    pub(crate) position: Option<u64>,
    pub(crate) epoch: Option<Value>,
    pub(crate) connections: u32,
    pub(crate) node: Option<SocketAddr>,
    pub(crate) sent: BTreeMap<String, Sent>,
    pub(crate) acks: BTreeMap<String, Ack>,
    /// Refusals that ended a send, by cid.
    pub(crate) refused: BTreeMap<String, String>,
    /// Refusals after which the client tries again.
    pub(crate) put_off: u64,
    pub(crate) received: Vec<Receipt>,
    pub(crate) signals: Vec<Value>,
    pub(crate) resets: u32,
    pub(crate) byes: Vec<Value>,
    pub(crate) closes: Vec<u16>,
    /// Rules of the API that were broken on the way.
    pub(crate) breaches: Vec<String>,
    pub(crate) events: Vec<Event>,
    /// Entries received on this connection.
    received_here: u64,
}

impl Ledger {
    pub(crate) fn new(user: u64) -> Ledger {
        Ledger {
            user,
            began_at: None,
            position: None,
            epoch: None,
            connections: 0,
            node: None,
            sent: BTreeMap::new(),
            acks: BTreeMap::new(),
            refused: BTreeMap::new(),
            put_off: 0,
            received: Vec::new(),
            signals: Vec::new(),
            resets: 0,
            byes: Vec::new(),
            closes: Vec::new(),
            breaches: Vec::new(),
            events: Vec::new(),
            received_here: 0,
        }
    }

    /// How often a message with this content came.
    pub(crate) fn times_received(&self, content: &str) -> usize {
        self.received
            .iter()
            .filter(|r| r.content == content)
            .count()
    }

    /// Whether every send has its ack or its refusal.
    pub(crate) fn is_settled(&self) -> bool {
        self.sent.len() == self.acks.len() + self.refused.len()
    }

    pub(crate) fn note(&mut self, what: String, seq: Option<u64>) {
        self.events.push(Event {
            connection: self.connections,
            at: Instant::now(),
            what,
            seq,
        });
    }

    pub(crate) fn hello(&mut self, node: SocketAddr, hello: &Value) {
        self.connections += 1;
        self.received_here = 0;
        self.node = Some(node);
        let head = hello["head"].as_u64();
        self.note(
            format!(
                "hello from {node}, head {head:?}, position {:?}",
                self.position
            ),
            head,
        );
        if hello["user"]["id"] != self.user && hello["user"] != self.user {
            self.breach(format!("hello names another user: {hello}"));
        }
        let epoch = &hello["epoch"];
        if epoch.is_null() {
            self.breach(format!("hello without an epoch: {hello}"));
        }
        self.epoch = Some(epoch.clone());
        if self.position.is_none() {
            self.position = head;
            self.began_at = head;
        }
    }

    /// Takes in a frame other than `hello` and `error`.
    pub(crate) fn take(&mut self, frame: &Value) {
        match frame["type"].as_str().unwrap_or_default() {
            "entry" => self.entry(frame, false),
            "sync" => self.sync(frame),
            "ack" => self.ack(frame),
            "pong" => self.pong(frame),
            "reset" => self.reset(frame),
            "bye" => {
                self.note(format!("bye {frame}"), None);
                self.byes.push(frame.clone());
            }
            "presence" | "typing" | "read" | "profile" | "conversation" => {
                self.signals.push(frame.clone());
            }
            _ => self.breach(format!("a frame the API does not have: {frame}")),
        }
    }

    fn entry(&mut self, entry: &Value, by_sync: bool) {
        let seq = entry["seq"].as_u64().unwrap_or_default();
        self.note(
            format!("entry {seq}{}", if by_sync { " (sync)" } else { "" }),
            Some(seq),
        );
        self.received_here += 1;
        if self.position.is_some_and(|position| seq <= position) {
            self.breach(format!(
                "entry {seq} came at position {}",
                self.position.unwrap_or_default()
            ));
        }
        self.position = self.position.max(Some(seq));
        let conv = entry["conv"].as_str().unwrap_or_default();
        let Some(room) = Room::of(conv, self.user) else {
            return self.breach(format!("entry in no conversation: {entry}"));
        };
        self.received.push(Receipt {
            seq,
            room,
            from: entry["from"].as_u64().unwrap_or_default(),
            kind: entry["kind"].as_str().unwrap_or_default().to_owned(),
            content: entry["content"].as_str().unwrap_or_default().to_owned(),
            cid: entry["cid"].as_str().map(str::to_owned),
            by_sync,
            at: Instant::now(),
        });
    }

    fn sync(&mut self, frame: &Value) {
        for entry in frame["entries"].as_array().into_iter().flatten() {
            self.entry(entry, true);
        }
        self.move_to(frame["after"].as_u64(), "sync.after");
    }

    fn ack(&mut self, frame: &Value) {
        let cid = frame["cid"].as_str().unwrap_or_default().to_owned();
        let Some(seq) = frame["seq"].as_u64() else {
            return self.breach(format!("ack without seq: {frame}"));
        };
        self.note(format!("ack {seq} for {cid}"), Some(seq));
        let Some(sent) = self.sent.get(&cid) else {
            return self.breach(format!("ack for what was never sent: {frame}"));
        };
        if Room::of(frame["conv"].as_str().unwrap_or_default(), self.user) != Some(sent.room) {
            return self.breach(format!("ack names another conversation: {frame}"));
        }
        let ack = Ack {
            seq,
            duplicate: frame["duplicate"] == true,
            at: Instant::now(),
        };
        let first = self.acks.entry(cid).or_insert(ack);
        if first.seq != seq {
            let first = first.seq;
            self.breach(format!("acked as {first} before: {frame}"));
        }
    }

    fn pong(&mut self, frame: &Value) {
        self.move_to(frame["after"].as_u64(), "pong.after");
        if frame["delivered"].as_u64() != Some(self.received_here) {
            let here = self.received_here;
            self.breach(format!("{here} entries came on this connection: {frame}"));
        }
    }

    fn reset(&mut self, frame: &Value) {
        self.note(format!("reset {frame}"), frame["head"].as_u64());
        self.resets += 1;
        self.position = frame["head"].as_u64();
    }

    fn move_to(&mut self, after: Option<u64>, what: &str) {
        self.note(format!("{what} {after:?}"), after);
        if after < self.position {
            let position = self.position;
            return self.breach(format!(
                "{what} {after:?} is below the position {position:?}"
            ));
        }
        self.position = after;
    }

    fn breach(&mut self, what: String) {
        self.note(format!("BREACH: {what}"), None);
        self.breaches.push(what);
    }
}
