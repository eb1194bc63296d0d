-- Who waits to be let into a group. A row is deleted when it is answered, or when its user came in otherwise. Written
-- by appends only.
CREATE TABLE join_requests (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    message TEXT NOT NULL,
    at INTEGER NOT NULL
);
CREATE UNIQUE INDEX join_requests_by_user ON join_requests (group_id, user_id);

-- Invitations into groups. Not written by appends, which only read them.
CREATE TABLE invites (
    code TEXT PRIMARY KEY,
    group_id INTEGER NOT NULL,
    creator_id INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    uses_max INTEGER NOT NULL,
    revoked INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX invites_by_group ON invites (group_id, created_at);

-- How often each was used. Written by appends only, which is why it is a table of its own.
CREATE TABLE invite_uses (
    code TEXT PRIMARY KEY,
    used INTEGER NOT NULL
) WITHOUT ROWID;

UPDATE schema_info SET version = 5;
