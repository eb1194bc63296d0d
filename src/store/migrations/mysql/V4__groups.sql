-- Who waits to be let into a group. A row is deleted when it is answered, or when its user came in otherwise. Written
-- by appends only.
CREATE TABLE IF NOT EXISTS join_requests (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    group_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    message TEXT NOT NULL,
    at BIGINT NOT NULL,
    UNIQUE KEY join_requests_by_user (group_id, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Invitations into groups. Not written by appends, which only read them.
CREATE TABLE IF NOT EXISTS invites (
    code VARBINARY(32) NOT NULL PRIMARY KEY,
    group_id BIGINT UNSIGNED NOT NULL,
    creator_id BIGINT UNSIGNED NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_max BIGINT UNSIGNED NOT NULL,
    revoked TINYINT UNSIGNED NOT NULL,
    KEY invites_by_group (group_id, created_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- How often each was used. Written by appends only, which is why it is a table of its own.
CREATE TABLE IF NOT EXISTS invite_uses (
    code VARBINARY(32) NOT NULL PRIMARY KEY,
    used BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 4;
