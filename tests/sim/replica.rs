//! What every node must do with delivered entries, whatever else it does: take the next one, each time.
//!
//! Responsible for P2 at the boundary of the core. What a whole node does with them is `crowd`'s. Driven by `machine`.

use starling::cluster::core::Item;
use starling::model::ids::Seq;

/// Remembers its position and insists on the next entry.
#[derive(Debug, Default)]
pub struct Position {
    applied: Seq,
}

impl Position {
    /// A run begins, or begins anew: everything up to `head` is taken as known.
    pub fn start(&mut self, head: Seq) {
        self.applied = head;
    }

    /// Entries were delivered. An error names what they contradict.
    pub fn apply(&mut self, items: &[Item]) -> Result<(), String> {
        for item in items {
            if item.seq != self.applied.next() {
                return Err(format!("{} was delivered after {}", item.seq, self.applied));
            }
            self.applied = item.seq;
        }
        Ok(())
    }
}
