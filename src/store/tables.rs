//! A store as tables of rows: what moving it to another kind of store takes, and nothing else should use.
//!
//! Names the tables and columns that every implementation has alike. Left out is what belongs to one store alone: its
//! schema's version, its nodes, the log's counters (which travel as a [`LogRecord`]), and what is derived from others.

use async_trait::async_trait;

use super::{LogHead, Result};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Epoch, Seq};

/// The epoch of a store whose contents are not complete yet. Never drawn.
pub const INCOMPLETE: Epoch = Epoch(0);

/// What a column holds, NULL aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Number,
    Text,
    Bytes,
}

/// One table. Its key is its first columns.
#[derive(Debug, PartialEq, Eq)]
pub struct Table {
    pub name: &'static str,
    /// How many of the columns are the key.
    pub key: usize,
    pub columns: &'static [(&'static str, Kind)],
}

/// One value of a row.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Cell {
    Null,
    Number(i64),
    Text(String),
    Bytes(Vec<u8>),
}

/// The log's counters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub floor: Seq,
    pub head: Seq,
    /// The time of the last entry; the next one's is not before it.
    pub last_at: UnixMillis,
}

/// Reads and writes whole rows.
#[async_trait]
pub trait TableStore: Send + Sync {
    async fn record(&self) -> Result<LogRecord>;
    /// Up to `limit` rows after the one with the key `after`, by key, byte for byte.
    async fn rows(
        &self,
        table: &'static Table,
        after: Option<Vec<Cell>>,
        limit: usize,
    ) -> Result<Vec<Vec<Cell>>>;
    /// Writes rows, in place of those with the same key.
    async fn put(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<()>;
    /// Marks the store as [`INCOMPLETE`] and empties all of [`TABLES`].
    async fn clear(&self) -> Result<()>;
    /// Sets the log's counters and gives it a new epoch, which makes the store complete.
    async fn finish(&self, record: LogRecord) -> Result<LogHead>;
}

use Kind::{Bytes, Number, Text};

/// All tables, what others refer to first.
pub const TABLES: &[Table] = &[
    Table {
        name: "users",
        key: 1,
        columns: &[
            ("id", Number),
            ("name", Text),
            ("name_key", Text),
            ("nickname", Text),
            ("nickname_key", Text),
            ("avatar", Text),
            ("sex", Text),
            ("memo", Text),
            ("phone", Text),
            ("email", Text),
            ("email_key", Text),
            ("password_hash", Text),
            ("admin", Number),
            ("disabled", Number),
            ("registered_seq", Number),
            ("created_at", Number),
            ("last_seen_at", Number),
        ],
    },
    Table {
        name: "sessions",
        key: 1,
        columns: &[
            ("id", Number),
            ("user_id", Number),
            ("token_hash", Bytes),
            ("device", Text),
            ("address", Text),
            ("created_at", Number),
            ("last_seen_at", Number),
            ("expires_at", Number),
            ("revoked_at", Number),
        ],
    },
    Table {
        name: "friendships",
        key: 2,
        columns: &[
            ("user_id", Number),
            ("friend_id", Number),
            ("remark", Text),
            ("since", Number),
        ],
    },
    Table {
        name: "friend_requests",
        key: 1,
        columns: &[
            ("id", Number),
            ("from_user", Number),
            ("to_user", Number),
            ("message", Text),
            ("at", Number),
            ("open", Number),
        ],
    },
    Table {
        name: "blocks",
        key: 2,
        columns: &[("user_id", Number), ("blocked_id", Number)],
    },
    Table {
        name: "chat_groups",
        key: 1,
        columns: &[
            ("id", Number),
            ("name", Text),
            ("name_key", Text),
            ("icon", Text),
            ("category", Number),
            ("memo", Text),
            ("owner_id", Number),
            ("join_mode", Number),
            ("members", Number),
            ("created_at", Number),
            ("dissolved", Number),
        ],
    },
    Table {
        name: "memberships",
        key: 1,
        columns: &[
            ("id", Number),
            ("group_id", Number),
            ("user_id", Number),
            ("from_seq", Number),
            ("to_seq", Number),
            ("role", Number),
            ("joined_at", Number),
        ],
    },
    Table {
        name: "mutes",
        key: 2,
        columns: &[
            ("group_id", Number),
            ("user_id", Number),
            ("until_at", Number),
        ],
    },
    Table {
        name: "join_requests",
        key: 1,
        columns: &[
            ("id", Number),
            ("group_id", Number),
            ("user_id", Number),
            ("message", Text),
            ("at", Number),
        ],
    },
    Table {
        name: "invites",
        key: 1,
        columns: &[
            ("code", Text),
            ("group_id", Number),
            ("creator_id", Number),
            ("created_at", Number),
            ("expires_at", Number),
            ("uses_max", Number),
            ("revoked", Number),
        ],
    },
    Table {
        name: "invite_uses",
        key: 1,
        columns: &[("code", Text), ("used", Number)],
    },
    Table {
        name: "entries",
        key: 1,
        columns: &[
            ("seq", Number),
            ("conv", Text),
            ("sender", Number),
            ("at", Number),
            ("kind", Number),
            ("cid", Text),
            ("fingerprint", Number),
            ("body", Bytes),
        ],
    },
    Table {
        name: "private_peers",
        key: 2,
        columns: &[("user_id", Number), ("peer_id", Number), ("conv", Text)],
    },
    Table {
        name: "balances",
        key: 1,
        columns: &[("user_id", Number), ("cents", Number)],
    },
    Table {
        name: "packets",
        key: 1,
        columns: &[
            ("seq", Number),
            ("conv", Text),
            ("sender", Number),
            ("kind", Number),
            ("split", Number),
            ("total", Number),
            ("shares", Number),
            ("rest", Number),
            ("expires_at", Number),
            ("settled", Number),
        ],
    },
    Table {
        name: "packet_shares",
        key: 2,
        columns: &[
            ("packet", Number),
            ("n", Number),
            ("cents", Number),
            ("user_id", Number),
            ("at", Number),
        ],
    },
    Table {
        name: "bots",
        key: 1,
        columns: &[("user_id", Number), ("owner_id", Number)],
    },
    Table {
        name: "hooks",
        key: 1,
        columns: &[
            ("id", Number),
            ("group_id", Number),
            ("kind", Number),
            ("name", Text),
            ("creator", Number),
            ("bot_id", Number),
            ("token_hash", Bytes),
            ("url", Text),
            ("secret", Text),
            ("created_at", Number),
            ("cursor_seq", Number),
            ("holder", Bytes),
            ("held_until", Number),
            ("failures", Number),
            ("failing_since", Number),
            ("next_at", Number),
            ("disabled", Text),
        ],
    },
    Table {
        name: "read_positions",
        key: 2,
        columns: &[("user_id", Number), ("conv", Text), ("seq", Number)],
    },
    Table {
        name: "conversation_settings",
        key: 2,
        columns: &[
            ("user_id", Number),
            ("conv", Text),
            ("muted", Number),
            ("pinned", Number),
            ("hidden", Number),
            ("draft", Text),
            ("marked_unread", Number),
        ],
    },
    Table {
        name: "edits",
        key: 2,
        columns: &[("target", Number), ("seq", Number)],
    },
    Table {
        name: "reactions",
        key: 3,
        columns: &[
            ("target", Number),
            ("emoji", Text),
            ("user_id", Number),
            ("seq", Number),
        ],
    },
    Table {
        name: "reaction_counts",
        key: 2,
        columns: &[
            ("target", Number),
            ("emoji", Text),
            ("users", Number),
            ("first_seq", Number),
        ],
    },
    Table {
        name: "hidden_entries",
        key: 2,
        columns: &[("user_id", Number), ("seq", Number)],
    },
    Table {
        name: "imports",
        key: 3,
        columns: &[
            ("source", Text),
            ("kind", Text),
            ("old_id", Text),
            ("new_id", Number),
        ],
    },
    Table {
        name: "blobs",
        key: 1,
        columns: &[
            ("sha256", Bytes),
            ("place", Bytes),
            ("size", Number),
            ("folder", Text),
            ("touched_at", Number),
        ],
    },
    Table {
        name: "files",
        key: 1,
        columns: &[
            ("id", Text),
            ("owner", Number),
            ("name", Text),
            ("mime", Text),
            ("size", Number),
            ("sha256", Bytes),
            ("width", Number),
            ("height", Number),
            ("seconds", Number),
            ("thumb", Bytes),
            ("at", Number),
            ("gone", Number),
            ("touched_at", Number),
        ],
    },
    Table {
        name: "file_uses",
        key: 4,
        columns: &[
            ("file", Text),
            ("conv", Text),
            ("sender", Number),
            ("cid", Text),
            ("at", Number),
        ],
    },
    Table {
        name: "file_faces",
        key: 3,
        columns: &[
            ("file", Text),
            ("kind", Number),
            ("face", Number),
            ("at", Number),
        ],
    },
    Table {
        name: "file_folders",
        key: 2,
        columns: &[("folder", Text), ("url", Text), ("at", Number)],
    },
    Table {
        name: "audit",
        key: 1,
        columns: &[
            ("id", Number),
            ("at", Number),
            ("admin", Number),
            ("action", Text),
            ("target", Number),
            ("detail", Text),
            ("address", Text),
        ],
    },
    Table {
        name: "invitations",
        key: 1,
        columns: &[
            ("id", Number),
            ("code_hash", Bytes),
            ("made_by", Number),
            ("uses", Number),
            ("used", Number),
            ("created_at", Number),
            ("expires_at", Number),
            ("revoked", Number),
        ],
    },
    Table {
        name: "ids",
        key: 1,
        columns: &[("name", Text), ("last_id", Number)],
    },
];
