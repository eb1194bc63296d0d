//! What a node tells its operator while it runs: sets up logging, once per process.
//!
//! A log line is a sentence and fields; it holds no message body and no secret, and an error is logged once,
//! where it is handled. The same thing has the same field name everywhere:
//!
//! | field | is |
//! |---|---|
//! | `node` | a node's name |
//! | `incarnation` | one run of a node |
//! | `request` | a request's id, also told to the client in `X-Request-Id`; on the span of each line logged while it is served |
//! | `method`, `route`, `status`, `code` | a request's method, its described path, its answer's status and error code |
//! | `conn` | a client's connection |
//! | `user` | a user's id |
//! | `conv` | a conversation |
//! | `seq`, `head`, `floor` | places in the log |
//! | `address` | a network address: of a client, a peer, or one listened on |
//! | `reason` | a drop class, a refusal, or why something is degraded |
//! | `error` | an error with its causes |
//! | `*_ms`, `*_bytes` | a duration or a size in that unit |
//! | `entries`, `drafts`, `datagrams` | counts of these |

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt;

use crate::config::{Log, LogFormat};

/// Logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("log.filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody else in this process did it before.
    #[error("logging is set up already")]
    Twice,
}

/// Sends log lines to standard error, in the configured form. The whole process logs by it from then on.
pub fn init(log: &Log) -> Result<(), TelemetryError> {
    // The migration library tells of every step of the first start; a directive of the operator's wins.
    let filter: EnvFilter = format!("refinery_core=warn,{}", log.filter).parse()?;
    // Colours are for people: a file or a journal gets plain text.
    let colours = std::io::stderr().is_terminal();
    let lines = fmt()
        .with_env_filter(filter)
        .with_ansi(colours)
        .with_writer(std::io::stderr);
    let outcome = match log.format {
        LogFormat::Text => lines.try_init(),
        LogFormat::Json => lines
            .json()
            .flatten_event(true)
            // The request's id.
            .with_current_span(true)
            .with_span_list(false)
            .try_init(),
    };
    outcome.map_err(|_| TelemetryError::Twice)
}
