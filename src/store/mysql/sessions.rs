//! Login sessions: made and found here, ended through the log. Judges neither expiry nor revocation.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Mysql;
use super::rows::{self, SESSION, USER};
use super::users::move_forward;
use crate::model::entry::UnixMillis;
use crate::model::ids::{SessionId, UserId};
use crate::model::user::{NewSession, Session, TokenHash, User};
use crate::store::{Result, SessionStore, StoreError};

/// A token that is there already is the same request, repeated after an unknown outcome: its row stays as it is.
const CREATE: &str = "INSERT INTO sessions (user_id, token_hash, device, address, created_at, last_seen_at, expires_at)
     SELECT ?, ?, ?, ?, t.at, t.at, ? FROM (SELECT CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED) AS at) t
     ON DUPLICATE KEY UPDATE token_hash = sessions.token_hash";

#[async_trait]
impl SessionStore for Mysql {
    async fn create(&self, new: NewSession) -> Result<Session> {
        let mut link = self.writers.link().await?;
        let values = (new.user, new.token, new.device, new.address, new.expires_at);
        link.execute(CREATE, values).await?;
        let sql = format!("SELECT {SESSION} FROM sessions s WHERE s.token_hash = ?");
        let made = rows::one(link.first(&sql, (new.token,)).await?, rows::session)?;
        match made {
            Some(session) if session.user == new.user => Ok(session),
            Some(_) => Err(StoreError::Corrupt(
                "a new session's token belongs to somebody else".to_owned(),
            )),
            None => Err(StoreError::Unavailable(
                "a session that was just made is not there".to_owned(),
            )),
        }
    }

    async fn by_token(&self, token: &TokenHash) -> Result<Option<(Session, User)>> {
        let sql = format!(
            "SELECT {SESSION}, {USER} FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = ?"
        );
        let mut link = self.readers.link().await?;
        let row = link.first(&sql, (*token,)).await?;
        rows::one(row, |row| Ok((rows::session(row)?, rows::user(row)?)))
    }

    async fn of_user(&self, user: UserId) -> Result<Vec<Session>> {
        let sql = format!(
            "SELECT {SESSION} FROM sessions s WHERE s.user_id = ? AND s.revoked_at IS NULL ORDER BY s.id DESC"
        );
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (user,)).await?, rows::session)
    }

    async fn seen(&self, sessions: &[(SessionId, UnixMillis)]) -> Result<()> {
        let mut latest = BTreeMap::new();
        for (session, at) in sessions {
            let seen = latest.entry(session.0).or_insert(*at);
            *seen = (*seen).max(*at);
        }
        move_forward(&mut self.writers.link().await?, "sessions", &latest).await
    }
}
