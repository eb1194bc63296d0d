//! What may go wrong between this program and the server, and what that means to a caller of the store.
//!
//! Sorts and words errors; decides nothing beyond that. Texts never hold a password: the driver's do not, and the URL is
//! not part of any.

use std::time::Duration;

use mysql_async::{DriverError, Error, FromRowError, FromValueError};

use crate::store::{AccountError, StoreError};

/// A unique index has the value already.
const DUPLICATE_KEY: u16 = 1062;

/// Why a call did not bring what it was made for.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// No connection could be had in time; nothing was sent.
    #[error("{0}")]
    Unreachable(String),
    /// The connection broke or the answer did not come in time: what became of the call is unknown.
    #[error("{0}")]
    Lost(String),
    /// The server answered that it cannot or will not; the statement changed nothing.
    #[error("{}", sentence(*code, message))]
    Server { code: u16, message: String },
    /// What the driver itself will not send, whoever asks (larger than the server takes, wrong parameters).
    #[error("{0}")]
    Unsendable(String),
    /// A row that no version of this program could have written.
    #[error("{0}")]
    Damaged(String),
}

impl Fault {
    /// The deadline passed before the answer came.
    pub(super) fn late(after: Duration) -> Fault {
        Fault::Lost(format!(
            "the database server did not answer within {} s",
            after.as_secs()
        ))
    }

    /// The name of the violated unique index, without its table.
    pub(super) fn duplicate_key(&self) -> Option<&str> {
        match self {
            Fault::Server { code, message } if *code == DUPLICATE_KEY => {
                // "Duplicate entry '…' for key 'index'"; MySQL puts the table's name and a dot before the index.
                let name = message.strip_suffix('\'')?.rsplit('\'').next()?;
                Some(name.rsplit('.').next().unwrap_or(name))
            }
            Fault::Server { .. }
            | Fault::Unreachable(_)
            | Fault::Lost(_)
            | Fault::Unsendable(_)
            | Fault::Damaged(_) => None,
        }
    }

    /// The server's error number, if the server answered with one.
    pub(super) fn code(&self) -> Option<u16> {
        match self {
            Fault::Server { code, .. } => Some(*code),
            Fault::Unreachable(_) | Fault::Lost(_) | Fault::Unsendable(_) | Fault::Damaged(_) => {
                None
            }
        }
    }

    /// Whether the error comes from what was to be stored and not from the state of the server.
    pub(super) fn refuses_content(&self) -> bool {
        match self {
            // Null, duplicate, too large, out of range, not of the character set, too long.
            Fault::Server {
                code: 1048 | 1062 | 1118 | 1153 | 1264 | 1301 | 1366 | 1406 | 3988,
                ..
            }
            | Fault::Unsendable(_) => true,
            // A parameter that was sent in pieces and is too long.
            Fault::Server {
                code: 1105,
                message,
            } => message.contains("max_allowed_packet") || message.contains("max_long_data_size"),
            Fault::Server { .. } | Fault::Unreachable(_) | Fault::Lost(_) | Fault::Damaged(_) => {
                false
            }
        }
    }

    /// Whether the same call may well succeed in a moment.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Fault::Unreachable(_) | Fault::Lost(_) => true,
            // Deadlock, lock wait, certification, not ready, gone, going down, killed, changed tables, too many
            // connections; and a missing procedure, which can be made again.
            Fault::Server { code, .. } => matches!(
                *code,
                1020 | 1040
                    | 1047
                    | 1053
                    | 1079
                    | 1205
                    | 1213
                    | 1305
                    | 1317
                    | 1412
                    | 1615
                    | 1927
                    | 1969
                    | 2006
                    | 2013
                    | 3024
                    | 3058
                    | 3101
                    | 4031
            ),
            Fault::Unsendable(_) | Fault::Damaged(_) => false,
        }
    }

    /// Whether somebody dropped a procedure.
    pub(super) fn is_missing_routine(&self) -> bool {
        self.code() == Some(1305)
    }

    /// Whether the connection is in order after it: the statement failed, and nothing else.
    pub(super) fn spares_connection(&self) -> bool {
        self.code() == Some(DUPLICATE_KEY)
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Fault {
        match error {
            Error::Server(error) => Fault::Server {
                code: error.code,
                message: error.message,
            },
            Error::Driver(DriverError::PacketTooLarge) => Fault::Unsendable(
                "a statement is larger than the server's max_allowed_packet".to_owned(),
            ),
            Error::Driver(
                error @ (DriverError::FromRow { .. } | DriverError::FromValue { .. }),
            ) => Fault::Damaged(error.to_string()),
            Error::Driver(error) => Fault::Lost(format!("the database connection failed: {error}")),
            Error::Io(error) => Fault::Lost(format!("the database connection broke: {error}")),
            Error::Other(error) => Fault::Lost(format!("the database connection failed: {error}")),
            Error::Url(error) => Fault::Unreachable(format!("store.url: {error}")),
        }
    }
}

impl From<FromRowError> for Fault {
    fn from(_: FromRowError) -> Fault {
        Fault::Damaged("a row has other columns than it should".to_owned())
    }
}

impl From<FromValueError> for Fault {
    fn from(_: FromValueError) -> Fault {
        Fault::Damaged("a column holds what it should not".to_owned())
    }
}

impl From<Fault> for StoreError {
    fn from(fault: Fault) -> StoreError {
        match fault {
            Fault::Damaged(text) => StoreError::Corrupt(text),
            Fault::Server {
                // A broken index, table or page.
                code: 1034 | 1194 | 1195 | 1712 | 1877 | 1932,
                ..
            } => StoreError::Corrupt(fault.to_string()),
            Fault::Unreachable(_)
            | Fault::Lost(_)
            | Fault::Server { .. }
            | Fault::Unsendable(_) => StoreError::Unavailable(fault.to_string()),
        }
    }
}

impl From<Fault> for AccountError {
    fn from(fault: Fault) -> AccountError {
        AccountError::Store(fault.into())
    }
}

/// The server's words, and the remedy where an operator has one.
fn sentence(code: u16, message: &str) -> String {
    let remedy = match code {
        1290 | 1836 => "the server is read-only: point store.url at the writable one",
        1021 | 1114 => "the server's disk or table space is full: make room on it",
        1040 | 1203 | 1226 => {
            "the server has no connection left: raise its max_connections or lower store.pool"
        }
        1044 | 1045 | 1142 | 1143 | 1227 | 1370 => {
            "the account is refused or lacks a right: check its password, and that it has SELECT, INSERT, UPDATE, DELETE and EXECUTE on the database"
        }
        1146 | 1305 => "a table or procedure of Starling is missing: run `starling migrate`",
        1153 | 1301 => "raise the server's max_allowed_packet",
        1205 | 1213 => "other writers held the rows for too long",
        _ => return format!("the database server says: {message} ({code})"),
    };
    format!("{remedy} (the database server says: {message}, {code})")
}
