//! Tells clients who came online and who left: friends, and those who share a small group with him.
//!
//! Whom he has blocked is not told. Best effort, from a bounded queue: who misses it sees the truth whenever he loads a list.

use std::sync::Arc;

use bytes::Bytes;
use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use crate::hub::{Hub, frame};
use crate::model::ids::{GroupId, UserId};
use crate::presence::News;
use crate::store::{FriendStore, GroupStore, StoreError, UserStore};

/// Presence is told within groups of at most this many members (the public API's number).
const GROUP_MEMBERS_MAX: u64 = 200;

/// The desk that tells presence.
pub struct NewsDesk {
    hub: Hub,
    users: Arc<dyn UserStore>,
    friends: Arc<dyn FriendStore>,
    groups: Arc<dyn GroupStore>,
}

impl NewsDesk {
    #[must_use]
    pub fn new(
        hub: Hub,
        users: Arc<dyn UserStore>,
        friends: Arc<dyn FriendStore>,
        groups: Arc<dyn GroupStore>,
    ) -> NewsDesk {
        NewsDesk {
            hub,
            users,
            friends,
            groups,
        }
    }

    /// Works until presence is gone.
    pub async fn run(self, mut changes: mpsc::Receiver<News>) {
        while let Some(news) = changes.recv().await {
            if let Err(error) = self.tell(news).await {
                debug!(%error, "presence could not be told");
            }
        }
    }

    async fn tell(&self, news: News) -> Result<(), StoreError> {
        let News {
            user,
            online,
            at,
            here,
        } = news;
        if here {
            self.users.seen(&[(user, at)]).await?;
        }
        if self.hub.registry().connections() == 0 {
            return Ok(());
        }
        let frame =
            frame::json(&json!({"type": "presence", "user": user, "online": online, "at": at}));
        let registry = self.hub.registry();
        let mut hidden_from = self.friends.blocks(user).await?;
        hidden_from.retain(|blocked| registry.is_online(*blocked));
        for friend in self.friends.friendships(user).await?.friends {
            if registry.is_online(friend.user) && !hidden_from.contains(&friend.user) {
                self.hub.signal_user(friend.user, &frame, None);
            }
        }
        for (group, _role) in self.groups.of_user(user).await? {
            if group.members > GROUP_MEMBERS_MAX {
                continue;
            }
            if hidden_from.is_empty() {
                self.hub.signal_group(group.id, &frame, user);
            } else {
                self.tell_members(group.id, user, &hidden_from, &frame)
                    .await?;
            }
        }
        Ok(())
    }

    /// The members who are here, one by one: some of them are not told.
    async fn tell_members(
        &self,
        group: GroupId,
        user: UserId,
        hidden_from: &[UserId],
        frame: &Bytes,
    ) -> Result<(), StoreError> {
        let most = usize::try_from(GROUP_MEMBERS_MAX).unwrap_or(usize::MAX);
        let members = self.groups.members(group, UserId::SYSTEM, most).await?;
        for member in members {
            let told = member.user != user && !hidden_from.contains(&member.user);
            if told && self.hub.registry().is_online(member.user) {
                self.hub.signal_user(member.user, frame, None);
            }
        }
        Ok(())
    }
}
