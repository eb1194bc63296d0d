//! Bot accounts, and hooks into and out of groups.

use async_trait::async_trait;

use super::Result;
use crate::model::entry::{Entry, UnixMillis};
use crate::model::hook::{Hook, NewHook};
use crate::model::ids::{GroupId, Incarnation, Seq, UserId};
use crate::model::user::TokenHash;

/// What became of a delivery that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AfterFailure {
    /// Not before so many milliseconds from now.
    RetryIn(u64),
    /// Never again, for the reason given.
    Disable(String),
}

/// Bots and hooks.
///
/// An outgoing hook is delivered to by whoever holds it. A hold is taken by one statement, ends by the store's clock,
/// and is asked for again with each step, so that a node that was frozen does not go on beside its successor.
#[async_trait]
pub trait HookStore: Send + Sync {
    /// Marks an account as a bot of `owner`; [`UserId::SYSTEM`]: of a hook. Idempotent.
    async fn mark_bot(&self, bot: UserId, owner: UserId) -> Result<()>;
    /// Whose bot this is; `None`: it is none.
    async fn owner_of(&self, bot: UserId) -> Result<Option<UserId>>;
    /// The owner's bots whose accounts are not disabled, by id.
    async fn bots_of(&self, owner: UserId) -> Result<Vec<UserId>>;
    /// Makes a hook; an outgoing one begins after the head of now.
    async fn create(&self, hook: NewHook) -> Result<Hook>;
    /// The group's hooks, by id.
    async fn of_group(&self, group: GroupId) -> Result<Vec<Hook>>;
    /// The incoming hook with this token.
    async fn by_token(&self, token: &TokenHash) -> Result<Option<Hook>>;
    /// Takes a hook of the group away and returns it; `None`: there is none.
    async fn remove(&self, group: GroupId, id: u64) -> Result<Option<Hook>>;
    /// Lets an outgoing hook of the group be tried again, at once and from where it stopped, as if it had never failed;
    /// `None`: there is none. Idempotent.
    async fn enable(&self, group: GroupId, id: u64) -> Result<Option<Hook>>;
    /// Takes up to `limit` outgoing hooks that are not disabled, not held, not to be retried later, and whose group has
    /// entries above their cursor; for `hold_ms`.
    async fn hold(&self, holder: Incarnation, hold_ms: u64, limit: usize) -> Result<Vec<Hook>>;
    /// Holds on for `hold_ms` more; `false`: it is held no longer, and somebody else may go on.
    async fn keep(&self, id: u64, holder: Incarnation, hold_ms: u64) -> Result<bool>;
    /// Moves the cursor forward to `upto` and forgets failures; `false`: it is held no longer.
    async fn advance(&self, id: u64, holder: Incarnation, upto: Seq) -> Result<bool>;
    /// Counts a failure and lets go; `false`: it was held no longer.
    async fn fail(&self, id: u64, holder: Incarnation, after: AfterFailure) -> Result<bool>;
    /// Lets go.
    async fn release(&self, id: u64, holder: Incarnation) -> Result<()>;
    /// Messages of the group above `after` and at most at `upto` that no bot wrote, ascending.
    async fn said_in(
        &self,
        group: GroupId,
        after: Seq,
        upto: Seq,
        limit: usize,
    ) -> Result<Vec<Entry>>;
    /// The store's clock.
    async fn now(&self) -> Result<UnixMillis>;
}
