//! The store in one SQLite file, shared by one or several node processes of one machine.
//!
//! Implements every trait of [`crate::store`] over one writing thread and a few reading threads, each owning its
//! connection; the async methods hand a closure to a thread and await its answer. Holds no domain rule that the
//! contract does not name, and no cache: other processes write to the same file.

mod admin;
mod admissions;
mod append;
mod backup;
mod changes;
mod conversations;
mod failure;
mod files;
mod friends;
mod groups;
mod hooks;
mod imports;
mod messages;
mod nodes;
mod open;
mod packets;
mod read;
mod retention;
mod rows;
mod schema;
mod search;
mod sessions;
mod tables;
mod users;
mod visible;
mod worker;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::model::entry::UnixMillis;
use crate::model::policy::StoreRules;
use crate::store::{CallTimes, Stores};

pub use backup::{CopyError, Progress, backup, renew, restore};
pub use open::{OpenError, OpenOptions, migrate, open};
use worker::Lane;

/// The ways to the threads. All traits are implemented on it.
struct Sqlite {
    writer: Lane,
    readers: Lane,
    rules: StoreRules,
    calls: CallTimes,
}

impl Sqlite {
    fn into_stores(self) -> Stores {
        let calls = self.calls.clone();
        let sqlite = Arc::new(self);
        Stores {
            log: Arc::<Sqlite>::clone(&sqlite),
            users: Arc::<Sqlite>::clone(&sqlite),
            sessions: Arc::<Sqlite>::clone(&sqlite),
            friends: Arc::<Sqlite>::clone(&sqlite),
            groups: Arc::<Sqlite>::clone(&sqlite),
            mutes: Arc::<Sqlite>::clone(&sqlite),
            admissions: Arc::<Sqlite>::clone(&sqlite),
            conversations: Arc::<Sqlite>::clone(&sqlite),
            messages: Arc::<Sqlite>::clone(&sqlite),
            nodes: Arc::<Sqlite>::clone(&sqlite),
            imports: Arc::<Sqlite>::clone(&sqlite),
            retention: Arc::<Sqlite>::clone(&sqlite),
            packets: Arc::<Sqlite>::clone(&sqlite),
            hooks: Arc::<Sqlite>::clone(&sqlite),
            files: Arc::<Sqlite>::clone(&sqlite),
            audit: Arc::<Sqlite>::clone(&sqlite),
            invitations: Arc::<Sqlite>::clone(&sqlite),
            search: Arc::<Sqlite>::clone(&sqlite),
            tables: sqlite,
            calls,
        }
    }
}

/// The store's clock. Nodes that share a file share a machine and so its clock.
#[expect(
    clippy::disallowed_methods,
    reason = "the store stamps entries, and this is its clock"
)]
fn now() -> UnixMillis {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            UnixMillis::try_from(since.as_millis()).unwrap_or(UnixMillis::MAX)
        })
}
