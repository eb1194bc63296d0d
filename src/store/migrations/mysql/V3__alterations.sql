-- What became of messages, and what their readers made of them. Written by appends, but for what a user hides.

-- Which entries edited a message: their words go when it is taken back.
CREATE TABLE IF NOT EXISTS edits (
    target BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (target, seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- seq is the entry that put it on.
CREATE TABLE IF NOT EXISTS reactions (
    target BIGINT UNSIGNED NOT NULL,
    emoji VARBINARY(32) NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (target, emoji, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- How many have put it on, so that nobody has to count thousands; first_seq gives the order of emojis.
CREATE TABLE IF NOT EXISTS reaction_counts (
    target BIGINT UNSIGNED NOT NULL,
    emoji VARBINARY(32) NOT NULL,
    users BIGINT UNSIGNED NOT NULL,
    first_seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (target, emoji)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

-- What a user deleted for himself.
CREATE TABLE IF NOT EXISTS hidden_entries (
    user_id BIGINT UNSIGNED NOT NULL,
    seq BIGINT UNSIGNED NOT NULL,
    PRIMARY KEY (user_id, seq),
    KEY hidden_entries_by_seq (seq)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 3;
