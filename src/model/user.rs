//! Users, their sessions and what users are to one another.

use serde::{Deserialize, Serialize};

use super::entry::UnixMillis;
use super::ids::{Seq, SessionId, UserId};

/// As the ancestors have it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Sex {
    M,
    W,
    #[default]
    U,
}

impl Sex {
    /// The letter in the API and the store.
    #[must_use]
    pub fn letter(self) -> &'static str {
        match self {
            Sex::M => "M",
            Sex::W => "W",
            Sex::U => "U",
        }
    }

    /// The sex with this letter.
    #[must_use]
    pub fn from_letter(letter: &str) -> Option<Sex> {
        match letter {
            "M" => Some(Sex::M),
            "W" => Some(Sex::W),
            "U" => Some(Sex::U),
            _ => None,
        }
    }
}

/// A user as stored, without his password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub nickname: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub admin: bool,
    pub disabled: bool,
    /// The log's head at registration: notices after it concern him.
    pub registered_seq: Seq,
    pub created_at: UnixMillis,
    pub last_seen_at: UnixMillis,
}

/// A user to be made.
#[derive(Clone, Debug)]
pub struct NewUser {
    /// Absent: the store gives `u<id>` (registration by phone alone).
    pub name: Option<String>,
    pub nickname: String,
    pub avatar: String,
    pub sex: Sex,
    pub memo: String,
    pub phone: Option<String>,
    pub email: Option<String>,
    /// A PHC string.
    pub password_hash: String,
}

/// Changes to a profile; `None` leaves a field as it is.
#[derive(Clone, Debug, Default)]
pub struct UserPatch {
    /// The name to log in with.
    pub name: Option<String>,
    pub nickname: Option<String>,
    pub avatar: Option<String>,
    pub sex: Option<Sex>,
    pub memo: Option<String>,
    /// `Some(None)` removes it.
    pub phone: Option<Option<String>>,
    pub email: Option<Option<String>>,
}

/// How somebody says who he is when logging in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginName {
    Name(String),
    Phone(String),
}

/// SHA-256 of a session token. The token itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenHash(pub [u8; 32]);

/// A session to be made.
#[derive(Clone, Debug)]
pub struct NewSession {
    pub user: UserId,
    pub token: TokenHash,
    /// What the client calls its device, at most 64 characters.
    pub device: String,
    /// The client's network address.
    pub address: String,
    pub expires_at: UnixMillis,
}

/// A session as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub device: String,
    pub address: String,
    pub created_at: UnixMillis,
    pub last_seen_at: UnixMillis,
    pub expires_at: UnixMillis,
    pub revoked: bool,
}

/// A friend as one user sees him.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Friend {
    pub user: UserId,
    /// The name this user gave him, or empty.
    pub remark: String,
    pub since: UnixMillis,
}

/// An open request for friendship.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FriendRequest {
    pub id: u64,
    pub from: UserId,
    pub to: UserId,
    pub message: String,
    pub at: UnixMillis,
}

/// All of a user's friendships.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Friendships {
    pub friends: Vec<Friend>,
    pub incoming: Vec<FriendRequest>,
    pub outgoing: Vec<FriendRequest>,
}
