//! Which part of the log is kept: finding a place by age, and taking entries away from the front.
//!
//! Decides nothing about how much is kept; driven by [`crate::service::retention`].

use std::time::Duration;

use async_trait::async_trait;

use super::Mysql;
use super::link::{Fault, Link};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Epoch, Seq};
use crate::store::{LogHead, Result, RetentionStore};

/// The log's ends and the server's clock, from one snapshot.
const BOUNDS: &str = "SELECT f.floor_seq, h.head, CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)
     FROM log_floor f JOIN log_head h ON h.id = f.id WHERE f.id = 1";
const TIME_AT_OR_AFTER: &str = "SELECT at FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1";

#[async_trait]
impl RetentionStore for Mysql {
    async fn first_within(&self, age: Duration) -> Result<Seq> {
        let mut link = self.readers.link().await?;
        Ok(first_within(&mut link, age).await?)
    }

    async fn prune(&self, upto: Seq, limit: usize) -> Result<LogHead> {
        let most = u32::try_from(limit).unwrap_or(u32::MAX);
        let mut link = self.writers.link().await?;
        let rows = link
            .call("CALL starling_prune_2(?, ?)", (upto.0, most))
            .await?;
        let row = rows.into_iter().next().ok_or_else(no_log)?;
        let (epoch, floor, head) = mysql_async::from_row_opt(row).map_err(Fault::from)?;
        Ok(LogHead {
            epoch: Epoch(epoch),
            floor: Seq(floor),
            head: Seq(head),
        })
    }
}

/// Times never fall along the log, so the place is found by halving, without an index of times. Pruning meanwhile
/// takes away only what was too old already.
async fn first_within(link: &mut Link, age: Duration) -> Result<Seq, Fault> {
    let row = link.first(BOUNDS, ()).await?.ok_or_else(no_log)?;
    let (floor, head, now): (u64, u64, UnixMillis) = mysql_async::from_row_opt(row)?;
    let age = UnixMillis::try_from(age.as_millis()).unwrap_or(UnixMillis::MAX);
    let since = now.saturating_sub(age);
    let (mut low, mut high) = (floor + 1, head + 1);
    while low < high {
        let middle = low + (high - low) / 2;
        let row = link.first(TIME_AT_OR_AFTER, (middle,)).await?;
        let Some(row) = row else {
            return Err(Fault::Damaged(format!(
                "the log has no entry {middle}, which is below its head"
            )));
        };
        let (at,): (UnixMillis,) = mysql_async::from_row_opt(row)?;
        if at > since {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Ok(Seq(low))
}

fn no_log() -> Fault {
    Fault::Damaged("the log has no head".to_owned())
}
