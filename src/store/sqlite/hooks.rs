//! Bots and hooks. Nothing of them changes with an entry.

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::rows::{self, ENTRY, int};
use super::{Sqlite, now};
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind, UnixMillis};
use crate::model::hook::{Hook, NewHook, Way};
use crate::model::ids::{GroupId, Incarnation, Seq, UserId};
use crate::model::user::TokenHash;
use crate::store::{AfterFailure, HookStore, Result};

/// Columns of [`hook`].
const HOOK: &str = "id, group_id, kind, name, creator, bot_id, token_hash, url, secret, created_at, cursor_seq, \
     failures, failing_since, disabled";
/// Of those that go out: what is to be delivered now, and by nobody yet.
const WAITING: &str =
    "SELECT h.id FROM hooks h JOIN conversation_heads c ON c.conv = 'g:' || h.group_id
     WHERE h.kind = 1 AND h.disabled = '' AND h.next_at <= ?1 AND h.held_until <= ?1
         AND c.last_seq > h.cursor_seq
     ORDER BY h.next_at, h.id LIMIT ?2";

#[async_trait]
impl HookStore for Sqlite {
    async fn mark_bot(&self, bot: UserId, owner: UserId) -> Result<()> {
        self.write(move |connection| {
            connection
                .prepare_cached("INSERT OR IGNORE INTO bots (user_id, owner_id) VALUES (?1, ?2)")?
                .execute(params![bot, owner])
        })
        .await
        .map(|_| ())
    }

    async fn owner_of(&self, bot: UserId) -> Result<Option<UserId>> {
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached("SELECT owner_id FROM bots WHERE user_id = ?1")?
                    .query_row([bot], |row| row.get(0))
                    .optional()?)
            })
            .await
    }

    async fn bots_of(&self, owner: UserId) -> Result<Vec<UserId>> {
        self.readers
            .run(move |connection| {
                let bots = connection
                    .prepare_cached(
                        "SELECT b.user_id FROM bots b JOIN users u ON u.id = b.user_id
                         WHERE b.owner_id = ?1 AND u.disabled = 0 ORDER BY b.user_id",
                    )?
                    .query_map([owner], |row| row.get(0))?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(bots)
            })
            .await
    }

    async fn create(&self, hook: NewHook) -> Result<Hook> {
        self.writer
            .run(move |connection| Ok(create(connection, hook)?))
            .await
    }

    async fn of_group(&self, group: GroupId) -> Result<Vec<Hook>> {
        self.readers
            .run(move |connection| {
                let hooks = connection
                    .prepare_cached(&format!(
                        "SELECT {HOOK} FROM hooks WHERE group_id = ?1 ORDER BY id"
                    ))?
                    .query_map([group], hook)?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(hooks)
            })
            .await
    }

    async fn by_token(&self, token: &TokenHash) -> Result<Option<Hook>> {
        let token = *token;
        self.readers
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!("SELECT {HOOK} FROM hooks WHERE token_hash = ?1"))?
                    .query_row([token], hook)
                    .optional()?)
            })
            .await
    }

    async fn remove(&self, group: GroupId, id: u64) -> Result<Option<Hook>> {
        self.writer
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!(
                        "DELETE FROM hooks WHERE group_id = ?1 AND id = ?2 RETURNING {HOOK}"
                    ))?
                    .query_row(params![group, int(id)], hook)
                    .optional()?)
            })
            .await
    }

    async fn enable(&self, group: GroupId, id: u64) -> Result<Option<Hook>> {
        self.writer
            .run(move |connection| {
                Ok(connection
                    .prepare_cached(&format!(
                        "UPDATE hooks SET disabled = '', failures = 0, failing_since = NULL, next_at = 0
                         WHERE group_id = ?1 AND id = ?2 AND kind = 1 RETURNING {HOOK}"
                    ))?
                    .query_row(params![group, int(id)], hook)
                    .optional()?)
            })
            .await
    }

    async fn hold(&self, holder: Incarnation, hold_ms: u64, limit: usize) -> Result<Vec<Hook>> {
        // Most looks find nothing, and need not wait for who writes.
        let waits = self
            .readers
            .run(|connection| -> Result<bool> { Ok(!waiting(connection, 1)?.is_empty()) })
            .await?;
        if !waits {
            return Ok(Vec::new());
        }
        self.writer
            .run(move |connection| Ok(hold(connection, holder, hold_ms, limit)?))
            .await
    }

    async fn keep(&self, id: u64, holder: Incarnation, hold_ms: u64) -> Result<bool> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE hooks SET held_until = ?4
                     WHERE id = ?1 AND holder = ?2 AND held_until > ?3",
                )?
                .execute(params![int(id), holder, now(), now() + int(hold_ms)])
        })
        .await
    }

    async fn advance(&self, id: u64, holder: Incarnation, upto: Seq) -> Result<bool> {
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE hooks SET cursor_seq = max(cursor_seq, ?4), failures = 0, failing_since = NULL
                     WHERE id = ?1 AND holder = ?2 AND held_until > ?3",
                )?
                .execute(params![int(id), holder, now(), upto])
        })
        .await
    }

    async fn fail(&self, id: u64, holder: Incarnation, after: AfterFailure) -> Result<bool> {
        let (wait, reason) = match after {
            AfterFailure::RetryIn(wait) => (wait, String::new()),
            AfterFailure::Disable(reason) => (0, reason),
        };
        self.write(move |connection| {
            connection
                .prepare_cached(
                    "UPDATE hooks SET failures = failures + 1, failing_since = coalesce(failing_since, ?3),
                         next_at = ?4, disabled = ?5, held_until = 0
                     WHERE id = ?1 AND holder = ?2 AND held_until > ?3",
                )?
                .execute(params![int(id), holder, now(), now() + int(wait), reason])
        })
        .await
    }

    async fn release(&self, id: u64, holder: Incarnation) -> Result<()> {
        self.write(move |connection| {
            connection
                .prepare_cached("UPDATE hooks SET held_until = 0 WHERE id = ?1 AND holder = ?2")?
                .execute(params![int(id), holder])
        })
        .await
        .map(|_| ())
    }

    async fn said_in(
        &self,
        group: GroupId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        self.readers
            .run(move |connection| {
                let said = connection
                    .prepare_cached(&format!(
                        "SELECT {ENTRY} FROM entries
                         WHERE conv = ?1 AND seq > ?2 AND seq <= ?3 AND kind = ?4
                             AND sender NOT IN (SELECT user_id FROM bots)
                         ORDER BY seq LIMIT ?5"
                    ))?
                    .query_map(
                        params![
                            Conv::Group(group),
                            after,
                            upto,
                            EntryKind::Message,
                            int(limit as u64)
                        ],
                        rows::entry,
                    )?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(said)
            })
            .await
    }

    async fn now(&self) -> Result<UnixMillis> {
        Ok(now())
    }
}

impl Sqlite {
    /// Runs a statement and says whether it changed anything.
    async fn write(
        &self,
        statement: impl FnOnce(&mut Connection) -> rusqlite::Result<usize> + Send + 'static,
    ) -> Result<bool> {
        self.writer
            .run(move |connection| Ok(statement(connection)? > 0))
            .await
    }
}

fn create(connection: &mut Connection, new: NewHook) -> rusqlite::Result<Hook> {
    let (kind, bot, token, url, secret) = match new.way {
        Way::In { bot, token } => (0, Some(bot), Some(token), None, None),
        Way::Out { url, secret } => (1, None, None, Some(url), Some(secret)),
    };
    connection
        .prepare_cached(&format!(
            "INSERT INTO hooks (group_id, kind, name, creator, bot_id, token_hash, url, secret, created_at,
                 cursor_seq, held_until, failures, next_at, disabled)
             SELECT ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, head, 0, 0, 0, '' FROM log_head RETURNING {HOOK}"
        ))?
        .query_row(
            params![
                new.group,
                kind,
                new.name,
                new.creator,
                bot,
                token,
                url,
                secret,
                now()
            ],
            hook,
        )
}

fn waiting(connection: &Connection, limit: usize) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached(WAITING)?
        .query_map(params![now(), int(limit as u64)], |row| row.get(0))?
        .collect()
}

fn hold(
    connection: &mut Connection,
    holder: Incarnation,
    hold_ms: u64,
    limit: usize,
) -> rusqlite::Result<Vec<Hook>> {
    let tx = connection.transaction()?;
    let mut held = Vec::new();
    for id in waiting(&tx, limit)? {
        let taken = tx
            .prepare_cached(&format!(
                "UPDATE hooks SET holder = ?2, held_until = ?3 WHERE id = ?1 RETURNING {HOOK}"
            ))?
            .query_row(params![id, holder, now() + int(hold_ms)], hook)?;
        held.push(taken);
    }
    tx.commit()?;
    Ok(held)
}

fn hook(row: &Row<'_>) -> rusqlite::Result<Hook> {
    let way = match row.get(2)? {
        0 => Way::In {
            bot: row.get(5)?,
            token: TokenHash(row.get(6)?),
        },
        1 => Way::Out {
            url: row.get(7)?,
            secret: row.get(8)?,
        },
        other => return Err(Error::IntegralValueOutOfRange(2, other)),
    };
    let id: i64 = row.get(0)?;
    Ok(Hook {
        id: u64::try_from(id)
            .map_err(|error| Error::FromSqlConversionFailure(0, Type::Integer, error.into()))?,
        group: row.get(1)?,
        name: row.get(3)?,
        creator: row.get(4)?,
        way,
        created_at: row.get(9)?,
        cursor: row.get(10)?,
        failures: row.get(11)?,
        failing_since: row.get(12)?,
        disabled: row.get(13)?,
    })
}
