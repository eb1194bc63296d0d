//! `[chat]`: the rules people meet while chatting.

use serde::{Deserialize, Serialize};

use super::check::Checks;
use crate::model::ids::ID_MAX;
use crate::model::packet::TOTAL_CENTS_MAX;
use crate::model::policy::{FriendMode, History, Strangers};

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Chat {
    /// Who may write to whom in private: `allow` or `friends_only`.
    pub strangers: Strangers,
    /// Which part of a group's past its members see: `joined` or `all`.
    pub history: History,
    /// How friendships begin: `request` or `auto`.
    pub friend_mode: FriendMode,
    /// Most members of a group.
    pub group_max: u32,
    /// Most groups that one user may own when he makes another; groups handed to him come on top.
    pub groups_owned_max: u32,
    /// How long a repeated send is recognised as the same.
    pub retry_days: u32,
    /// How long an author may recall a message.
    pub recall_seconds: u64,
    /// Play money that everybody begins with, in cents. Who has moved some keeps what he has when this changes.
    pub starting_balance: u64,
    /// How long a red packet or a transfer can be claimed before what is left goes back to its sender.
    pub packet_hours: u32,
    /// Messages older than this are deleted; 0: none. At least `retry_days`.
    pub keep_days: u32,
    /// How many entries of the log are kept, those of the last `retry_days` in any case; 0: all.
    pub keep_entries: u64,
    /// Whether messages can be searched. Off, no index of their words is kept up.
    pub search: bool,
}

impl Default for Chat {
    fn default() -> Self {
        Chat {
            strangers: Strangers::Allow,
            history: History::Joined,
            friend_mode: FriendMode::Request,
            group_max: 5_000,
            groups_owned_max: 5_000,
            retry_days: 7,
            recall_seconds: 120,
            starting_balance: 100_000,
            packet_hours: 24,
            keep_days: 0,
            keep_entries: 0,
            search: true,
        }
    }
}

impl Chat {
    /// [`Chat::recall_seconds`] in the store's unit.
    #[must_use]
    pub fn recall_ms(&self) -> i64 {
        i64::try_from(self.recall_seconds)
            .unwrap_or(i64::MAX)
            .saturating_mul(1_000)
    }

    pub(super) fn check(&self, checks: &mut Checks) {
        checks.within("chat.group_max", self.group_max, 2..=100_000);
        checks.within(
            "chat.groups_owned_max",
            self.groups_owned_max,
            0..=1_000_000,
        );
        checks.within("chat.retry_days", self.retry_days, 1..=3_650);
        checks.within("chat.recall_seconds", self.recall_seconds, 0..=31_536_000);
        checks.within(
            "chat.starting_balance",
            self.starting_balance,
            0..=TOTAL_CENTS_MAX,
        );
        checks.within("chat.packet_hours", self.packet_hours, 1..=8_760);
        checks.within("chat.keep_days", self.keep_days, 0..=36_500);
        checks.that(
            "chat.keep_days",
            self.keep_days == 0 || self.keep_days >= self.retry_days,
            "less than chat.retry_days: a repeated send is known by its entry; 0 keeps all",
        );
        checks.within("chat.keep_entries", self.keep_entries, 0..=ID_MAX);
    }
}
