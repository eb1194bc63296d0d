//! Conversations: who can be in one, and the two names each has.
//!
//! The log knows a conversation by a canonical name ([`Conv`]); a reader names it from his own side
//! ([`Address`]): the same private conversation is `u:7` to one of the two and `u:3` to the other.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use super::ids::{GroupId, InvalidId, UserId, parse_id};

/// A conversation as the log knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Conv {
    /// Notices for everybody; each user is in from registration on.
    Notices,
    /// Two users, lower id first; both the same: that user's notes to self.
    Private(UserId, UserId),
    /// A group.
    Group(GroupId),
    /// What concerns one account and is never shown to a client: revoked sessions.
    Account(UserId),
}

impl Conv {
    /// The private conversation of two users, whoever is named first.
    #[must_use]
    pub fn private(one: UserId, other: UserId) -> Conv {
        Conv::Private(one.min(other), one.max(other))
    }

    /// The name `reader` uses; `None` where he has none (somebody else's private or account conversation).
    #[must_use]
    pub fn as_seen_by(self, reader: UserId) -> Option<Address> {
        match self {
            Conv::Notices => Some(Address::User(reader)),
            Conv::Private(low, high) if reader == low => Some(Address::User(high)),
            Conv::Private(low, high) if reader == high => Some(Address::User(low)),
            Conv::Private(..) | Conv::Account(_) => None,
            Conv::Group(group) => Some(Address::Group(group)),
        }
    }

    /// The other user of a private conversation as seen by `reader` (himself in notes to self).
    #[must_use]
    pub fn peer_of(self, reader: UserId) -> Option<UserId> {
        match self {
            Conv::Private(low, high) if reader == low => Some(high),
            Conv::Private(low, high) if reader == high => Some(low),
            Conv::Private(..) | Conv::Notices | Conv::Group(_) | Conv::Account(_) => None,
        }
    }
}

impl fmt::Display for Conv {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Conv::Notices => f.write_str("n"),
            Conv::Private(low, high) => write!(f, "p:{low}:{high}"),
            Conv::Group(group) => write!(f, "g:{group}"),
            Conv::Account(user) => write!(f, "a:{user}"),
        }
    }
}

impl FromStr for Conv {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("conversation");
        match text.split_once(':') {
            None if text == "n" => Ok(Conv::Notices),
            Some(("g", id)) => Ok(Conv::Group(GroupId(parse_id(id)?))),
            Some(("a", id)) => Ok(Conv::Account(UserId(parse_id(id)?))),
            Some(("p", pair)) => {
                let (low, high) = pair.split_once(':').ok_or(invalid)?;
                let (low, high) = (UserId(parse_id(low)?), UserId(parse_id(high)?));
                if low > high {
                    return Err(invalid);
                }
                Ok(Conv::Private(low, high))
            }
            None | Some(_) => Err(invalid),
        }
    }
}

/// A conversation as one reader names it: `u:<user id>` or `g:<group id>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Address {
    /// The private conversation with this user; one's own id: notes to self and notices.
    User(UserId),
    /// A group.
    Group(GroupId),
}

impl Address {
    /// The conversation that `reader` means.
    #[must_use]
    pub fn conv_of(self, reader: UserId) -> Conv {
        match self {
            Address::User(user) => Conv::private(reader, user),
            Address::Group(group) => Conv::Group(group),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Address::User(user) => write!(f, "u:{user}"),
            Address::Group(group) => write!(f, "g:{group}"),
        }
    }
}

impl FromStr for Address {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let invalid = InvalidId("conversation");
        match text.split_once(':').ok_or(invalid)? {
            ("u", id) => match parse_id(id)? {
                0 => Err(invalid),
                id => Ok(Address::User(UserId(id))),
            },
            ("g", id) => match parse_id(id)? {
                0 => Err(invalid),
                id => Ok(Address::Group(GroupId(id))),
            },
            (_, _) => Err(invalid),
        }
    }
}

impl Serialize for Address {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_of_a_private_conversation_mean_the_same_log_conversation() {
        let (anna, bert) = (UserId(3), UserId(7));
        assert_eq!(
            Address::User(bert).conv_of(anna),
            Address::User(anna).conv_of(bert)
        );
        let conv = Conv::private(bert, anna);
        assert_eq!(conv.as_seen_by(anna), Some(Address::User(bert)));
        assert_eq!(conv.as_seen_by(UserId(9)), None);
    }

    #[test]
    fn canonical_names_round_trip_and_odd_spellings_are_refused() {
        for text in ["n", "p:3:7", "p:3:3", "g:12", "a:9"] {
            assert_eq!(
                text.parse::<Conv>().map(|c| c.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["", "p:7:3", "p:3", "g:012", "g:", "g:-1", "x:1", "n:"] {
            assert!(text.parse::<Conv>().is_err(), "{text}");
        }
        for text in [
            "u:0",
            "u:",
            "u:01",
            "g:0",
            "u:9007199254740992",
            "u:1 ",
            "p:1:2",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}
