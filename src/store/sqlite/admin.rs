//! Traces of what admins did, and invitations to register.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, Row, Transaction, params};

use super::rows::int;
use super::users::create;
use super::{Sqlite, now};
use crate::model::admin::{CodeHash, Invitation, NewInvitation, NewTrace, Trace};
use crate::model::ids::UserId;
use crate::model::user::{NewUser, User};
use crate::store::{AccountError, AuditStore, INVITATIONS_KEPT_MS, InvitationStore, Result};

/// Columns of [`invitation`].
const INVITATION: &str = "id, made_by, uses, used, created_at, expires_at, revoked";

#[async_trait]
impl AuditStore for Sqlite {
    async fn leave(&self, trace: NewTrace) -> Result<u64> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "INSERT INTO audit (at, admin, action, target, detail, address)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        now(),
                        trace.admin,
                        trace.action.name(),
                        trace.target,
                        trace.detail,
                        trace.address,
                    ])?;
                Ok(connection.last_insert_rowid().unsigned_abs())
            })
            .await
    }

    async fn traces(&self, before: u64, limit: usize) -> Result<Vec<Trace>> {
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT id, at, admin, action, target, detail, address FROM audit
                     WHERE id < ?1 ORDER BY id DESC LIMIT ?2",
                )?;
                let rows = statement.query_map(params![int(before), int(limit as u64)], trace)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }
}

#[async_trait]
impl InvitationStore for Sqlite {
    async fn invite(&self, new: NewInvitation, most: u32) -> Result<Option<Invitation>> {
        self.writer
            .run(move |connection| Ok(invite(connection, &new, most)?))
            .await
    }

    async fn invitation(&self, code: &CodeHash) -> Result<Option<Invitation>> {
        let code = *code;
        self.readers
            .run(move |connection| Ok(by_code(connection, &code)?))
            .await
    }

    async fn invitations(
        &self,
        by: Option<UserId>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Invitation>> {
        self.readers
            .run(move |connection| {
                let sql = format!(
                    "SELECT {INVITATION} FROM invitations
                     WHERE id < ?1 AND revoked = 0 AND (?2 IS NULL OR made_by = ?2)
                     ORDER BY id DESC LIMIT ?3"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let values = params![int(before), by, int(limit as u64)];
                let rows = statement.query_map(values, invitation)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn revoke_invitation(&self, id: u64, by: Option<UserId>) -> Result<bool> {
        self.writer
            .run(move |connection| {
                let rows = connection
                    .prepare_cached(
                        "UPDATE invitations SET revoked = 1
                         WHERE id = ?1 AND revoked = 0 AND (?2 IS NULL OR made_by = ?2)",
                    )?
                    .execute(params![int(id), by])?;
                Ok(rows > 0)
            })
            .await
    }

    async fn create_invited(&self, user: NewUser, code: &CodeHash) -> Result<User, AccountError> {
        let code = *code;
        self.writer
            .run(move |connection| create(connection, &user, Some(&code)))
            .await
    }
}

/// Counts one account on an invitation; whether it was open.
pub(super) fn use_up(tx: &Transaction<'_>, code: &CodeHash) -> rusqlite::Result<bool> {
    let rows = tx
        .prepare_cached(
            "UPDATE invitations SET used = used + 1
             WHERE code_hash = ?1 AND used < uses AND revoked = 0 AND expires_at > ?2",
        )?
        .execute(params![code.0, now()])?;
    Ok(rows > 0)
}

fn invite(
    connection: &mut Connection,
    new: &NewInvitation,
    most: u32,
) -> rusqlite::Result<Option<Invitation>> {
    let tx = connection.transaction()?;
    let at = now();
    tx.prepare_cached("DELETE FROM invitations WHERE expires_at < ?1")?
        .execute([at - INVITATIONS_KEPT_MS])?;
    tx.prepare_cached(
        "INSERT INTO invitations (code_hash, made_by, uses, created_at, expires_at)
         SELECT ?1, ?2, ?3, ?4, ?5
         WHERE (SELECT count(*) FROM invitations
                WHERE made_by = ?2 AND revoked = 0 AND used < uses AND expires_at > ?4) < ?6
         ON CONFLICT (code_hash) DO NOTHING",
    )?
    .execute(params![
        new.code.0,
        new.by,
        new.uses,
        at,
        new.expires_at,
        most
    ])?;
    let made = by_code(&tx, &new.code)?;
    tx.commit()?;
    Ok(made)
}

fn by_code(connection: &Connection, code: &CodeHash) -> rusqlite::Result<Option<Invitation>> {
    connection
        .prepare_cached(&format!(
            "SELECT {INVITATION} FROM invitations WHERE code_hash = ?1"
        ))?
        .query_row([code.0], invitation)
        .optional()
}

fn invitation(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        by: row.get(1)?,
        uses: row.get(2)?,
        used: row.get(3)?,
        created_at: row.get(4)?,
        expires_at: row.get(5)?,
        revoked: row.get(6)?,
    })
}

fn trace(row: &Row<'_>) -> rusqlite::Result<Trace> {
    Ok(Trace {
        id: row.get::<_, i64>(0)?.unsigned_abs(),
        at: row.get(1)?,
        admin: row.get(2)?,
        action: row.get(3)?,
        target: row.get(4)?,
        detail: row.get(5)?,
        address: row.get(6)?,
    })
}
