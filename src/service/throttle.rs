//! How often passwords may be tried: per network address, and per account.
//!
//! Both count in windows that begin with the first attempt. With Redis all nodes count together, see [`SharedCounts`];
//! without it, and whenever it does not answer in time, each counts for itself on its monotonic clock. A try is counted
//! before it is made, so that tries made at the same time learn nothing beyond the limit. The own counts are bounded:
//! who floods them with other names or addresses gains a new window at most.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use ring::digest::{SHA256, digest};
use tokio::time::Instant;

use super::recent::Recent;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;

/// The window for attempts of one address.
const ADDRESS_WINDOW: Duration = Duration::from_secs(60);
/// The window for failures on one account. Ten guesses a quarter of an hour are useless against a password of 8
/// characters, and nobody is locked out of his account for long by others' guesses.
const ACCOUNT_WINDOW: Duration = Duration::from_secs(15 * 60);
/// Most addresses, and most accounts, that are counted at a time.
const COUNTED_MAX: usize = 65_536;
/// Bits of an IPv6 address that one subscriber usually holds.
const IPV6_SUBSCRIBER_BITS: u32 = 64;
/// Bytes of a name's digest that are kept: enough that no two names meet.
const NAME_BYTES: usize = 16;

/// How many attempts are allowed.
#[derive(Clone, Copy, Debug)]
pub struct ThrottleSettings {
    /// Logins and registrations of one address, per minute.
    pub auth_per_minute: u32,
    /// Failed logins on one account within 15 minutes.
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

/// What attempts are counted on. Shown as the end of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Counted {
    /// A subscriber's address.
    Address(IpAddr),
    /// An account, whether it was named by its name or by its phone number.
    Account(UserId),
    /// A name or number nobody has, as a digest: what people mistype is nobody's business, and has no length.
    Nobody([u8; NAME_BYTES]),
}

impl Counted {
    /// Where an attempt comes from.
    #[must_use]
    pub fn address(address: IpAddr) -> Counted {
        Counted::Address(subscriber(address))
    }

    /// A name that is no account's.
    #[must_use]
    pub fn nobody(name: &str) -> Counted {
        let digest = digest(&SHA256, name.to_lowercase().as_bytes());
        let mut kept = [0; NAME_BYTES];
        kept.copy_from_slice(&digest.as_ref()[..NAME_BYTES]);
        Counted::Nobody(kept)
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Counted::Address(address) => write!(f, "address:{address}"),
            Counted::Account(user) => write!(f, "account:{user}"),
            Counted::Nobody(digest) => {
                write!(f, "nobody:")?;
                digest.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }
    }
}

/// Counts that all nodes share. Every call answers within a deadline of its own; none: it cannot tell now.
#[async_trait]
pub trait SharedCounts: Send + Sync {
    /// Takes one of `most` attempts of this window, or tells how long the window still lasts.
    async fn take(
        &self,
        what: Counted,
        most: u32,
        window: Duration,
    ) -> Option<Result<(), Duration>>;
    /// Gives one attempt back.
    async fn give_back(&self, what: Counted);
    /// Begins anew.
    async fn forget(&self, what: Counted);
}

/// Counts attempts. Cheap to clone.
#[derive(Clone)]
pub struct Throttle {
    settings: ThrottleSettings,
    addresses: Arc<Mutex<Own>>,
    accounts: Arc<Mutex<Own>>,
    shared: Option<Arc<dyn SharedCounts>>,
}

impl Throttle {
    /// Counts on this node alone.
    #[must_use]
    pub fn new(settings: ThrottleSettings) -> Throttle {
        Throttle {
            settings,
            addresses: Arc::new(Mutex::new(Own::new())),
            accounts: Arc::new(Mutex::new(Own::new())),
            shared: None,
        }
    }

    /// Counts together with other nodes, as long as they can be counted with.
    #[must_use]
    pub fn with(self, shared: Arc<dyn SharedCounts>) -> Throttle {
        Throttle {
            shared: Some(shared),
            ..self
        }
    }

    /// Counts an attempt from this address, or refuses it with `throttled`.
    pub async fn admit_address(&self, address: IpAddr, now: Instant) -> Result<(), Failure> {
        let most = self.settings.auth_per_minute;
        let what = Counted::address(address);
        self.take(&self.addresses, what, most, ADDRESS_WINDOW, now)
            .await
    }

    /// Counts a try of a password, or refuses it with `throttled` when too many failed. Whoever is admitted says what
    /// came of it: [`Throttle::succeeded`], [`Throttle::not_tried`], or nothing when it failed.
    pub async fn admit_try(&self, account: Counted, now: Instant) -> Result<(), Failure> {
        let most = self.settings.auth_failures;
        self.take(&self.accounts, account, most, ACCOUNT_WINDOW, now)
            .await
    }

    /// The password was right: the failures before are forgiven.
    pub async fn succeeded(&self, account: Counted) {
        lock(&self.accounts).forget(account);
        if let Some(shared) = &self.shared {
            shared.forget(account).await;
        }
    }

    /// The password could not be compared: nothing was learned.
    pub async fn not_tried(&self, account: Counted) {
        lock(&self.accounts).give_back(account);
        if let Some(shared) = &self.shared {
            shared.give_back(account).await;
        }
    }

    /// The shared count decides; where it cannot, the own one, which knows what was tried here.
    async fn take(
        &self,
        own: &Mutex<Own>,
        what: Counted,
        most: u32,
        window: Duration,
        now: Instant,
    ) -> Result<(), Failure> {
        let verdict = match &self.shared {
            Some(shared) => shared.take(what, most, window).await,
            None => None,
        };
        let verdict = match verdict {
            Some(Ok(())) => {
                lock(own).count(what, window, now);
                Ok(())
            }
            Some(Err(left)) => Err(left),
            None => lock(own).take(what, most, window, now),
        };
        verdict.map_err(|left| {
            let left_ms = u64::try_from(left.as_millis()).unwrap_or(u64::MAX);
            Failure::retry(Code::Throttled, left_ms.max(1))
        })
    }
}

/// The counts of this node.
struct Own(Recent<Counted, Count>);

#[derive(Clone, Copy, Debug)]
struct Count {
    began: Instant,
    attempts: u32,
}

impl Own {
    fn new() -> Own {
        Own(Recent::new(COUNTED_MAX))
    }

    /// The count of the window that is open now.
    fn open(&mut self, what: Counted, window: Duration, now: Instant) -> &mut Count {
        let new = Count {
            began: now,
            attempts: 0,
        };
        let count = self.0.get_or(what, || new);
        if now.duration_since(count.began) >= window {
            *count = new;
        }
        count
    }

    fn count(&mut self, what: Counted, window: Duration, now: Instant) {
        let count = self.open(what, window, now);
        count.attempts = count.attempts.saturating_add(1);
    }

    fn take(
        &mut self,
        what: Counted,
        most: u32,
        window: Duration,
        now: Instant,
    ) -> Result<(), Duration> {
        let count = self.open(what, window, now);
        if count.attempts >= most {
            return Err(window.saturating_sub(now.duration_since(count.began)));
        }
        count.attempts += 1;
        Ok(())
    }

    fn give_back(&mut self, what: Counted) {
        if let Some(count) = self.0.get(&what) {
            count.attempts = count.attempts.saturating_sub(1);
        }
    }

    fn forget(&mut self, what: Counted) {
        self.0.remove(&what);
    }
}

fn lock(counts: &Mutex<Own>) -> std::sync::MutexGuard<'_, Own> {
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

    #[tokio::test]
    async fn the_attempt_beyond_the_limit_waits_for_the_end_of_the_minute() {
        let (throttle, start) = (throttle(), Instant::now());
        let address = "192.0.2.1".parse().unwrap();
        for second in 0..3 {
            let now = start + Duration::from_secs(second);
            throttle.admit_address(address, now).await.unwrap();
        }
        let late = start + Duration::from_secs(10);
        let refused = throttle.admit_address(address, late).await.unwrap_err();
        assert_eq!(refused, Failure::retry(Code::Throttled, 50_000));
        let other = "192.0.2.2".parse().unwrap();
        assert!(throttle.admit_address(other, late).await.is_ok());
        let next = start + Duration::from_secs(60);
        assert!(throttle.admit_address(address, next).await.is_ok());
    }

    #[tokio::test]
    async fn an_ipv6_subscriber_counts_once_whatever_address_he_takes() {
        let (throttle, now) = (throttle(), Instant::now());
        for last in 1..=3 {
            let address = format!("2001:db8::{last}").parse().unwrap();
            throttle.admit_address(address, now).await.unwrap();
        }
        let same = "2001:db8::4".parse().unwrap();
        assert!(throttle.admit_address(same, now).await.is_err());
        let other = "2001:db8:0:1::".parse().unwrap();
        assert!(throttle.admit_address(other, now).await.is_ok());
    }

    #[tokio::test]
    async fn failures_close_an_account_until_the_window_ends_and_a_success_forgives_them() {
        let (throttle, start) = (throttle(), Instant::now());
        let anna = Counted::Account(UserId(1));
        throttle.admit_try(anna, start).await.unwrap();
        throttle.admit_try(anna, start).await.unwrap();
        throttle.succeeded(anna).await;
        throttle.admit_try(anna, start).await.unwrap();
        throttle.not_tried(anna).await;
        throttle.admit_try(anna, start).await.unwrap();
        throttle.admit_try(anna, start).await.unwrap();
        let refused = throttle.admit_try(anna, start).await.unwrap_err();
        assert_eq!(refused.retry_after_ms, Some(900_000));
        let bert = Counted::nobody("bert");
        assert!(throttle.admit_try(bert, start).await.is_ok());
        let later = start + ACCOUNT_WINDOW;
        assert!(throttle.admit_try(anna, later).await.is_ok());
    }

    /// Shared counts that say what they are told to.
    struct Say(Option<Result<(), Duration>>);

    #[async_trait]
    impl SharedCounts for Say {
        async fn take(&self, _: Counted, _: u32, _: Duration) -> Option<Result<(), Duration>> {
            self.0
        }
        async fn give_back(&self, _: Counted) {}
        async fn forget(&self, _: Counted) {}
    }

    #[tokio::test]
    async fn the_shared_count_decides_and_the_own_one_takes_over_with_what_it_has_seen() {
        let (own, now) = (throttle(), Instant::now());
        let anna = Counted::Account(UserId(1));
        let with = |said| own.clone().with(Arc::new(Say(said)));
        let refusing = with(Some(Err(Duration::from_secs(5))));
        let refused = refusing.admit_try(anna, now).await.unwrap_err();
        assert_eq!(refused, Failure::retry(Code::Throttled, 5_000));
        with(Some(Ok(()))).admit_try(anna, now).await.unwrap();
        with(Some(Ok(()))).admit_try(anna, now).await.unwrap();
        assert!(
            with(None).admit_try(anna, now).await.is_err(),
            "two were seen"
        );
        assert!(with(Some(Ok(()))).admit_try(anna, now).await.is_ok());
    }

    #[test]
    fn what_is_counted_has_a_short_key_that_tells_nothing_private() {
        let key = Counted::nobody(&"Anna's password".repeat(10_000)).to_string();
        assert_eq!(key.len(), "nobody:".len() + 2 * NAME_BYTES);
        assert_eq!(Counted::nobody("Anna"), Counted::nobody("aNNA"));
        assert_eq!(Counted::Account(UserId(7)).to_string(), "account:7");
        let address = Counted::address("::ffff:192.0.2.1".parse().unwrap());
        assert_eq!(address.to_string(), "address:192.0.2.1");
    }
}
