//! Tells outgoing hooks what is said in their groups: in order for each, by one node at a time, at least once.
//!
//! A node holds a hook in the store while it delivers; one that dies is followed by another when its hold is over. A
//! receiver that fails is tried again later and later, and after an hour no more. Messages of bots are told to nobody,
//! so that two hooks never talk to each other. Run by the node as a task.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::sleep;
use tracing::{debug, info, warn};

use super::outgoing::{DELIVERY_TIMEOUT, Outgoing, Undelivered};
use crate::journal::position::Position;
use crate::model::encode::encode_entry;
use crate::model::entry::{Entry, UnixMillis};
use crate::model::hook::{Hook, Way};
use crate::model::ids::{Incarnation, UserId};
use crate::service::clock::Clock;
use crate::store::{AfterFailure, HookStore, StoreError};

/// Between two looks for something to deliver: about how late a message is told.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// Hooks delivered to at once by this node; others wait, or another node takes them.
const AT_ONCE: usize = 16;
/// Messages told before a hook is let go, so that others get their turn.
const MESSAGES_PER_TURN: usize = 100;
/// Messages read at once.
const MESSAGES_PER_READ: usize = 20;
/// How long a hook is held without another word: three deliveries at their slowest.
const HOLD: Duration = Duration::from_secs(3 * DELIVERY_TIMEOUT.as_secs());
/// The first wait after a failure; each further one is twice as long, up to the longest.
const RETRY_FIRST: Duration = Duration::from_secs(1);
const RETRY_LONGEST: Duration = Duration::from_secs(300);
/// How long a receiver may fail before its hook is disabled.
const FAILING_MAX_MS: UnixMillis = 60 * 60 * 1_000;
/// Longest reason that is stored.
const REASON_CHARS_MAX: usize = 200;
/// What a receiver says that wants no more.
const GONE: u16 = 410;

/// What was delivered and what was not, since the node started. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<[AtomicU64; 2]>);

impl Tally {
    /// Messages that receivers took.
    #[must_use]
    pub fn delivered(&self) -> u64 {
        self.0[0].load(Ordering::Relaxed)
    }

    /// Attempts that failed.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.0[1].load(Ordering::Relaxed)
    }
}

/// What [`Delivery`] works with.
#[derive(Clone)]
pub struct DeliveryParts {
    pub hooks: Arc<dyn HookStore>,
    pub outgoing: Outgoing,
    pub position: Position,
    /// Which run of which node holds hooks.
    pub holder: Incarnation,
    /// For the time in signatures.
    pub clock: Clock,
    pub tally: Tally,
}

/// The use case. Cheap to clone.
#[derive(Clone)]
pub struct Delivery(Arc<DeliveryParts>);

impl Delivery {
    #[must_use]
    pub fn new(parts: DeliveryParts) -> Delivery {
        Delivery(Arc::new(parts))
    }

    /// Looks and delivers for the life of the node; `random` spreads the nodes.
    pub async fn run(self, mut random: fastrand::Rng) {
        let mut turns = JoinSet::new();
        loop {
            sleep(LOOK_EVERY.mul_f64(0.75 + random.f64() / 2.0)).await;
            while turns.try_join_next().is_some() {}
            let room = AT_ONCE.saturating_sub(turns.len());
            match self.hold(room).await {
                Ok(held) => {
                    for hook in held {
                        turns.spawn(self.clone().turn(hook));
                    }
                }
                // Told elsewhere that the store is away.
                Err(error) => debug!(%error, "hooks could not be looked for"),
            }
        }
    }

    async fn hold(&self, room: usize) -> Result<Vec<Hook>, StoreError> {
        if room == 0 {
            return Ok(Vec::new());
        }
        self.0.hooks.hold(self.0.holder, millis(HOLD), room).await
    }

    /// Delivers to a hook that is held, and lets it go.
    async fn turn(self, mut hook: Hook) {
        let done = self.deliver(&mut hook).await;
        // After a failure it is let go already, and this changes nothing.
        let released = self.0.hooks.release(hook.id, self.0.holder).await;
        if let Err(error) = done.and(released) {
            // The hold ends by itself; who is next repeats at most one message.
            debug!(hook = hook.id, %error, "a hook's turn was cut short by the store");
        }
    }

    async fn deliver(&self, hook: &mut Hook) -> Result<(), StoreError> {
        let Way::Out { url, secret } = hook.way.clone() else {
            return Ok(());
        };
        let mut told = 0;
        while told < MESSAGES_PER_TURN {
            let upto = self.0.position.durable();
            let read = self
                .0
                .hooks
                .said_in(hook.group, hook.cursor, upto, MESSAGES_PER_READ);
            let said = read.await?;
            let is_all = said.len() < MESSAGES_PER_READ;
            for entry in said {
                if !self
                    .0
                    .hooks
                    .keep(hook.id, self.0.holder, millis(HOLD))
                    .await?
                {
                    return Ok(());
                }
                if let Err(refused) = self.tell(hook.id, &url, &secret, &entry).await {
                    return self.failed(hook, &refused).await;
                }
                (hook.cursor, hook.failures, hook.failing_since) = (entry.seq, 0, None);
                if !self
                    .0
                    .hooks
                    .advance(hook.id, self.0.holder, hook.cursor)
                    .await?
                {
                    return Ok(());
                }
                told += 1;
            }
            if is_all {
                // What else happened up to here is passed over, and not looked at again.
                if upto > hook.cursor {
                    self.0.hooks.advance(hook.id, self.0.holder, upto).await?;
                }
                return Ok(());
            }
        }
        Ok(())
    }

    async fn tell(
        &self,
        hook: u64,
        url: &str,
        secret: &str,
        entry: &Entry,
    ) -> Result<(), Undelivered> {
        let mut body = Vec::new();
        // As a member sees it who is not its author: without the author's client id.
        encode_entry(&mut body, entry, UserId::SYSTEM, false);
        let at = self.0.clock.now();
        let told = self.0.outgoing.post(url, secret, hook, at, body).await;
        let count = usize::from(told.is_err());
        self.0.tally.0[count].fetch_add(1, Ordering::Relaxed);
        told
    }

    async fn failed(&self, hook: &Hook, refused: &Undelivered) -> Result<(), StoreError> {
        let now = self.0.hooks.now().await?;
        let after = after_failure(hook, refused, now);
        match &after {
            AfterFailure::RetryIn(wait_ms) => {
                debug!(hook = hook.id, %refused, wait_ms, "a hook is tried again later");
            }
            AfterFailure::Disable(_) => {
                info!(hook = hook.id, group = hook.group.0, %refused, "a hook is disabled");
            }
        }
        if !self.0.hooks.fail(hook.id, self.0.holder, after).await? {
            warn!(
                hook = hook.id,
                "a delivery took longer than its hook was held"
            );
        }
        Ok(())
    }
}

fn after_failure(hook: &Hook, refused: &Undelivered, now: UnixMillis) -> AfterFailure {
    let failing_for = now.saturating_sub(hook.failing_since.unwrap_or(now));
    let is_over = failing_for >= FAILING_MAX_MS;
    if is_over || matches!(refused, Undelivered::Status(GONE)) {
        let reason = refused.to_string();
        return AfterFailure::Disable(reason.chars().take(REASON_CHARS_MAX).collect());
    }
    let doubled = RETRY_FIRST.saturating_mul(1 << hook.failures.min(16));
    AfterFailure::RetryIn(millis(doubled.min(RETRY_LONGEST)))
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::{GroupId, Seq};

    fn failing(failures: u32, since: UnixMillis) -> Hook {
        Hook {
            id: 1,
            group: GroupId(1),
            name: String::new(),
            creator: UserId(1),
            way: Way::Out {
                url: String::new(),
                secret: String::new(),
            },
            created_at: 0,
            cursor: Seq::ZERO,
            failures,
            failing_since: Some(since),
            disabled: String::new(),
        }
    }

    #[test]
    fn a_receiver_that_fails_is_tried_later_and_later_and_after_an_hour_no_more() {
        let busy = Undelivered::Status(503);
        for (failures, wait) in [
            (0, 1_000),
            (1, 2_000),
            (5, 32_000),
            (9, 300_000),
            (60, 300_000),
        ] {
            let after = after_failure(&failing(failures, 0), &busy, 1_000);
            assert_eq!(
                after,
                AfterFailure::RetryIn(wait),
                "after {failures} failures"
            );
        }
        let over = after_failure(&failing(20, 0), &busy, FAILING_MAX_MS);
        let reason = "the receiver answered 503".to_owned();
        assert_eq!(over, AfterFailure::Disable(reason));
        let gone = after_failure(&failing(0, 0), &Undelivered::Status(GONE), 1);
        assert!(matches!(gone, AfterFailure::Disable(_)));
    }
}
