//! A shared cache that never brings back what it was told to forget.
//!
//! A value is read from the store while somebody else changes it and calls [`Cache::forget`]: the reader must
//! not put the old value in afterwards. So a reader takes a [`Ticket`] before it reads, and a ticket older than
//! the last forgetting puts nothing in.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::recent::Recent;

/// Permission to put in what is read from now on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ticket(u64);

/// Values by key, each for a limited time.
pub(super) struct Cache<K, V> {
    fresh: Duration,
    state: Mutex<State<K, V>>,
}

struct State<K, V> {
    values: Recent<K, (Instant, V)>,
    forgettings: u64,
}

impl<K: Ord, V: Clone> Cache<K, V> {
    /// At most `capacity` values, each for `fresh`.
    pub(super) fn new(capacity: usize, fresh: Duration) -> Cache<K, V> {
        Cache {
            fresh,
            state: Mutex::new(State {
                values: Recent::new(capacity),
                forgettings: 0,
            }),
        }
    }

    pub(super) fn get(&self, key: &K, now: Instant) -> Option<V> {
        let mut state = self.lock();
        let (put_at, value) = state.values.get(key)?;
        (now.duration_since(*put_at) < self.fresh).then(|| value.clone())
    }

    pub(super) fn ticket(&self) -> Ticket {
        Ticket(self.lock().forgettings)
    }

    pub(super) fn put(&self, ticket: Ticket, key: K, value: V, now: Instant) {
        let mut state = self.lock();
        if state.forgettings == ticket.0 {
            state.values.insert(key, (now, value));
        }
    }

    pub(super) fn forget(&self, key: &K) {
        let mut state = self.lock();
        state.forgettings += 1;
        state.values.remove(key);
    }

    /// Forgets all values that `unwanted` picks.
    pub(super) fn forget_where(&self, unwanted: impl Fn(&V) -> bool) {
        let mut state = self.lock();
        state.forgettings += 1;
        state.values.retain(|(_, value)| !unwanted(value));
    }

    fn lock(&self) -> MutexGuard<'_, State<K, V>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_read_before_a_forgetting_is_not_put_in_after_it() {
        let now = Instant::now();
        let cache = Cache::new(10, Duration::from_secs(60));
        let ticket = cache.ticket();
        cache.forget(&1);
        cache.put(ticket, 1, "old", now);
        assert_eq!(cache.get(&1, now), None);
        cache.put(cache.ticket(), 1, "new", now);
        assert_eq!(cache.get(&1, now), Some("new"));
        assert_eq!(cache.get(&1, now + Duration::from_secs(60)), None);
        cache.forget_where(|value| *value == "new");
        assert_eq!(cache.get(&1, now), None);
    }
}
