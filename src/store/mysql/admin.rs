//! Traces of what admins did, and invitations to register.

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::link::Link;
use super::many::positional;
use super::rows::{self, Columns};
use crate::model::admin::{CodeHash, Invitation, NewInvitation, NewTrace, Trace};
use crate::model::ids::UserId;
use crate::model::user::{NewUser, User};
use crate::store::{AccountError, AuditStore, INVITATIONS_KEPT_MS, InvitationStore, Result};

/// Columns of [`invitation`].
const INVITATION: &str = "id, made_by, uses, used, created_at, expires_at, revoked";
const LEAVE: &str = "INSERT INTO audit (at, admin, action, target, detail, address)
     VALUES (CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED), ?, ?, ?, ?, ?)";
const FORGET: &str = "DELETE FROM invitations WHERE expires_at < CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) - ?";
/// A code that is there already is the same request, repeated after an unknown outcome: its row stays as it is.
const INVITE: &str = "INSERT INTO invitations (code_hash, made_by, uses, created_at, expires_at)
     SELECT ?, ?, ?, t.at, ? FROM (SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS at) t
     WHERE (SELECT count(*) FROM invitations i
            WHERE i.made_by = ? AND i.revoked = 0 AND i.used < i.uses AND i.expires_at > t.at) < ?
     ON DUPLICATE KEY UPDATE code_hash = invitations.code_hash";

#[async_trait]
impl AuditStore for Mysql {
    async fn leave(&self, trace: NewTrace) -> Result<u64> {
        let values = (
            trace.admin,
            trace.action.name(),
            trace.target.map(|user| user.0),
            trace.detail,
            trace.address,
        );
        let mut link = self.writers.link().await?;
        Ok(link.execute(LEAVE, values).await?.last_id)
    }

    async fn traces(&self, before: u64, limit: usize) -> Result<Vec<Trace>> {
        let sql = "SELECT id, at, admin, action, target, detail, address FROM audit
             WHERE id < ? ORDER BY id DESC LIMIT ?";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (before, limit)).await?, trace)
    }
}

#[async_trait]
impl InvitationStore for Mysql {
    async fn invite(&self, new: NewInvitation, most: u32) -> Result<Option<Invitation>> {
        let mut link = self.writers.link().await?;
        link.execute(FORGET, (INVITATIONS_KEPT_MS,)).await?;
        let code = new.code.0.as_slice();
        let values = (code, new.by, new.uses, new.expires_at, new.by, most);
        link.execute(INVITE, values).await?;
        by_code(&mut link, &new.code).await
    }

    async fn invitation(&self, code: &CodeHash) -> Result<Option<Invitation>> {
        by_code(&mut self.readers.link().await?, code).await
    }

    async fn invitations(
        &self,
        by: Option<UserId>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Invitation>> {
        let (condition, by) = of(by);
        let sql = format!(
            "SELECT {INVITATION} FROM invitations WHERE id < ? AND revoked = 0 {condition}
             ORDER BY id DESC LIMIT ?"
        );
        let values = [Value::from(before)]
            .into_iter()
            .chain(by)
            .chain([limit.into()]);
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, positional(values)).await?, invitation)
    }

    async fn revoke_invitation(&self, id: u64, by: Option<UserId>) -> Result<bool> {
        let (condition, by) = of(by);
        let sql =
            format!("UPDATE invitations SET revoked = 1 WHERE id = ? AND revoked = 0 {condition}");
        let values = [Value::from(id)].into_iter().chain(by);
        let mut link = self.writers.link().await?;
        Ok(link.execute(&sql, positional(values)).await?.affected > 0)
    }

    async fn create_invited(&self, user: NewUser, code: &CodeHash) -> Result<User, AccountError> {
        self.create_user(&user, Some(code)).await
    }
}

/// The condition that an invitation is this maker's, and its value.
fn of(by: Option<UserId>) -> (&'static str, Option<Value>) {
    match by {
        Some(by) => ("AND made_by = ?", Some(by.into())),
        None => ("", None),
    }
}

async fn by_code(link: &mut Link, code: &CodeHash) -> Result<Option<Invitation>> {
    let sql = format!("SELECT {INVITATION} FROM invitations WHERE code_hash = ?");
    let row = link.first(&sql, (code.0.as_slice(),)).await?;
    rows::one(row, invitation)
}

fn invitation(row: &mut Columns) -> Result<Invitation> {
    Ok(Invitation {
        id: row.next()?,
        by: row.next()?,
        uses: row.next()?,
        used: row.next()?,
        created_at: row.next()?,
        expires_at: row.next()?,
        revoked: row.next()?,
    })
}

fn trace(row: &mut Columns) -> Result<Trace> {
    Ok(Trace {
        id: row.next()?,
        at: row.next()?,
        admin: row.next()?,
        action: row.next()?,
        target: row.next()?,
        detail: row.next()?,
        address: row.next()?,
    })
}
