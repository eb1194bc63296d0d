-- Appends a run of messages in which no author uses a client id twice.
--
-- records: of each draft, in order, 88 digits: author 16, fingerprint 19, target 16, kind 3, way 1 (0: to the group
-- target, 1: to the user target, 2: to oneself, 3: nobody may), then length and place in texts (from 1) of the client
-- id 2 + 7, of the conversation's name 2 + 7, and of the body 8 + 7. Digits, since a server reads them in one step.
-- texts: what these places point at.
-- What the drafts take, each once, and how many of each. people: who has to have an account, 16 digits; among them 0,
-- whom nobody is, where a draft may not be written whatever else holds. seats: which group an author has to be in,
-- 16 + 16. pairs: an author and to whom he writes, 16 + 16, notes to himself aside.
-- past: takes the place of the clock where it is earlier. friends_only: whether strangers are refused.
--
-- One row is the answer: the log's epoch, the head before, how many entries were added, their time, and, unless all
-- drafts became entries, why: "code seq at" of each, separated by commas; codes as in `verdict.rs`.
--
-- Once it has the row of log_head it waits for nothing: whatever else it locks is written by appends alone, but for an
-- entry that is being pruned while its client id is used again, which pruning holds for one small batch.
CREATE PROCEDURE starling_append_1(
    IN drafts INT UNSIGNED,
    IN records LONGBLOB,
    IN texts LONGBLOB,
    IN needed INT UNSIGNED,
    IN people LONGBLOB,
    IN seated INT UNSIGNED,
    IN seats LONGBLOB,
    IN paired INT UNSIGNED,
    IN pairs LONGBLOB,
    IN past BIGINT,
    IN friends_only TINYINT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE epoch_now, head_before, added, enabled, muted, writable, barred, met, befriended BIGINT UNSIGNED DEFAULT 0;
    DECLARE at_last, at_now BIGINT;
    DECLARE why LONGTEXT CHARACTER SET utf8mb4 DEFAULT NULL;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT epoch, head, last_at INTO epoch_now, head_before, at_last FROM log_head WHERE id = 1 FOR UPDATE;
    SET at_now = CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED);
    SET at_now = GREATEST(at_last, LEAST(at_now, COALESCE(past, at_now)));

    -- Nearly always all pass and none was stored before. Then it is enough to count what they take, and places are
    -- known beforehand.
    SELECT COUNT(*) INTO enabled
    FROM numbers STRAIGHT_JOIN users u ON u.id = CAST(SUBSTRING(people, n * 16 + 1, 16) AS UNSIGNED)
    WHERE n < needed AND u.disabled = 0;
    IF seated > 0 THEN
        -- Who is a member is in an index, which role he has is not: it matters only where somebody is muted.
        SELECT EXISTS (SELECT 1 FROM mutes) INTO muted;
        IF muted THEN
            SELECT COUNT(*) INTO writable FROM numbers STRAIGHT_JOIN memberships m ON {seat} {mutes}
            WHERE n < seated AND {audible};
        ELSE
            SELECT COUNT(*) INTO writable FROM numbers STRAIGHT_JOIN memberships m ON {seat} WHERE n < seated;
        END IF;
    END IF;
    IF paired > 0 THEN
        SELECT COUNT(b.user_id), COUNT(k.user_id), COUNT(f.user_id) INTO barred, met, befriended
        FROM {pairs} d
        LEFT JOIN blocks b ON b.user_id = d.peer AND b.blocked_id = d.author
        LEFT JOIN private_peers k ON k.user_id = d.author AND k.peer_id = d.peer
        LEFT JOIN friendships f ON f.user_id = IF(friends_only = 1, d.peer, NULL) AND f.friend_id = d.author;
    END IF;
    IF enabled = needed AND writable = seated AND barred = 0 AND befriended >= paired * friends_only THEN
        BEGIN
            DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;
            INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
            SELECT head_before + 1 + n,
                SUBSTRING(v.t, SUBSTRING(v.r, n * 88 + 67, 7), SUBSTRING(v.r, n * 88 + 65, 2)),
                SUBSTRING(v.r, n * 88 + 1, 16),
                at_now,
                SUBSTRING(v.r, n * 88 + 52, 3),
                SUBSTRING(v.t, SUBSTRING(v.r, n * 88 + 58, 7), SUBSTRING(v.r, n * 88 + 56, 2)),
                SUBSTRING(v.r, n * 88 + 17, 19),
                SUBSTRING(v.t, SUBSTRING(v.r, n * 88 + 82, 7), SUBSTRING(v.r, n * 88 + 74, 8))
            FROM (SELECT records AS r, texts AS t) v JOIN numbers WHERE n < drafts;
            -- -1 after the handler.
            SET added = GREATEST(ROW_COUNT(), 0);
        END;
    END IF;

    IF added < drafts THEN
        INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
        SELECT head_before + ROW_NUMBER() OVER (ORDER BY d.n), {columns} FROM {drafts} d {joined} WHERE {allowed}
            AND NOT EXISTS (SELECT 1 FROM entries e WHERE e.sender = d.sender AND e.cid = {cid});
        SET added = ROW_COUNT();
        SELECT GROUP_CONCAT(
            CASE
                WHEN e.seq > head_before THEN 0
                WHEN e.fingerprint = d.fingerprint THEN 1
                WHEN e.seq IS NOT NULL THEN 2
                WHEN d.sender <> 0 AND COALESCE(u.disabled, 1) <> 0 THEN 10
                WHEN d.way = 0 AND COALESCE(g.dissolved, 1) <> 0 THEN 3
                WHEN d.way = 0 AND m.id IS NULL THEN 4
                WHEN d.way = 0 AND NOT ({audible}) THEN 5
                WHEN d.way = 1 AND COALESCE(p.disabled, 1) <> 0 THEN 3
                WHEN d.way = 1 AND b.user_id IS NOT NULL THEN 6
                WHEN d.way = 1 AND friends_only = 1 AND f.user_id IS NULL THEN 5
                WHEN d.way = 3 THEN 5
                -- Somebody was enabled or let in since the statement before.
                ELSE 12
            END, ' ', COALESCE(e.seq, 0), ' ', COALESCE(e.at, 0)
            ORDER BY d.n SEPARATOR ','
        ) INTO why
        FROM {drafts} d
        LEFT JOIN entries e ON e.sender = d.sender AND e.cid = {cid}
        LEFT JOIN chat_groups g ON g.id = d.chat_group
        {joined};
    END IF;

    -- Two who write to each other for the first time.
    IF added > 0 AND met < paired THEN
        INSERT IGNORE INTO private_peers (user_id, peer_id, conv)
        SELECT IF(side.n = 0, d.author, d.peer), IF(side.n = 0, d.peer, d.author), d.conv
        FROM (
            SELECT p.*, CAST(CONCAT('p:', LEAST(p.author, p.peer), ':', GREATEST(p.author, p.peer)) AS BINARY) AS conv
            FROM {pairs} p
        ) d
        JOIN numbers side
        WHERE side.n < 2 AND (
            SELECT e.seq FROM entries e FORCE INDEX (entries_by_conv)
            WHERE e.conv = d.conv ORDER BY e.seq DESC LIMIT 1
        ) > head_before;
    END IF;
    -- Also when nothing was added: what is told of entries found again must be as durable as they are.
    UPDATE log_head
    SET head = head_before + added, last_at = IF(added > 0, at_now, at_last), writes = writes + 1 WHERE id = 1;
    COMMIT;
    SELECT epoch_now, head_before, added, at_now, why;
END
