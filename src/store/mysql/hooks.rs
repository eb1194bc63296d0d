//! Bots and hooks. Nothing of them changes with an entry, and each write is one statement.

use async_trait::async_trait;
use mysql_async::{Params, Value};

use super::Mysql;
use super::many::positional;
use super::rows::{self, Columns, ENTRY};
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind, UnixMillis};
use crate::model::hook::{Hook, NewHook, Way};
use crate::model::ids::{GroupId, Incarnation, Seq, UserId};
use crate::model::user::TokenHash;
use crate::store::{AfterFailure, HookStore, Result, StoreError};

/// Columns of [`hook`].
const HOOK: &str = "id, group_id, kind, name, creator, bot_id, token_hash, url, secret, created_at, cursor_seq, \
     failures, failing_since, disabled";
/// The server's clock.
const NOW: &str = "CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)";

#[async_trait]
impl HookStore for Mysql {
    async fn mark_bot(&self, bot: UserId, owner: UserId) -> Result<()> {
        let sql = "INSERT INTO bots (user_id, owner_id) VALUES (?, ?) ON DUPLICATE KEY UPDATE owner_id = owner_id";
        self.write(sql, (bot, owner)).await.map(|_| ())
    }

    async fn owner_of(&self, bot: UserId) -> Result<Option<UserId>> {
        let sql = "SELECT owner_id FROM bots WHERE user_id = ?";
        let mut link = self.readers.link().await?;
        rows::one(link.first(sql, (bot,)).await?, Columns::next)
    }

    async fn bots_of(&self, owner: UserId) -> Result<Vec<UserId>> {
        let sql = "SELECT b.user_id FROM bots b JOIN users u ON u.id = b.user_id
             WHERE b.owner_id = ? AND u.disabled = 0 ORDER BY b.user_id";
        let mut link = self.readers.link().await?;
        rows::all(link.rows(sql, (owner,)).await?, Columns::next)
    }

    async fn create(&self, hook: NewHook) -> Result<Hook> {
        let (kind, bot, token, url, secret) = match hook.way {
            Way::In { bot, token } => (0u8, Some(bot.0), Some(token.0.to_vec()), None, None),
            Way::Out { url, secret } => (1, None, None, Some(url), Some(secret)),
        };
        let sql = format!(
            "INSERT INTO hooks (group_id, kind, name, creator, bot_id, token_hash, url, secret, created_at,
                 cursor_seq, held_until, failures, next_at, disabled)
             SELECT ?, ?, ?, ?, ?, ?, ?, ?, {NOW}, l.head, 0, 0, 0, '' FROM log_head l WHERE l.id = 1"
        );
        let values: [Value; 8] = [
            hook.group.into(),
            kind.into(),
            hook.name.into(),
            hook.creator.into(),
            bot.into(),
            token.into(),
            url.into(),
            secret.into(),
        ];
        let id = {
            let mut link = self.writers.link().await?;
            link.execute(&sql, positional(values)).await?.last_id
        };
        self.hook(id).await?.ok_or_else(|| {
            StoreError::Unavailable("a hook that was just made is not there".to_owned())
        })
    }

    async fn of_group(&self, group: GroupId) -> Result<Vec<Hook>> {
        let sql = format!("SELECT {HOOK} FROM hooks WHERE group_id = ? ORDER BY id");
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, (group,)).await?, hook)
    }

    async fn by_token(&self, token: &TokenHash) -> Result<Option<Hook>> {
        let sql = format!("SELECT {HOOK} FROM hooks WHERE token_hash = ?");
        let mut link = self.readers.link().await?;
        rows::one(link.first(&sql, (*token,)).await?, hook)
    }

    async fn remove(&self, group: GroupId, id: u64) -> Result<Option<Hook>> {
        let found = self.hook(id).await?.filter(|hook| hook.group == group);
        let sql = "DELETE FROM hooks WHERE group_id = ? AND id = ?";
        let removed = self.write(sql, (group, id)).await?;
        Ok(found.filter(|_| removed))
    }

    async fn enable(&self, group: GroupId, id: u64) -> Result<Option<Hook>> {
        let sql = "UPDATE hooks SET disabled = '', failures = 0, failing_since = NULL, next_at = 0
             WHERE group_id = ? AND id = ? AND kind = 1";
        self.write(sql, (group, id)).await?;
        let found = self.hook(id).await?;
        Ok(found.filter(|hook| hook.group == group && matches!(hook.way, Way::Out { .. })))
    }

    async fn hold(&self, holder: Incarnation, hold_ms: u64, limit: usize) -> Result<Vec<Hook>> {
        let sql = format!(
            "SELECT h.id FROM hooks h
             WHERE h.kind = 1 AND h.disabled = '' AND h.next_at <= {NOW} AND h.held_until <= {NOW}
                 AND (
                     SELECT e.seq FROM entries e FORCE INDEX (entries_by_conv)
                     WHERE e.conv = CAST(CONCAT('g:', h.group_id) AS BINARY) ORDER BY e.seq DESC LIMIT 1
                 ) > h.cursor_seq
             ORDER BY h.next_at, h.id LIMIT ?"
        );
        let waiting: Vec<u64> = {
            let mut link = self.readers.link().await?;
            rows::all(link.rows(&sql, (limit,)).await?, Columns::next)?
        };
        let take = format!(
            "UPDATE hooks SET holder = ?, held_until = {NOW} + ? WHERE id = ? AND held_until <= {NOW}"
        );
        let mut held = Vec::new();
        for id in waiting {
            if self.write(&take, (holder, hold_ms, id)).await? {
                // Read after it was taken: whoever had it may have moved it on.
                held.extend(self.hook(id).await?);
            }
        }
        Ok(held)
    }

    async fn keep(&self, id: u64, holder: Incarnation, hold_ms: u64) -> Result<bool> {
        let sql = format!(
            "UPDATE hooks SET held_until = GREATEST({NOW} + ?, held_until + 1)
             WHERE id = ? AND holder = ? AND held_until > {NOW}"
        );
        self.write(&sql, (hold_ms, id, holder)).await
    }

    async fn advance(&self, id: u64, holder: Incarnation, upto: Seq) -> Result<bool> {
        // A row that stays as it was counts as not changed: the hold moves along.
        let sql = format!(
            "UPDATE hooks SET cursor_seq = GREATEST(cursor_seq, ?), failures = 0, failing_since = NULL,
                 held_until = held_until + 1
             WHERE id = ? AND holder = ? AND held_until > {NOW}"
        );
        self.write(&sql, (upto, id, holder)).await
    }

    async fn fail(&self, id: u64, holder: Incarnation, after: AfterFailure) -> Result<bool> {
        let (wait, reason) = match after {
            AfterFailure::RetryIn(wait) => (wait, String::new()),
            AfterFailure::Disable(reason) => (0, reason),
        };
        let sql = format!(
            "UPDATE hooks SET failures = failures + 1, failing_since = COALESCE(failing_since, {NOW}),
                 next_at = {NOW} + ?, disabled = ?, held_until = 0
             WHERE id = ? AND holder = ? AND held_until > {NOW}"
        );
        self.write(&sql, (wait, reason, id, holder)).await
    }

    async fn release(&self, id: u64, holder: Incarnation) -> Result<()> {
        let sql = "UPDATE hooks SET held_until = 0 WHERE id = ? AND holder = ?";
        self.write(sql, (id, holder)).await.map(|_| ())
    }

    async fn said_in(
        &self,
        group: GroupId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>> {
        let sql = format!(
            "SELECT {ENTRY} FROM entries FORCE INDEX (entries_by_conv)
             WHERE conv = ? AND seq > ? AND seq <= ? AND kind = ?
                 AND NOT EXISTS (SELECT 1 FROM bots b WHERE b.user_id = entries.sender)
             ORDER BY seq LIMIT ?"
        );
        let values: [Value; 5] = [
            Conv::Group(group).into(),
            after.into(),
            upto.into(),
            EntryKind::Message.into(),
            limit.into(),
        ];
        let mut link = self.readers.link().await?;
        rows::all(link.rows(&sql, positional(values)).await?, rows::entry)
    }

    async fn now(&self) -> Result<UnixMillis> {
        let mut link = self.readers.link().await?;
        let found = rows::one(
            link.first(&format!("SELECT {NOW}"), ()).await?,
            Columns::next,
        )?;
        found.ok_or_else(|| StoreError::Unavailable("the server tells no time".to_owned()))
    }
}

impl Mysql {
    async fn hook(&self, id: u64) -> Result<Option<Hook>> {
        let sql = format!("SELECT {HOOK} FROM hooks WHERE id = ?");
        let mut link = self.writers.link().await?;
        rows::one(link.first(&sql, (id,)).await?, hook)
    }

    /// Runs a statement and says whether it changed anything.
    async fn write(&self, sql: &str, params: impl Into<Params> + Send) -> Result<bool> {
        let mut link = self.writers.link().await?;
        Ok(link.execute(sql, params).await?.affected > 0)
    }
}

fn hook(row: &mut Columns) -> Result<Hook> {
    let (id, group, kind) = (row.next()?, row.next()?, row.next::<u8>()?);
    let (name, creator) = (row.next()?, row.next()?);
    let (bot, token): (Option<UserId>, Option<Vec<u8>>) = (row.next()?, row.next()?);
    let (url, secret): (Option<String>, Option<String>) = (row.next()?, row.next()?);
    let token = token.and_then(|token| token.try_into().ok().map(TokenHash));
    let way = match (kind, bot, token, url, secret) {
        (0, Some(bot), Some(token), _, _) => Way::In { bot, token },
        (1, _, _, Some(url), Some(secret)) => Way::Out { url, secret },
        (_, _, _, _, _) => return Err(StoreError::Corrupt("a hook of no way".to_owned())),
    };
    Ok(Hook {
        id,
        group,
        name,
        creator,
        way,
        created_at: row.next()?,
        cursor: row.next()?,
        failures: row.next()?,
        failing_since: row.next()?,
        disabled: row.next()?,
    })
}
