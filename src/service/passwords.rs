//! Hashing and checking passwords: scrypt, on blocking threads, a bounded number at a time.
//!
//! Knows no accounts. A check against no stored hash costs as much as one against a stored one, so that the
//! time of an answer does not tell whether a name exists. What came from another system is `legacy`'s to check, and is
//! answered no sooner either; that an answer is later while a dear foreign hash is left cannot be helped.

use std::sync::Arc;

use scrypt::password_hash::phc::PasswordHash;
use scrypt::password_hash::{PasswordHasher, PasswordVerifier};
use scrypt::{Params, Scrypt};
use tokio::sync::Semaphore;
use tracing::error;

use super::legacy;
use crate::model::error::{Code, Failure};

/// Requests that wait for a free slot. At a tenth of a second each, the last of them waits a few seconds.
const WAITING_MAX: usize = 64;
/// What a request is told that found no place to wait.
const RETRY_AFTER_MS: u64 = 1_000;
/// Salt of the hash that stands in for a missing one.
const NOBODYS_SALT: &[u8] = b"nobody's account";

/// The cost of a password.
#[derive(Clone, Copy, Debug)]
pub struct HashingSettings {
    /// Base-2 logarithm of scrypt's cost N.
    pub scrypt_log_n: u8,
    /// scrypt's block size r.
    pub scrypt_r: u32,
    /// scrypt's repetitions p.
    pub scrypt_p: u32,
    /// Passwords hashed at a time, at least one.
    pub hashing_parallel: usize,
}

impl Default for HashingSettings {
    /// OWASP's equal of N=2^17, r=8, p=1 at a quarter of its memory: 32 MiB.
    fn default() -> Self {
        HashingSettings {
            scrypt_log_n: 15,
            scrypt_r: 8,
            scrypt_p: 3,
            hashing_parallel: 2,
        }
    }
}

/// The settings are not ones scrypt takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("scrypt does not take these parameters")]
pub struct InvalidHashing;

/// What a check of a password found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Wrong,
    Right,
    /// Right, and stored in another form or with other parameters than today's: hash it anew.
    RightButOld,
}

/// Hashes and checks. Cheap to clone.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    waiting: Arc<Semaphore>,
    slots: Arc<Semaphore>,
}

impl Passwords {
    pub fn new(settings: HashingSettings) -> Result<Passwords, InvalidHashing> {
        let HashingSettings {
            scrypt_log_n: log_n,
            scrypt_r: r,
            scrypt_p: p,
            hashing_parallel,
        } = settings;
        // Params::new multiplies r and p unchecked.
        r.checked_mul(p).ok_or(InvalidHashing)?;
        Ok(Passwords {
            params: Params::new(log_n, r, p).map_err(|_| InvalidHashing)?,
            waiting: Arc::new(Semaphore::new(WAITING_MAX)),
            slots: Arc::new(Semaphore::new(hashing_parallel.max(1))),
        })
    }

    /// The password as a PHC string with a salt of its own. `throttled` when too many wait already.
    pub async fn hash(&self, password: String) -> Result<String, Failure> {
        let scrypt = Scrypt::new_with_params(self.params);
        let hashed = self
            .work(move || scrypt.hash_password(password.as_bytes()))
            .await?;
        match hashed {
            Ok(hash) => Ok(hash.to_string()),
            Err(error) => {
                error!(%error, "a password cannot be hashed");
                Err(Failure::new(Code::Internal))
            }
        }
    }

    /// Whether it is the password behind `stored`; without one it is [`Verdict::Wrong`], no sooner.
    pub async fn verify(
        &self,
        password: String,
        stored: Option<String>,
    ) -> Result<Verdict, Failure> {
        let params = self.params;
        self.work(move || verify(params, password.as_bytes(), stored.as_deref()))
            .await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Failure> {
        let full = || Failure::retry(Code::Throttled, RETRY_AFTER_MS);
        let _place = self.waiting.try_acquire().map_err(|_| full())?;
        let slots = Arc::clone(&self.slots);
        let slot = slots.acquire_owned().await.map_err(|_| full())?;
        let done = tokio::task::spawn_blocking(move || {
            // Held by the work and not by the request, which may be dropped before.
            let _slot = slot;
            work()
        });
        done.await.map_err(|error| {
            error!(%error, "hashing a password did not finish");
            Failure::new(Code::Internal)
        })
    }
}

fn verify(params: Params, password: &[u8], stored: Option<&str>) -> Verdict {
    if let Some(right) = stored.and_then(|stored| legacy::verify(password, stored)) {
        if right {
            return Verdict::RightButOld;
        }
        stand_in(params, password);
        return Verdict::Wrong;
    }
    let Some(hash) = stored.and_then(|stored| PasswordHash::new(stored).ok()) else {
        stand_in(params, password);
        return Verdict::Wrong;
    };
    if Scrypt::new().verify_password(password, &hash).is_err() {
        return Verdict::Wrong;
    }
    match Params::try_from(&hash) {
        Ok(old) if (old.n(), old.r(), old.p()) == (params.n(), params.r(), params.p()) => {
            Verdict::Right
        }
        Ok(_) | Err(_) => Verdict::RightButOld,
    }
}

/// Costs what the check of a hash of ours costs.
fn stand_in(params: Params, password: &[u8]) {
    let scrypt = Scrypt::new_with_params(params);
    std::hint::black_box(scrypt.hash_password_with_salt(password, NOBODYS_SALT)).ok();
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    fn passwords(log_n: u8) -> Passwords {
        Passwords::new(HashingSettings {
            scrypt_log_n: log_n,
            scrypt_r: 8,
            scrypt_p: 1,
            hashing_parallel: 1,
        })
        .unwrap()
    }

    #[tokio::test]
    async fn a_password_is_recognised_and_its_hash_renewed_when_the_parameters_changed() {
        let today = passwords(2);
        let hash = today.hash("correct horse".to_owned()).await.unwrap();
        assert!(hash.starts_with("$scrypt$ln=2,r=8,p=1$"));
        let verify = |passwords: Passwords, password: &str, stored: Option<String>| {
            let password = password.to_owned();
            async move { passwords.verify(password, stored).await.unwrap() }
        };
        let stored = Some(hash);
        assert_eq!(
            verify(today.clone(), "correct horse", stored.clone()).await,
            Verdict::Right
        );
        assert_eq!(
            verify(today.clone(), "battery staple", stored.clone()).await,
            Verdict::Wrong
        );
        assert_eq!(
            verify(passwords(3), "correct horse", stored).await,
            Verdict::RightButOld
        );
        assert_eq!(verify(today.clone(), "x", None).await, Verdict::Wrong);
        assert_eq!(
            verify(today, "x", Some("no hash".to_owned())).await,
            Verdict::Wrong
        );
    }

    #[test]
    fn a_wrong_password_of_an_imported_account_is_answered_no_sooner_than_an_unknown_name() {
        let params = passwords(14).params;
        let quickest = |stored: Option<&str>| {
            let tries = (0..5).map(|_| {
                let began = Instant::now();
                assert_eq!(verify(params, b"wrong", stored), Verdict::Wrong);
                began.elapsed()
            });
            tries.min().unwrap()
        };
        let unknown = quickest(None);
        let bcrypt = format!("$2b$04${}", ".".repeat(53));
        for hash in ["0".repeat(32), "0".repeat(64), bcrypt] {
            let stored = legacy::recognise(&hash, "salt", "a").unwrap();
            let imported = quickest(Some(&stored));
            assert!(
                imported * 2 > unknown,
                "{stored}: {imported:?}, {unknown:?}"
            );
        }
    }

    #[tokio::test]
    async fn when_too_many_wait_the_next_is_told_to_come_later() {
        let passwords = passwords(2);
        let held = passwords
            .waiting
            .try_acquire_many(u32::try_from(WAITING_MAX).unwrap());
        assert!(held.is_ok());
        let refused = passwords.hash("x".to_owned()).await.unwrap_err();
        assert_eq!(refused, Failure::retry(Code::Throttled, RETRY_AFTER_MS));
    }
}
