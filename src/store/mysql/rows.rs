//! How the model's types are written as parameters and read from rows.
//!
//! Reading checks: a row that no version of this program could have written is an error, never a panic or a guess.
//! Used by every file of this module that runs a statement.

use std::sync::Arc;

use bytes::Bytes;
use mysql_async::{Row, Value};

use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::file::{Digest, FileId, Place};
use crate::model::group::{Group, Interval, JoinMode, Member, Role};
use crate::model::ids::{Cid, Epoch, GroupId, Incarnation, Seq, SessionId, UserId};
use crate::model::user::{Session, Sex, TokenHash, User};
use crate::store::{LogHead, Result, StoreError};

/// Of the row of [`log_head`].
pub(super) const LOG_HEAD: &str =
    "SELECT h.epoch, f.floor_seq, h.head FROM log_head h JOIN log_floor f ON f.id = h.id";
/// Columns of [`entry`].
pub(super) const ENTRY: &str = "seq, conv, sender, at, kind, cid, body";
/// Columns of [`user`], of `users u`.
pub(super) const USER: &str = "u.id, u.name, u.nickname, u.avatar, u.sex, u.memo, u.phone, u.email, u.admin, \
     u.disabled, u.registered_seq, u.created_at, u.last_seen_at";
/// Columns of [`session`], of `sessions s`.
pub(super) const SESSION: &str = "s.id, s.user_id, s.device, s.address, s.created_at, s.last_seen_at, \
     s.expires_at, s.revoked_at IS NOT NULL";
/// Columns of [`group`], of `chat_groups g`.
pub(super) const GROUP: &str = "g.id, g.name, g.icon, g.category, g.memo, g.owner_id, g.join_mode, g.members, \
     g.created_at, g.dissolved";

/// What a column can hold. `None`: not this.
pub(super) trait Column: Sized {
    fn from_value(value: Value) -> Option<Self>;
}

/// The columns of one row, from the first to the last.
pub(super) struct Columns {
    names: Arc<[mysql_async::Column]>,
    values: std::vec::IntoIter<Option<Value>>,
    read: usize,
}

impl Columns {
    pub(super) fn of(row: Row) -> Columns {
        Columns {
            names: row.columns(),
            values: row.unwrap_raw().into_iter(),
            read: 0,
        }
    }

    /// Reads the next column.
    pub(super) fn next<T: Column>(&mut self) -> Result<T> {
        let value = self.values.next().flatten();
        let column = self.names.get(self.read);
        self.read += 1;
        value.and_then(T::from_value).ok_or_else(|| {
            let name = column
                .map(mysql_async::Column::name_str)
                .unwrap_or_default();
            StoreError::Corrupt(format!("the column {name} holds what it should not"))
        })
    }
}

/// Reads rows one by one.
pub(super) fn all<T>(
    rows: Vec<Row>,
    mut read: impl FnMut(&mut Columns) -> Result<T>,
) -> Result<Vec<T>> {
    let read = rows.into_iter().map(|row| read(&mut Columns::of(row)));
    read.collect()
}

/// Reads the row if there is one.
pub(super) fn one<T>(
    row: Option<Row>,
    read: impl FnOnce(&mut Columns) -> Result<T>,
) -> Result<Option<T>> {
    row.map(|row| read(&mut Columns::of(row))).transpose()
}

/// Numbers come as such, or as text where the server made them up.
impl Column for u64 {
    fn from_value(value: Value) -> Option<u64> {
        match value {
            Value::UInt(number) => Some(number),
            Value::Int(number) => number.try_into().ok(),
            Value::Bytes(digits) => std::str::from_utf8(&digits).ok()?.parse().ok(),
            Value::NULL
            | Value::Float(_)
            | Value::Double(_)
            | Value::Date(..)
            | Value::Time(..) => None,
        }
    }
}

impl Column for i64 {
    fn from_value(value: Value) -> Option<i64> {
        match value {
            Value::Int(number) => Some(number),
            Value::UInt(number) => number.try_into().ok(),
            Value::Bytes(digits) => std::str::from_utf8(&digits).ok()?.parse().ok(),
            Value::NULL
            | Value::Float(_)
            | Value::Double(_)
            | Value::Date(..)
            | Value::Time(..) => None,
        }
    }
}

impl Column for Vec<u8> {
    fn from_value(value: Value) -> Option<Vec<u8>> {
        match value {
            Value::Bytes(bytes) => Some(bytes),
            Value::NULL
            | Value::Int(_)
            | Value::UInt(_)
            | Value::Float(_)
            | Value::Double(_)
            | Value::Date(..)
            | Value::Time(..) => None,
        }
    }
}

/// A column that may be empty.
impl<T: Column> Column for Option<T> {
    fn from_value(value: Value) -> Option<Option<T>> {
        if value == Value::NULL {
            return Some(None);
        }
        T::from_value(value).map(Some)
    }
}

/// How a type is read from the form it is stored in.
macro_rules! column {
    ($($type:ty: $stored:ty => $read:expr),+ $(,)?) => {$(
        impl Column for $type {
            fn from_value(value: Value) -> Option<$type> {
                let read: fn($stored) -> Option<$type> = $read;
                read(<$stored>::from_value(value)?)
            }
        }
    )+};
}

column! {
    FileId: String => |id| id.parse().ok(),
    Digest: Vec<u8> => |bytes| bytes.try_into().ok().map(Digest),
    Place: Vec<u8> => |bytes| bytes.try_into().ok().map(Place),
    bool: u64 => |number| Some(number != 0),
    u8: u64 => |number| number.try_into().ok(),
    u32: u64 => |number| number.try_into().ok(),
    usize: u64 => |number| number.try_into().ok(),
    String: Vec<u8> => |bytes| String::from_utf8(bytes).ok(),
    Seq: u64 => |number| Some(Seq(number)),
    UserId: u64 => |number| Some(UserId(number)),
    GroupId: u64 => |number| Some(GroupId(number)),
    SessionId: u64 => |number| Some(SessionId(number)),
    Epoch: u64 => |number| Some(Epoch(number)),
    Conv: String => |text| text.parse().ok(),
    Cid: String => |text| text.parse().ok(),
    Sex: String => |letter| Sex::from_letter(&letter),
    EntryKind: u8 => |code| Some(EntryKind::from_code(code)),
    Role: u8 => Role::from_code,
    JoinMode: u8 => JoinMode::from_code,
    Incarnation: Vec<u8> => |bytes| bytes.try_into().ok().map(Incarnation),
}

/// How a type is stored.
macro_rules! parameter {
    ($($type:ty: $value:ident => $stored:expr),+ $(,)?) => {$(
        impl From<$type> for Value {
            fn from($value: $type) -> Value {
                Value::from($stored)
            }
        }
    )+};
}

parameter! {
    FileId: id => id.to_string(),
    Digest: digest => digest.0.to_vec(),
    Place: place => place.0.to_vec(),
    Seq: seq => seq.0,
    UserId: user => user.0,
    GroupId: group => group.0,
    SessionId: session => session.0,
    Epoch: epoch => epoch.0,
    Conv: conv => conv.to_string(),
    Cid: cid => cid.as_str(),
    Sex: sex => sex.letter(),
    EntryKind: kind => kind.code(),
    Role: role => role.code(),
    JoinMode: mode => mode.code(),
    TokenHash: token => token.0.as_slice(),
    Incarnation: incarnation => incarnation.0.as_slice(),
}

/// From [`LOG_HEAD`].
pub(super) fn log_head(row: &mut Columns) -> Result<LogHead> {
    Ok(LogHead {
        epoch: row.next()?,
        floor: row.next()?,
        head: row.next()?,
    })
}

/// From [`ENTRY`].
pub(super) fn entry(row: &mut Columns) -> Result<Entry> {
    Ok(Entry {
        seq: row.next()?,
        conv: row.next()?,
        from: row.next()?,
        at: row.next()?,
        kind: row.next()?,
        cid: row.next()?,
        body: Bytes::from(row.next::<Vec<u8>>()?),
    })
}

/// From `group_id, from_seq, to_seq`.
pub(super) fn interval(row: &mut Columns) -> Result<Interval> {
    Ok(Interval {
        group: row.next()?,
        from: row.next()?,
        to: row.next()?,
    })
}

/// From [`USER`].
pub(super) fn user(row: &mut Columns) -> Result<User> {
    Ok(User {
        id: row.next()?,
        name: row.next()?,
        nickname: row.next()?,
        avatar: row.next()?,
        sex: row.next()?,
        memo: row.next()?,
        phone: row.next()?,
        email: row.next()?,
        admin: row.next()?,
        disabled: row.next()?,
        registered_seq: row.next()?,
        created_at: row.next()?,
        last_seen_at: row.next()?,
    })
}

/// From [`SESSION`].
pub(super) fn session(row: &mut Columns) -> Result<Session> {
    Ok(Session {
        id: row.next()?,
        user: row.next()?,
        device: row.next()?,
        address: row.next()?,
        created_at: row.next()?,
        last_seen_at: row.next()?,
        expires_at: row.next()?,
        revoked: row.next()?,
    })
}

/// From [`GROUP`].
pub(super) fn group(row: &mut Columns) -> Result<Group> {
    Ok(Group {
        id: row.next()?,
        name: row.next()?,
        icon: row.next()?,
        category: row.next()?,
        memo: row.next()?,
        owner: row.next()?,
        join: row.next()?,
        members: row.next()?,
        created_at: row.next()?,
        dissolved: row.next()?,
    })
}

/// From `user_id, role, joined_at`.
pub(super) fn member(row: &mut Columns) -> Result<Member> {
    Ok(Member {
        user: row.next()?,
        role: row.next()?,
        joined_at: row.next()?,
    })
}
