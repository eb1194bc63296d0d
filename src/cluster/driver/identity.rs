//! Telling whether two reads of one place of the log saw the same entry.
//!
//! Responsible for the comparison alone: everything but the body, which a recall rewrites. Driven by `jobs` and
//! `recovery`.

use crate::model::entry::{Entry, UnixMillis};
use crate::model::ids::{Cid, Seq, UserId};

/// Who wrote the entry at a place, when, and under which id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EntryIdentity {
    pub(super) seq: Seq,
    from: UserId,
    cid: Cid,
    at: UnixMillis,
}

impl EntryIdentity {
    pub(super) fn of(entry: &Entry) -> EntryIdentity {
        EntryIdentity {
            seq: entry.seq,
            from: entry.from,
            cid: entry.cid.clone(),
            at: entry.at,
        }
    }
}
