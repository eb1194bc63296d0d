//! The model committer of one node: gathers sends into appends.
//!
//! Responsible for one append in flight per node and for repeating a batch of unknown outcome with the same ids.
//! Deliberately without time: `world` schedules. The real committer follows the same rules.

use std::collections::VecDeque;

use crate::store::Cid;

/// Entries of one append at most.
const BATCH_MAX: usize = 16;

/// Sends waiting at one node.
#[derive(Debug, Default)]
pub struct Committer {
    waiting: VecDeque<(Cid, usize)>,
    in_flight: Option<Vec<(Cid, usize)>>,
}

impl Committer {
    pub fn send(&mut self, cid: Cid, size: usize) {
        self.waiting.push_back((cid, size));
    }

    /// The batch to append now, if none is in flight.
    pub fn next(&mut self) -> Option<Vec<(Cid, usize)>> {
        if self.in_flight.is_some() || self.waiting.is_empty() {
            return None;
        }
        let count = self.waiting.len().min(BATCH_MAX);
        self.in_flight = Some(self.waiting.drain(..count).collect());
        self.in_flight.clone()
    }

    /// The append returned.
    pub fn done(&mut self) {
        self.in_flight = None;
    }

    /// The append's outcome is unknown: the same batch comes first again.
    pub fn failed(&mut self) {
        for send in self.in_flight.take().unwrap_or_default().into_iter().rev() {
            self.waiting.push_front(send);
        }
    }
}
