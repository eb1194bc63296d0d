-- How far the index of words has come, and of which log: of none yet.
CREATE TABLE search_index (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    epoch INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    indexed_seq INTEGER NOT NULL
);
INSERT INTO search_index (id, epoch, generation, indexed_seq) VALUES (1, 0, 1, 0);

-- Which entries of a block of the log have a token. Filled block by block, so in the order of its key.
CREATE TABLE search_postings (
    generation INTEGER NOT NULL,
    block INTEGER NOT NULL,
    token INTEGER NOT NULL,
    postings BLOB NOT NULL,
    PRIMARY KEY (generation, block, token)
) WITHOUT ROWID;

UPDATE schema_info SET version = 8;
