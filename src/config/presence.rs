//! `[presence]`: who is online, as others see it.

use serde::{Deserialize, Serialize};

use super::check::Checks;

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Presence {
    /// How long after his last connection somebody is still shown online: a reconnect does not flicker.
    pub offline_after_ms: u64,
    /// How long an entry in Redis outlives a node that stopped refreshing it.
    pub redis_ttl_s: u64,
}

impl Default for Presence {
    fn default() -> Self {
        Presence {
            offline_after_ms: 10_000,
            redis_ttl_s: 60,
        }
    }
}

impl Presence {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within(
            "presence.offline_after_ms",
            self.offline_after_ms,
            0..=600_000,
        );
        checks.within("presence.redis_ttl_s", self.redis_ttl_s, 5..=86_400);
    }
}
