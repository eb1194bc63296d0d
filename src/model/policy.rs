//! What a deployment permits: choices of its operator that the store and the services obey.

use serde::{Deserialize, Serialize};

/// Who may write to whom in private.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Strangers {
    /// Anybody to anybody who has not blocked him.
    #[default]
    Allow,
    /// Friends only.
    FriendsOnly,
}

/// Which part of a group's past a member sees.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum History {
    /// What happened during his stays.
    #[default]
    Joined,
    /// Everything, as long as he is a member; what happened during his stays afterwards.
    All,
}

/// How friendships begin.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FriendMode {
    /// One asks, the other accepts.
    #[default]
    Request,
    /// Asking makes friends.
    Auto,
}

/// Who may register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Registration {
    #[default]
    Open,
    Invite,
    Closed,
}

/// Who may invite people to register.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Inviters {
    /// Admins of the deployment.
    #[default]
    Admins,
    /// Whoever has an account.
    Everybody,
}

/// The rules the store applies inside an append and when it filters history.
#[derive(Clone, Copy, Debug)]
pub struct StoreRules {
    pub strangers: Strangers,
    pub history: History,
    /// Most members of a group.
    pub group_max: u32,
    /// How long an author may take a message back, in milliseconds by the store's clock.
    pub recall_ms: i64,
    /// Play money that everybody begins with, in cents.
    pub starting_balance: u64,
}

impl Default for StoreRules {
    fn default() -> Self {
        StoreRules {
            strangers: Strangers::Allow,
            history: History::Joined,
            group_max: 5_000,
            recall_ms: 120_000,
            starting_balance: 100_000,
        }
    }
}
