//! How much each dialect is used: so that an operator knows when an old client can be let go.

use std::sync::atomic::{AtomicU64, Ordering};

/// One dialect's counts since the node started.
#[derive(Debug, Default)]
pub struct Use {
    pub requests: AtomicU64,
    pub connections: AtomicU64,
    pub messages: AtomicU64,
}

impl Use {
    pub(super) fn add(counter: &AtomicU64) {
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// All dialects' counts.
#[derive(Debug, Default)]
pub struct Uses {
    pub ginchat: Use,
    pub imooc: Use,
    pub shyim: Use,
}

impl Uses {
    /// Each dialect's name with its requests, connections and messages.
    #[must_use]
    pub fn table(&self) -> [(&'static str, [u64; 3]); 3] {
        let read = |counts: &Use| {
            [&counts.requests, &counts.connections, &counts.messages]
                .map(|counter| counter.load(Ordering::Relaxed))
        };
        [
            ("ginchat", read(&self.ginchat)),
            ("imooc", read(&self.imooc)),
            ("shyim", read(&self.shyim)),
        ]
    }
}
