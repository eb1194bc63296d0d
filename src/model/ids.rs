//! Identifiers as newtypes: a value that exists is valid.
//!
//! Parsing happens at the edge (`FromStr`, `TryFrom`); nothing below the edge checks again.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Ids and sequence numbers stay below 2^53 so that every JSON reader keeps them exact.
pub const ID_MAX: u64 = (1 << 53) - 1;

/// The place of an entry in the cluster's one total order: 1, 2, 3, … dense. 0 is "before everything".
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Seq(pub u64);

impl Seq {
    /// The position before the first entry.
    pub const ZERO: Seq = Seq(0);

    /// The seq that follows in the dense order.
    #[must_use]
    pub fn next(self) -> Seq {
        Seq(self.0.saturating_add(1))
    }

    /// The seq before this one; the position before everything stays where it is.
    #[must_use]
    pub fn prev(self) -> Seq {
        Seq(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Seq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The random identity of a log, new whenever the log is created, restored or moved.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u64);

/// A user. 0 is the system itself, the author of notices.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct UserId(pub u64);

impl UserId {
    /// The author of what no person wrote.
    pub const SYSTEM: UserId = UserId(0);
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct GroupId(pub u64);

impl fmt::Display for GroupId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A login session of a user, as listed and revoked by its owner. Not the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SessionId(pub u64);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One run of one node process: 16 random bytes (UUIDv7) drawn at start. A restart is a stranger.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Incarnation(pub [u8; 16]);

impl fmt::Display for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in self.0 {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A connection of a client to this node; unique within one run of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId(pub u64);

/// The sender's own id of one send: 1-64 printable ASCII bytes, compared byte for byte.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Cid(String);

impl Cid {
    /// Longest client id, in bytes (the public API's limit).
    pub const BYTES_MAX: usize = 64;

    /// The id of an entry whose own one cannot be read.
    #[must_use]
    pub fn unreadable() -> Cid {
        Cid("?".to_owned())
    }

    /// The id as sent by the client.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct InvalidId(pub &'static str);

impl FromStr for Cid {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let printable = text.bytes().all(|b| (0x20..0x7f).contains(&b));
        if text.is_empty() || text.len() > Self::BYTES_MAX || !printable {
            return Err(InvalidId("client id"));
        }
        Ok(Cid(text.to_owned()))
    }
}

/// Parses a decimal id within [`ID_MAX`]; signs, spaces and leading zeros are refused so that an id has one spelling.
pub fn parse_id(text: &str) -> Result<u64, InvalidId> {
    let canonical = !text.is_empty()
        && text.bytes().all(|b| b.is_ascii_digit())
        && (text == "0" || !text.starts_with('0'));
    match text.parse::<u64>() {
        Ok(id) if canonical && id <= ID_MAX => Ok(id),
        Ok(_) | Err(_) => Err(InvalidId("id")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_id_is_1_to_64_bytes_of_printable_ascii() {
        for valid in ["a", "A", "x ", " ", "~", "{\"'\\%_;--}", &"z".repeat(64)] {
            let cid: Cid = valid.parse().unwrap();
            assert_eq!(cid.as_str(), valid);
        }
        for invalid in [
            "",
            "é",
            "caf\u{e9}",
            "鸟",
            "\t",
            "a\n",
            "\u{7f}",
            "a\0",
            &"z".repeat(65),
        ] {
            assert!(invalid.parse::<Cid>().is_err(), "{invalid:?}");
        }
    }
}
