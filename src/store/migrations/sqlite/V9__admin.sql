-- What admins did. Only ever added to. Admin 0 is the command line.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    admin INTEGER NOT NULL,
    action TEXT NOT NULL,
    target INTEGER,
    detail TEXT NOT NULL,
    address TEXT NOT NULL
);

-- By which people register where not everybody may.
CREATE TABLE invitations (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    code_hash BLOB NOT NULL UNIQUE,
    made_by INTEGER NOT NULL,
    uses INTEGER NOT NULL,
    used INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    revoked INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX invitations_by_maker ON invitations (made_by, id);

UPDATE schema_info SET version = 9;
