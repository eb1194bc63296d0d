-- Uploads: the twin of SQLite's tables.

CREATE TABLE IF NOT EXISTS blobs (
    sha256 VARBINARY(32) NOT NULL PRIMARY KEY,
    place VARBINARY(16) NOT NULL,
    size BIGINT NOT NULL,
    folder VARBINARY(64) NOT NULL,
    touched_at BIGINT NOT NULL,
    UNIQUE KEY blobs_by_place (place),
    KEY blobs_by_touch (touched_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS files (
    id VARBINARY(22) NOT NULL PRIMARY KEY,
    owner BIGINT UNSIGNED NOT NULL,
    name TEXT NOT NULL,
    mime VARCHAR(255) NOT NULL,
    size BIGINT NOT NULL,
    sha256 VARBINARY(32) NOT NULL,
    width BIGINT NULL,
    height BIGINT NULL,
    seconds BIGINT NULL,
    thumb VARBINARY(32) NULL,
    at BIGINT NOT NULL,
    gone TINYINT UNSIGNED NOT NULL,
    touched_at BIGINT NOT NULL,
    KEY files_by_owner (owner, gone, size),
    KEY files_by_sha256 (sha256, gone),
    KEY files_by_thumb (thumb, gone),
    KEY files_by_touch (gone, touched_at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS file_uses (
    file VARBINARY(22) NOT NULL,
    conv VARBINARY(64) NOT NULL,
    sender BIGINT UNSIGNED NOT NULL,
    cid VARBINARY(64) NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (file, conv, sender, cid),
    KEY file_uses_by_time (at)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS file_faces (
    file VARBINARY(22) NOT NULL,
    kind TINYINT UNSIGNED NOT NULL,
    face BIGINT UNSIGNED NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (file, kind, face)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

CREATE TABLE IF NOT EXISTS file_folders (
    folder VARBINARY(64) NOT NULL,
    url VARBINARY(512) NOT NULL,
    at BIGINT NOT NULL,
    PRIMARY KEY (folder, url)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- Those who upload at once for one owner wait for one another at his row.
CREATE TABLE IF NOT EXISTS file_owners (
    owner BIGINT UNSIGNED NOT NULL PRIMARY KEY
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 6;
