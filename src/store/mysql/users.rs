//! Accounts: making, finding, changing them.
//!
//! Making one is a procedure, so that the answer names the field that is taken; the unique indexes stand behind it,
//! and name the field where an account is changed. Hashes no passwords.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mysql_async::{Params, Row, Value};

use super::Mysql;
use super::link::{Fault, Link};
use super::many::{chunks, listed, positional};
use super::rows::{self, USER};
use crate::model::admin::CodeHash;
use crate::model::entry::UnixMillis;
use crate::model::ids::{UserId, parse_id};
use crate::model::user::{LoginName, NewUser, User, UserPatch};
use crate::store::folding::folded;
use crate::store::{AccountError, Result, StoreError, UserStore};

const CREATE: &str = "CALL starling_create_user_2(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
const UPDATE: &str = "UPDATE users SET name = COALESCE(?, name), name_key = COALESCE(?, name_key), \
     nickname = COALESCE(?, nickname), nickname_key = COALESCE(?, nickname_key), \
     avatar = COALESCE(?, avatar), sex = COALESCE(?, sex), memo = COALESCE(?, memo), phone = IF(?, ?, phone), \
     email = IF(?, ?, email), email_key = IF(?, ?, email_key) WHERE id = ?";
/// Users whose "last seen" is moved, or who are read, in one statement.
const USERS_MAX: usize = 512;

#[async_trait]
impl UserStore for Mysql {
    async fn create(&self, new: NewUser) -> Result<User, AccountError> {
        self.create_user(&new, None).await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        user(&mut self.readers.link().await?, id).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let mut users = Vec::new();
        if ids.is_empty() {
            return Ok(users);
        }
        let mut link = self.readers.link().await?;
        for ids in chunks(ids, USERS_MAX) {
            let places = listed("?", ids.len());
            let sql = format!("SELECT {USER} FROM users u WHERE u.id IN ({places})");
            let params = positional(ids.into_iter().map(Value::from));
            users.extend(rows::all(link.rows(&sql, params).await?, rows::user)?);
        }
        Ok(users)
    }

    async fn credentials(&self, name: &LoginName) -> Result<Option<(User, String)>> {
        let (column, value) = match name {
            LoginName::Name(name) => ("name_key", folded(name)),
            LoginName::Phone(phone) => ("phone", phone.clone()),
        };
        let sql = format!("SELECT {USER}, u.password_hash FROM users u WHERE u.{column} = ?");
        let mut link = self.readers.link().await?;
        let row = link.first(&sql, (value,)).await?;
        rows::one(row, |row| Ok((rows::user(row)?, row.next()?)))
    }

    async fn search(&self, query: &str, limit: usize) -> Result<Vec<User>> {
        self.found(query, limit, false).await
    }

    async fn search_all(&self, query: &str, limit: usize) -> Result<Vec<User>> {
        self.found(query, limit, true).await
    }

    async fn update(&self, id: UserId, patch: UserPatch) -> Result<User, AccountError> {
        let email_key = patch
            .email
            .as_ref()
            .map(|email| email.as_deref().map(folded));
        let values = [
            Value::from(patch.name.as_deref()),
            Value::from(patch.name.as_deref().map(folded)),
            Value::from(patch.nickname.as_deref()),
            Value::from(patch.nickname.as_deref().map(folded)),
            Value::from(patch.avatar),
            Value::from(patch.sex),
            Value::from(patch.memo),
            Value::from(patch.phone.is_some()),
            Value::from(patch.phone.flatten()),
            Value::from(patch.email.is_some()),
            Value::from(patch.email.flatten()),
            Value::from(email_key.is_some()),
            Value::from(email_key.flatten()),
            Value::from(id),
        ];
        let mut link = self.writers.link().await?;
        link.execute(UPDATE, positional(values))
            .await
            .map_err(refused)?;
        found(user(&mut link, id).await?)
    }

    async fn set_password(&self, id: UserId, password_hash: &str) -> Result<(), AccountError> {
        let sql = "UPDATE users SET password_hash = ? WHERE id = ?";
        self.set(sql, id, password_hash.into()).await.map(drop)
    }

    async fn replace_password(&self, id: UserId, old: &str, new: &str) -> Result<bool> {
        let mut link = self.writers.link().await?;
        let sql = "UPDATE users SET password_hash = ? WHERE id = ? AND password_hash = ?";
        let done = link.execute(sql, (new, id, old)).await?;
        Ok(done.affected > 0)
    }

    async fn set_admin(&self, id: UserId, admin: bool) -> Result<User, AccountError> {
        let sql = "UPDATE users SET admin = ? WHERE id = ?";
        self.set(sql, id, admin.into()).await
    }

    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<User, AccountError> {
        let sql = "UPDATE users SET disabled = ? WHERE id = ?";
        self.set(sql, id, disabled.into()).await
    }

    async fn list(&self, after: UserId, limit: usize) -> Result<Vec<User>> {
        let sql = format!("SELECT {USER} FROM users u WHERE u.id > ? ORDER BY u.id LIMIT ?");
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (after, limit)).await?, rows::user)
    }

    async fn seen(&self, users: &[(UserId, UnixMillis)]) -> Result<()> {
        let mut latest = BTreeMap::new();
        for (user, at) in users {
            let seen = latest.entry(user.0).or_insert(*at);
            *seen = (*seen).max(*at);
        }
        move_forward(&mut self.writers.link().await?, "users", &latest).await
    }
}

impl Mysql {
    /// Exact hits first, then names that begin with the query, then the rest; older accounts first among equals.
    async fn found(&self, query: &str, limit: usize, disabled: bool) -> Result<Vec<User>> {
        let sql = format!(
            "SELECT {USER} FROM users u
             WHERE u.disabled <= ?
                 AND (INSTR(u.name_key, ?) > 0 OR INSTR(u.nickname_key, ?) > 0 OR u.phone = ? OR u.id = ?)
             ORDER BY CASE
                 WHEN u.name_key = ? OR u.phone = ? OR u.id = ? THEN 0
                 WHEN u.nickname_key = ? THEN 1
                 WHEN INSTR(u.name_key, ?) = 1 OR INSTR(u.nickname_key, ?) = 1 THEN 2
                 ELSE 3 END, u.id
             LIMIT ?"
        );
        let key = Value::from(folded(query));
        let phone = Value::from(query);
        let id = Value::from(parse_id(query).ok());
        let most = Value::from(disabled);
        let values = [
            &most, &key, &key, &phone, &id, &key, &phone, &id, &key, &key, &key,
        ];
        let values = values.into_iter().cloned().chain([Value::from(limit)]);
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, positional(values)).await?, rows::user)
    }

    /// Makes an account, on an invitation if one is given.
    pub(super) async fn create_user(
        &self,
        new: &NewUser,
        invitation: Option<&CodeHash>,
    ) -> Result<User, AccountError> {
        let mut link = self.writers.link().await?;
        let mut answer = link.call(CREATE, parameters(new, invitation)).await;
        if answer.as_ref().is_err_and(Fault::is_missing_routine) {
            drop(link);
            self.restore_routines().await?;
            link = self.writers.link().await?;
            answer = link.call(CREATE, parameters(new, invitation)).await;
        }
        let id = verdict(answer.map_err(refused)?)?;
        found(user(&mut link, id).await?)
    }

    async fn set(&self, sql: &str, id: UserId, value: Value) -> Result<User, AccountError> {
        let mut link = self.writers.link().await?;
        link.execute(sql, (value, id)).await?;
        found(user(&mut link, id).await?)
    }
}

/// Moves `last_seen_at` of the rows with these ids forward, never back.
pub(super) async fn move_forward(
    link: &mut Link,
    table: &str,
    latest: &BTreeMap<u64, UnixMillis>,
) -> Result<()> {
    // In the order of ids, so that two nodes never wait for each other crosswise.
    let latest: Vec<(u64, UnixMillis)> = latest.iter().map(|(id, at)| (*id, *at)).collect();
    for latest in chunks(&latest, USERS_MAX) {
        let cases = vec!["WHEN ? THEN ?"; latest.len()].join(" ");
        let places = listed("?", latest.len());
        let sql = format!(
            "UPDATE {table} SET last_seen_at = GREATEST(last_seen_at, CASE id {cases} ELSE 0 END)
             WHERE id IN ({places})"
        );
        let cases = latest
            .iter()
            .flat_map(|(id, at)| [Value::from(*id), Value::from(*at)]);
        let ids = latest.iter().map(|(id, _)| Value::from(*id));
        link.execute(&sql, positional(cases.chain(ids))).await?;
    }
    Ok(())
}

async fn user(link: &mut Link, id: UserId) -> Result<Option<User>> {
    let sql = format!("SELECT {USER} FROM users u WHERE u.id = ?");
    rows::one(link.first(&sql, (id,)).await?, rows::user)
}

fn found(user: Option<User>) -> Result<User, AccountError> {
    user.ok_or(AccountError::NotFound)
}

/// Of [`CREATE`].
fn parameters(new: &NewUser, invitation: Option<&CodeHash>) -> Params {
    positional([
        Value::from(new.name.as_deref()),
        Value::from(new.name.as_deref().map(folded)),
        Value::from(&new.nickname),
        Value::from(folded(&new.nickname)),
        Value::from(&new.avatar),
        Value::from(new.sex),
        Value::from(&new.memo),
        Value::from(new.phone.as_deref()),
        Value::from(new.email.as_deref()),
        Value::from(new.email.as_deref().map(folded)),
        Value::from(&new.password_hash),
        Value::from(invitation.map(|code| code.0.as_slice())),
    ])
}

/// From what [`CREATE`] answers.
fn verdict(rows: Vec<Row>) -> Result<UserId, AccountError> {
    let verdict = rows::one(rows.into_iter().next(), |row| {
        Ok((row.next::<u64>()?, row.next::<UserId>()?))
    })?;
    match verdict {
        Some((0, id)) => Ok(id),
        Some((1, _)) => Err(AccountError::NameTaken),
        Some((2, _)) => Err(AccountError::PhoneTaken),
        Some((3, _)) => Err(AccountError::EmailTaken),
        Some((4, _)) => Err(AccountError::NotInvited),
        Some(_) | None => Err(AccountError::Store(StoreError::Corrupt(
            "starling_create_user_2 answers what it should not: it must be made anew".to_owned(),
        ))),
    }
}

/// Somebody else may take a value between the look and the write: the index that refuses names the field.
fn refused(fault: Fault) -> AccountError {
    match fault.duplicate_key() {
        Some("users_by_name") => AccountError::NameTaken,
        Some("users_by_phone") => AccountError::PhoneTaken,
        Some("users_by_email") => AccountError::EmailTaken,
        Some(_) | None => fault.into(),
    }
}
