//! Tells clients who came online and who left: friends, and those who share a small group with him.
//!
//! Best effort, from a bounded queue: who misses it sees the truth whenever he loads a list.

use std::sync::Arc;

use serde_json::json;
use tokio::sync::mpsc;
use tracing::debug;

use crate::hub::{Hub, frame};
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
        for friend in self.friends.friendships(user).await?.friends {
            if self.hub.registry().is_online(friend.user) {
                self.hub.signal_user(friend.user, &frame, None);
            }
        }
        for (group, _role) in self.groups.of_user(user).await? {
            if group.members <= GROUP_MEMBERS_MAX {
                self.hub.signal_group(group.id, &frame, user);
            }
        }
        Ok(())
    }
}
