//! The task that fills the index of words, behind the log and out of everybody's way.
//!
//! Every node does this by itself, without agreement: whoever comes second finds the work done and rests. It works at
//! most half of the time, in steps of a few milliseconds, so that senders meet a free store however far behind it is.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep};
use tracing::{info, warn};

use crate::store::indexing::{Indexed, Indexing};
use crate::store::{LogStore, SearchStore};

/// Between two looks at a log whose last block is not full; a search looks through that block itself.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// While another node is at it, and up to as much again at random.
const LEAVE_IT_FOR: Duration = Duration::from_secs(3);
/// After the store failed.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// A rest after a step: as long as the step took, within these.
const REST_MIN: Duration = Duration::from_millis(1);
const REST_MAX: Duration = Duration::from_millis(500);
/// So far behind that a search does not look at everything, and that it is worth a word in the log.
const FAR_BEHIND: u64 = 10_000;

/// How many entries are not in the index yet, as of its last look. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Behind(Arc<AtomicU64>);

impl Behind {
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Fills the index for the life of the node; `random` spreads the nodes.
pub async fn run(
    log: Arc<dyn LogStore>,
    search: Arc<dyn SearchStore>,
    behind: Behind,
    mut random: fastrand::Rng,
) {
    let mut indexing = Indexing::new(log, search);
    let mut is_far = false;
    let mut is_failing = false;
    loop {
        let began = Instant::now();
        let step = indexing.step().await;
        behind.0.store(indexing.behind(), Ordering::Relaxed);
        if is_far != (indexing.behind() > FAR_BEHIND) {
            is_far = !is_far;
            let entries = indexing.behind();
            if is_far {
                info!(entries, "the index of words is being filled");
            } else {
                info!(entries, "the index of words has caught up with the log");
            }
        }
        let rest = match &step {
            Ok(Indexed::Some) => began.elapsed().clamp(REST_MIN, REST_MAX),
            Ok(Indexed::Nothing { .. }) => LOOK_EVERY.mul_f64(0.5 + random.f64()),
            Ok(Indexed::Overtaken) => LEAVE_IT_FOR.mul_f64(1.0 + random.f64()),
            Err(_) => AFTER_FAILURE,
        };
        if let Err(error) = &step
            && !is_failing
        {
            warn!(%error, "the index of words cannot be filled, trying again");
        }
        is_failing = step.is_err();
        sleep(rest).await;
    }
}
