//! `[auth]`: registration, sessions and the cost of a password.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use crate::model::policy::{Inviters, Registration};

/// Most memory one password may take to hash: beyond it a login is an attack on the node itself.
const SCRYPT_BYTES_MAX: u64 = 1 << 30;

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    /// How long a login lasts.
    pub session_days: u32,
    /// Who may register: `open`, `invite` or `closed`.
    pub registration: Registration,
    /// Who may invite people to register: `admins` or `everybody`.
    pub inviters: Inviters,
    /// Base-2 logarithm of scrypt's cost. 15, 8, 3 take 32 MiB and cost an attacker what 17, 8, 1 do.
    pub scrypt_log_n: u8,
    /// scrypt's block size.
    pub scrypt_r: u32,
    /// scrypt's repetitions.
    pub scrypt_p: u32,
    /// Passwords hashed at a time; 0: as many as the machine has cores.
    pub hashing_parallel: usize,
}

impl Default for Auth {
    fn default() -> Self {
        Auth {
            session_days: 30,
            registration: Registration::Open,
            inviters: Inviters::Admins,
            scrypt_log_n: 15,
            scrypt_r: 8,
            scrypt_p: 3,
            hashing_parallel: 0,
        }
    }
}

impl Auth {
    /// Passwords hashed at a time.
    #[must_use]
    pub fn hashing_slots(&self) -> usize {
        if self.hashing_parallel > 0 {
            return self.hashing_parallel;
        }
        std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within("auth.session_days", self.session_days, 1..=3_650);
        checks.within("auth.scrypt_log_n", self.scrypt_log_n, 1..=24);
        checks.within("auth.scrypt_r", self.scrypt_r, 1..=32);
        checks.within("auth.scrypt_p", self.scrypt_p, 1..=64);
        let bytes = 128_u64
            .saturating_mul(u64::from(self.scrypt_r))
            .saturating_mul(1 << self.scrypt_log_n.min(40));
        checks.that(
            "auth.scrypt_log_n",
            bytes <= SCRYPT_BYTES_MAX,
            "with auth.scrypt_r it takes more than 1 GiB for one password",
        );
        checks.within("auth.hashing_parallel", self.hashing_parallel, 0..=1_024);
    }
}
