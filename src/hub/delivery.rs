//! An entry on its way to connections: encoded when the first one needs it, then shared.
//!
//! Of each protocol two forms are enough for any entry but a notice: the sender's other devices see their client id
//! and, in private, the peer's address; everybody else sees one and the same.

use std::sync::{Arc, OnceLock};

use bytes::Bytes;

use super::speech::Speech;
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::{ConnId, Seq, UserId};

/// Forms of one entry that are kept: two of the public protocol, and one of each other as a rule. What is beyond is
/// encoded each time.
const FORMS_MAX: usize = 8;

/// An applied entry with its frames.
#[derive(Debug)]
pub struct Delivery {
    entry: Arc<Entry>,
    origin: Option<ConnId>,
    forms: [OnceLock<Form>; FORMS_MAX],
}

#[derive(Debug)]
struct Form {
    /// Told from others by its address: whoever serves connections of a protocol has one value of it.
    speech: Arc<dyn Speech>,
    is_own: bool,
    frame: Option<Bytes>,
}

impl Delivery {
    /// An entry, and the connection that got an ack in its place.
    #[must_use]
    pub fn new(entry: Arc<Entry>, origin: Option<ConnId>) -> Delivery {
        Delivery {
            entry,
            origin,
            forms: Default::default(),
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

    /// The connection that got an ack in its place.
    #[must_use]
    pub fn origin(&self) -> Option<ConnId> {
        self.origin
    }

    /// Whether this connection got an ack instead.
    #[must_use]
    pub fn is_from(&self, conn: ConnId) -> bool {
        self.origin == Some(conn)
    }

    /// The frame for a connection of this user in the words of its protocol; `None` where that has none for it.
    #[must_use]
    pub fn frame_for(&self, user: UserId, speech: &Arc<dyn Speech>) -> Option<Bytes> {
        let is_alike = speech.is_alike();
        if self.conv() == Conv::Notices && !is_alike {
            return speech.entry(&self.entry, user);
        }
        let is_own = !is_alike && user == self.entry.from;
        for form in &self.forms {
            let form = form.get_or_init(|| Form {
                speech: Arc::clone(speech),
                is_own,
                frame: speech.entry(&self.entry, user),
            });
            if form.is_own == is_own && Arc::ptr_eq(&form.speech, speech) {
                return form.frame.clone();
            }
        }
        speech.entry(&self.entry, user)
    }
}
