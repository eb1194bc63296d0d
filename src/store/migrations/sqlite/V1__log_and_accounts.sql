-- Released migrations are frozen: a change is a new file. Each only adds, and says at its end which version the
-- schema has now and which the oldest program is that can still work with it.

CREATE TABLE schema_info (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    version INTEGER NOT NULL,
    min_reader INTEGER NOT NULL
);

-- The log. head is the seq of the last entry, last_at its time; the epoch stays below 2^53 for JSON readers.
CREATE TABLE log_head (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    floor_seq INTEGER NOT NULL,
    head INTEGER NOT NULL,
    last_at INTEGER NOT NULL
);
INSERT INTO log_head (id, epoch, floor_seq, head, last_at)
VALUES (1, abs(random() % 9007199254740991) + 1, 0, 0, 0);

CREATE TABLE entries (
    seq INTEGER PRIMARY KEY,
    conv TEXT NOT NULL,
    sender INTEGER NOT NULL,
    at INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    cid TEXT NOT NULL COLLATE BINARY,
    fingerprint INTEGER NOT NULL,
    body BLOB NOT NULL
);
CREATE UNIQUE INDEX entries_by_cid ON entries (sender, cid);
-- kind and sender are in it so that places and unread counts are read without touching bodies.
CREATE INDEX entries_by_conv ON entries (conv, seq, kind, sender);

-- Written by appends only, so that nothing else ever waits for or delays them.
CREATE TABLE conversation_heads (
    conv TEXT PRIMARY KEY,
    last_seq INTEGER NOT NULL
) WITHOUT ROWID;

-- Both sides of a private conversation that has an entry: how a user's conversations are found.
CREATE TABLE private_peers (
    user_id INTEGER NOT NULL,
    peer_id INTEGER NOT NULL,
    conv TEXT NOT NULL,
    PRIMARY KEY (user_id, peer_id)
) WITHOUT ROWID;

-- Ids drawn before the row they name exists.
CREATE TABLE ids (
    name TEXT PRIMARY KEY,
    last_id INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO ids (name, last_id) VALUES ('user', 0), ('group', 0);

CREATE TABLE users (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    nickname TEXT NOT NULL,
    nickname_key TEXT NOT NULL,
    avatar TEXT NOT NULL,
    sex TEXT NOT NULL,
    memo TEXT NOT NULL,
    phone TEXT UNIQUE,
    email TEXT,
    email_key TEXT UNIQUE,
    password_hash TEXT NOT NULL,
    admin INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    registered_seq INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
);

CREATE TABLE sessions (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    user_id INTEGER NOT NULL,
    token_hash BLOB NOT NULL UNIQUE,
    device TEXT NOT NULL,
    address TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked_at INTEGER
);
CREATE INDEX sessions_by_user ON sessions (user_id);

-- Two rows per friendship, one for each side's remark.
CREATE TABLE friendships (
    user_id INTEGER NOT NULL,
    friend_id INTEGER NOT NULL,
    remark TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (user_id, friend_id)
) WITHOUT ROWID;

CREATE TABLE friend_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    from_user INTEGER NOT NULL,
    to_user INTEGER NOT NULL,
    message TEXT NOT NULL,
    at INTEGER NOT NULL,
    open INTEGER NOT NULL
);
CREATE UNIQUE INDEX friend_requests_open ON friend_requests (from_user, to_user) WHERE open = 1;
CREATE INDEX friend_requests_incoming ON friend_requests (to_user) WHERE open = 1;

CREATE TABLE blocks (
    user_id INTEGER NOT NULL,
    blocked_id INTEGER NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) WITHOUT ROWID;

CREATE TABLE chat_groups (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    name_key TEXT NOT NULL,
    icon TEXT NOT NULL,
    category INTEGER NOT NULL,
    memo TEXT NOT NULL,
    owner_id INTEGER NOT NULL,
    join_mode INTEGER NOT NULL,
    members INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    dissolved INTEGER NOT NULL
);

-- Stays in groups: a row is closed (to_seq), never deleted; leave and rejoin are two rows.
CREATE TABLE memberships (
    id INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    from_seq INTEGER NOT NULL,
    to_seq INTEGER,
    role INTEGER NOT NULL,
    joined_at INTEGER NOT NULL
);
CREATE UNIQUE INDEX memberships_present ON memberships (group_id, user_id) WHERE to_seq IS NULL;
CREATE INDEX memberships_by_user ON memberships (user_id, group_id);

CREATE TABLE read_positions (
    user_id INTEGER NOT NULL,
    conv TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user_id, conv)
) WITHOUT ROWID;

CREATE TABLE conversation_settings (
    user_id INTEGER NOT NULL,
    conv TEXT NOT NULL,
    muted INTEGER NOT NULL,
    pinned INTEGER NOT NULL,
    hidden INTEGER NOT NULL,
    draft TEXT NOT NULL,
    marked_unread INTEGER NOT NULL,
    PRIMARY KEY (user_id, conv)
) WITHOUT ROWID;

CREATE TABLE nodes (
    incarnation BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    version INTEGER NOT NULL,
    packet_number INTEGER NOT NULL,
    counter INTEGER NOT NULL
) WITHOUT ROWID;

INSERT INTO schema_info (id, version, min_reader) VALUES (1, 1, 1);
