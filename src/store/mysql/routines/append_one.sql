-- Appends one message, if it may be written and was not before. What is usual when few people write: most of what
-- `starling_append_1` does is for many.
--
-- way and target: as in `starling_append_1`.
--
-- One row is the answer, as that of `starling_append_1`; nothing was added, and nothing done, where that one is to judge.
CREATE PROCEDURE starling_append_one_1(
    IN author BIGINT UNSIGNED, IN mark BIGINT, IN entry_kind TINYINT UNSIGNED,
    IN client_id VARBINARY(64), IN conversation VARBINARY(64), IN content MEDIUMBLOB,
    IN way TINYINT UNSIGNED, IN target BIGINT UNSIGNED,
    IN past BIGINT, IN friends_only TINYINT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE epoch_now, head_before BIGINT UNSIGNED;
    DECLARE at_last, at_now BIGINT;
    DECLARE added, met INT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT epoch, head, last_at INTO epoch_now, head_before, at_last FROM log_head WHERE id = 1 FOR UPDATE;
    SET at_now = CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED);
    SET at_now = GREATEST(at_last, LEAST(at_now, COALESCE(past, at_now)));
    BEGIN
        DECLARE CONTINUE HANDLER FOR 1062 BEGIN END;
        CASE
            WHEN way = 0 THEN
                INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
                SELECT head_before + 1, conversation, author, at_now, entry_kind, client_id, mark, content
                FROM users u JOIN memberships m ON m.group_id = target AND m.user_id = author AND m.present = 1
                {mutes}
                WHERE u.id = author AND u.disabled = 0 AND {audible};
            WHEN way = 1 THEN
                INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
                SELECT head_before + 1, conversation, author, at_now, entry_kind, client_id, mark, content
                FROM users u JOIN users p ON p.id = target
                WHERE u.id = author AND u.disabled = 0 AND p.disabled = 0
                    AND NOT EXISTS (SELECT 1 FROM blocks WHERE user_id = target AND blocked_id = author)
                    AND (
                        friends_only = 0
                        OR EXISTS (SELECT 1 FROM friendships WHERE user_id = target AND friend_id = author)
                    );
            ELSE
                INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
                SELECT head_before + 1, conversation, author, at_now, entry_kind, client_id, mark, content
                FROM users u WHERE u.id = author AND u.disabled = 0 AND way = 2;
        END CASE;
        -- -1 after the handler.
        SET added = GREATEST(ROW_COUNT(), 0);
    END;
    IF added = 1 THEN
        IF way = 1 THEN
            SELECT COUNT(*) INTO met FROM private_peers WHERE user_id = author AND peer_id = target;
            IF met = 0 THEN
                INSERT IGNORE INTO private_peers (user_id, peer_id, conv)
                VALUES (author, target, conversation), (target, author, conversation);
            END IF;
        END IF;
        UPDATE log_head SET head = head_before + 1, last_at = at_now, writes = writes + 1 WHERE id = 1;
        COMMIT;
    ELSE
        ROLLBACK;
    END IF;
    SELECT epoch_now, head_before, added, at_now, NULL;
END
