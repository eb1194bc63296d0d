-- Who may not write in a group until when; user 0 is everybody but its owner and admins. Times past are as good as no
-- row.
CREATE TABLE mutes (
    group_id INTEGER NOT NULL,
    user_id INTEGER NOT NULL,
    until_at INTEGER NOT NULL,
    PRIMARY KEY (group_id, user_id)
) WITHOUT ROWID;

UPDATE schema_info SET version = 3;
