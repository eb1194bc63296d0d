-- Uploads. What is recorded about them never decides alone: a use counts with its entry, a face with what it shows.

-- The bytes, once for all files that have them. folder is empty where they are in a bucket.
CREATE TABLE blobs (
    sha256 BLOB PRIMARY KEY,
    place BLOB NOT NULL,
    size INTEGER NOT NULL,
    folder TEXT NOT NULL,
    touched_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE UNIQUE INDEX blobs_by_place ON blobs (place);
CREATE INDEX blobs_by_touch ON blobs (touched_at);

CREATE TABLE files (
    id TEXT PRIMARY KEY,
    owner INTEGER NOT NULL,
    name TEXT NOT NULL,
    mime TEXT NOT NULL,
    size INTEGER NOT NULL,
    sha256 BLOB NOT NULL,
    width INTEGER,
    height INTEGER,
    seconds INTEGER,
    thumb BLOB,
    at INTEGER NOT NULL,
    gone INTEGER NOT NULL,
    touched_at INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX files_by_owner ON files (owner, gone, size);
CREATE INDEX files_by_sha256 ON files (sha256, gone);
CREATE INDEX files_by_thumb ON files (thumb, gone);
CREATE INDEX files_by_touch ON files (gone, touched_at);

-- The entry (sender, cid) refers to a file.
CREATE TABLE file_uses (
    file TEXT NOT NULL,
    conv TEXT NOT NULL,
    sender INTEGER NOT NULL,
    cid TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (file, conv, sender, cid)
) WITHOUT ROWID;
CREATE INDEX file_uses_by_time ON file_uses (at);

-- The avatar of a user (kind 1) or the icon of a group (kind 2) is a file.
CREATE TABLE file_faces (
    file TEXT NOT NULL,
    kind INTEGER NOT NULL,
    face INTEGER NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (file, kind, face)
) WITHOUT ROWID;

-- Where folders that one node has can be asked for what is in them.
CREATE TABLE file_folders (
    folder TEXT NOT NULL,
    url TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (folder, url)
) WITHOUT ROWID;

UPDATE schema_info SET version = 7;
