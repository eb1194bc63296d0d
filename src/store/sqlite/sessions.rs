//! Login sessions: made and found here, ended through the log. Judges neither expiry nor revocation.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, SESSION, USER, USER_COLUMNS};
use super::{Sqlite, now};
use crate::model::entry::UnixMillis;
use crate::model::ids::{SessionId, UserId};
use crate::model::user::{NewSession, Session, TokenHash, User};
use crate::store::{Result, SessionStore, StoreError};

#[async_trait]
impl SessionStore for Sqlite {
    async fn create(&self, session: NewSession) -> Result<Session> {
        self.writer
            .run(move |connection| create(connection, &session))
            .await
    }

    async fn by_token(&self, token: &TokenHash) -> Result<Option<(Session, User)>> {
        let token = *token;
        self.readers
            .run(move |connection| Ok(by_token(connection, &token)?))
            .await
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>> {
        self.readers
            .run(move |connection| {
                let sql = format!(
                    "SELECT {SESSION} FROM sessions s
                     WHERE s.user_id = ?1 AND s.revoked_at IS NULL ORDER BY s.id DESC"
                );
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map([user], |row| rows::session(row, 0))?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn seen(&self, sessions: &[(SessionId, UnixMillis)]) -> Result<()> {
        if sessions.is_empty() {
            return Ok(());
        }
        let sessions = sessions.to_vec();
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                for (session, at) in sessions {
                    tx.prepare_cached(
                        "UPDATE sessions SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2",
                    )?
                    .execute(params![session, at])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }
}

/// A token that is there already is the same request, repeated after an unknown outcome.
fn create(connection: &mut Connection, new: &NewSession) -> Result<Session> {
    let tx = connection.transaction()?;
    tx.prepare_cached(
        "INSERT INTO sessions (user_id, token_hash, device, address, created_at, last_seen_at, expires_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?5, ?6) ON CONFLICT (token_hash) DO NOTHING",
    )?
    .execute(params![
        new.user,
        new.token,
        new.device,
        new.address,
        now(),
        new.expires_at,
    ])?;
    let session = tx
        .prepare_cached(&format!(
            "SELECT {SESSION} FROM sessions s WHERE s.token_hash = ?1"
        ))?
        .query_row([new.token], |row| rows::session(row, 0))?;
    tx.commit()?;
    if session.user != new.user {
        return Err(StoreError::Corrupt(
            "a new session's token belongs to somebody else".to_owned(),
        ));
    }
    Ok(session)
}

fn by_token(
    connection: &Connection,
    token: &TokenHash,
) -> rusqlite::Result<Option<(Session, User)>> {
    connection
        .prepare_cached(&format!(
            "SELECT {USER}, {SESSION} FROM sessions s JOIN users u ON u.id = s.user_id
             WHERE s.token_hash = ?1"
        ))?
        .query_row([token], |row| {
            Ok((rows::session(row, USER_COLUMNS)?, rows::user(row)?))
        })
        .optional()
}
