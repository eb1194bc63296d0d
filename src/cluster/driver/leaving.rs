//! The end: what was committed is sent, peers are told, the registry row goes.
//!
//! Responsible for being quick: every step has a bound, and all of them together stay below a second. Deliberately
//! without waiting for the committer, which the node ends before. Driven by [`Driver::run`].

use std::time::Duration;

use tokio::time::{sleep_until, timeout};
use tracing::{info, warn};

use super::{Driver, Renewal, Sink};

/// For the sending budget to let everything out: at 10,000 datagrams a second more than the queue holds in practice.
const FLUSH_MAX: Duration = Duration::from_millis(300);

/// The sending budget gives a datagram's turn every 0.1 ms.
const LAST_TURN: Duration = Duration::from_millis(2);

/// For a row that is being written right now: removed before it arrives, it would come back.
const WRITE_MAX: Duration = Duration::from_millis(200);

/// For the removal. A row that stays is taken for dead after 20 s and removed after an hour.
const FORGET_MAX: Duration = Duration::from_millis(400);

impl<S: Sink> Driver<S> {
    pub(super) async fn leave(mut self) {
        self.leaving = true;
        self.take_remaining_committed();
        self.core.handle_leave(self.clock.now());
        self.carry_out();
        self.flush().await;
        self.remove_row().await;
        self.report();
    }

    /// Sends what the budget held back.
    async fn flush(&mut self) {
        let deadline = self.clock.now() + FLUSH_MAX;
        while self.core.status(self.clock.now()).send_queue > 0 {
            let next = self.core.poll_timeout().unwrap_or(deadline);
            if next >= deadline {
                warn!("not everything was sent on the bus; peers read it from the store");
                return;
            }
            self.send_at(next).await;
        }
        // The queue counts entries; the goodbye itself may still wait for its turn.
        self.send_at(self.clock.now() + LAST_TURN).await;
        while !self.wire.is_flushed() && self.clock.now() < deadline {
            self.send_at(self.clock.now() + LAST_TURN).await;
        }
    }

    async fn send_at(&mut self, at: Duration) {
        sleep_until(self.clock.instant(at)).await;
        self.core.handle_timeout(self.clock.now());
        self.carry_out();
    }

    async fn remove_row(&mut self) {
        let waited = async {
            while self.own_row.is_in_flight() {
                match self.answers.recv().await {
                    Some(answer) if answer.wrote_row() => self.own_row.answered(),
                    Some(_) => {}
                    None => return,
                }
            }
        };
        if timeout(WRITE_MAX, waited).await.is_err() {
            warn!("the registry row is still being written; it may stay for an hour");
        }
        let mut rows = self.own_row.possible_rows(self.own_row.incarnation());
        match self.renewal {
            Renewal::NotNeeded => {}
            Renewal::Writing(new) | Renewal::WriteAgainAt(new, _) => {
                rows.extend(self.own_row.possible_rows(new));
            }
        }
        match timeout(FORGET_MAX, self.jobs.forget_now(&rows)).await {
            Ok(Ok(())) => info!("left the bus"),
            Ok(Err(error)) => warn!(%error, "left the bus, but the registry row stays"),
            Err(_) => warn!("left the bus, but the store did not remove the registry row in time"),
        }
    }
}
