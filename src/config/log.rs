//! `[log]`: what a node writes to its standard error.

use serde::{Deserialize, Serialize};
use tracing_subscriber::filter::LevelFilter;

use super::check::Checks;

/// How a line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line, for programs.
    Json,
}

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// A level (`error`, `warn`, `info`, `debug`, `trace`), or levels by module: `info,starling::cluster=debug`.
    pub filter: String,
    /// `text` or `json`.
    pub format: LogFormat,
}

impl Default for Log {
    fn default() -> Self {
        Log {
            filter: "info".to_owned(),
            format: LogFormat::Text,
        }
    }
}

impl Log {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "log.filter",
            self.filter.split(',').all(is_directive)
                && self.filter.parse::<tracing_subscriber::EnvFilter>().is_ok(),
            "a filter is a level, or module=level, comma-separated",
        );
    }
}

/// The filter's own parser takes a misspelt level for the name of a module.
fn is_directive(part: &str) -> bool {
    part.contains('=') || part.trim().parse::<LevelFilter>().is_ok()
}
