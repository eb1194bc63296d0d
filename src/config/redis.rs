//! `[redis]`: an optional Redis for presence, shared throttling, and as a second way for the bus.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::secret::SecretUrl;

/// See the field docs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Redis {
    /// `redis://[user:password@]host[:port][/database]`; several, comma-separated, are one Redis Cluster; empty: none.
    pub url: SecretUrl,
}

impl Redis {
    pub(super) fn check(&self, checks: &mut Checks) {
        let urls = self.url.expose();
        checks.that(
            "redis.url",
            urls.is_empty()
                || urls.split(',').all(|url| {
                    url.strip_prefix("redis://")
                        .is_some_and(|host| !host.is_empty())
                }),
            "each address starts with redis://",
        );
    }
}
