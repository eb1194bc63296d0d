//! The store on a MySQL or MariaDB server, shared by the nodes of several machines.
//!
//! Implements every trait of [`crate::store`] over three small pools of connections: one connection that appends, some
//! that read, some for all other writes. No transaction of ours spans a network round trip: a write is one statement
//! or one `CALL`, which the server finishes alone whatever becomes of the node that sent it. Holds no domain rule that
//! the contract does not name, and no cache: other nodes write to the same database.

mod fault;
pub mod foreign;
mod link;
mod session;

use crate::model::policy::StoreRules;
use link::Pool;

/// The ways to the server. All traits are implemented on it.
struct Mysql {
    /// The committer's connection: no slow reader and no other writer is before it.
    appender: Pool,
    readers: Pool,
    /// Everything that is written and is not an entry.
    writers: Pool,
    rules: StoreRules,
}

/// What texts are compared by where case does not count.
fn folded(text: &str) -> String {
    text.to_lowercase()
}
