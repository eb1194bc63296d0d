-- Red packets, transfers and what everybody has: play money in cents. Written by appends only; settled packets are
-- deleted after their entries.

-- Nobody has a row before his money first moves: until then he has what the deployment starts everybody with.
CREATE TABLE balances (
    user_id INTEGER PRIMARY KEY,
    cents INTEGER NOT NULL
);

-- seq is the place of the message. rest is what is in it still; settled: nothing will change any more.
CREATE TABLE packets (
    seq INTEGER PRIMARY KEY,
    conv TEXT NOT NULL,
    sender INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    split INTEGER NOT NULL,
    total INTEGER NOT NULL,
    shares INTEGER NOT NULL,
    rest INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    settled INTEGER NOT NULL
);
CREATE INDEX packets_by_expiry ON packets (settled, expires_at);

-- A packet is cut when it is made: a claim takes the next share, and the sum is right by construction.
CREATE TABLE packet_shares (
    packet INTEGER NOT NULL,
    n INTEGER NOT NULL,
    cents INTEGER NOT NULL,
    user_id INTEGER,
    at INTEGER,
    PRIMARY KEY (packet, n)
) WITHOUT ROWID;
CREATE UNIQUE INDEX packet_shares_by_user ON packet_shares (packet, user_id) WHERE user_id IS NOT NULL;

UPDATE schema_info SET version = 6;
