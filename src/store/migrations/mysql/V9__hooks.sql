-- Accounts that programs use; owner 0: of an incoming hook.
CREATE TABLE IF NOT EXISTS bots (
    user_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    owner_id BIGINT UNSIGNED NOT NULL,
    KEY bots_by_owner (owner_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- kind 0: into the group, by token_hash, as bot_id. 1: out of it, to url, signed with secret; cursor_seq: up to where.
-- Held by a node until held_until; not tried before next_at; disabled: why it is tried no more, or empty.
CREATE TABLE IF NOT EXISTS hooks (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    group_id BIGINT UNSIGNED NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    name VARCHAR(255) NOT NULL,
    creator BIGINT UNSIGNED NOT NULL,
    bot_id BIGINT UNSIGNED NULL,
    token_hash VARBINARY(32) NULL,
    url VARCHAR(2048) NULL,
    secret VARCHAR(255) NULL,
    created_at BIGINT NOT NULL,
    cursor_seq BIGINT UNSIGNED NOT NULL,
    holder VARBINARY(16) NULL,
    held_until BIGINT NOT NULL,
    failures INT UNSIGNED NOT NULL,
    failing_since BIGINT NULL,
    next_at BIGINT NOT NULL,
    disabled VARCHAR(255) NOT NULL,
    UNIQUE KEY hooks_by_token (token_hash),
    KEY hooks_by_group (group_id),
    KEY hooks_by_time (kind, next_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 9;
