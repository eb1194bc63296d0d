//! What a node does with delivered entries: the place where view and cursors are plugged in.
//!
//! Responsible for the trait and for the smallest replica, which remembers what it was given. Driven by `node`.

use starling::cluster::core::Item;
use starling::model::ids::Seq;

/// The consumer of one node run.
pub trait Replica {
    /// A run begins: everything up to `head` is taken as known.
    fn start(&mut self, head: Seq);
    /// Entries were delivered. An error names what they contradict.
    fn apply(&mut self, items: &[Item]) -> Result<(), String>;
}

/// Remembers its position and insists on the next entry.
#[derive(Debug, Default)]
pub struct Position {
    applied: Seq,
}

impl Replica for Position {
    fn start(&mut self, head: Seq) {
        self.applied = head;
    }

    fn apply(&mut self, items: &[Item]) -> Result<(), String> {
        for item in items {
            if item.seq != self.applied.next() {
                return Err(format!("{} was delivered after {}", item.seq, self.applied));
            }
            self.applied = item.seq;
        }
        Ok(())
    }
}
