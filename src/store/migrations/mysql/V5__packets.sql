-- Red packets, transfers and what everybody has: play money in cents. Written by appends only; settled packets are
-- deleted after their entries.

-- Nobody has a row before his money first moves: until then he has what the deployment starts everybody with.
CREATE TABLE IF NOT EXISTS balances (
    user_id BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    cents BIGINT NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- seq is the place of the message. rest is what is in it still; settled: nothing will change any more.
CREATE TABLE IF NOT EXISTS packets (
    seq BIGINT UNSIGNED NOT NULL PRIMARY KEY,
    conv VARBINARY(64) NOT NULL,
    sender BIGINT UNSIGNED NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    split TINYINT UNSIGNED NOT NULL,
    total BIGINT NOT NULL,
    shares INT UNSIGNED NOT NULL,
    rest BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    settled TINYINT UNSIGNED NOT NULL,
    KEY packets_by_expiry (settled, expires_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- A packet is cut when it is made: a claim takes the next share, and the sum is right by construction.
CREATE TABLE IF NOT EXISTS packet_shares (
    packet BIGINT UNSIGNED NOT NULL,
    n INT UNSIGNED NOT NULL,
    cents BIGINT NOT NULL,
    user_id BIGINT UNSIGNED NULL,
    at BIGINT NULL,
    PRIMARY KEY (packet, n),
    UNIQUE KEY packet_shares_by_user (packet, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 5;
