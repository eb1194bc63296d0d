//! What surrounds a message and is no entry: reactions on it, who has read it, who does not want to see it.

use async_trait::async_trait;

use super::Result;
use crate::model::alteration::Emoji;
use crate::model::ids::{GroupId, Seq, UserId};

/// One emoji on one message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reaction {
    /// The message.
    pub target: Seq,
    pub emoji: Emoji,
    /// How many have put it on.
    pub count: u64,
    /// Some of them, by id.
    pub users: Vec<UserId>,
}

/// What surrounds messages. Messages themselves, and what becomes of them, go through the log.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// The reactions on these messages: by message, and on each in the order in which the emojis came. At most
    /// `users_max` users are named with each.
    async fn reactions(&self, targets: &[Seq], users_max: usize) -> Result<Vec<Reaction>>;

    /// From now on no page, catching up, unread count or list of this user's has the entry. Idempotent; that he may see
    /// it is the caller's to check.
    async fn hide(&self, user: UserId, seq: Seq) -> Result<()>;

    /// What the user has hidden above a place, ascending.
    async fn hidden_above(&self, user: UserId, after: Seq) -> Result<Vec<Seq>>;

    /// Those who were members of the group at a place, by id, each with how far he has read.
    async fn readings(&self, group: GroupId, at: Seq) -> Result<Vec<(UserId, Seq)>>;

    /// Those of `users` who are members of the group now, in any order.
    async fn present(&self, group: GroupId, users: &[UserId]) -> Result<Vec<UserId>>;
}
