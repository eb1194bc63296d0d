//! Who is online, and the signals that say so: best effort, never needed for delivery.
//!
//! Each node knows its own connections and believes its peers about theirs: they announce changes as signals
//! and repeat everything in a rotating digest inside their beats, so a lost change heals. Touches no store. Where Redis
//! is configured, `redis` keeps the own users there for others to read, and reads at the start who else is online.

pub mod digest;
pub mod redis;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

use bytes::Bytes;
use tokio::sync::{Notify, mpsc};

use crate::model::entry::UnixMillis;
use crate::model::ids::{Incarnation, UserId};
use crate::model::signal::Signal;
use digest::Digest;

/// Signals that wait to be sent. They are best effort: more are dropped.
const SIGNALS_WAITING_MAX: usize = 4_096;
/// Changes that wait to be told to clients. More are dropped; clients then learn it when they next ask.
const NEWS_WAITING_MAX: usize = 4_096;
/// Users believed of one peer. A peer has at most as many connections; this bounds a broken one.
const USERS_OF_PEER_MAX: usize = 262_144;

/// The way out for signals: to the local connections they concern and to all peers.
#[derive(Clone)]
pub struct Signals(mpsc::Sender<Signal>);

impl Signals {
    /// A handle and the end that the cluster driver drains.
    #[must_use]
    pub fn new() -> (Signals, mpsc::Receiver<Signal>) {
        let (sender, receiver) = mpsc::channel(SIGNALS_WAITING_MAX);
        (Signals(sender), receiver)
    }

    /// Sends a signal, or drops it when too many wait.
    pub fn publish(&self, signal: Signal) {
        // Best effort by design: what matters is in the log.
        let _ = self.0.try_send(signal);
    }
}

/// Somebody came online in the cluster, or left it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    pub user: UserId,
    pub online: bool,
    pub at: UnixMillis,
    /// He came or went at this node.
    pub here: bool,
}

/// Who is online anywhere in the cluster. Cheap to clone.
#[derive(Clone)]
pub struct Presence(Arc<Shared>);

struct Shared {
    state: RwLock<State>,
    news: mpsc::Sender<News>,
    /// Somebody came to this node or left it, and [`Presence::take_local_changes`] is called.
    local_changed: Notify,
}

#[derive(Default)]
struct State {
    local: BTreeSet<UserId>,
    remote: BTreeMap<Incarnation, BTreeSet<UserId>>,
    /// Peers that are known from what was kept, and have not been heard yet.
    unheard: BTreeSet<Incarnation>,
    /// Where the next digest of the local users begins.
    digest_from: UserId,
    /// Who came or left here since somebody last asked, by what is true now; none: nobody asks.
    local_changes: Option<BTreeMap<UserId, bool>>,
}

impl State {
    fn is_online(&self, user: UserId) -> bool {
        self.local.contains(&user) || self.remote.values().any(|users| users.contains(&user))
    }
}

impl Presence {
    /// Nobody is online; and the end where changes come out, for who tells the clients.
    #[must_use]
    pub fn new() -> (Presence, mpsc::Receiver<News>) {
        let (news, changes) = mpsc::channel(NEWS_WAITING_MAX);
        (
            Presence(Arc::new(Shared {
                state: RwLock::default(),
                news,
                local_changed: Notify::new(),
            })),
            changes,
        )
    }

    /// Whether the user has a connection on any node, as far as this node knows.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        self.0
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .is_online(user)
    }

    /// Users online at this node.
    #[must_use]
    pub fn local_users(&self) -> usize {
        self.0
            .state
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .local
            .len()
    }

    fn change(
        &self,
        at: UnixMillis,
        here: bool,
        touched: &[UserId],
        change: impl FnOnce(&mut State),
    ) {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let before: Vec<bool> = touched.iter().map(|user| state.is_online(*user)).collect();
        change(&mut state);
        for (user, was_online) in touched.iter().zip(before) {
            let online = state.is_online(*user);
            if online != was_online {
                let _ = self.0.news.try_send(News {
                    user: *user,
                    online,
                    at,
                    here,
                });
            }
        }
    }

    /// A user came online at this node, or left it.
    pub fn set_local(&self, user: UserId, online: bool, at: UnixMillis) {
        self.change(at, true, &[user], |state| {
            if online {
                state.local.insert(user);
            } else {
                state.local.remove(&user);
            }
            if let Some(changes) = &mut state.local_changes {
                changes.insert(user, online);
                self.0.local_changed.notify_one();
            }
        });
    }

    /// Users online at this node, ascending.
    #[must_use]
    pub fn local(&self) -> Vec<UserId> {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        state.local.iter().copied().collect()
    }

    /// Who came to this node (`true`) or left it (`false`) since the last call; whoever did both is told by what is
    /// true now. Changes are kept from the first call on.
    #[must_use]
    pub fn take_local_changes(&self) -> BTreeMap<UserId, bool> {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        state
            .local_changes
            .replace(BTreeMap::new())
            .unwrap_or_default()
    }

    /// Resolves when there is something to take.
    pub async fn local_changed(&self) {
        self.0.local_changed.notified().await;
    }

    /// What was kept of a peer: who was online there. Believed until the peer is heard, or until
    /// [`Presence::forget_unheard`]; nothing is taken about a peer that is heard already.
    pub fn recall(&self, peer: Incarnation, users: &[UserId], at: UnixMillis) {
        self.change(at, false, users, |state| {
            let known = state.remote.contains_key(&peer) && !state.unheard.contains(&peer);
            if !known {
                state.unheard.insert(peer);
                let believed = state.remote.entry(peer).or_default();
                let room = USERS_OF_PEER_MAX.saturating_sub(believed.len());
                believed.extend(users.iter().take(room));
            }
        });
    }

    /// Peers that were recalled and never heard are dead.
    pub fn forget_unheard(&self, at: UnixMillis) {
        let unheard = {
            let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut state.unheard)
        };
        for peer in unheard {
            self.forget_peer(peer, at);
        }
    }

    /// A peer says that a user came online there, or left it.
    pub fn set_remote(&self, peer: Incarnation, user: UserId, online: bool, at: UnixMillis) {
        self.change(at, false, &[user], |state| {
            state.unheard.remove(&peer);
            let users = state.remote.entry(peer).or_default();
            if !online {
                users.remove(&user);
            } else if users.len() < USERS_OF_PEER_MAX {
                users.insert(user);
            }
        });
    }

    /// A peer's beat repeats part of who is online there. Bytes that are no digest are ignored.
    pub fn heal(&self, peer: Incarnation, digest: &[u8], at: UnixMillis) {
        let Some(digest) = Digest::decode(digest) else {
            return;
        };
        let told: BTreeSet<UserId> = digest.users().collect();
        let known: BTreeSet<UserId> = {
            let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
            let users = state.remote.get(&peer);
            users
                .map(|users| users.range(digest.range()).copied().collect())
                .unwrap_or_default()
        };
        let touched: Vec<UserId> = told.symmetric_difference(&known).copied().collect();
        if touched.is_empty() && !self.is_unheard(peer) {
            return;
        }
        self.change(at, false, &touched, |state| {
            state.unheard.remove(&peer);
            let users = state.remote.entry(peer).or_default();
            users.retain(|user| !digest.range().contains(user));
            let room = USERS_OF_PEER_MAX.saturating_sub(users.len());
            users.extend(told.into_iter().take(room));
        });
    }

    /// A peer is gone: nobody is online there.
    pub fn forget_peer(&self, peer: Incarnation, at: UnixMillis) {
        let touched: Vec<UserId> = {
            let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
            state
                .remote
                .get(&peer)
                .map(|users| users.iter().copied().collect())
                .unwrap_or_default()
        };
        self.change(at, false, &touched, |state| {
            state.unheard.remove(&peer);
            state.remote.remove(&peer);
        });
    }

    fn is_unheard(&self, peer: Incarnation) -> bool {
        let state = self.0.state.read().unwrap_or_else(PoisonError::into_inner);
        state.unheard.contains(&peer)
    }

    /// The next part of who is online here, for a beat; everybody is in one part or another in turn.
    #[must_use]
    pub fn next_digest(&self) -> Bytes {
        let mut state = self.0.state.write().unwrap_or_else(PoisonError::into_inner);
        let (digest, next) = Digest::part(&state.local, state.digest_from);
        state.digest_from = next;
        digest.encode()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PEER: Incarnation = Incarnation([1; 16]);
    const OTHER: Incarnation = Incarnation([2; 16]);

    fn drain(news: &mut mpsc::Receiver<News>) -> Vec<(u64, bool)> {
        std::iter::from_fn(|| news.try_recv().ok())
            .map(|n| (n.user.0, n.online))
            .collect()
    }

    #[test]
    fn only_the_first_place_a_user_comes_to_and_the_last_he_leaves_are_news() {
        let (presence, mut news) = Presence::new();
        presence.set_local(UserId(1), true, 0);
        presence.set_remote(PEER, UserId(1), true, 0);
        assert_eq!(drain(&mut news), [(1, true)]);
        presence.set_local(UserId(1), false, 0);
        assert_eq!(drain(&mut news), []);
        presence.forget_peer(PEER, 0);
        assert_eq!(drain(&mut news), [(1, false)]);
    }

    #[test]
    fn what_is_recalled_of_a_peer_holds_until_it_is_heard_or_taken_for_dead() {
        let (presence, mut news) = Presence::new();
        presence.recall(PEER, &[UserId(1), UserId(2)], 0);
        presence.recall(OTHER, &[UserId(3)], 0);
        assert_eq!(drain(&mut news), [(1, true), (2, true), (3, true)]);

        let (there, _news) = Presence::new();
        there.set_local(UserId(1), true, 0);
        presence.heal(PEER, &there.next_digest(), 0);
        assert_eq!(drain(&mut news), [(2, false)], "it has left meanwhile");
        presence.recall(PEER, &[UserId(2)], 0);
        assert!(
            !presence.is_online(UserId(2)),
            "the peer itself knows better"
        );

        presence.forget_unheard(0);
        assert_eq!(drain(&mut news), [(3, false)]);
        assert!(presence.is_online(UserId(1)), "that peer was heard");
    }

    #[test]
    fn local_changes_are_kept_for_who_asks_by_what_is_true_now() {
        let (presence, _news) = Presence::new();
        presence.set_local(UserId(1), true, 0);
        assert!(presence.take_local_changes().is_empty(), "nobody had asked");
        presence.set_local(UserId(2), true, 0);
        presence.set_local(UserId(2), false, 0);
        presence.set_local(UserId(3), true, 0);
        let changes = presence.take_local_changes();
        assert_eq!(changes, [(UserId(2), false), (UserId(3), true)].into());
        assert_eq!(presence.local(), [UserId(1), UserId(3)]);
    }

    #[test]
    fn digests_heal_what_was_lost_for_any_number_of_users() {
        let (here, _news) = Presence::new();
        let (there, mut news) = Presence::new();
        for user in 1..=1_000 {
            here.set_local(UserId(user * 7_919), true, 0);
        }
        there.set_remote(PEER, UserId(5), true, 0);
        there.set_remote(OTHER, UserId(6), true, 0);
        for _ in 0..50 {
            there.heal(PEER, &here.next_digest(), 0);
        }
        assert!((1..=1_000).all(|user| there.is_online(UserId(user * 7_919))));
        assert!(
            !there.is_online(UserId(5)),
            "not in any digest of that peer"
        );
        assert!(
            there.is_online(UserId(6)),
            "another peer's user is untouched"
        );
        drain(&mut news);
    }
}
