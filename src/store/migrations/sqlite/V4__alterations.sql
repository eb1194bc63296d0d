-- What became of messages, and what their readers made of them. Written by appends, but for what a user hides.

-- Which entries edited a message: their words go when it is taken back.
CREATE TABLE edits (
    target INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (target, seq)
) WITHOUT ROWID;

-- seq is the entry that put it on.
CREATE TABLE reactions (
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (target, emoji, user_id)
) WITHOUT ROWID;

-- How many have put it on, so that nobody has to count thousands; first_seq gives the order of emojis.
CREATE TABLE reaction_counts (
    target INTEGER NOT NULL,
    emoji TEXT NOT NULL,
    users INTEGER NOT NULL,
    first_seq INTEGER NOT NULL,
    PRIMARY KEY (target, emoji)
) WITHOUT ROWID;

-- What a user deleted for himself.
CREATE TABLE hidden_entries (
    user_id INTEGER NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (user_id, seq)
) WITHOUT ROWID;
CREATE INDEX hidden_entries_by_seq ON hidden_entries (seq);

UPDATE schema_info SET version = 4;
