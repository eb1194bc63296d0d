//! The clocks of the shell: one that never jumps for the core, and the wall clock to notice that the machine did.
//!
//! Responsible for "time since the start" and for jumps. Deliberately without timers. Driven by the driver.

use std::time::{Duration, SystemTime};

use tokio::time::Instant;

/// Wall and monotonic clock may drift apart by this much between two looks. A jump of a restored snapshot or a resumed
/// machine is larger; a correction by NTP is smaller, and taking one for a jump costs only a new incarnation.
const JUMP_MIN: Duration = Duration::from_secs(30);

/// Time since the driver started.
#[derive(Debug)]
pub(super) struct Clock {
    origin: Instant,
    looked: Option<(Duration, SystemTime)>,
}

impl Clock {
    pub(super) fn start() -> Clock {
        Clock {
            origin: Instant::now(),
            looked: None,
        }
    }

    /// The core's `now`.
    pub(super) fn now(&self) -> Duration {
        self.origin.elapsed()
    }

    /// The instant of a core's time.
    pub(super) fn instant(&self, at: Duration) -> Instant {
        self.origin + at
    }

    /// By how much the wall clock left the monotonic one since the last look, when that is a jump.
    #[expect(
        clippy::disallowed_methods,
        reason = "the wall clock is compared with this machine's own other clock, never with another machine's"
    )]
    pub(super) fn jumped(&mut self) -> Option<Duration> {
        self.jumped_at(self.now(), SystemTime::now())
    }

    /// The next look finds that the wall clock went on for an hour while this machine stood still.
    #[cfg(test)]
    pub(super) fn pretend_jump(&mut self) {
        let hour = Duration::from_secs(3_600);
        self.looked = Some((self.now(), SystemTime::UNIX_EPOCH + hour));
    }

    fn jumped_at(&mut self, now: Duration, wall: SystemTime) -> Option<Duration> {
        let (then, wall_then) = self.looked.replace((now, wall))?;
        let elapsed = now.saturating_sub(then);
        let by = match wall.duration_since(wall_then) {
            Ok(forward) => forward.abs_diff(elapsed),
            Err(back) => back.duration() + elapsed,
        };
        (by > JUMP_MIN).then_some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn only_a_wall_clock_that_leaves_the_other_one_is_a_jump() {
        let second = Duration::from_secs(1);
        let wall = SystemTime::UNIX_EPOCH + second * 1_000_000;
        let mut clock = Clock::start();
        assert_eq!(
            clock.jumped_at(second, wall),
            None,
            "nothing to compare with"
        );
        assert_eq!(clock.jumped_at(second * 2, wall + second * 20), None);
        // Stopped for an hour, as by SIGSTOP: both clocks went on.
        assert_eq!(clock.jumped_at(second * 3_602, wall + second * 3_620), None);
        assert_eq!(
            clock.jumped_at(second * 3_603, wall + second * 7_221),
            Some(second * 3_600)
        );
        assert_eq!(
            clock.jumped_at(second * 3_604, wall + second * 7_100),
            Some(second * 122)
        );
    }
}
