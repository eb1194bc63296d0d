//! Defects on purpose, so that it can be shown that whoever checks the promises finds them broken.
//!
//! Exists only in a debug build with the feature `defects`, and does nothing unless [`VARIABLE`] names one of `skip`
//! (an entry is not handed to the connections), `double` (twice), `swap` (after the next one), `early-ack`
//! (acknowledged and never stored) and `replays` (the bus takes a datagram as often as it comes).

#[cfg(not(debug_assertions))]
compile_error!("the feature `defects` breaks promises and must not be in a release build");

use std::sync::Arc;

use crate::model::entry::{Entry, EntryKind};

/// Names the defect.
pub const VARIABLE: &str = "STARLING_DEFECT";

/// One message of so many is treated badly.
const ONE_OF: u64 = 40;

/// Whether the bus takes what it had before.
#[must_use]
pub fn takes_replays() -> bool {
    std::env::var(VARIABLE).is_ok_and(|which| which == "replays")
}

/// What is done wrong, and to which message next.
#[derive(Debug)]
pub struct Defects {
    which: String,
    messages: u64,
    held: Option<Arc<Entry>>,
}

impl Defects {
    /// The defect that the environment names; without one nothing is done wrong.
    #[must_use]
    pub fn from_environment() -> Defects {
        let which = std::env::var(VARIABLE).unwrap_or_default();
        if !which.is_empty() {
            tracing::warn!(which, "{VARIABLE} is set: PROMISES ARE BROKEN ON PURPOSE");
        }
        Defects {
            which,
            messages: 0,
            held: None,
        }
    }

    fn is_due(&mut self) -> bool {
        self.messages += 1;
        self.messages.is_multiple_of(ONE_OF)
    }

    /// What the connections get in place of this entry, in this order.
    pub fn deliveries(&mut self, entry: &Arc<Entry>) -> Vec<Arc<Entry>> {
        let mut all = vec![Arc::clone(entry)];
        if entry.kind != EntryKind::Message {
            return all;
        }
        all.extend(self.held.take());
        let due = self.is_due();
        match self.which.as_str() {
            "skip" if due => all.clear(),
            "double" if due => all.push(Arc::clone(entry)),
            "swap" if due => self.held = all.pop(),
            _ => {}
        }
        all
    }

    /// Whether this draft is acknowledged without being stored.
    pub fn acks_early(&mut self) -> bool {
        self.which == "early-ack" && self.is_due()
    }
}
