//! Whether our own loop keeps time.
//!
//! Responsible for the local-health factor after Lifeguard (Dadgar et al., 2018): a node that is late itself must not
//! declare others dead. Deliberately without a clock. Driven by `Core` on every call.

use std::time::Duration;

/// Times are multiplied by at most 1 + this.
const SCORE_MAX: u32 = 7;

/// One point of lateness, so that ten seconds of standstill give the whole factor at once.
const POINT: Duration = Duration::from_secs(1);

/// Local health; 0 is perfect.
#[derive(Debug, Default)]
pub(super) struct Health {
    score: u32,
}

impl Health {
    /// The loop ran `late` after it should have.
    pub(super) fn was_late(&mut self, late: Duration) {
        let points = 1 + u32::try_from(late.as_secs() / POINT.as_secs()).unwrap_or(SCORE_MAX);
        self.score = self.score.saturating_add(points).min(SCORE_MAX);
    }

    /// One beat interval passed in time.
    pub(super) fn was_in_time(&mut self) {
        self.score = self.score.saturating_sub(1);
    }

    /// Multiplies the times after which others count as suspect or dead.
    pub(super) fn factor(&self) -> u32 {
        1 + self.score
    }
}
