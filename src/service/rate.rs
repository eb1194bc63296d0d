//! How fast one user may send: a token bucket each, on this node's monotonic clock.
//!
//! Where nodes count together, each send is reported, and a bucket follows what all of them say: see [`Senders`].

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::recent::Recent;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;

/// Shards, so that senders on different cores rarely meet at a lock.
const SHARDS: usize = 16;
/// Most senders counted at a time, over all shards. An idle one that is left out has a full bucket anyway.
const SENDERS_MAX: usize = 65_536;

/// Sends that wait to be reported: what all users together send in a fraction of a second. More are not reported, and
/// count on this node alone.
const REPORTS_MAX: usize = 8_192;

/// Buckets by user.
pub(super) struct SendRate {
    /// The time one send takes to be earned back.
    interval: Duration,
    /// How far a sender may be ahead of that.
    ahead_max: Duration,
    shards: Vec<Mutex<Recent<UserId, Instant>>>,
    /// Where sends are reported; unset: nowhere.
    reports: OnceLock<mpsc::Sender<UserId>>,
}

impl SendRate {
    /// `per_second` sends on average, `burst` at once.
    pub(super) fn new(per_second: u32, burst: u32) -> SendRate {
        let interval = Duration::from_secs(1) / per_second.max(1);
        SendRate {
            interval,
            ahead_max: interval * burst.max(1),
            shards: (0..SHARDS)
                .map(|_| Mutex::new(Recent::new(SENDERS_MAX / SHARDS)))
                .collect(),
            reports: OnceLock::new(),
        }
    }

    /// Takes one send out of the user's bucket, or says when there will be one.
    ///
    /// The bucket is kept as one instant (the "theoretical arrival time" of the cell rate algorithm, ITU-T
    /// I.371): when all sends so far are earned back.
    pub(super) fn admit(&self, user: UserId, now: Instant) -> Result<(), Failure> {
        let mut senders = self.shard(user);
        let earned_at = senders.get_or(user, || now);
        let next = (*earned_at).max(now) + self.interval;
        let ahead = next.duration_since(now);
        if ahead > self.ahead_max {
            let wait = (ahead - self.ahead_max).as_millis();
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            return Err(Failure::retry(Code::RateLimited, wait.max(1)));
        }
        *earned_at = next;
        drop(senders);
        if let Some(reports) = self.reports.get() {
            // A sender never waits for the others' count.
            let _ = reports.try_send(user);
        }
        Ok(())
    }

    fn shard(&self, user: UserId) -> MutexGuard<'_, Recent<UserId, Instant>> {
        let shard = usize::try_from(user.0 % SHARDS as u64).unwrap_or(0);
        self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// The buckets, for who counts them together with those of other nodes. Cheap to clone.
#[derive(Clone)]
pub struct Senders(Arc<SendRate>);

impl Senders {
    pub(super) fn of(rate: &Arc<SendRate>) -> Senders {
        Senders(Arc::clone(rate))
    }

    /// From now on each admitted send is reported to the end this returns; only the first call's is used.
    #[must_use]
    pub fn report(&self) -> mpsc::Receiver<UserId> {
        let (reports, receiver) = mpsc::channel(REPORTS_MAX);
        let _ = self.0.reports.set(reports);
        receiver
    }

    /// The time one send takes to be earned back.
    #[must_use]
    pub fn interval(&self) -> Duration {
        self.0.interval
    }

    /// On all nodes together the user is this far ahead of his rate: his bucket here is not fuller than that.
    pub fn follow(&self, user: UserId, ahead: Duration, now: Instant) {
        let mut senders = self.0.shard(user);
        let earned_at = senders.get_or(user, || now);
        *earned_at = (*earned_at).max(now + ahead);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_then_the_rate_counts_and_waiting_as_told_is_enough() {
        let (rate, start) = (SendRate::new(20, 60), Instant::now());
        let anna = UserId(1);
        for _ in 0..60 {
            rate.admit(anna, start).unwrap();
        }
        let refused = rate.admit(anna, start).unwrap_err();
        assert_eq!(refused, Failure::retry(Code::RateLimited, 50));
        assert!(
            rate.admit(UserId(17), start).is_ok(),
            "same shard, other user"
        );
        let later = start + Duration::from_millis(50);
        assert!(rate.admit(anna, later).is_ok());
        assert!(rate.admit(anna, later).is_err());
        let rested = start + Duration::from_secs(60);
        let passed = (0..100)
            .filter(|_| rate.admit(anna, rested).is_ok())
            .count();
        assert_eq!(passed, 60);
    }
}
