//! How fast one user may send: a token bucket each, on this node's monotonic clock.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::recent::Recent;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;

/// Shards, so that senders on different cores rarely meet at a lock.
const SHARDS: usize = 16;
/// Most senders counted at a time, over all shards. An idle one that is left out has a full bucket anyway.
const SENDERS_MAX: usize = 65_536;

/// Buckets by user.
pub(super) struct SendRate {
    /// The time one send takes to be earned back.
    interval: Duration,
    /// How far a sender may be ahead of that.
    ahead_max: Duration,
    shards: Vec<Mutex<Recent<UserId, Instant>>>,
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
        }
    }

    /// Takes one send out of the user's bucket, or says when there will be one.
    ///
    /// The bucket is kept as one instant (the "theoretical arrival time" of the cell rate algorithm, ITU-T
    /// I.371): when all sends so far are earned back.
    pub(super) fn admit(&self, user: UserId, now: Instant) -> Result<(), Failure> {
        let shard = usize::try_from(user.0 % SHARDS as u64).unwrap_or(0);
        let mut senders = self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let earned_at = senders.get_or(user, || now);
        let next = (*earned_at).max(now) + self.interval;
        let ahead = next.duration_since(now);
        if ahead > self.ahead_max {
            let wait = (ahead - self.ahead_max).as_millis();
            let wait = u64::try_from(wait).unwrap_or(u64::MAX);
            return Err(Failure::retry(Code::RateLimited, wait.max(1)));
        }
        *earned_at = next;
        Ok(())
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
