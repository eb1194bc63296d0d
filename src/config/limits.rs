//! `[limits]`: what a client may ask of a node, and how long the node bears with it.

use serde::{Deserialize, Serialize};

use super::check::Checks;

/// See the field docs. With Redis, logins and sends are counted over all nodes; everything else is per node.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// How often the server pings an open socket.
    pub ping_ms: u64,
    /// After how long without any inbound frame a socket is closed; more than `ping_ms`.
    pub dead_ms: u64,
    /// Sustained sends of one user, per second.
    pub sends_per_second: u32,
    /// Sends a user may make at once before the rate counts.
    pub sends_burst: u32,
    /// Logins and registrations of one address, per minute.
    pub auth_per_minute: u32,
    /// Failed logins on one account before further tries have to wait.
    pub auth_failures: u32,
    /// Open sockets of one user; one more closes the oldest.
    pub connections_per_user: u32,
    /// How long a socket may stay open without saying who it is.
    pub auth_timeout_ms: u64,
    /// Largest inbound frame.
    pub frame_bytes: usize,
    /// Longest text of a message.
    pub text_bytes: usize,
    /// Most frames that wait for one client; beyond it the connection catches up from the log instead.
    pub queue_frames: usize,
    /// Most bytes that wait for one client.
    pub queue_bytes: usize,
    /// How long a client may take nothing from its socket before it is closed.
    pub slow_ms: u64,
    /// How long a leaving node spreads its clients' reconnects over.
    pub drain_ms: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            ping_ms: 25_000,
            dead_ms: 75_000,
            sends_per_second: 20,
            sends_burst: 60,
            auth_per_minute: 30,
            auth_failures: 10,
            connections_per_user: 16,
            auth_timeout_ms: 10_000,
            frame_bytes: 64 * 1024,
            text_bytes: 16 * 1024,
            queue_frames: 1_024,
            queue_bytes: 1 << 20,
            slow_ms: 30_000,
            drain_ms: 10_000,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within("limits.ping_ms", self.ping_ms, 100..=3_600_000);
        checks.within("limits.dead_ms", self.dead_ms, 200..=7_200_000);
        checks.that(
            "limits.dead_ms",
            self.dead_ms > self.ping_ms,
            "it must be more than limits.ping_ms, or every quiet client is cut off",
        );
        checks.within(
            "limits.sends_per_second",
            self.sends_per_second,
            1..=1_000_000,
        );
        checks.within("limits.sends_burst", self.sends_burst, 1..=1_000_000);
        checks.within(
            "limits.auth_per_minute",
            self.auth_per_minute,
            1..=1_000_000,
        );
        checks.within("limits.auth_failures", self.auth_failures, 1..=1_000_000);
        checks.within(
            "limits.connections_per_user",
            self.connections_per_user,
            1..=100_000,
        );
        checks.within(
            "limits.auth_timeout_ms",
            self.auth_timeout_ms,
            100..=300_000,
        );
        checks.within("limits.frame_bytes", self.frame_bytes, 4_096..=16 << 20);
        checks.within("limits.text_bytes", self.text_bytes, 1..=1 << 20);
        checks.that(
            "limits.text_bytes",
            self.text_bytes < self.frame_bytes,
            "it must be less than limits.frame_bytes",
        );
        checks.within("limits.queue_frames", self.queue_frames, 16..=1_000_000);
        checks.within("limits.queue_bytes", self.queue_bytes, 64 * 1024..=1 << 30);
        checks.that(
            "limits.queue_bytes",
            self.queue_bytes >= self.frame_bytes,
            "it must hold at least one frame of limits.frame_bytes",
        );
        checks.within("limits.slow_ms", self.slow_ms, 100..=3_600_000);
        checks.within("limits.drain_ms", self.drain_ms, 0..=600_000);
    }
}
