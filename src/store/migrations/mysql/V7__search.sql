-- How far the index of words has come, and of which log: of none yet.
CREATE TABLE IF NOT EXISTS search_index (
    id TINYINT UNSIGNED NOT NULL PRIMARY KEY,
    epoch BIGINT UNSIGNED NOT NULL,
    generation INT UNSIGNED NOT NULL,
    indexed_seq BIGINT UNSIGNED NOT NULL
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;
INSERT IGNORE INTO search_index (id, epoch, generation, indexed_seq) VALUES (1, 0, 1, 0);

-- Which entries of a block of the log have a token. Filled block by block, so in the order of its key.
CREATE TABLE IF NOT EXISTS search_postings (
    generation INT UNSIGNED NOT NULL,
    block BIGINT UNSIGNED NOT NULL,
    token INT UNSIGNED NOT NULL,
    postings MEDIUMBLOB NOT NULL,
    PRIMARY KEY (generation, block, token)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 7;
