//! Path segments as identifiers. What is none does not exist: the route rejects it, and the answer is 404.

use std::str::FromStr;

use crate::model::conversation::Address;
use crate::model::file::FileId;
use crate::model::ids::{GroupId, InvalidId, Seq, SessionId, UserId, parse_id};

/// A number in a path.
pub(super) struct Id<T>(pub(super) T);

pub(super) type UserPath = Id<UserId>;
pub(super) type GroupPath = Id<GroupId>;
pub(super) type SessionPath = Id<SessionId>;
/// An invitation to register.
pub(super) type InvitationPath = Id<u64>;
/// An entry by its place.
pub(super) type EntryPath = Id<Seq>;
/// A hook of a group.
pub(super) type HookPath = Id<u64>;
/// A request for friendship.
pub(super) type RequestPath = Id<u64>;

/// Ids that are made from a number.
pub(super) trait Numbered {
    fn numbered(number: u64) -> Self;
}

impl Numbered for u64 {
    fn numbered(number: u64) -> u64 {
        number
    }
}

impl Numbered for Seq {
    fn numbered(number: u64) -> Seq {
        Seq(number)
    }
}

impl Numbered for UserId {
    fn numbered(number: u64) -> UserId {
        UserId(number)
    }
}

impl Numbered for GroupId {
    fn numbered(number: u64) -> GroupId {
        GroupId(number)
    }
}

impl Numbered for SessionId {
    fn numbered(number: u64) -> SessionId {
        SessionId(number)
    }
}

impl<T: Numbered> FromStr for Id<T> {
    type Err = InvalidId;

    fn from_str(segment: &str) -> Result<Self, InvalidId> {
        match parse_id(segment)? {
            // The system, which is no user, and nothing else.
            0 => Err(InvalidId("id")),
            number => Ok(Id(T::numbered(number))),
        }
    }
}

/// A conversation in a path. Its colon may be percent-encoded: careful clients do that.
pub(super) struct Conversation(pub(super) Address);

impl FromStr for Conversation {
    type Err = InvalidId;

    fn from_str(segment: &str) -> Result<Self, InvalidId> {
        let text = segment.replacen("%3A", ":", 1).replacen("%3a", ":", 1);
        text.parse().map(Conversation)
    }
}

/// A file in a path.
pub(super) struct FilePath(pub(super) FileId);

impl FromStr for FilePath {
    type Err = InvalidId;

    fn from_str(segment: &str) -> Result<Self, InvalidId> {
        segment.parse().map(FilePath)
    }
}

/// Text with its percent-encoding undone; `None` when that is not UTF-8.
pub(super) fn decoded(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, behind)) = rest.split_first() {
        rest = behind;
        let escaped = match (byte, behind) {
            (b'%', [high, low, ..]) => hex(*high).zip(hex(*low)),
            (_, _) => None,
        };
        match escaped {
            Some((high, low)) => {
                bytes.push(high << 4 | low);
                rest = &behind[2..];
            }
            None => bytes.push(*byte),
        }
    }
    String::from_utf8(bytes).ok()
}

fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversations_colon_may_be_encoded_and_nothing_else_is_one() {
        for segment in ["u:7", "u%3A7", "u%3a7"] {
            let conversation: Conversation = segment.parse().ok().unwrap();
            assert_eq!(conversation.0, Address::User(UserId(7)));
        }
        for segment in ["u%3A%3A7", "x:1", "u:0", "7"] {
            assert!(segment.parse::<Conversation>().is_err(), "{segment}");
        }
    }

    #[test]
    fn percent_encoding_is_undone_where_it_is_one() {
        assert_eq!(decoded("a%2Fb%e4%b8%ad").as_deref(), Some("a/b中"));
        assert_eq!(decoded("100%").as_deref(), Some("100%"));
        assert_eq!(decoded("%zz%4").as_deref(), Some("%zz%4"));
        assert_eq!(decoded("%ff"), None);
    }
}
