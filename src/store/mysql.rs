//! The store on a MySQL or MariaDB server, shared by the nodes of several machines.
//!
//! Implements every trait of [`crate::store`] over three small pools of connections: one connection that appends, some
//! that read, some for all other writes. No transaction of ours spans a network round trip: a write is one statement
//! or one `CALL`, which the server finishes alone whatever becomes of the node that sent it. Holds no domain rule that
//! the contract does not name, and no cache: other nodes write to the same database.

mod admin;
mod admissions;
mod altering;
mod append;
mod conversations;
mod fault;
mod files;
pub mod foreign;
mod friends;
mod groups;
mod hooks;
mod imports;
mod link;
mod many;
mod messages;
mod nodes;
mod open;
mod packed;
mod packets;
mod places;
mod read;
mod refusal;
mod retention;
mod routines;
mod rows;
mod schema;
mod search;
mod server;
mod session;
mod sessions;
mod tables;
mod users;
mod verdict;
mod visible;

#[cfg(test)]
pub(crate) mod tests;

use std::sync::Arc;

use crate::model::policy::StoreRules;
use crate::store::{CallTimes, Stores};
use link::Pool;

pub use open::{OpenOptions, Tls, migrate, open};
pub use refusal::OpenError;

/// The ways to the server. All traits are implemented on it.
struct Mysql {
    /// The committer's connection: no slow reader and no other writer is before it.
    appender: Pool,
    readers: Pool,
    /// Everything that is written and is not an entry.
    writers: Pool,
    rules: StoreRules,
    /// How many bytes of drafts go in one call.
    batch_bytes: usize,
    /// The server's max_allowed_packet.
    packet_bytes: usize,
    calls: CallTimes,
}

impl Mysql {
    fn into_stores(self) -> Stores {
        let calls = self.calls.clone();
        let mysql = Arc::new(self);
        Stores {
            log: Arc::<Mysql>::clone(&mysql),
            users: Arc::<Mysql>::clone(&mysql),
            sessions: Arc::<Mysql>::clone(&mysql),
            friends: Arc::<Mysql>::clone(&mysql),
            groups: Arc::<Mysql>::clone(&mysql),
            mutes: Arc::<Mysql>::clone(&mysql),
            admissions: Arc::<Mysql>::clone(&mysql),
            conversations: Arc::<Mysql>::clone(&mysql),
            messages: Arc::<Mysql>::clone(&mysql),
            nodes: Arc::<Mysql>::clone(&mysql),
            imports: Arc::<Mysql>::clone(&mysql),
            retention: Arc::<Mysql>::clone(&mysql),
            packets: Arc::<Mysql>::clone(&mysql),
            hooks: Arc::<Mysql>::clone(&mysql),
            files: Arc::<Mysql>::clone(&mysql),
            audit: Arc::<Mysql>::clone(&mysql),
            invitations: Arc::<Mysql>::clone(&mysql),
            search: Arc::<Mysql>::clone(&mysql),
            tables: mysql,
            calls,
        }
    }
}
