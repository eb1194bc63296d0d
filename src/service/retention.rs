//! How much of the log is kept, and the task that takes the rest away.
//!
//! Every node with a bound set does this by itself, without agreement: the store prunes a prefix only, so several
//! that do it at once share the work. Ages are the store's to tell, because a node's clock may be wrong. Knows
//! nothing of readers: whoever is below the floor finds out from the floor.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::model::ids::Seq;
use crate::store::{LogStore, RetentionStore, StoreError};

/// The first round, and as much again at random, so that nodes started together do not begin together.
const FIRST_AFTER: Duration = Duration::from_secs(2);
/// Between two rounds, and up to a quarter more at random.
const ROUND_EVERY: Duration = Duration::from_secs(60 * 60);
/// Entries of one transaction: few milliseconds of the lock that appends wait for.
const BATCH_ENTRIES: usize = 500;
/// Between two batches: pruning takes a small part of what the store can do, and never more.
const BATCH_PAUSE: Duration = Duration::from_millis(50);
/// Batches of one round: ten million entries an hour, and an end to a round whatever was configured.
const ROUND_BATCHES_MAX: usize = 20_000;

/// How much is kept. Entries that either bound lets go of are pruned, but never one younger than `retry_age`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Entries younger than this; `None`: whatever their age.
    pub age: Option<Duration>,
    /// The last ones, this many; `None`: whatever their number.
    pub entries: Option<u64>,
    /// How long a repeated send must be recognised by its entry.
    pub retry_age: Duration,
}

impl Keep {
    /// Reads the configuration's days and numbers, where 0 means no bound. `None`: all is kept.
    #[must_use]
    pub fn new(days: u32, entries: u64, retry_days: u32) -> Option<Keep> {
        if days == 0 && entries == 0 {
            return None;
        }
        Some(Keep {
            age: (days > 0).then(|| of_days(days)),
            entries: (entries > 0).then_some(entries),
            retry_age: of_days(retry_days),
        })
    }
}

fn of_days(days: u32) -> Duration {
    Duration::from_secs(u64::from(days) * 24 * 60 * 60)
}

/// The use case.
pub struct Retention {
    keep: Keep,
    log: Arc<dyn LogStore>,
    store: Arc<dyn RetentionStore>,
}

impl Retention {
    #[must_use]
    pub fn new(keep: Keep, log: Arc<dyn LogStore>, store: Arc<dyn RetentionStore>) -> Retention {
        Retention { keep, log, store }
    }

    /// Prunes every hour for the life of the node; `random` spreads the nodes.
    pub async fn run(self, mut random: fastrand::Rng) {
        sleep(FIRST_AFTER + FIRST_AFTER.mul_f64(random.f64())).await;
        loop {
            match self.round().await {
                Ok(0) => debug!("nothing of the log is old enough to be pruned"),
                Ok(pruned) => info!(pruned, "old entries of the log were pruned"),
                // The next round does what this one left.
                Err(error) => warn!(%error, "old entries of the log could not be pruned"),
            }
            sleep(ROUND_EVERY + (ROUND_EVERY / 4).mul_f64(random.f64())).await;
        }
    }

    /// Prunes what may go now, batch by batch, and says how far the floor moved meanwhile, whoever moved it.
    ///
    /// # Errors
    /// The store failed; what was pruned before that stays pruned.
    pub async fn round(&self) -> Result<u64, StoreError> {
        let upto = self.prunable().await?;
        let began_at = self.log.head().await?.floor;
        let mut floor = began_at;
        for _ in 0..ROUND_BATCHES_MAX {
            if floor >= upto {
                break;
            }
            let before = floor;
            floor = self.store.prune(upto, BATCH_ENTRIES).await?.floor;
            if floor == before {
                // What is left is the last entry, which stays.
                break;
            }
            sleep(BATCH_PAUSE).await;
        }
        Ok(floor.0.saturating_sub(began_at.0))
    }

    /// The last entry that is not kept.
    async fn prunable(&self) -> Result<Seq, StoreError> {
        let by_age = match self.keep.age {
            Some(age) => self.store.first_within(age).await?.prev(),
            None => Seq::ZERO,
        };
        let by_number = match self.keep.entries {
            Some(entries) => Seq(self.log.head().await?.head.0.saturating_sub(entries)),
            None => Seq::ZERO,
        };
        let retried = self.store.first_within(self.keep.retry_age).await?;
        Ok(by_age.max(by_number).min(retried.prev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::entry::UnixMillis;
    use crate::model::policy::StoreRules;
    use crate::service::clock::system_now;
    use crate::store::conformance::stage::Stage;
    use crate::store::sqlite::{OpenOptions, open};

    const DAY_MS: UnixMillis = 24 * 60 * 60 * 1_000;

    /// A log of ten entries from 40 days ago, ten from 20, ten from 3, and one of now.
    async fn filled() -> Stage {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starling.db");
        let options = OpenOptions {
            rules: StoreRules::default(),
            ..OpenOptions::default()
        };
        let stage = Stage::new(open(path.to_str().unwrap(), options).unwrap(), folder);
        let anna = stage.user("anna").await;
        let conv = Conv::private(anna, anna);
        for days in [40, 20, 3] {
            let drafts = (0..10).map(|n| stage.message(anna, conv, &n.to_string()));
            let past = system_now() - days * DAY_MS;
            let appended = stage.stores.log.append_at(past, drafts.collect());
            appended.await.unwrap();
        }
        stage.say(anna, conv, "now").await;
        stage
    }

    async fn floor_after_a_round(days: u32, entries: u64, retry_days: u32) -> u64 {
        let stage = filled().await;
        let keep = Keep::new(days, entries, retry_days).unwrap();
        let stores = &stage.stores;
        let retention =
            Retention::new(keep, Arc::clone(&stores.log), Arc::clone(&stores.retention));
        let pruned = retention.round().await.unwrap();
        let floor = stores.log.head().await.unwrap().floor;
        assert_eq!(Seq(pruned), floor);
        assert_eq!(retention.round().await.unwrap(), 0, "nothing is left to do");
        floor.0
    }

    #[test]
    fn without_a_bound_all_is_kept() {
        assert_eq!(Keep::new(0, 0, 7), None);
    }

    #[tokio::test]
    async fn either_bound_lets_entries_go_and_none_that_may_be_retried() {
        for (days, entries, retry_days, floor) in [
            (30, 0, 7, 10),
            (10, 0, 7, 20),
            (7, 0, 7, 20),
            (50, 0, 7, 0),
            (0, 25, 7, 6),
            (0, 5, 7, 20),
            (0, 5, 1, 26),
            (0, 1, 1, 30),
            (0, 100, 7, 0),
            (30, 15, 7, 16),
            (10, 25, 7, 20),
            (0, 1, 30, 10),
        ] {
            assert_eq!(
                floor_after_a_round(days, entries, retry_days).await,
                floor,
                "{days} days, {entries} entries, {retry_days} days for retries"
            );
        }
    }
}
