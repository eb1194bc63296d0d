//! How often passwords may be tried: per network address, and per name.
//!
//! Both count in windows that begin with the first attempt, on this node's monotonic clock. The counts are per
//! node and bounded: who floods them with other names or addresses gains a new window at most.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::recent::Recent;
use crate::model::error::{Code, Failure};

/// The window for attempts of one address.
const ADDRESS_WINDOW: Duration = Duration::from_secs(60);
/// The window for failures on one name. Ten guesses a quarter of an hour are useless against a password of 8
/// characters, and nobody is locked out of his account for long by others' guesses.
const NAME_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most addresses, and most names, that are counted at a time.
const COUNTED_MAX: usize = 65_536;
/// Bits of an IPv6 address that one subscriber usually holds.
const IPV6_SUBSCRIBER_BITS: u32 = 64;

/// How many attempts are allowed.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    /// Logins and registrations of one address, per minute.
    pub auth_per_minute: u32,
    /// Failed logins on one name within 15 minutes.
    pub auth_failures: u32,
}

impl Default for ThrottleSettings {
    fn default() -> Self {
        ThrottleSettings {
            auth_per_minute: 30,
            auth_failures: 10,
        }
    }
}

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    settings: ThrottleSettings,
    addresses: Arc<Mutex<Recent<IpAddr, Count>>>,
    names: Arc<Mutex<Recent<String, Count>>>,
}

#[derive(Clone, Copy, Debug)]
struct Count {
    began: Instant,
    attempts: u32,
}

impl Count {
    fn from(now: Instant) -> Count {
        Count {
            began: now,
            attempts: 0,
        }
    }

    /// Begins a new window when this one is over.
    fn turn(&mut self, window: Duration, now: Instant) {
        if now.duration_since(self.began) >= window {
            *self = Count::from(now);
        }
    }

    fn refuse_at(&self, attempts_max: u32, window: Duration, now: Instant) -> Result<(), Failure> {
        if self.attempts < attempts_max {
            return Ok(());
        }
        let left = window.saturating_sub(now.duration_since(self.began));
        let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
        Err(Failure::retry(Code::Throttled, left_ms.max(1)))
    }
}

impl Throttle {
    #[must_use]
    pub fn new(settings: ThrottleSettings) -> Throttle {
        Throttle {
            settings,
            addresses: Arc::new(Mutex::new(Recent::new(COUNTED_MAX))),
            names: Arc::new(Mutex::new(Recent::new(COUNTED_MAX))),
        }
    }

    /// Counts an attempt from this address, or refuses it with `throttled`.
    pub fn admit_address(&self, address: IpAddr, now: Instant) -> Result<(), Failure> {
        let mut addresses = lock(&self.addresses);
        let count = addresses.get_or(subscriber(address), || Count::from(now));
        count.turn(ADDRESS_WINDOW, now);
        count.refuse_at(self.settings.auth_per_minute, ADDRESS_WINDOW, now)?;
        count.attempts += 1;
        Ok(())
    }

    /// Refuses with `throttled` when too many logins on this name failed.
    pub fn admit_name(&self, name: &str, now: Instant) -> Result<(), Failure> {
        let mut names = lock(&self.names);
        let Some(count) = names.get(&name.to_owned()) else {
            return Ok(());
        };
        count.turn(NAME_WINDOW, now);
        count.refuse_at(self.settings.auth_failures, NAME_WINDOW, now)
    }

    /// Counts a failed login.
    pub fn failed(&self, name: &str, now: Instant) {
        let mut names = lock(&self.names);
        let count = names.get_or(name.to_owned(), || Count::from(now));
        count.turn(NAME_WINDOW, now);
        count.attempts = count.attempts.saturating_add(1);
    }

    /// A login succeeded: the failures before it are forgiven.
    pub fn succeeded(&self, name: &str) {
        lock(&self.names).remove(&name.to_owned());
    }
}

fn lock<K, V>(counts: &Mutex<Recent<K, V>>) -> std::sync::MutexGuard<'_, Recent<K, V>> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What an address is counted as: an IPv6 subscriber has more addresses than anybody can count.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let kept = u128::MAX << (Ipv6Addr::BITS - IPV6_SUBSCRIBER_BITS);
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & kept))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn throttle() -> Throttle {
        Throttle::new(ThrottleSettings {
            auth_per_minute: 3,
            auth_failures: 2,
        })
    }

    #[test]
    fn the_attempt_beyond_the_limit_waits_for_the_end_of_the_minute() {
        let (throttle, start) = (throttle(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        for second in 0..3 {
            let now = start + Duration::from_secs(second);
            throttle.admit_address(address, now).unwrap();
        }
        let late = start + Duration::from_secs(10);
        let refused = throttle.admit_address(address, late).unwrap_err();
        assert_eq!(refused, Failure::retry(Code::Throttled, 50_000));
        assert!(
            throttle
                .admit_address("192.0.2.2".parse().unwrap(), late)
                .is_ok()
        );
        let next = start + Duration::from_secs(60);
        assert!(throttle.admit_address(address, next).is_ok());
    }

    #[test]
    fn an_ipv6_subscriber_counts_once_whatever_address_he_takes() {
        let (throttle, now) = (throttle(), Instant::now());
        for last in 1..=3 {
            let address = format!("2001:db8::{last}").parse().unwrap();
            throttle.admit_address(address, now).unwrap();
        }
        assert!(
            throttle
                .admit_address("2001:db8::4".parse().unwrap(), now)
                .is_err()
        );
        assert!(
            throttle
                .admit_address("2001:db8:0:1::".parse().unwrap(), now)
                .is_ok()
        );
    }

    #[test]
    fn failures_close_a_name_until_the_window_ends_and_a_success_forgives_them() {
        let (throttle, start) = (throttle(), Instant::now());
        throttle.failed("anna", start);
        throttle.succeeded("anna");
        throttle.failed("anna", start);
        assert!(throttle.admit_name("anna", start).is_ok());
        throttle.failed("anna", start);
        let refused = throttle.admit_name("anna", start).unwrap_err();
        assert_eq!(refused.retry_after_ms, Some(900_000));
        assert!(throttle.admit_name("bert", start).is_ok());
        assert!(throttle.admit_name("anna", start + NAME_WINDOW).is_ok());
    }
}
