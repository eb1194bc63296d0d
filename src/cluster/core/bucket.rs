//! A token bucket without a clock of its own.
//!
//! Responsible for "so many per second, so many at once". Deliberately without queueing. Driven by `egress`.

use std::time::Duration;

/// Credit in nanoseconds of the rate's period; it may go below zero so that one indivisible send of several
/// copies passes and is paid for afterwards.
#[derive(Debug, Clone)]
pub(super) struct Bucket {
    cost: i64,
    full: i64,
    credit: i64,
    filled_at: Duration,
}

impl Bucket {
    pub(super) fn new(per_second: u32, burst: u32, now: Duration) -> Self {
        let cost = 1_000_000_000 / i64::from(per_second.max(1));
        let full = cost * i64::from(burst.max(1));
        Self {
            cost,
            full,
            credit: full,
            filled_at: now,
        }
    }

    /// Takes `count` tokens if there is at least one.
    pub(super) fn take(&mut self, now: Duration, count: u32) -> bool {
        let gained = now.saturating_sub(self.filled_at).as_nanos();
        self.filled_at = self.filled_at.max(now);
        self.credit = self
            .credit
            .saturating_add(i64::try_from(gained).unwrap_or(i64::MAX))
            .min(self.full);
        let allowed = self.credit >= self.cost;
        if allowed {
            self.credit -= self.cost * i64::from(count);
        }
        allowed
    }

    /// When there will be a token.
    pub(super) fn ready_at(&self) -> Duration {
        let missing = u64::try_from(self.cost - self.credit).unwrap_or(0);
        self.filled_at + Duration::from_nanos(missing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate() {
        let start = Duration::from_secs(1);
        let mut bucket = Bucket::new(1_000, 4, start);
        assert_eq!((0..9).filter(|_| bucket.take(start, 1)).count(), 4);
        assert_eq!(bucket.ready_at(), start + Duration::from_millis(1));
        assert!(bucket.take(bucket.ready_at(), 1));
        let sent = (0..1_000)
            .filter(|ms| bucket.take(start + Duration::from_millis(2 + ms), 1))
            .count();
        assert_eq!(sent, 1_000);
    }

    #[test]
    fn several_copies_are_paid_for_afterwards() {
        let mut bucket = Bucket::new(1_000, 2, Duration::ZERO);
        assert!(bucket.take(Duration::ZERO, 10));
        assert!(!bucket.take(Duration::from_millis(8), 1));
        assert!(bucket.take(Duration::from_millis(9), 1));
    }
}
