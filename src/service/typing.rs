//! Passes on that somebody is writing: at most once in three seconds for each conversation.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::model::conversation::{Address, Conv};
use crate::model::ids::UserId;
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::store::{FriendStore, GroupStore};

/// Between two that are passed on (the public API's number).
const INTERVAL: Duration = Duration::from_secs(3);
/// Writers remembered at once; with more, the memory begins anew and one frame too many may pass.
const WRITERS_MAX: usize = 65_536;

/// The use case, shared by all connections.
#[derive(Clone)]
pub struct Typing {
    signals: Signals,
    groups: Arc<dyn GroupStore>,
    friends: Arc<dyn FriendStore>,
    last: Arc<Mutex<BTreeMap<(UserId, Conv), Instant>>>,
}

impl Typing {
    #[must_use]
    pub fn new(
        signals: Signals,
        groups: Arc<dyn GroupStore>,
        friends: Arc<dyn FriendStore>,
    ) -> Typing {
        Typing {
            signals,
            groups,
            friends,
            last: Arc::default(),
        }
    }

    /// `user` is writing. Says nothing to somebody who blocked him, or to a group he is not in.
    pub async fn typing(&self, user: UserId, address: Address) {
        let conv = address.conv_of(user);
        if self.is_due(user, conv) && self.may_tell(user, address).await {
            self.signals.publish(Signal::Typing {
                conv: conv.to_string(),
                user,
            });
        }
    }

    /// Whether enough time has passed since the last time this was passed on, here or at another node.
    pub fn is_due(&self, user: UserId, conv: Conv) -> bool {
        let now = Instant::now();
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        if last.len() >= WRITERS_MAX {
            last.clear();
        }
        match last.get(&(user, conv)) {
            Some(before) if now - *before < INTERVAL => false,
            Some(_) | None => {
                last.insert((user, conv), now);
                true
            }
        }
    }

    /// A store that does not answer counts as no: the signal is best effort.
    async fn may_tell(&self, user: UserId, address: Address) -> bool {
        match address {
            Address::User(peer) if peer == user => false,
            Address::User(peer) => self
                .friends
                .blocks(peer)
                .await
                .is_ok_and(|blocked| !blocked.contains(&user)),
            Address::Group(group) => self
                .groups
                .role(group, user)
                .await
                .is_ok_and(|role| role.is_some()),
        }
    }
}
