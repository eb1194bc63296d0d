//! How the model's types are written in columns and read from rows.
//!
//! Reading checks: a row that no version of this program could have written is an error, never a panic or a guess.
//! Used by every file of this module that runs a statement.

use std::error::Error as StdError;

use bytes::Bytes;
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Result, Row};

use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::group::{Group, Interval, JoinMode, Role};
use crate::model::ids::{Cid, Epoch, GroupId, Incarnation, Seq, SessionId, UserId};
use crate::model::user::{FriendRequest, Session, Sex, TokenHash, User};
use crate::store::{LogHead, NodeRow};

/// Of the row of [`log_head`].
pub(super) const LOG_HEAD: &str = "SELECT epoch, floor_seq, head FROM log_head";
/// Columns of [`entry`].
pub(super) const ENTRY: &str = "seq, conv, sender, at, kind, cid, body";
/// Columns of [`user`], of `users u`.
pub(super) const USER: &str = "u.id, u.name, u.nickname, u.avatar, u.sex, u.memo, u.phone, u.email, u.admin, \
     u.disabled, u.registered_seq, u.created_at, u.last_seen_at";
/// How many columns [`USER`] has, for those that follow it.
pub(super) const USER_COLUMNS: usize = 13;
/// Columns of [`session`] from its first on, of `sessions s`.
pub(super) const SESSION: &str = "s.id, s.user_id, s.device, s.address, s.created_at, s.last_seen_at, \
     s.expires_at, s.revoked_at IS NOT NULL";
/// Columns of [`group`], of `chat_groups g`.
pub(super) const GROUP: &str = "g.id, g.name, g.icon, g.category, g.memo, g.owner_id, g.join_mode, g.members, \
     g.created_at, g.dissolved";
/// How many columns [`GROUP`] has, for those that follow it.
pub(super) const GROUP_COLUMNS: usize = 10;

/// Unsigned numbers are kept below 2^53; whatever is above what SQL can hold means "as far as possible".
pub(super) fn int(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

macro_rules! number_column {
    ($($id:ident),+) => {$(
        impl ToSql for $id {
            fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
                Ok(ToSqlOutput::from(int(self.0)))
            }
        }

        impl FromSql for $id {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                unsigned(value).map($id)
            }
        }
    )+};
}

number_column!(Seq, UserId, GroupId, SessionId, Epoch);

fn unsigned(value: ValueRef<'_>) -> FromSqlResult<u64> {
    let number = value.as_i64()?;
    u64::try_from(number).map_err(|_| FromSqlError::OutOfRange(number))
}

fn invalid(error: impl StdError + Send + Sync + 'static) -> FromSqlError {
    FromSqlError::Other(Box::new(error))
}

impl ToSql for Conv {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.to_string()))
    }
}

impl FromSql for Conv {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(invalid)
    }
}

impl ToSql for Cid {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.as_str()))
    }
}

impl FromSql for Cid {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        value.as_str()?.parse().map_err(invalid)
    }
}

impl ToSql for EntryKind {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.code()))
    }
}

impl FromSql for EntryKind {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        u8::column_result(value).map(EntryKind::from_code)
    }
}

impl ToSql for Role {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.code()))
    }
}

impl FromSql for Role {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Role::from_code(u8::column_result(value)?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for JoinMode {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.code()))
    }
}

impl FromSql for JoinMode {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        JoinMode::from_code(u8::column_result(value)?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for Sex {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(self.letter()))
    }
}

impl FromSql for Sex {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Sex::from_letter(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

impl ToSql for TokenHash {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.0[..]))
    }
}

impl ToSql for Incarnation {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::from(&self.0[..]))
    }
}

impl FromSql for Incarnation {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let bytes = value.as_blob()?;
        bytes
            .try_into()
            .map(Incarnation)
            .map_err(|_| FromSqlError::InvalidType)
    }
}

/// From [`LOG_HEAD`].
pub(super) fn log_head(row: &Row<'_>) -> Result<LogHead> {
    Ok(LogHead {
        epoch: row.get(0)?,
        floor: row.get(1)?,
        head: row.get(2)?,
    })
}

/// From [`ENTRY`].
pub(super) fn entry(row: &Row<'_>) -> Result<Entry> {
    let body = row.get_ref(6)?.as_blob()?;
    Ok(Entry {
        seq: row.get(0)?,
        conv: row.get(1)?,
        from: row.get(2)?,
        at: row.get(3)?,
        kind: row.get(4)?,
        cid: row.get(5)?,
        body: Bytes::copy_from_slice(body),
    })
}

/// From `group_id, from_seq, to_seq`.
pub(super) fn interval(row: &Row<'_>) -> Result<Interval> {
    Ok(Interval {
        group: row.get(0)?,
        from: row.get(1)?,
        to: row.get(2)?,
    })
}

/// From [`USER`] in the first columns.
pub(super) fn user(row: &Row<'_>) -> Result<User> {
    Ok(User {
        id: row.get(0)?,
        name: row.get(1)?,
        nickname: row.get(2)?,
        avatar: row.get(3)?,
        sex: row.get(4)?,
        memo: row.get(5)?,
        phone: row.get(6)?,
        email: row.get(7)?,
        admin: row.get(8)?,
        disabled: row.get(9)?,
        registered_seq: row.get(10)?,
        created_at: row.get(11)?,
        last_seen_at: row.get(12)?,
    })
}

/// From [`SESSION`] in the columns from `first` on.
pub(super) fn session(row: &Row<'_>, first: usize) -> Result<Session> {
    Ok(Session {
        id: row.get(first)?,
        user: row.get(first + 1)?,
        device: row.get(first + 2)?,
        address: row.get(first + 3)?,
        created_at: row.get(first + 4)?,
        last_seen_at: row.get(first + 5)?,
        expires_at: row.get(first + 6)?,
        revoked: row.get(first + 7)?,
    })
}

/// From [`GROUP`] in the first columns.
pub(super) fn group(row: &Row<'_>) -> Result<Group> {
    Ok(Group {
        id: row.get(0)?,
        name: row.get(1)?,
        icon: row.get(2)?,
        category: row.get(3)?,
        memo: row.get(4)?,
        owner: row.get(5)?,
        join: row.get(6)?,
        members: row.get::<_, i64>(7)?.unsigned_abs(),
        created_at: row.get(8)?,
        dissolved: row.get(9)?,
    })
}

/// From `id, from_user, to_user, message, at`.
pub(super) fn friend_request(row: &Row<'_>) -> Result<FriendRequest> {
    Ok(FriendRequest {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        from: row.get(1)?,
        to: row.get(2)?,
        message: row.get(3)?,
        at: row.get(4)?,
    })
}

/// From `incarnation, name, address, version, packet_number, counter`; an address that is none is left out.
pub(super) fn node(row: &Row<'_>) -> Result<Option<NodeRow>> {
    let Ok(address) = row.get_ref(2)?.as_str()?.parse() else {
        return Ok(None);
    };
    Ok(Some(NodeRow {
        incarnation: row.get(0)?,
        name: row.get(1)?,
        address,
        version: row.get(3)?,
        packet_number: row.get::<_, i64>(4)?.cast_unsigned(),
        counter: row.get::<_, i64>(5)?.cast_unsigned(),
    }))
}
