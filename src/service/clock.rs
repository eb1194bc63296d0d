//! The wall clock of this node, for what people are shown and for expiry. Entries are stamped by the store.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::entry::UnixMillis;

/// Tells milliseconds since 1970 UTC. Cheap to clone.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> UnixMillis + Send + Sync>);

impl Clock {
    /// A clock that asks `now`.
    pub fn new(now: impl Fn() -> UnixMillis + Send + Sync + 'static) -> Clock {
        Clock(Arc::new(now))
    }

    /// The machine's clock.
    #[must_use]
    pub fn system() -> Clock {
        Clock::new(system_now)
    }

    /// The time.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        (self.0)()
    }
}

/// The machine's wall clock.
#[expect(
    clippy::disallowed_methods,
    reason = "this is where the machine's clock enters the services"
)]
#[must_use]
pub fn system_now() -> UnixMillis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
        })
}
