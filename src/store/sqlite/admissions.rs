//! Who may not write, who asks to come in and who was invited, as it is; and invitations made and revoked. The rest
//! changes in `changes`.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::rows::int;
use super::{Sqlite, now};
use crate::model::entry::UnixMillis;
use crate::model::group::{Invite, InviteId, JoinRequest, Mutes, NewInvite};
use crate::model::ids::{GroupId, UserId};
use crate::store::{AdmissionStore, MuteStore, Result, StoreError};

/// Columns of [`invite`], of `invites i LEFT JOIN invite_uses u`.
const INVITE: &str =
    "SELECT i.code, i.group_id, i.creator_id, i.created_at, i.expires_at, i.uses_max,
         coalesce(u.used, 0), i.revoked
     FROM invites i LEFT JOIN invite_uses u ON u.code = i.code";
/// Columns of [`request`].
const REQUEST: &str = "SELECT id, user_id, message, at FROM join_requests";

#[async_trait]
impl MuteStore for Sqlite {
    async fn mutes_of(&self, user: UserId) -> Result<BTreeMap<GroupId, Mutes>> {
        self.readers
            .run(move |connection| Ok(mutes_of(connection, user)?))
            .await
    }

    async fn mutes_in(&self, group: GroupId, user: UserId) -> Result<Mutes> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT user_id, until_at FROM mutes WHERE group_id = ?1 AND user_id IN (0, ?2)",
                )?;
                let mut rows = statement.query(params![group, user])?;
                let mut mutes = Mutes::default();
                while let Some(row) = rows.next()? {
                    note(&mut mutes, row.get(0)?, row.get(1)?);
                }
                Ok(mutes)
            })
            .await
    }

    async fn muted(
        &self,
        group: GroupId,
        after: UserId,
        upto: UserId,
    ) -> Result<Vec<(UserId, UnixMillis)>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT user_id, until_at FROM mutes
                     WHERE group_id = ?1 AND user_id > ?2 AND user_id <= ?3 ORDER BY user_id",
                )?;
                let rows = statement.query_map(params![group, after, upto], |row| {
                    Ok((row.get(0)?, row.get(1)?))
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

#[async_trait]
impl AdmissionStore for Sqlite {
    async fn requests(&self, group: GroupId, after: u64, limit: usize) -> Result<Vec<JoinRequest>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "{REQUEST} WHERE group_id = ?1 AND id > ?2 ORDER BY id LIMIT ?3"
                ))?;
                let rows =
                    statement.query_map(params![group, int(after), int(limit as u64)], request)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn request_of(&self, group: GroupId, user: UserId) -> Result<Option<JoinRequest>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!("{REQUEST} WHERE group_id = ?1 AND user_id = ?2"))?
                    .query_row(params![group, user], request)
                    .optional()?)
            })
            .await
    }

    async fn open_requests(&self, group: GroupId) -> Result<u64> {
        self.readers
            .run(move |connection| {
                let count: i64 = connection
                    .prepare_cached("SELECT count(*) FROM join_requests WHERE group_id = ?1")?
                    .query_row([group], |row| row.get(0))?;
                Ok(count.unsigned_abs())
            })
            .await
    }

    async fn requests_for(&self, user: UserId) -> Result<BTreeMap<GroupId, u64>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT r.group_id, count(*) FROM memberships m
                     JOIN join_requests r ON r.group_id = m.group_id
                     WHERE m.user_id = ?1 AND m.to_seq IS NULL AND m.role >= 1 GROUP BY r.group_id",
                )?;
                let rows = statement.query_map([user], |row| {
                    Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs()))
                })?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn admins(&self, group: GroupId, limit: usize) -> Result<Vec<UserId>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT user_id FROM memberships WHERE group_id = ?1 AND to_seq IS NULL AND role >= 1
                     ORDER BY role DESC, from_seq, user_id LIMIT ?2",
                )?;
                let rows =
                    statement.query_map(params![group, int(limit as u64)], |row| row.get(0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn invite(&self, invite: NewInvite) -> Result<Invite> {
        self.writer
            .run(move |connection| make_invite(connection, &invite))
            .await
    }

    async fn find_invite(&self, id: &InviteId) -> Result<Option<Invite>> {
        let id = id.clone();
        self.readers
            .run(move |connection| Ok(find_invite(connection, &id)?))
            .await
    }

    async fn invites(&self, group: GroupId, limit: usize) -> Result<Vec<Invite>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(&format!(
                    "{INVITE} WHERE i.group_id = ?1 AND i.revoked = 0
                     ORDER BY i.created_at DESC, i.code LIMIT ?2"
                ))?;
                let rows = statement.query_map(params![group, int(limit as u64)], invite)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn revoke_invite(&self, group: GroupId, id: &InviteId) -> Result<bool> {
        let id = id.clone();
        self.writer
            .run(move |connection| {
                let revoked = connection
                    .prepare_cached(
                        "UPDATE invites SET revoked = 1 WHERE code = ?1 AND group_id = ?2",
                    )?
                    .execute(params![id.as_str(), group])?;
                Ok(revoked > 0)
            })
            .await
    }

    async fn forget_invites(&self, group: GroupId, age_ms: u64) -> Result<()> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached("DELETE FROM invites WHERE group_id = ?1 AND expires_at < ?2")?
                    .execute(params![group, now().saturating_sub(int(age_ms))])?;
                Ok(())
            })
            .await
    }
}

fn mutes_of(connection: &Connection, user: UserId) -> rusqlite::Result<BTreeMap<GroupId, Mutes>> {
    let mut statement = connection.prepare_cached(
        "SELECT t.group_id, t.user_id, t.until_at FROM memberships m
         JOIN mutes t ON t.group_id = m.group_id AND t.user_id IN (0, m.user_id)
         WHERE m.user_id = ?1 AND m.to_seq IS NULL",
    )?;
    let mut rows = statement.query([user])?;
    let mut all: BTreeMap<GroupId, Mutes> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        note(
            all.entry(row.get(0)?).or_default(),
            row.get(1)?,
            row.get(2)?,
        );
    }
    Ok(all)
}

/// User 0 is everybody.
fn note(mutes: &mut Mutes, user: UserId, until: UnixMillis) {
    if user == UserId::SYSTEM {
        mutes.all = Some(until);
    } else {
        mutes.own = Some(until);
    }
}

fn make_invite(connection: &Connection, new: &NewInvite) -> Result<Invite> {
    let at = now();
    connection
        .prepare_cached(
            "INSERT INTO invites (code, group_id, creator_id, created_at, expires_at, uses_max, revoked)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, 0) ON CONFLICT (code) DO NOTHING",
        )?
        .execute(params![
            new.id.as_str(),
            new.group,
            new.creator,
            at,
            at.saturating_add(int(new.lifetime_ms)),
            new.uses_max,
        ])?;
    find_invite(connection, &new.id)?.ok_or_else(|| {
        StoreError::Unavailable("an invitation that was just made is not there".to_owned())
    })
}

fn find_invite(connection: &Connection, id: &InviteId) -> rusqlite::Result<Option<Invite>> {
    connection
        .prepare_cached(&format!("{INVITE} WHERE i.code = ?1"))?
        .query_row([id.as_str()], invite)
        .optional()
}

/// From [`INVITE`].
fn invite(row: &Row<'_>) -> rusqlite::Result<Invite> {
    let id: InviteId = row
        .get::<_, String>(0)?
        .parse()
        .map_err(|error| Error::FromSqlConversionFailure(0, Type::Text, Box::new(error)))?;
    Ok(Invite {
        id,
        group: row.get(1)?,
        creator: row.get(2)?,
        created_at: row.get(3)?,
        expires_at: row.get(4)?,
        uses_max: row.get(5)?,
        used: row.get(6)?,
        revoked: row.get(7)?,
    })
}

/// From [`REQUEST`].
fn request(row: &Row<'_>) -> rusqlite::Result<JoinRequest> {
    Ok(JoinRequest {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        user: row.get(1)?,
        message: row.get(2)?,
        at: row.get(3)?,
    })
}
