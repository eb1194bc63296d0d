//! Entries: what the log holds, and their form on the bus.
//!
//! The body is a JSON object of the kind's own fields exactly as clients see them, encoded once by the node
//! that took the entry and carried as bytes from there on: no node on the way parses a message.

use bytes::{BufMut, Bytes, BytesMut};
use serde::{Deserialize, Serialize};

use super::conversation::Conv;
use super::group::{JoinMode, Role};
use super::ids::{Cid, GroupId, Seq, UserId};

/// Milliseconds since 1970 UTC, by the store's clock.
pub type UnixMillis = i64;

/// What an entry is. The number is its form in the store and on the bus.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EntryKind {
    /// Something a person said.
    Message,
    /// A message was taken back.
    Recall,
    /// A message's text was replaced.
    Edit,
    /// A reaction was put on or taken off.
    Reaction,
    /// Users came into a group.
    Joined,
    /// Users left a group or were removed.
    Left,
    /// A group was created, changed its profile, or was dissolved.
    Group,
    /// Two users' friendship changed.
    Friend,
    /// The system speaks to everybody.
    Notice,
    /// Sessions of an account ended. Never shown to a client.
    Revoked,
    /// An account asked to come into a group, or was declined. Never shown to a client.
    Asked,
    /// Written by a newer version: moves the position, shown to nobody.
    Unknown(u8),
}

impl EntryKind {
    /// The number in the store and on the bus.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            EntryKind::Message => 1,
            EntryKind::Recall => 2,
            EntryKind::Edit => 3,
            EntryKind::Reaction => 4,
            EntryKind::Joined => 5,
            EntryKind::Left => 6,
            EntryKind::Group => 7,
            EntryKind::Friend => 8,
            EntryKind::Notice => 9,
            EntryKind::Revoked => 10,
            EntryKind::Asked => 16,
            EntryKind::Unknown(code) => code,
        }
    }

    /// The kind with this number; every number has one.
    #[must_use]
    pub fn from_code(code: u8) -> EntryKind {
        match code {
            1 => EntryKind::Message,
            2 => EntryKind::Recall,
            3 => EntryKind::Edit,
            4 => EntryKind::Reaction,
            5 => EntryKind::Joined,
            6 => EntryKind::Left,
            7 => EntryKind::Group,
            8 => EntryKind::Friend,
            9 => EntryKind::Notice,
            10 => EntryKind::Revoked,
            16 => EntryKind::Asked,
            other => EntryKind::Unknown(other),
        }
    }

    /// Whether clients are shown it and it is more than what became of another entry.
    #[must_use]
    pub fn stands_alone(self) -> bool {
        match self {
            EntryKind::Message
            | EntryKind::Joined
            | EntryKind::Left
            | EntryKind::Group
            | EntryKind::Friend
            | EntryKind::Notice => true,
            EntryKind::Recall
            | EntryKind::Edit
            | EntryKind::Reaction
            | EntryKind::Revoked
            | EntryKind::Asked
            | EntryKind::Unknown(_) => false,
        }
    }

    /// The name in the public API; `None`: not shown to clients.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        match self {
            EntryKind::Message => Some("message"),
            EntryKind::Recall => Some("recall"),
            EntryKind::Edit => Some("edit"),
            EntryKind::Reaction => Some("reaction"),
            EntryKind::Joined => Some("joined"),
            EntryKind::Left => Some("left"),
            EntryKind::Group => Some("group"),
            EntryKind::Friend => Some("friend"),
            EntryKind::Notice => Some("notice"),
            EntryKind::Revoked | EntryKind::Asked | EntryKind::Unknown(_) => None,
        }
    }
}

/// One durable thing that happened, at its place in the order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its place.
    pub seq: Seq,
    /// The conversation it belongs to.
    pub conv: Conv,
    /// Who did it; [`UserId::SYSTEM`] for the system.
    pub from: UserId,
    /// When the store took it; never decreases along the log.
    pub at: UnixMillis,
    /// What it is.
    pub kind: EntryKind,
    /// The sender's id of it, shown to nobody else. Entries that no client named have a random one.
    pub cid: Cid,
    /// The kind's fields: a JSON object.
    pub body: Bytes,
}

/// Why bytes are not an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an encoded entry")]
pub struct InvalidEntry;

/// Longest canonical conversation name: `p:` and two ids of 16 digits.
const CONV_BYTES_MAX: usize = 40;
const FIXED_BYTES: usize = 1 + 8 + 8 + 1 + 1;

impl Entry {
    /// The form on the bus, without the seq (the frame carries it):
    /// kind 1 · from 8 · at 8 · conv length 1 · conv · cid length 1 · cid · body.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let conv = self.conv.to_string();
        let cid = self.cid.as_str();
        let mut out =
            BytesMut::with_capacity(FIXED_BYTES + conv.len() + cid.len() + self.body.len());
        out.put_u8(self.kind.code());
        out.put_u64(self.from.0);
        out.put_i64(self.at);
        out.put_u8(u8::try_from(conv.len()).unwrap_or(0));
        out.put_slice(conv.as_bytes());
        out.put_u8(u8::try_from(cid.len()).unwrap_or(0));
        out.put_slice(cid.as_bytes());
        out.put_slice(&self.body);
        out.freeze()
    }

    /// Reads [`Entry::encode`]'s form; the body shares `payload`'s memory.
    pub fn decode(seq: Seq, payload: &Bytes) -> Result<Entry, InvalidEntry> {
        let (head, body_at) = read_head(payload)?;
        let body = payload.slice(body_at..);
        if !looks_like_object(&body) {
            return Err(InvalidEntry);
        }
        let Head {
            kind,
            from,
            at,
            conv,
            cid,
        } = head;
        Ok(Entry {
            seq,
            conv,
            from,
            at,
            kind,
            cid,
            body,
        })
    }

    /// Whether bytes would decode; what the bus asks before it takes a payload in.
    #[must_use]
    pub fn is_encoded(payload: &[u8]) -> bool {
        read_head(payload).is_ok_and(|(_, body_at)| looks_like_object(&payload[body_at..]))
    }
}

struct Head {
    kind: EntryKind,
    from: UserId,
    at: UnixMillis,
    conv: Conv,
    cid: Cid,
}

/// Everything before the body, and where the body begins.
fn read_head(payload: &[u8]) -> Result<(Head, usize), InvalidEntry> {
    let mut reader = Reader {
        payload,
        position: 0,
    };
    let head = Head {
        kind: EntryKind::from_code(reader.array::<1>()?[0]),
        from: UserId(u64::from_be_bytes(reader.array()?)),
        at: UnixMillis::from_be_bytes(reader.array()?),
        conv: reader
            .text(CONV_BYTES_MAX)?
            .parse()
            .map_err(|_| InvalidEntry)?,
        cid: reader
            .text(Cid::BYTES_MAX)?
            .parse()
            .map_err(|_| InvalidEntry)?,
    };
    Ok((head, reader.position))
}

/// A body is spliced into client frames, so it must at least be a complete UTF-8 text in braces.
fn looks_like_object(body: &[u8]) -> bool {
    body.first() == Some(&b'{') && body.last() == Some(&b'}') && std::str::from_utf8(body).is_ok()
}

struct Reader<'a> {
    payload: &'a [u8],
    position: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], InvalidEntry> {
        let end = self.position.checked_add(count).ok_or(InvalidEntry)?;
        let bytes = self.payload.get(self.position..end).ok_or(InvalidEntry)?;
        self.position = end;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], InvalidEntry> {
        self.take(N)?.try_into().map_err(|_| InvalidEntry)
    }

    fn text(&mut self, bytes_max: usize) -> Result<&'a str, InvalidEntry> {
        let length = usize::from(self.array::<1>()?[0]);
        if length > bytes_max {
            return Err(InvalidEntry);
        }
        std::str::from_utf8(self.take(length)?).map_err(|_| InvalidEntry)
    }
}

/// Body of [`EntryKind::Joined`] and [`EntryKind::Left`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MembershipBody {
    /// Who joined or left.
    pub users: Vec<UserId>,
    /// Who did it, when it was somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<UserId>,
    /// Whose invitation they came in with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invited_by: Option<UserId>,
}

impl MembershipBody {
    /// Somebody came or went by himself.
    #[must_use]
    pub fn oneself(user: UserId) -> MembershipBody {
        MembershipBody {
            users: vec![user],
            by: None,
            invited_by: None,
        }
    }

    /// Somebody else brought or removed them.
    #[must_use]
    pub fn by(author: UserId, users: Vec<UserId>) -> MembershipBody {
        MembershipBody {
            users,
            by: Some(author),
            invited_by: None,
        }
    }
}

/// Body of [`EntryKind::Group`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupBody {
    /// The group begins with this entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub created: bool,
    /// The group ends with this entry; everybody leaves.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub dissolved: bool,
    /// The name it has from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The picture it has from now on; empty: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<u8>,
    /// What it announces from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub memo: Option<String>,
    /// How it lets in from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub join: Option<JoinMode>,
    /// Somebody has this role from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RoleBody>,
    /// Somebody, or everybody, may not write until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted: Option<MutedBody>,
    /// Who owns it from now on; who did before is an admin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<UserId>,
    /// The members it begins with.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub users: Vec<UserId>,
}

/// Who has which role.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleBody {
    pub user: UserId,
    pub role: Role,
}

/// Who may not write until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MutedBody {
    /// 0: everybody but owner and admins.
    pub user: UserId,
    /// 0: he may write again.
    pub until: UnixMillis,
}

/// Body of [`EntryKind::Asked`]. The entry's author asks for himself, or declines what somebody asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedBody {
    pub group: GroupId,
    /// It was declined.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub declined: bool,
}

/// Body of [`EntryKind::Revoked`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RevokedBody {
    /// The sessions that ended.
    pub sessions: Vec<super::ids::SessionId>,
}

/// Body of [`EntryKind::Friend`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FriendBody {
    /// What the friendship became.
    pub state: FriendState,
    /// The words that came with a request.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// The steps of a friendship.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FriendState {
    /// The entry's author asks the other.
    Requested,
    /// The two are friends from here on.
    Friends,
    /// The entry's author declined the other's request.
    Refused,
    /// The entry's author ended the friendship.
    Removed,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            seq: Seq(9),
            conv: Conv::private(UserId(3), UserId(7)),
            from: UserId(7),
            at: 1_700_000_000_000,
            kind: EntryKind::Message,
            cid: "c-1".parse().unwrap(),
            body: Bytes::from_static(br#"{"media":1,"content":"hi"}"#),
        }
    }

    #[test]
    fn an_entry_survives_its_form_on_the_bus() {
        assert_eq!(Entry::decode(Seq(9), &entry().encode()), Ok(entry()));
    }

    #[test]
    fn every_truncation_and_every_flipped_byte_is_decoded_or_refused_without_panic() {
        let whole = entry().encode();
        for end in 0..whole.len() {
            assert_eq!(
                Entry::decode(Seq(9), &whole.slice(..end)),
                Err(InvalidEntry),
                "cut at {end}"
            );
        }
        for at in 0..whole.len() {
            let mut bytes = whole.to_vec();
            bytes[at] ^= 0xff;
            let _ = Entry::decode(Seq(9), &bytes.into());
        }
    }
}
