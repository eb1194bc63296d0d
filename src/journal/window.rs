//! The recent entries in memory: what a reader close behind is served from, without the store.
//!
//! Pure data; owned by the replica.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::entry::Entry;
use crate::model::ids::Seq;

/// How much is kept.
#[derive(Clone, Copy, Debug)]
pub struct WindowBounds {
    /// Most entries.
    pub entries: usize,
    /// Most bytes of bodies, each entry counted with what it costs besides.
    pub bytes: usize,
}

impl Default for WindowBounds {
    fn default() -> Self {
        WindowBounds {
            entries: 65_536,
            bytes: 64 << 20,
        }
    }
}

/// What an entry costs besides its body.
const ENTRY_OVERHEAD_BYTES: usize = 200;

/// Consecutive entries up to the last applied one.
#[derive(Debug)]
pub struct Window {
    bounds: WindowBounds,
    entries: VecDeque<Arc<Entry>>,
    bytes: usize,
    /// The position just before the oldest kept entry.
    start: Seq,
}

impl Window {
    /// An empty window at a position.
    #[must_use]
    pub fn new(start: Seq, bounds: WindowBounds) -> Window {
        Window {
            bounds,
            entries: VecDeque::new(),
            bytes: 0,
            start,
        }
    }

    /// A reader at this position or later finds all that follows here.
    #[must_use]
    pub fn start(&self) -> Seq {
        self.start
    }

    /// Adds the next entry; the oldest leave when a bound is reached.
    pub fn push(&mut self, entry: Arc<Entry>) {
        debug_assert_eq!(
            entry.seq.0,
            self.start.0 + self.entries.len() as u64 + 1,
            "I: the window is dense"
        );
        self.bytes += entry.body.len() + ENTRY_OVERHEAD_BYTES;
        self.entries.push_back(entry);
        while self.entries.len() > self.bounds.entries || self.bytes > self.bounds.bytes {
            let Some(oldest) = self.entries.pop_front() else {
                break;
            };
            self.bytes -= oldest.body.len() + ENTRY_OVERHEAD_BYTES;
            self.start = oldest.seq;
        }
    }

    /// The entries above a position, which must not lie before [`Window::start`].
    pub fn after(&self, position: Seq) -> impl Iterator<Item = &Arc<Entry>> {
        let skip = position.0.saturating_sub(self.start.0);
        self.entries
            .iter()
            .skip(usize::try_from(skip).unwrap_or(usize::MAX))
    }
}
