//! Reading the log: its head, ranges, single entries, and what a user is in; and the trait that hands each call
//! to a thread.
//!
//! What a user may see of a stretch or of a conversation is `visible`'s business.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::rows::{self, ENTRY, LOG_HEAD, int};
use super::{Sqlite, append, visible};
use crate::model::conversation::Conv;
use crate::model::draft::Draft;
use crate::model::entry::{Entry, UnixMillis};
use crate::model::group::Interval;
use crate::model::ids::{Cid, Epoch, GroupId, Seq, UserId};
use crate::store::{
    ConversationPage, LogHead, LogRange, LogStore, Result, StoreError, UserSnapshot, Verdicts,
    VisiblePage, Window,
};

#[async_trait]
impl LogStore for Sqlite {
    async fn append(&self, drafts: Vec<Draft>) -> Result<Verdicts> {
        let rules = self.rules;
        self.writer
            .run(move |connection| append::append(connection, &rules, &drafts, None))
            .await
    }

    async fn append_at(&self, at: UnixMillis, drafts: Vec<Draft>) -> Result<Verdicts> {
        let rules = self.rules;
        self.writer
            .run(move |connection| append::append(connection, &rules, &drafts, Some(at)))
            .await
    }

    async fn head(&self) -> Result<LogHead> {
        self.readers.run(|connection| head(connection)).await
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<()> {
        self.writer
            .run(move |connection| renew_epoch(connection, old))
            .await
    }

    async fn range(&self, after: Seq, limit: usize) -> Result<LogRange> {
        self.readers
            .run(move |connection| range(connection, after, limit))
            .await
    }

    async fn find(&self, sender: UserId, cid: &Cid) -> Result<Option<(Seq, UnixMillis)>> {
        let cid = cid.clone();
        self.readers
            .run(move |connection| {
                let found = append::find(connection, sender, &cid)?;
                Ok(found.map(|(seq, at, _)| (seq, at)))
            })
            .await
    }

    async fn entry(&self, seq: Seq) -> Result<Option<Entry>> {
        self.readers
            .run(move |connection| Ok(entry(connection, seq)?))
            .await
    }

    async fn snapshot(&self, user: UserId) -> Result<Option<UserSnapshot>> {
        self.readers
            .run(move |connection| snapshot(connection, user))
            .await
    }

    async fn visible(
        &self,
        user: UserId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<VisiblePage> {
        let history = self.rules.history;
        self.readers
            .run(move |connection| visible::visible(connection, history, user, after, upto, limit))
            .await
    }

    async fn page(
        &self,
        user: UserId,
        conv: Conv,
        window: Window,
        upto: Seq,
        limit: usize,
    ) -> Result<ConversationPage> {
        let history = self.rules.history;
        self.readers
            .run(move |connection| {
                visible::page(connection, history, user, conv, window, upto, limit)
            })
            .await
    }
}

/// Where the log begins and ends.
pub(super) fn head(connection: &Connection) -> Result<LogHead> {
    Ok(connection
        .prepare_cached(LOG_HEAD)?
        .query_row([], rows::log_head)?)
}

/// As large as JSON readers can tell exactly, and never 0.
fn renew_epoch(connection: &Connection, old: Epoch) -> Result<()> {
    connection.execute(
        "UPDATE log_head SET epoch = abs(random() % 9007199254740991) + 1 WHERE epoch = ?1",
        [old],
    )?;
    Ok(())
}

/// The entry at this place.
pub(super) fn entry(connection: &Connection, seq: Seq) -> rusqlite::Result<Option<Entry>> {
    connection
        .prepare_cached(&format!("SELECT {ENTRY} FROM entries WHERE seq = ?1"))?
        .query_row([seq], rows::entry)
        .optional()
}

/// All stays of the user, of all groups.
pub(super) fn intervals(connection: &Connection, user: UserId) -> rusqlite::Result<Vec<Interval>> {
    connection
        .prepare_cached(
            "SELECT group_id, from_seq, to_seq FROM memberships
             WHERE user_id = ?1 ORDER BY group_id, from_seq",
        )?
        .query_map([user], rows::interval)?
        .collect()
}

/// The user's stays in one group.
pub(super) fn intervals_in(
    connection: &Connection,
    user: UserId,
    group: GroupId,
) -> rusqlite::Result<Vec<Interval>> {
    connection
        .prepare_cached(
            "SELECT group_id, from_seq, to_seq FROM memberships
             WHERE user_id = ?1 AND group_id = ?2 ORDER BY from_seq",
        )?
        .query_map(params![user, group], rows::interval)?
        .collect()
}

/// The head at the user's registration; `None`: there is no such user.
pub(super) fn registered_seq(
    connection: &Connection,
    user: UserId,
) -> rusqlite::Result<Option<Seq>> {
    connection
        .prepare_cached("SELECT registered_seq FROM users WHERE id = ?1")?
        .query_row([user], |row| row.get(0))
        .optional()
}

fn range(connection: &mut Connection, after: Seq, limit: usize) -> Result<LogRange> {
    let tx = connection.transaction()?;
    let log = head(&tx)?;
    if after < log.floor || after >= log.head {
        return Ok(LogRange {
            log,
            entries: Vec::new(),
        });
    }
    let entries: Vec<Entry> = tx
        .prepare_cached(&format!(
            "SELECT {ENTRY} FROM entries WHERE seq > ?1 ORDER BY seq LIMIT ?2"
        ))?
        .query_map(params![after, int(limit as u64)], rows::entry)?
        .collect::<rusqlite::Result<_>>()?;
    let mut expected = after;
    for entry in &entries {
        expected = expected.next();
        if entry.seq != expected {
            return Err(gap(expected));
        }
    }
    if entries.len() < limit && expected != log.head {
        return Err(gap(expected.next()));
    }
    Ok(LogRange { log, entries })
}

fn gap(seq: Seq) -> StoreError {
    StoreError::Corrupt(format!(
        "the log has no entry {seq}, which is above its floor"
    ))
}

fn snapshot(connection: &mut Connection, user: UserId) -> Result<Option<UserSnapshot>> {
    let tx = connection.transaction()?;
    let Some(registered_seq) = registered_seq(&tx, user)? else {
        return Ok(None);
    };
    Ok(Some(UserSnapshot {
        log: head(&tx)?,
        registered_seq,
        intervals: intervals(&tx, user)?,
    }))
}
