-- The twin of SQLite's schema: the same tables and columns, but for what each derives from them in its own way. Released migrations are frozen: a change is a new file.
-- Each only adds, and each statement can be repeated, since a server keeps what ran before the one that failed.
-- What is compared byte for byte is VARBINARY: collations take 'a' for 'A' and 'x' for 'x '. Texts that compare
-- without regard to case have a key beside them, folded by the program alike for every store.

CREATE TABLE IF NOT EXISTS schema_info (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    version INT NOT NULL,
    min_reader INT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- The referee: whoever holds this row gives the next seqs. Only the procedure that appends takes it, and waits for
-- nothing while it has it. writes changes with every append, so that each is a commit of its own.
CREATE TABLE IF NOT EXISTS log_head (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    epoch BIGINT UNSIGNED NOT NULL,
    head BIGINT UNSIGNED NOT NULL,
    last_at BIGINT NOT NULL,
    writes BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Apart from the head, so that pruning never holds up an append.
CREATE TABLE IF NOT EXISTS log_floor (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    floor_seq BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS entries (
    seq BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    conv VARBINARY(64) NOT NULL,
    sender BIGINT UNSIGNED NOT NULL,
    at BIGINT NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    cid VARBINARY(64) NOT NULL,
    fingerprint BIGINT NOT NULL,
    body MEDIUMBLOB NOT NULL,
    UNIQUE KEY entries_by_cid (sender, cid),
    KEY entries_by_conv (conv, seq, kind, sender)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS private_peers (
    user_id BIGINT UNSIGNED NOT NULL,
    peer_id BIGINT UNSIGNED NOT NULL,
    conv VARBINARY(64) NOT NULL,
    PRIMARY KEY (user_id, peer_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS ids (
    name VARBINARY(16) NOT NULL PRIMARY KEY,
    last_id BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- 0, 1, 2, …: a batch is one value, and this counts the entries in it.
CREATE TABLE IF NOT EXISTS numbers (
    n INT UNSIGNED NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS users (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    name_key VARBINARY(1024) NOT NULL,
    nickname VARCHAR(255) NOT NULL,
    nickname_key VARBINARY(1024) NOT NULL,
    avatar TEXT NOT NULL,
    sex VARBINARY(8) NOT NULL,
    memo TEXT NOT NULL,
    phone VARBINARY(64) NULL,
    email VARCHAR(255) NULL,
    email_key VARBINARY(1024) NULL,
    password_hash VARBINARY(512) NOT NULL,
    admin TINYINT UNSIGNED NOT NULL,
    disabled TINYINT UNSIGNED NOT NULL,
    registered_seq BIGINT UNSIGNED NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    UNIQUE KEY users_by_name (name_key),
    UNIQUE KEY users_by_phone (phone),
    UNIQUE KEY users_by_email (email_key)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS sessions (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    user_id BIGINT UNSIGNED NOT NULL,
    token_hash VARBINARY(32) NOT NULL,
    device VARCHAR(255) NOT NULL,
    address VARCHAR(255) NOT NULL,
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked_at BIGINT NULL,
    UNIQUE KEY sessions_by_token (token_hash),
    KEY sessions_by_user (user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS friendships (
    user_id BIGINT UNSIGNED NOT NULL,
    friend_id BIGINT UNSIGNED NOT NULL,
    remark VARCHAR(255) NOT NULL,
    since BIGINT NOT NULL,
    PRIMARY KEY (user_id, friend_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A server has no index of some rows only: open is 1 or NULL, and NULLs never collide.
CREATE TABLE IF NOT EXISTS friend_requests (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    from_user BIGINT UNSIGNED NOT NULL,
    to_user BIGINT UNSIGNED NOT NULL,
    message TEXT NOT NULL,
    at BIGINT NOT NULL,
    open TINYINT UNSIGNED NULL,
    UNIQUE KEY friend_requests_open (from_user, to_user, open),
    KEY friend_requests_incoming (to_user, open)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS blocks (
    user_id BIGINT UNSIGNED NOT NULL,
    blocked_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, blocked_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS chat_groups (
    id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    name_key VARBINARY(1024) NOT NULL,
    icon TEXT NOT NULL,
    category INT NOT NULL,
    memo TEXT NOT NULL,
    owner_id BIGINT UNSIGNED NOT NULL,
    join_mode TINYINT UNSIGNED NOT NULL,
    members BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    dissolved TINYINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Stays in groups: a row is closed (to_seq), never deleted; leave and rejoin are two rows. present is 1 or NULL, as in
-- friend_requests.
CREATE TABLE IF NOT EXISTS memberships (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    group_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    from_seq BIGINT UNSIGNED NOT NULL,
    to_seq BIGINT UNSIGNED NULL,
    role TINYINT UNSIGNED NOT NULL,
    joined_at BIGINT NOT NULL,
    present TINYINT UNSIGNED NULL,
    UNIQUE KEY memberships_present (group_id, user_id, present),
    KEY memberships_by_user (user_id, group_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS read_positions (
    user_id BIGINT UNSIGNED NOT NULL,
    conv VARBINARY(64) NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, conv)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS conversation_settings (
    user_id BIGINT UNSIGNED NOT NULL,
    conv VARBINARY(64) NOT NULL,
    muted TINYINT UNSIGNED NOT NULL,
    pinned TINYINT UNSIGNED NOT NULL,
    hidden TINYINT UNSIGNED NOT NULL,
    draft MEDIUMTEXT NOT NULL,
    marked_unread TINYINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, conv)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- writes changes with every beat: a commit that changes nothing would be none.
CREATE TABLE IF NOT EXISTS nodes (
    incarnation VARBINARY(16) NOT NULL PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    address VARCHAR(255) NOT NULL,
    version INT UNSIGNED NOT NULL,
    packet_number BIGINT UNSIGNED NOT NULL,
    counter BIGINT UNSIGNED NOT NULL,
    writes BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS imports (
    source VARBINARY(64) NOT NULL,
    kind VARBINARY(32) NOT NULL,
    old_id VARBINARY(128) NOT NULL,
    new_id BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (source, kind, old_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Random, below 2^53 for JSON readers.
INSERT IGNORE INTO log_head (id, epoch, head, last_at, writes)
VALUES (1, 1 + CAST(CONV(LEFT(MD5(CONCAT(UUID(), RAND())), 13), 16, 10) AS UNSIGNED), 0, 0, 0);
INSERT IGNORE INTO log_floor (id, floor_seq) VALUES (1, 0);
INSERT IGNORE INTO ids (name, last_id) VALUES ('user', 0), ('group', 0);
INSERT IGNORE INTO numbers (n) VALUES (0);
INSERT IGNORE INTO numbers SELECT n + 1 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 2 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 4 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 8 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 16 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 32 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 64 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 128 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 256 FROM numbers;
INSERT IGNORE INTO numbers SELECT n + 512 FROM numbers;
INSERT IGNORE INTO schema_info (id, version, min_reader) VALUES (1, 1, 1);
