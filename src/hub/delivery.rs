//! An entry on its way to connections: encoded when the first one needs it, then shared.
//!
//! Two forms are enough for any entry but a notice: the sender's other devices see their client id and, in
//! private, the peer's address; everybody else sees one and the same.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::frame;
use crate::model::conversation::Conv;
use crate::model::encode::encode_entry;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, Seq, UserId};

/// An applied entry with its frames.
#[derive(Debug)]
pub struct Delivery {
    entry: Arc<Entry>,
    origin: Option<ConnId>,
    own: OnceLock<Bytes>,
    other: OnceLock<Bytes>,
}

impl Delivery {
    /// An entry, and the connection that got an ack in its place.
    #[must_use]
    pub fn new(entry: Arc<Entry>, origin: Option<ConnId>) -> Delivery {
        Delivery {
            entry,
            origin,
            own: OnceLock::new(),
            other: OnceLock::new(),
        }
    }

    /// Its place in the log.
    #[must_use]
    pub fn seq(&self) -> Seq {
        self.entry.seq
    }

    /// The conversation it belongs to.
    #[must_use]
    pub fn conv(&self) -> Conv {
        self.entry.conv
    }

    /// Whether clients are shown such entries at all.
    #[must_use]
    pub fn is_shown(&self) -> bool {
        self.entry.kind.name().is_some()
    }

    /// Whether this connection got an ack instead.
    #[must_use]
    pub fn is_from(&self, conn: ConnId) -> bool {
        self.origin == Some(conn)
    }

    /// The frame for a connection of this user.
    #[must_use]
    pub fn frame_for(&self, user: UserId) -> Bytes {
        if self.entry.conv == Conv::Notices {
            return self.encode(user);
        }
        let form = if user == self.entry.from {
            &self.own
        } else {
            &self.other
        };
        form.get_or_init(|| self.encode(user)).clone()
    }

    fn encode(&self, reader: UserId) -> Bytes {
        let mut json = Vec::with_capacity(self.entry.body.len() + 160);
        encode_entry(&mut json, &self.entry, reader, true);
        frame::text(&json)
    }
}
