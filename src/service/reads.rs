//! How far everybody has read: moved forward at once here, written to the store a moment later.
//!
//! Positions wait in memory for at most a second and are written in one batch, so that reading along in a
//! busy group costs one row a second. A node that dies loses that moment; the client tells its position again.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tracing::warn;

use super::sessions::Sessions;
use crate::hub::link::Link;
use crate::model::conversation::Conv;
use crate::model::ids::{Seq, UserId};
use crate::store::{ConversationStore, StoreError};

/// Between two writes.
const WRITE_EVERY: Duration = Duration::from_secs(1);
/// Positions that wait; more are written at once, one by one.
const WAITING_MAX: usize = 50_000;
/// Writes after which what another node told is in the store for sure, or was told again.
const HEARD_FOR_WRITES: u32 = 5;
/// Positions remembered of what other nodes told; beyond it the store is believed alone.
const HEARD_MAX: usize = 50_000;

type Positions = BTreeMap<(UserId, Conv), Seq>;

/// Read positions on their way to the store. Cheap to clone.
#[derive(Clone)]
pub struct Reads {
    store: Arc<dyn ConversationStore>,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    waiting: Positions,
    /// Being written now; still news to whoever asks the store.
    writing: Positions,
    /// Told by other nodes, which write them: lately, and before that.
    heard: Positions,
    heard_before: Positions,
    writes: u32,
    /// Connections of old pages, whose place in the log is kept for them, and what was last taken down.
    bookmarks: Vec<(UserId, Weak<Link>)>,
    marked: BTreeMap<UserId, Seq>,
}

impl State {
    /// Takes down where the old pages are.
    fn mark(&mut self) {
        self.bookmarks.retain(|(_, link)| link.strong_count() > 0);
        for (user, link) in std::mem::take(&mut self.bookmarks) {
            if let Some(open) = link.upgrade() {
                self.mark_one(user, open.told());
                self.bookmarks.push((user, link));
            }
        }
    }

    fn mark_one(&mut self, user: UserId, told: Seq) {
        let key = (user, Conv::Account(user));
        if self.marked.get(&user).is_none_or(|marked| *marked < told) {
            self.marked.insert(user, told);
            let waiting = self.waiting.entry(key).or_default();
            *waiting = told.max(*waiting);
        }
    }

    fn get(&self, key: &(UserId, Conv)) -> Option<Seq> {
        let own = self.waiting.get(key).max(self.writing.get(key));
        own.max(self.heard.get(key))
            .max(self.heard_before.get(key))
            .copied()
    }
}

impl Reads {
    #[must_use]
    pub fn new(store: Arc<dyn ConversationStore>) -> Reads {
        Reads {
            store,
            state: Arc::default(),
        }
    }

    /// How far the user's old pages have been told of the log; `None`: they never were. Kept as his position in the
    /// conversation of his account, which nobody reads.
    pub async fn told(&self, user: UserId) -> Result<Option<Seq>, StoreError> {
        let told = self.position(user, Conv::Account(user)).await?;
        Ok((told > Seq::ZERO).then_some(told))
    }

    /// Writes down at once how far the user's old pages have been told.
    pub async fn tell(&self, user: UserId, told: Seq) -> Result<(), StoreError> {
        self.store
            .set_read(&[(user, Conv::Account(user), told)])
            .await
    }

    /// Writes down at once how far all old pages that are here have been told.
    pub async fn tell_all(&self) -> Result<(), StoreError> {
        let places: Vec<_> = {
            let state = self.lock();
            let open = state.bookmarks.iter();
            let open = open.filter_map(|(user, link)| Some((*user, link.upgrade()?)));
            open.map(|(user, link)| (user, Conv::Account(user), link.told()))
                .collect()
        };
        if places.is_empty() {
            return Ok(());
        }
        self.store.set_read(&places).await
    }

    /// Remembers from now on how far a connection of an old page is told of the log.
    #[must_use]
    pub fn bookmark(&self, user: UserId, link: &Arc<Link>) -> Bookmark {
        link.keep_place();
        let mut state = self.lock();
        state.bookmarks.retain(|(_, link)| link.strong_count() > 0);
        state.bookmarks.push((user, Arc::downgrade(link)));
        Bookmark {
            reads: self.clone(),
            user,
            link: Arc::clone(link),
            written: Seq::ZERO,
        }
    }

    /// What the store will hold in a moment; `None`: what it holds already.
    pub(super) fn pending(&self, user: UserId, conv: Conv) -> Option<Seq> {
        self.lock().get(&(user, conv))
    }

    /// How far the user has read.
    pub(super) async fn position(&self, user: UserId, conv: Conv) -> Result<Seq, StoreError> {
        let stored = self.store.read_position(user, conv).await?;
        Ok(stored.max(self.pending(user, conv).unwrap_or_default()))
    }

    /// Stored positions of one conversation, with those that the store will hold in a moment.
    pub(super) fn with_pending(
        &self,
        conv: Conv,
        positions: Vec<(UserId, Seq)>,
    ) -> Vec<(UserId, Seq)> {
        let state = self.lock();
        let latest = |(user, stored): (UserId, Seq)| {
            let pending = state.get(&(user, conv)).unwrap_or_default();
            (user, stored.max(pending))
        };
        positions.into_iter().map(latest).collect()
    }

    /// Another node says that a user has read up to here. `false`: it is no news.
    pub fn hear(&self, user: UserId, conv: Conv, seq: Seq) -> bool {
        let mut state = self.lock();
        let key = (user, conv);
        if state.get(&key).is_some_and(|known| known >= seq) {
            return false;
        }
        if state.heard.len() < HEARD_MAX || state.heard.contains_key(&key) {
            state.heard.insert(key, seq);
        }
        true
    }

    /// Moves a position forward.
    pub(super) async fn advance(
        &self,
        user: UserId,
        conv: Conv,
        seq: Seq,
    ) -> Result<(), StoreError> {
        let key = (user, conv);
        {
            let mut state = self.lock();
            if state.waiting.len() < WAITING_MAX || state.waiting.contains_key(&key) {
                let waiting = state.waiting.entry(key).or_default();
                *waiting = seq.max(*waiting);
                return Ok(());
            }
        }
        self.store.set_read(&[(user, conv, seq)]).await
    }

    /// Writes what waits. On failure it waits on.
    pub async fn write(&self) {
        let batch: Vec<(UserId, Conv, Seq)> = {
            let mut state = self.lock();
            state.mark();
            state.writes += 1;
            if state.writes.is_multiple_of(HEARD_FOR_WRITES) {
                state.heard_before = std::mem::take(&mut state.heard);
            }
            state.writing = std::mem::take(&mut state.waiting);
            let writing = state.writing.iter();
            writing
                .map(|((user, conv), seq)| (*user, *conv, *seq))
                .collect()
        };
        if batch.is_empty() {
            return;
        }
        let written = self.store.set_read(&batch).await;
        let mut state = self.lock();
        let batch = std::mem::take(&mut state.writing);
        if let Err(error) = written {
            warn!(%error, positions = batch.len(), "read positions are not written yet");
            for (key, seq) in batch {
                let waiting = state.waiting.entry(key).or_default();
                *waiting = seq.max(*waiting);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps an old page's place in the log, to the last word it was told.
pub struct Bookmark {
    reads: Reads,
    user: UserId,
    link: Arc<Link>,
    written: Seq,
}

impl Bookmark {
    /// Writes the place down now, before the page knows that it is gone: it may come back on another node at once.
    pub async fn write(&mut self) {
        let told = self.link.told();
        // What cannot be written now is tried again when the page is gone.
        if self.reads.tell(self.user, told).await.is_ok() {
            self.written = told;
        }
    }
}

impl Drop for Bookmark {
    fn drop(&mut self) {
        let mut state = self.reads.lock();
        state.mark_one(self.user, self.link.told());
        let user = self.user;
        state
            .bookmarks
            .retain(|(_, link)| !std::ptr::eq(link.as_ptr(), Arc::as_ptr(&self.link)));
        if state.bookmarks.iter().all(|(other, _)| *other != user) {
            state.marked.remove(&user);
        }
        drop(state);
        // He may come back on another node before the next writing.
        let (reads, told) = (self.reads.clone(), self.link.told());
        if told == self.written {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                // What cannot be written now waits for the next writing.
                let _ = reads.tell(user, told).await;
            });
        }
    }
}

/// Writes what waits, read positions and when users were last seen, every second until `stop` resolves, and once
/// more then.
pub async fn keep_written(reads: Reads, sessions: Sessions, stop: impl Future<Output = ()>) {
    let mut ticks = tokio::time::interval(WRITE_EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    tokio::pin!(stop);
    loop {
        let stopping = tokio::select! {
            () = &mut stop => true,
            _ = ticks.tick() => false,
        };
        reads.write().await;
        sessions.write_seen().await;
        if stopping {
            return;
        }
    }
}
