//! Reading the log: its head, ranges, single entries, and what a user is in; and the trait that hands each call on.
//!
//! What belongs together is read by one statement, which sees one state of the database. What a user may see of a
//! stretch or of a conversation is `visible`'s business.

use async_trait::async_trait;

use super::rows::{self, Columns, ENTRY, LOG_HEAD};
use super::{Mysql, append, visible};
use crate::model::conversation::Conv;
use crate::model::draft::Draft;
use crate::model::entry::{Entry, UnixMillis};
use crate::model::group::Interval;
use crate::model::ids::{Cid, Epoch, Seq, UserId};
use crate::store::{
    ConversationPage, LogHead, LogRange, LogStore, Result, StoreError, UserSnapshot, Verdicts,
    VisiblePage, Window,
};

#[async_trait]
impl LogStore for Mysql {
    async fn append(&self, drafts: Vec<Draft>) -> Result<Verdicts> {
        append::append(self, &drafts, None).await
    }

    async fn append_at(&self, at: UnixMillis, drafts: Vec<Draft>) -> Result<Verdicts> {
        append::append(self, &drafts, Some(at)).await
    }

    async fn head(&self) -> Result<LogHead> {
        head(self).await
    }

    async fn renew_epoch(&self, old: Epoch) -> Result<()> {
        let mut link = self.appender.link().await?;
        // A commit in any case: whoever renewed it before may still be on his way to the disk.
        link.execute(
            "UPDATE log_head
             SET epoch = IF(epoch = ?, 1 + CAST(CONV(LEFT(MD5(CONCAT(UUID(), RAND())), 13), 16, 10) AS UNSIGNED), epoch),
                 writes = writes + 1
             WHERE id = 1",
            (old.0,),
        )
        .await?;
        Ok(())
    }

    async fn range(&self, after: Seq, limit: usize) -> Result<LogRange> {
        range(self, after, limit).await
    }

    async fn find(&self, sender: UserId, cid: &Cid) -> Result<Option<(Seq, UnixMillis)>> {
        let mut link = self.readers.link().await?;
        let row = link
            .first(
                "SELECT seq, at FROM entries WHERE sender = ? AND cid = ?",
                (sender.0, cid.as_str()),
            )
            .await?;
        rows::one(row, |row| Ok((row.next()?, row.next()?)))
    }

    async fn entry(&self, seq: Seq) -> Result<Option<Entry>> {
        let mut link = self.readers.link().await?;
        let sql = format!("SELECT {ENTRY} FROM entries WHERE seq = ?");
        rows::one(link.first(&sql, (seq.0,)).await?, rows::entry)
    }

    async fn snapshot(&self, user: UserId) -> Result<Option<UserSnapshot>> {
        snapshot(self, user).await
    }

    async fn visible(
        &self,
        user: UserId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<VisiblePage> {
        visible::visible(&self.readers, self.rules.history, user, after, upto, limit).await
    }

    async fn page(
        &self,
        user: UserId,
        conv: Conv,
        window: Window,
        upto: Seq,
        limit: usize,
    ) -> Result<ConversationPage> {
        visible::page(
            &self.readers,
            self.rules.history,
            user,
            conv,
            window,
            upto,
            limit,
        )
        .await
    }
}

/// Where the log begins and ends.
pub(super) async fn head(mysql: &Mysql) -> Result<LogHead> {
    let row = mysql.readers.link().await?.first(LOG_HEAD, ()).await?;
    rows::one(row, rows::log_head)?.ok_or_else(headless)
}

async fn range(mysql: &Mysql, after: Seq, limit: usize) -> Result<LogRange> {
    let sql = format!(
        "SELECT h.epoch, f.floor_seq, h.head, e.*
         FROM log_head h JOIN log_floor f ON f.id = h.id
         LEFT JOIN (SELECT {ENTRY} FROM entries WHERE seq > ? ORDER BY seq LIMIT ?) e ON 1 = 1
         WHERE h.id = 1 ORDER BY e.seq"
    );
    let mut link = mysql.readers.link().await?;
    let found = link.rows(&sql, (after.0, limit as u64)).await?;
    let mut log = None;
    let mut entries = Vec::with_capacity(found.len());
    for row in found {
        // An empty stretch is one row without an entry.
        let is_entry = !matches!(row.as_ref(3), None | Some(mysql_async::Value::NULL));
        let mut row = Columns::of(row);
        log = Some(rows::log_head(&mut row)?);
        if is_entry {
            entries.push(rows::entry(&mut row)?);
        }
    }
    let log = log.ok_or_else(headless)?;
    if after < log.floor || after >= log.head {
        entries.clear();
        return Ok(LogRange { log, entries });
    }
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

async fn snapshot(mysql: &Mysql, user: UserId) -> Result<Option<UserSnapshot>> {
    let mut link = mysql.readers.link().await?;
    let found = link
        .rows(
            "SELECT h.epoch, f.floor_seq, h.head, u.registered_seq, m.group_id, m.from_seq, m.to_seq
             FROM users u JOIN log_head h ON h.id = 1 JOIN log_floor f ON f.id = 1
             LEFT JOIN memberships m ON m.user_id = u.id
             WHERE u.id = ? ORDER BY m.group_id, m.from_seq",
            (user.0,),
        )
        .await?;
    let mut snapshot: Option<UserSnapshot> = None;
    for row in found {
        let is_stay = !matches!(row.as_ref(4), None | Some(mysql_async::Value::NULL));
        let mut row = Columns::of(row);
        let log = rows::log_head(&mut row)?;
        let registered_seq = row.next()?;
        let snapshot = snapshot.get_or_insert_with(|| UserSnapshot {
            log,
            registered_seq,
            intervals: Vec::<Interval>::new(),
        });
        if is_stay {
            snapshot.intervals.push(rows::interval(&mut row)?);
        }
    }
    Ok(snapshot)
}

fn headless() -> StoreError {
    StoreError::Corrupt("the log has no head".to_owned())
}

fn gap(seq: Seq) -> StoreError {
    StoreError::Corrupt(format!(
        "the log has no entry {seq}, which is above its floor"
    ))
}
