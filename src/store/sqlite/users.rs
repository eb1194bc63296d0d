//! Accounts: making, finding, changing them.
//!
//! Uniqueness is looked at inside the writing transaction, so that the answer names the field; the unique indexes
//! stand behind it. Hashes no passwords.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, ToSql, Transaction, params};

use super::admin::use_up;
use super::read::head;
use super::rows::{self, USER, USER_COLUMNS, int};
use super::{Sqlite, now};
use crate::model::admin::CodeHash;
use crate::model::entry::UnixMillis;
use crate::model::ids::{UserId, parse_id};
use crate::model::user::{LoginName, NewUser, User, UserPatch};
use crate::store::folding::folded;
use crate::store::{AccountError, Result, UserStore};

#[async_trait]
impl UserStore for Sqlite {
    async fn create(&self, user: NewUser) -> Result<User, AccountError> {
        self.writer
            .run(move |connection| create(connection, &user, None))
            .await
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        self.readers
            .run(move |connection| Ok(user(connection, id)?))
            .await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = ids.to_vec();
        self.readers
            .run(move |connection| {
                let tx = connection.transaction()?;
                let found = ids.into_iter().filter_map(|id| user(&tx, id).transpose());
                Ok(found.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn credentials(&self, name: &LoginName) -> Result<Option<(User, String)>> {
        let name = name.clone();
        self.readers
            .run(move |connection| Ok(credentials(connection, &name)?))
            .await
    }

    async fn search(&self, query: &str, limit: usize) -> Result<Vec<User>> {
        let query = query.to_owned();
        self.readers
            .run(move |connection| Ok(search(connection, &query, limit, false)?))
            .await
    }

    async fn search_all(&self, query: &str, limit: usize) -> Result<Vec<User>> {
        let query = query.to_owned();
        self.readers
            .run(move |connection| Ok(search(connection, &query, limit, true)?))
            .await
    }

    async fn update(&self, id: UserId, patch: UserPatch) -> Result<User, AccountError> {
        self.writer
            .run(move |connection| update(connection, id, patch))
            .await
    }

    async fn set_password(&self, id: UserId, password_hash: &str) -> Result<(), AccountError> {
        let hash = password_hash.to_owned();
        self.writer
            .run(move |connection| {
                let sql = "UPDATE users SET password_hash = ?2 WHERE id = ?1";
                set(connection, sql, id, &hash).map(|_| ())
            })
            .await
    }

    async fn replace_password(&self, id: UserId, old: &str, new: &str) -> Result<bool> {
        let (old, new) = (old.to_owned(), new.to_owned());
        self.writer
            .run(move |connection| {
                let rows = connection
                    .prepare_cached(
                        "UPDATE users SET password_hash = ?3 WHERE id = ?1 AND password_hash = ?2",
                    )?
                    .execute(params![id, old, new])?;
                Ok(rows > 0)
            })
            .await
    }

    async fn set_admin(&self, id: UserId, admin: bool) -> Result<User, AccountError> {
        self.writer
            .run(move |connection| {
                let sql = "UPDATE users SET admin = ?2 WHERE id = ?1";
                set(connection, sql, id, &admin)
            })
            .await
    }

    async fn set_disabled(&self, id: UserId, disabled: bool) -> Result<User, AccountError> {
        self.writer
            .run(move |connection| {
                let sql = "UPDATE users SET disabled = ?2 WHERE id = ?1";
                set(connection, sql, id, &disabled)
            })
            .await
    }

    async fn list(&self, after: UserId, limit: usize) -> Result<Vec<User>> {
        self.readers
            .run(move |connection| {
                let sql =
                    format!("SELECT {USER} FROM users u WHERE u.id > ?1 ORDER BY u.id LIMIT ?2");
                let mut statement = connection.prepare_cached(&sql)?;
                let rows = statement.query_map(params![after, int(limit as u64)], rows::user)?;
                Ok(rows.collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn seen(&self, users: &[(UserId, UnixMillis)]) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let users = users.to_vec();
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                for (user, at) in users {
                    tx.prepare_cached(
                        "UPDATE users SET last_seen_at = ?2 WHERE id = ?1 AND last_seen_at < ?2",
                    )?
                    .execute(params![user, at])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }
}

fn user(connection: &Connection, id: UserId) -> rusqlite::Result<Option<User>> {
    connection
        .prepare_cached(&format!("SELECT {USER} FROM users u WHERE u.id = ?1"))?
        .query_row([id], rows::user)
        .optional()
}

fn credentials(
    connection: &Connection,
    name: &LoginName,
) -> rusqlite::Result<Option<(User, String)>> {
    let (column, value) = match name {
        LoginName::Name(name) => ("name_key", folded(name)),
        LoginName::Phone(phone) => ("phone", phone.clone()),
    };
    connection
        .prepare_cached(&format!(
            "SELECT {USER}, u.password_hash FROM users u WHERE u.{column} = ?1"
        ))?
        .query_row([value], |row| {
            Ok((rows::user(row)?, row.get(USER_COLUMNS)?))
        })
        .optional()
}

/// Exact hits first, then names that begin with the query, then the rest; older accounts first among equals.
fn search(
    connection: &Connection,
    query: &str,
    limit: usize,
    disabled: bool,
) -> rusqlite::Result<Vec<User>> {
    let key = folded(query);
    // An id is never negative.
    let id = parse_id(query).map_or(-1, int);
    connection
        .prepare_cached(&format!(
            "SELECT {USER} FROM users u
             WHERE u.disabled <= ?5
                 AND (instr(u.name_key, ?1) > 0 OR instr(u.nickname_key, ?1) > 0 OR u.phone = ?2 OR u.id = ?3)
             ORDER BY CASE
                 WHEN u.name_key = ?1 OR u.phone = ?2 OR u.id = ?3 THEN 0
                 WHEN u.nickname_key = ?1 THEN 1
                 WHEN instr(u.name_key, ?1) = 1 OR instr(u.nickname_key, ?1) = 1 THEN 2
                 ELSE 3 END, u.id
             LIMIT ?4"
        ))?
        .query_map(params![key, query, id, int(limit as u64), disabled], rows::user)?
        .collect()
}

/// Makes an account, on an invitation if one is given.
pub(super) fn create(
    connection: &mut Connection,
    new: &NewUser,
    invitation: Option<&CodeHash>,
) -> Result<User, AccountError> {
    let tx = connection.transaction()?;
    let taken = [
        (
            "name_key",
            new.name.as_deref().map(folded),
            AccountError::NameTaken,
        ),
        ("phone", new.phone.clone(), AccountError::PhoneTaken),
        (
            "email_key",
            new.email.as_deref().map(folded),
            AccountError::EmailTaken,
        ),
    ];
    for (column, value, error) in taken {
        if let Some(holder) = holder(&tx, column, value.as_deref())? {
            // A hash has its own salt: the same one is the same request, repeated after an unknown outcome.
            return match user(&tx, holder)? {
                Some(user) if has_password(&tx, holder, &new.password_hash)? => Ok(user),
                Some(_) | None => Err(error),
            };
        }
    }
    if let Some(code) = invitation
        && !use_up(&tx, code)?
    {
        return Err(AccountError::NotInvited);
    }
    let (id, name) = name_and_id(&tx, new.name.as_deref())?;
    let first = !tx
        .prepare_cached("SELECT 1 FROM users LIMIT 1")?
        .exists([])?;
    let at = now();
    tx.prepare_cached(
        "INSERT INTO users (id, name, name_key, nickname, nickname_key, avatar, sex, memo, phone, email,
             email_key, password_hash, admin, disabled, registered_seq, created_at, last_seen_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15, ?15)",
    )?
    .execute(params![
        id,
        name,
        folded(&name),
        new.nickname,
        folded(&new.nickname),
        new.avatar,
        new.sex,
        new.memo,
        new.phone,
        new.email,
        new.email.as_deref().map(folded),
        new.password_hash,
        first,
        head(&tx)?.head,
        at,
    ])?;
    let made = user(&tx, id)?.ok_or(AccountError::NotFound)?;
    tx.commit()?;
    Ok(made)
}

/// Draws an id, and another one as long as somebody has chosen the name it gives.
fn name_and_id(
    tx: &Transaction<'_>,
    chosen: Option<&str>,
) -> Result<(UserId, String), AccountError> {
    loop {
        let id: UserId = tx
            .prepare_cached(
                "UPDATE ids SET last_id = last_id + 1 WHERE name = 'user' RETURNING last_id",
            )?
            .query_row([], |row| row.get(0))?;
        if let Some(name) = chosen {
            return Ok((id, name.to_owned()));
        }
        let name = format!("u{id}");
        if holder(tx, "name_key", Some(&name))?.is_none() {
            return Ok((id, name));
        }
    }
}

/// Who has this value in a unique column.
fn holder(
    tx: &Transaction<'_>,
    column: &str,
    value: Option<&str>,
) -> rusqlite::Result<Option<UserId>> {
    let Some(value) = value else {
        return Ok(None);
    };
    tx.prepare_cached(&format!("SELECT id FROM users WHERE {column} = ?1"))?
        .query_row([value], |row| row.get(0))
        .optional()
}

fn has_password(tx: &Transaction<'_>, id: UserId, hash: &str) -> rusqlite::Result<bool> {
    tx.prepare_cached("SELECT 1 FROM users WHERE id = ?1 AND password_hash = ?2")?
        .exists(params![id, hash])
}

fn update(connection: &mut Connection, id: UserId, patch: UserPatch) -> Result<User, AccountError> {
    let tx = connection.transaction()?;
    let before = user(&tx, id)?.ok_or(AccountError::NotFound)?;
    let name = patch.name.unwrap_or(before.name);
    let phone = patch.phone.unwrap_or(before.phone);
    let email = patch.email.unwrap_or(before.email);
    let email_key = email.as_deref().map(folded);
    let others = |found: Option<UserId>| found.is_some_and(|holder| holder != id);
    if others(holder(&tx, "name_key", Some(&folded(&name)))?) {
        return Err(AccountError::NameTaken);
    }
    if others(holder(&tx, "phone", phone.as_deref())?) {
        return Err(AccountError::PhoneTaken);
    }
    if others(holder(&tx, "email_key", email_key.as_deref())?) {
        return Err(AccountError::EmailTaken);
    }
    let nickname = patch.nickname.unwrap_or(before.nickname);
    tx.prepare_cached(
        "UPDATE users SET nickname = ?2, nickname_key = ?3, avatar = ?4, sex = ?5, memo = ?6, phone = ?7,
             email = ?8, email_key = ?9, name = ?10, name_key = ?11
         WHERE id = ?1",
    )?
    .execute(params![
        id,
        nickname,
        folded(&nickname),
        patch.avatar.unwrap_or(before.avatar),
        patch.sex.unwrap_or(before.sex),
        patch.memo.unwrap_or(before.memo),
        phone,
        email,
        email_key,
        name,
        folded(&name),
    ])?;
    let after = user(&tx, id)?.ok_or(AccountError::NotFound)?;
    tx.commit()?;
    Ok(after)
}

fn set(
    connection: &mut Connection,
    sql: &str,
    id: UserId,
    value: &dyn ToSql,
) -> Result<User, AccountError> {
    let tx = connection.transaction()?;
    tx.prepare_cached(sql)?.execute(params![id, value])?;
    let after = user(&tx, id)?.ok_or(AccountError::NotFound)?;
    tx.commit()?;
    Ok(after)
}
