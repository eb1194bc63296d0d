-- Accounts that programs use; owner 0: of an incoming hook.
CREATE TABLE bots (
    user_id INTEGER PRIMARY KEY,
    owner_id INTEGER NOT NULL
);
CREATE INDEX bots_by_owner ON bots (owner_id);

-- kind 0: into the group, by token_hash, as bot_id. 1: out of it, to url, signed with secret; cursor_seq: up to where.
-- Held by a node until held_until; not tried before next_at; disabled: why it is tried no more, or empty.
CREATE TABLE hooks (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    name TEXT NOT NULL,
    creator INTEGER NOT NULL,
    bot_id INTEGER,
    token_hash BLOB UNIQUE,
    url TEXT,
    secret TEXT,
    created_at INTEGER NOT NULL,
    cursor_seq INTEGER NOT NULL,
    holder BLOB,
    held_until INTEGER NOT NULL,
    failures INTEGER NOT NULL,
    failing_since INTEGER,
    next_at INTEGER NOT NULL,
    disabled TEXT NOT NULL
);
CREATE INDEX hooks_by_group ON hooks (group_id);
CREATE INDEX hooks_going_out ON hooks (next_at) WHERE kind = 1 AND disabled = '';

UPDATE schema_info SET version = 10;
