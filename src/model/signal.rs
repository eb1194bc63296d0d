//! Signals: what passes between nodes without a place in the log, best effort, and is never needed for correctness.

use serde::{Deserialize, Serialize};

use super::entry::UnixMillis;
use super::ids::{Seq, UserId};

/// One signal. Conversations travel by their canonical name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Signal {
    /// `user` is writing in `conv`.
    Typing { conv: String, user: UserId },
    /// `user` has read `conv` up to `seq`.
    Read {
        conv: String,
        user: UserId,
        seq: Seq,
    },
    /// `user` came online at the sending node, or left it.
    Presence {
        user: UserId,
        online: bool,
        at: UnixMillis,
    },
    /// `user` changed his profile: caches forget him.
    Profile { user: UserId },
    /// For the devices of `user` alone: a JSON object of what changed about `conv`, be it his settings or what he is
    /// told as one who runs a group.
    Settings {
        conv: String,
        user: UserId,
        changed: String,
    },
}
