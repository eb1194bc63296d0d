//! What a client is told when a store or the log does not do its part.

use tracing::{debug, error};

use crate::journal::committer::Unavailable;
use crate::model::error::{Code, Failure};
use crate::store::{AccountError, StoreError};

/// When to try again while the store is away: about as long as a restart of it takes.
const RETRY_AFTER_MS: u64 = 1_000;

impl From<StoreError> for Failure {
    fn from(failed: StoreError) -> Failure {
        match failed {
            // The health page and the committer say so once; each request would repeat it.
            StoreError::Unavailable(reason) => {
                debug!(reason, "a request is answered with unavailable");
                Failure::retry(Code::Unavailable, RETRY_AFTER_MS)
            }
            StoreError::Corrupt(reason) => {
                error!(reason, "the store contradicts its own rules");
                Failure::new(Code::Internal)
            }
        }
    }
}

impl From<AccountError> for Failure {
    fn from(refused: AccountError) -> Failure {
        match refused {
            AccountError::NameTaken => Failure::field(Code::NameTaken, "name"),
            AccountError::PhoneTaken => Failure::field(Code::PhoneTaken, "phone"),
            AccountError::EmailTaken => Failure::field(Code::EmailTaken, "email"),
            AccountError::NotFound => Failure::new(Code::NotFound),
            AccountError::NotInvited => Failure::field(Code::NotFound, "invite"),
            AccountError::Store(failed) => failed.into(),
        }
    }
}

impl From<Unavailable> for Failure {
    fn from(unavailable: Unavailable) -> Failure {
        Failure::retry(Code::Unavailable, unavailable.retry_after_ms)
    }
}
