//! Who is online, and the signals that say so: best effort, never needed for delivery.
//!
//! Each node knows its own connections and believes its peers about theirs: they announce changes as signals
//! and repeat everything in a rotating digest inside their beats, so a lost change heals.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, RwLock};

use tokio::sync::mpsc;

use crate::model::ids::{Incarnation, UserId};
use crate::model::signal::Signal;

/// Signals that wait to be sent. They are best effort: more are dropped.
const SIGNALS_WAITING_MAX: usize = 4_096;

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

/// Who is online anywhere in the cluster. Cheap to clone.
#[derive(Clone, Default)]
pub struct Presence(Arc<RwLock<State>>);

#[derive(Default)]
struct State {
    local: BTreeSet<UserId>,
    remote: BTreeMap<Incarnation, BTreeSet<UserId>>,
}

impl Presence {
    /// Whether the user has a connection on any node, as far as this node knows.
    #[must_use]
    pub fn is_online(&self, user: UserId) -> bool {
        let state = self
            .0
            .read()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        state.local.contains(&user) || state.remote.values().any(|users| users.contains(&user))
    }
}
