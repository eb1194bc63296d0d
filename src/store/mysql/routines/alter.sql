-- Appends one entry that changes what a message is: taken back, edited, reacted to. Conditions first, effects after.
--
-- operation: 0 (the conversation is none of messages), 1 recall, 2 edit, 3 react, 4 take a reaction off.
-- about: the message's place. way: 0 in a group, 1 between two, 2 in one's own notes. counterpart: the group, or the other.
-- withdrawn: the message's body once it is taken back; by it a message that was is known. forgotten: the body of an edit
-- of it from then on. edited: the body after the edit, as far as its time, which is added here. sign: the emoji.
--
-- One row is the answer: the log's epoch, a code as in `verdict.rs`, and the entry's place and time. A reaction that is
-- there already, or is not there to be taken off, adds nothing and counts as found again (1), at the place that made it
-- so, or at the message's own.
--
-- What is looked at is read by SELECT … INTO alone, as in `change.sql`.
CREATE PROCEDURE starling_alter_1(
    IN operation TINYINT UNSIGNED, IN author BIGINT UNSIGNED, IN mark BIGINT, IN entry_kind TINYINT UNSIGNED,
    IN client_id VARBINARY(64), IN conversation VARBINARY(64), IN content MEDIUMBLOB, IN past BIGINT,
    IN about BIGINT UNSIGNED, IN way TINYINT UNSIGNED, IN counterpart BIGINT UNSIGNED,
    IN withdrawn VARBINARY(64), IN forgotten VARBINARY(64), IN edited MEDIUMBLOB, IN sign VARBINARY(32),
    IN recall_ms BIGINT, IN friends_only TINYINT UNSIGNED, IN emojis_max INT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE said_by, emojis, is_among BIGINT UNSIGNED;
    DECLARE said_at BIGINT;
    DECLARE is_withdrawn, own_role, is_muted, peer_locked, is_blocked, are_friends TINYINT UNSIGNED;
{prologue}
    IF code = 0 AND operation = 0 THEN
        SET code = 11;
    END IF;

    IF code = 0 THEN
        SELECT e.sender, e.at, e.body = withdrawn INTO said_by, said_at, is_withdrawn
        FROM entries e WHERE e.seq = about AND e.conv = conversation AND e.kind = 1;
        IF said_by IS NULL THEN
            SET code = 3;
        ELSEIF is_withdrawn THEN
            SET code = 14;
        ELSEIF way = 0 THEN
            -- A dissolved group has no members.
            SELECT m.role INTO own_role FROM memberships m
            WHERE m.group_id = counterpart AND m.user_id = author AND m.present = 1;
            SELECT COUNT(*) INTO is_muted FROM mutes t
            WHERE t.group_id = counterpart AND t.user_id IN (author, IF(own_role = 0, 0, author)) AND t.until_at > at_now;
            SET code = CASE WHEN own_role IS NULL THEN 5 WHEN operation = 2 AND is_muted > 0 THEN 5 ELSE 0 END;
        ELSEIF way = 1 AND operation IN (2, 3) THEN
            -- What the other gets to see needs what a message to him needs.
            SELECT u.disabled INTO peer_locked FROM users u WHERE u.id = counterpart;
            SELECT EXISTS (SELECT 1 FROM blocks WHERE user_id = counterpart AND blocked_id = author),
                EXISTS (SELECT 1 FROM friendships WHERE user_id = counterpart AND friend_id = author)
            INTO is_blocked, are_friends;
            SET code = CASE
                WHEN COALESCE(peer_locked, 1) <> 0 THEN 3
                WHEN is_blocked THEN 6
                WHEN friends_only = 1 AND NOT are_friends THEN 5
                ELSE 0
            END;
        END IF;
    END IF;

    IF code = 0 THEN
        CASE operation
        WHEN 1 THEN
            IF said_by <> author AND COALESCE(own_role, 0) < 1 THEN
                SET code = 5;
            ELSEIF COALESCE(own_role, 0) < 1 AND at_now - said_at > recall_ms THEN
                SET code = 13;
            ELSE
                UPDATE entries e SET e.body = withdrawn WHERE e.seq = about;
                UPDATE edits d JOIN entries e ON e.seq = d.seq SET e.body = forgotten WHERE d.target = about;
                DELETE FROM reactions WHERE target = about;
                DELETE FROM reaction_counts WHERE target = about;
            END IF;
        WHEN 2 THEN
            IF said_by <> author THEN
                SET code = 5;
            ELSE
                UPDATE entries e SET e.body = CONCAT(edited, ',"edited_at":', at_now, '}') WHERE e.seq = about;
                INSERT INTO edits (target, seq) VALUES (about, place);
            END IF;
        WHEN 3 THEN
            SELECT r.seq INTO known_place FROM reactions r
            WHERE r.target = about AND r.emoji = sign AND r.user_id = author;
            SELECT COUNT(*), COALESCE(SUM(c.emoji = sign), 0) INTO emojis, is_among
            FROM reaction_counts c WHERE c.target = about;
            IF known_place IS NOT NULL THEN
                SELECT e.at INTO known_at FROM entries e WHERE e.seq = known_place;
                SET code = 1;
            ELSEIF is_among = 0 AND emojis >= emojis_max THEN
                SET code = 5;
            ELSE
                INSERT INTO reactions (target, emoji, user_id, seq) VALUES (about, sign, author, place);
                INSERT INTO reaction_counts (target, emoji, users, first_seq) VALUES (about, sign, 1, place)
                ON DUPLICATE KEY UPDATE users = users + 1;
            END IF;
        ELSE
            DELETE FROM reactions WHERE target = about AND emoji = sign AND user_id = author;
            IF ROW_COUNT() = 0 THEN
                SET code = 1;
                SET known_place = about;
                SET known_at = said_at;
            ELSE
                UPDATE reaction_counts SET users = users - 1 WHERE target = about AND emoji = sign;
                DELETE FROM reaction_counts WHERE target = about AND emoji = sign AND users = 0;
            END IF;
        END CASE;
    END IF;

{epilogue}
END
