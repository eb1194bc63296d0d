//! What an error of SQLite means to a caller of the store: try again, damaged, or refused by a constraint.
//!
//! Decides nothing beyond the sorting; used by every file of this module.

use rusqlite::{Error, ErrorCode};

use crate::store::{AccountError, StoreError};

impl From<Error> for StoreError {
    fn from(error: Error) -> StoreError {
        let text = error.to_string();
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Corrupt(text),
            Some(_) => StoreError::Unavailable(text),
            None if is_unreadable_row(&error) => StoreError::Corrupt(text),
            None => StoreError::Unavailable(text),
        }
    }
}

impl From<Error> for AccountError {
    fn from(error: Error) -> AccountError {
        AccountError::Store(error.into())
    }
}

/// Whether the error comes from what was to be stored and not from the state of the store.
pub(super) fn is_refused_content(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::ConstraintViolation | ErrorCode::TooBig | ErrorCode::TypeMismatch)
    )
}

/// Whether somebody else holds the lock.
pub(super) fn is_busy(error: &Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked)
    )
}

fn is_unreadable_row(error: &Error) -> bool {
    matches!(
        error,
        Error::FromSqlConversionFailure(..)
            | Error::IntegralValueOutOfRange(..)
            | Error::InvalidColumnType(..)
            | Error::Utf8Error(..)
    )
}

/// An error of a store operation that may be an outage, so that a thread knows when to reopen its connection.
pub(super) trait MayBeOutage: From<StoreError> + Send + 'static {
    fn is_outage(&self) -> bool;
}

impl MayBeOutage for StoreError {
    fn is_outage(&self) -> bool {
        true
    }
}

impl MayBeOutage for AccountError {
    fn is_outage(&self) -> bool {
        match self {
            AccountError::Store(_) => true,
            AccountError::NameTaken
            | AccountError::PhoneTaken
            | AccountError::EmailTaken
            | AccountError::NotFound
            | AccountError::NotInvited => false,
        }
    }
}
