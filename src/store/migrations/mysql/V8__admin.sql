-- What admins did. Only ever added to. Admin 0 is the command line.
CREATE TABLE IF NOT EXISTS audit (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    at BIGINT NOT NULL,
    admin BIGINT UNSIGNED NOT NULL,
    action VARCHAR(64) NOT NULL,
    target BIGINT UNSIGNED,
    detail TEXT NOT NULL,
    address VARCHAR(64) NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- By which people register where not everybody may.
CREATE TABLE IF NOT EXISTS invitations (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    code_hash BINARY(32) NOT NULL,
    made_by BIGINT UNSIGNED NOT NULL,
    uses INT UNSIGNED NOT NULL,
    used INT UNSIGNED NOT NULL DEFAULT 0,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    revoked TINYINT UNSIGNED NOT NULL DEFAULT 0,
    UNIQUE KEY invitations_by_code (code_hash),
    KEY invitations_by_maker (made_by, id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 8;
