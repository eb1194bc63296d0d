//! Who may not write, who asks to come in and who was invited, as it is; and invitations made and revoked. The rest
//! changes through the log.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Mysql;
use super::rows::{self, Columns};
use crate::model::entry::UnixMillis;
use crate::model::group::{Invite, InviteId, JoinRequest, Mutes, NewInvite};
use crate::model::ids::{GroupId, UserId};
use crate::store::{AdmissionStore, MuteStore, Result, StoreError};

/// Columns of [`invite`].
const INVITE: &str =
    "SELECT i.code, i.group_id, i.creator_id, i.created_at, i.expires_at, i.uses_max,
         COALESCE(u.used, 0), i.revoked
     FROM invites i LEFT JOIN invite_uses u ON u.code = i.code";
/// Columns of [`request`].
const REQUEST: &str = "SELECT id, user_id, message, at FROM join_requests";
/// An invitation that is there already is the same request, repeated after an unknown outcome: its row stays as it is.
const MAKE: &str =
    "INSERT INTO invites (code, group_id, creator_id, created_at, expires_at, uses_max, revoked)
     SELECT ?, ?, ?, t.at, t.at + ?, ?, 0
     FROM (SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS at) t
     ON DUPLICATE KEY UPDATE code = invites.code";
const FORGET: &str = "DELETE FROM invites
     WHERE group_id = ? AND expires_at < CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) - ?";

#[async_trait]
impl MuteStore for Mysql {
    async fn mutes_of(&self, user: UserId) -> Result<BTreeMap<GroupId, Mutes>> {
        let sql = "SELECT t.group_id, t.user_id, t.until_at FROM memberships m
             JOIN mutes t ON t.group_id = m.group_id AND t.user_id IN (0, ?)
             WHERE m.user_id = ? AND m.present = 1";
        let mut link = self.readers.link().await?;
        let mut all: BTreeMap<GroupId, Mutes> = BTreeMap::new();
        rows::all(link.rows(sql, (user, user)).await?, |row| {
            let mutes = all.entry(row.next()?).or_default();
            note(mutes, row)
        })?;
        Ok(all)
    }

    async fn mutes_in(&self, group: GroupId, user: UserId) -> Result<Mutes> {
        let sql = "SELECT user_id, until_at FROM mutes WHERE group_id = ? AND user_id IN (0, ?)";
        let mut link = self.readers.link().await?;
        let mut mutes = Mutes::default();
        rows::all(link.rows(sql, (group, user)).await?, |row| {
            note(&mut mutes, row)
        })?;
        Ok(mutes)
    }

    async fn muted(
        &self,
        group: GroupId,
        after: UserId,
        upto: UserId,
    ) -> Result<Vec<(UserId, UnixMillis)>> {
        let sql = "SELECT user_id, until_at FROM mutes
             WHERE group_id = ? AND user_id > ? AND user_id <= ? ORDER BY user_id";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (group, after, upto)).await?, |row| {
            Ok((row.next()?, row.next()?))
        })
    }
}

#[async_trait]
impl AdmissionStore for Mysql {
    async fn requests(&self, group: GroupId, after: u64, limit: usize) -> Result<Vec<JoinRequest>> {
        let sql = format!("{REQUEST} WHERE group_id = ? AND id > ? ORDER BY id LIMIT ?");
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (group, after, limit)).await?, request)
    }

    async fn request_of(&self, group: GroupId, user: UserId) -> Result<Option<JoinRequest>> {
        let sql = format!("{REQUEST} WHERE group_id = ? AND user_id = ?");
        let mut link = self.readers.link().await?;
        rows::one(link.first(&sql, (group, user)).await?, request)
    }

    async fn open_requests(&self, group: GroupId) -> Result<u64> {
        let sql = "SELECT COUNT(*) FROM join_requests WHERE group_id = ?";
        let mut link = self.readers.link().await?;
        let count = rows::one(link.first(sql, (group,)).await?, Columns::next)?;
        Ok(count.unwrap_or(0))
    }

    async fn requests_for(&self, user: UserId) -> Result<BTreeMap<GroupId, u64>> {
        let sql = "SELECT r.group_id, COUNT(*) FROM memberships m
             JOIN join_requests r ON r.group_id = m.group_id
             WHERE m.user_id = ? AND m.present = 1 AND m.role >= 1 GROUP BY r.group_id";
        let mut link = self.readers.link().await?;
        let counts = rows::all(link.rows(sql, (user,)).await?, |row| {
            Ok((row.next()?, row.next()?))
        })?;
        Ok(counts.into_iter().collect())
    }

    async fn admins(&self, group: GroupId, limit: usize) -> Result<Vec<UserId>> {
        let sql = "SELECT user_id FROM memberships WHERE group_id = ? AND present = 1 AND role >= 1
             ORDER BY role DESC, from_seq, user_id LIMIT ?";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (group, limit)).await?, Columns::next)
    }

    async fn invite(&self, new: NewInvite) -> Result<Invite> {
        let mut link = self.writers.link().await?;
        let id = new.id.as_str();
        let values = (id, new.group, new.creator, new.lifetime_ms, new.uses_max);
        link.execute(MAKE, values).await?;
        let sql = format!("{INVITE} WHERE i.code = ?");
        let made = rows::one(link.first(&sql, (id,)).await?, invite)?;
        made.ok_or_else(|| {
            StoreError::Unavailable("an invitation that was just made is not there".to_owned())
        })
    }

    async fn find_invite(&self, id: &InviteId) -> Result<Option<Invite>> {
        let sql = format!("{INVITE} WHERE i.code = ?");
        let mut link = self.readers.link().await?;
        rows::one(link.first(&sql, (id.as_str(),)).await?, invite)
    }

    async fn invites(&self, group: GroupId, limit: usize) -> Result<Vec<Invite>> {
        let sql = format!(
            "{INVITE} WHERE i.group_id = ? AND i.revoked = 0 ORDER BY i.created_at DESC, i.code LIMIT ?"
        );
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (group, limit)).await?, invite)
    }

    async fn revoke_invite(&self, group: GroupId, id: &InviteId) -> Result<bool> {
        let sql = "UPDATE invites SET revoked = 1 WHERE code = ? AND group_id = ?";
        let known = "SELECT 1 FROM invites WHERE code = ? AND group_id = ?";
        let mut link = self.writers.link().await?;
        // One that was revoked before counts as no change.
        let changed = link.execute(sql, (id.as_str(), group)).await?.affected > 0;
        Ok(changed || link.first(known, (id.as_str(), group)).await?.is_some())
    }

    async fn forget_invites(&self, group: GroupId, age_ms: u64) -> Result<()> {
        let mut link = self.writers.link().await?;
        link.execute(FORGET, (group, age_ms)).await?;
        Ok(())
    }
}

/// From `user_id, until_at`; user 0 is everybody.
fn note(mutes: &mut Mutes, row: &mut Columns) -> Result<()> {
    let (user, until): (UserId, UnixMillis) = (row.next()?, row.next()?);
    if user == UserId::SYSTEM {
        mutes.all = Some(until);
    } else {
        mutes.own = Some(until);
    }
    Ok(())
}

/// From [`INVITE`].
fn invite(row: &mut Columns) -> Result<Invite> {
    let id: String = row.next()?;
    Ok(Invite {
        id: id
            .parse()
            .map_err(|_| StoreError::Corrupt("an invitation has no id".to_owned()))?,
        group: row.next()?,
        creator: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        uses_max: row.next()?,
        used: row.next()?,
        revoked: row.next()?,
    })
}

/// From [`REQUEST`].
fn request(row: &mut Columns) -> Result<JoinRequest> {
    Ok(JoinRequest {
        id: row.next()?,
        user: row.next()?,
        message: row.next()?,
        at: row.next()?,
    })
}
