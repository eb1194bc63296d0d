//! Who is connected to this node, and how often: the limit per user, and the news for presence.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::model::ids::{ConnId, UserId};

/// A cheap handle on who is connected here.
#[derive(Clone)]
pub struct Registry(Arc<Shared>);

struct Shared {
    connections_per_user: usize,
    users: Mutex<Users>,
    changed: Notify,
}

#[derive(Default)]
struct Users {
    /// Oldest connection first.
    connections: BTreeMap<UserId, VecDeque<ConnId>>,
    total: usize,
    /// Users who came or went since the last look, by what is true now.
    news: BTreeMap<UserId, bool>,
}

impl Registry {
    pub(super) fn new(connections_per_user: usize) -> Registry {
        let connections_per_user = connections_per_user.max(1);
        Registry(Arc::new(Shared {
            connections_per_user,
            users: Mutex::default(),
            changed: Notify::new(),
        }))
    }

    fn users(&self) -> MutexGuard<'_, Users> {
        self.0.users.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a connection; the user's oldest, when he now has more than the limit.
    pub(super) fn enter(&self, user: UserId, conn: ConnId) -> Option<ConnId> {
        let mut users = self.users();
        users.total += 1;
        let own = users.connections.entry(user).or_default();
        own.push_back(conn);
        let replaced = (own.len() > self.0.connections_per_user)
            .then(|| own.pop_front())
            .flatten();
        if replaced.is_some() {
            users.total -= 1;
        }
        if users
            .connections
            .get(&user)
            .is_some_and(|own| own.len() == 1)
        {
            users.news.insert(user, true);
            self.0.changed.notify_one();
        }
        replaced
    }

    /// A connection is gone. Repeating it is harmless.
    pub(super) fn leave(&self, user: UserId, conn: ConnId) {
        let mut users = self.users();
        let Some(own) = users.connections.get_mut(&user) else {
            return;
        };
        let before = own.len();
        own.retain(|other| *other != conn);
        let (removed, empty) = (before - own.len(), own.is_empty());
        users.total -= removed;
        if empty {
            users.connections.remove(&user);
            users.news.insert(user, false);
            self.0.changed.notify_one();
        }
    }

    /// Connections now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.users().total
    }

    /// Users with a connection here now, ascending.
    #[must_use]
    pub fn online(&self) -> Vec<UserId> {
        self.users().connections.keys().copied().collect()
    }

    /// Whether the user has a connection here now.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.users().connections.contains_key(&user)
    }

    /// Resolves when somebody came or went.
    pub async fn changed(&self) {
        self.0.changed.notified().await;
    }

    /// Who came (`true`) or went (`false`) since the last call; whoever did both is told by what is true now.
    #[must_use]
    pub fn take_news(&self) -> BTreeMap<UserId, bool> {
        std::mem::take(&mut self.users().news)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_connection_beyond_the_limit_pushes_out_the_oldest() {
        let registry = Registry::new(2);
        assert_eq!(registry.enter(UserId(1), ConnId(1)), None);
        assert_eq!(registry.enter(UserId(1), ConnId(2)), None);
        assert_eq!(registry.enter(UserId(1), ConnId(3)), Some(ConnId(1)));
        registry.leave(UserId(1), ConnId(1));
        assert_eq!(registry.connections(), 2);
    }

    #[test]
    fn news_tell_what_is_true_now() {
        let registry = Registry::new(16);
        registry.enter(UserId(1), ConnId(1));
        registry.leave(UserId(1), ConnId(1));
        registry.enter(UserId(2), ConnId(2));
        registry.enter(UserId(2), ConnId(3));
        assert_eq!(
            registry.take_news(),
            BTreeMap::from([(UserId(1), false), (UserId(2), true)])
        );
        assert!(registry.take_news().is_empty());
    }
}
