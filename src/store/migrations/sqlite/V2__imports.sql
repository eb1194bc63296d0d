-- What was brought in from another system, so that a repeated import finds it: its id there and its id here.
CREATE TABLE imports (
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    old_id TEXT NOT NULL,
    new_id INTEGER NOT NULL,
    PRIMARY KEY (source, kind, old_id)
) WITHOUT ROWID;

UPDATE schema_info SET version = 2;
