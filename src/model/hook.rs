//! Hooks: how programs outside say something in a group, and how they are told what is said there.

use super::entry::UnixMillis;
use super::ids::{GroupId, Seq, UserId};
use super::user::TokenHash;

/// A hook to be made.
#[derive(Clone, Debug)]
pub struct NewHook {
    pub group: GroupId,
    /// What people call it.
    pub name: String,
    pub creator: UserId,
    pub way: Way,
}

/// Which way messages go.
#[derive(Clone, PartialEq, Eq)]
pub enum Way {
    /// Into the group: whoever knows the token speaks as `bot`.
    In { bot: UserId, token: TokenHash },
    /// Out of it: what people say is posted to `url`, signed with `secret`.
    Out { url: String, secret: String },
}

impl std::fmt::Debug for Way {
    /// Without the secret, and without the address: it may hold one.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Way::In { .. } => "In",
            Way::Out { .. } => "Out",
        })
    }
}

/// A hook as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hook {
    pub id: u64,
    pub group: GroupId,
    pub name: String,
    pub creator: UserId,
    pub way: Way,
    pub created_at: UnixMillis,
    /// Of an outgoing one: everything up to here was delivered or passed over.
    pub cursor: Seq,
    /// Failed attempts since the last that was not.
    pub failures: u32,
    /// When the first of them was.
    pub failing_since: Option<UnixMillis>,
    /// Why it is delivered to no more; empty: it is.
    pub disabled: String,
}
