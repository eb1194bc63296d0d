//! Which part of the log is kept: finding a place by age, and taking entries away from the front.
//!
//! Decides nothing about how much is kept; driven by [`crate::service::retention`].

use std::time::Duration;

use async_trait::async_trait;
use rusqlite::Connection;

use super::read::{self, head};
use super::{Sqlite, now};
use crate::model::entry::UnixMillis;
use crate::model::ids::Seq;
use crate::store::{LogHead, Result, RetentionStore, StoreError};

/// What is kept beside entries goes with them.
const BESIDE_ENTRIES: [&str; 4] = [
    "DELETE FROM edits WHERE target <= ?1",
    "DELETE FROM reactions WHERE target <= ?1",
    "DELETE FROM reaction_counts WHERE target <= ?1",
    "DELETE FROM hidden_entries WHERE seq <= ?1",
];

#[async_trait]
impl RetentionStore for Sqlite {
    async fn first_within(&self, age: Duration) -> Result<Seq> {
        self.readers
            .run(move |connection| first_within(connection, age))
            .await
    }

    async fn prune(&self, upto: Seq, limit: usize) -> Result<LogHead> {
        self.writer
            .run(move |connection| prune(connection, upto, limit))
            .await
    }
}

/// Times never fall along the log, so the place is found by halving, without an index of times.
fn first_within(connection: &mut Connection, age: Duration) -> Result<Seq> {
    let age = UnixMillis::try_from(age.as_millis()).unwrap_or(UnixMillis::MAX);
    let since = now().saturating_sub(age);
    let tx = connection.transaction()?;
    let log = head(&tx)?;
    let (mut low, mut high) = (log.floor.next(), log.head.next());
    while low < high {
        let middle = Seq(low.0 + (high.0 - low.0) / 2);
        let entry = read::entry(&tx, middle)?.ok_or_else(|| {
            StoreError::Corrupt(format!(
                "the log has no entry {middle}, which is above its floor"
            ))
        })?;
        if entry.at > since {
            high = middle;
        } else {
            low = middle.next();
        }
    }
    Ok(low)
}

fn prune(connection: &mut Connection, upto: Seq, limit: usize) -> Result<LogHead> {
    let tx = connection.transaction()?;
    let log = head(&tx)?;
    let reach = Seq(log.floor.0.saturating_add(limit as u64));
    // The last entry stays: by it a node knows its log again.
    let floor = upto.min(reach).min(log.head.prev());
    if floor <= log.floor {
        return Ok(log);
    }
    tx.prepare_cached("DELETE FROM entries WHERE seq <= ?1")?
        .execute([floor])?;
    for beside in BESIDE_ENTRIES {
        tx.prepare_cached(beside)?.execute([floor])?;
    }
    tx.prepare_cached("UPDATE log_head SET floor_seq = ?1")?
        .execute([floor])?;
    tx.commit()?;
    Ok(LogHead { floor, ..log })
}
