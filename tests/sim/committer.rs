//! The model committer of one node: gathers sends into appends.
//!
//! Responsible for one append in flight per node and for repeating a batch of unknown outcome with the same ids.
//! Deliberately without time: `world` schedules. The real committer follows the same rules.

use std::collections::VecDeque;

use starling::model::ids::ConnId;

use crate::store::Cid;

/// Entries of one append at most.
const BATCH_MAX: usize = 16;

/// One send on its way into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Submission {
    pub cid: Cid,
    pub size: usize,
    /// The connection that is told by an ack.
    pub origin: Option<ConnId>,
}

/// Sends waiting at one node.
#[derive(Debug, Default)]
pub struct Committer {
    waiting: VecDeque<Submission>,
    in_flight: Option<Vec<Submission>>,
}

impl Committer {
    pub fn send(&mut self, submission: Submission) {
        self.waiting.push_back(submission);
    }

    /// The batch to append now, if none is in flight.
    pub fn next(&mut self) -> Option<Vec<Submission>> {
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
