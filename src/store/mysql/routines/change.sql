-- Appends one entry that changes something besides: groups, friendships, sessions. Conditions first, effects after.
--
-- operation: 0 (the entry's conversation is not the change's), 1 create a group, 2 join, 3 add, 4 leave, 5 kick,
-- 6 dissolve, 7 edit, 8 befriend, 9 answer, 10 unfriend, 11 revoke, 12 notice, 13 edit a member, 14 transfer, 15 ask to
-- be let in, 16 approve, 17 decline, 18 join by invitation.
-- target: the group. other: the other user; 0 when all are muted. request: the one that is answered. agreed: friends at once, or the answer.
-- listed: how many ids of 16 digits are in ids, in ascending order, each once: users to come in, sessions to end.
--
-- One row is the answer: the log's epoch, a code as in `verdict.rs`, and the entry's place and time.
--
-- What is looked at is read by SELECT … INTO alone, which leaves a variable as it was where there is no row: a SELECT
-- within SET or IF locks its rows, and would wait for whoever writes them while the log's head is held.
CREATE PROCEDURE starling_change_1(
    IN operation TINYINT UNSIGNED, IN author BIGINT UNSIGNED, IN mark BIGINT, IN entry_kind TINYINT UNSIGNED,
    IN client_id VARBINARY(64), IN conversation VARBINARY(64), IN content MEDIUMBLOB, IN past BIGINT,
    IN target BIGINT UNSIGNED, IN other BIGINT UNSIGNED, IN request BIGINT UNSIGNED, IN agreed TINYINT UNSIGNED,
    IN group_max BIGINT UNSIGNED, IN listed INT UNSIGNED, IN ids LONGBLOB,
    IN new_name VARCHAR(255) CHARACTER SET utf8mb4, IN new_name_key VARBINARY(1024),
    IN new_icon TEXT CHARACTER SET utf8mb4, IN new_category INT, IN new_memo TEXT CHARACTER SET utf8mb4,
    IN new_join_mode TINYINT UNSIGNED, IN greeting TEXT CHARACTER SET utf8mb4, IN new_role TINYINT UNSIGNED,
    IN muted_until BIGINT, IN invitation VARBINARY(32)
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE epoch_now, head_before, place, known_place, asked, asked_back, successor, taken BIGINT UNSIGNED;
    DECLARE inviter, uses_most BIGINT UNSIGNED;
    DECLARE uses_taken BIGINT UNSIGNED DEFAULT 0;
    DECLARE at_last, at_now, known_at, known_mark, present_members, good_until BIGINT;
    DECLARE way_in, own_role, other_role, inviter_role, other_exists, are_friends, is_blocked TINYINT UNSIGNED;
    DECLARE other_out, is_revoked TINYINT UNSIGNED DEFAULT 1;
    DECLARE locked_out TINYINT UNSIGNED DEFAULT 1;
    DECLARE code INT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    -- What is written beside appends, too (remarks, when a session was seen), is taken before the head and not after it.
    IF operation = 10 THEN
        -- One row at a time: with an OR, a server may look at all. The lower id first, so that two never cross.
        SELECT COUNT(*) INTO taken FROM friendships
        WHERE user_id = LEAST(author, other) AND friend_id = GREATEST(author, other) FOR UPDATE;
        SELECT COUNT(*) INTO taken FROM friendships
        WHERE user_id = GREATEST(author, other) AND friend_id = LEAST(author, other) FOR UPDATE;
    ELSEIF operation = 11 THEN
        SELECT COUNT(*) INTO taken FROM sessions WHERE user_id = author FOR UPDATE;
    END IF;
    SELECT epoch, head, last_at INTO epoch_now, head_before, at_last FROM log_head WHERE id = 1 FOR UPDATE;
    SET at_now = CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED);
    SET at_now = GREATEST(at_last, LEAST(at_now, COALESCE(past, at_now)));
    SET place = head_before + 1;

    SELECT seq, at, fingerprint INTO known_place, known_at, known_mark FROM entries
    WHERE sender = author AND cid = client_id;
    SELECT disabled INTO locked_out FROM users WHERE id = author;
    IF known_place IS NOT NULL THEN
        SET code = IF(known_mark = mark, 1, 2);
    ELSEIF author <> 0 AND operation <> 11 AND locked_out <> 0 THEN
        SET code = 10;
    ELSEIF operation = 0 THEN
        SET code = 11;
    END IF;

    -- What the conditions need of the group, where the change is about one that exists.
    IF code = 0 AND (operation BETWEEN 2 AND 7 OR operation >= 13) THEN
        SELECT IF(c.dissolved = 0, c.join_mode, NULL), c.members INTO way_in, present_members
        FROM chat_groups c WHERE c.id = target;
        SELECT role INTO own_role FROM memberships WHERE group_id = target AND user_id = author AND present = 1;
        SELECT role INTO other_role FROM memberships WHERE group_id = target AND user_id = other AND present = 1;
        IF operation NOT IN (4, 18) AND way_in IS NULL THEN
            SET code = 3;
        END IF;
    END IF;
    IF code = 0 AND operation IN (14, 16, 17) THEN
        SELECT disabled INTO other_out FROM users WHERE id = other;
        SELECT id INTO asked FROM join_requests WHERE group_id = target AND user_id = other;
    END IF;
    IF code = 0 AND operation IN (16, 17) THEN
        SET code = CASE
            WHEN COALESCE(own_role, 0) < 1 THEN 5
            WHEN asked IS NULL OR asked <> request THEN 3
            ELSE 0
        END;
    END IF;
    IF code = 0 AND operation = 18 THEN
        SELECT i.creator_id, i.expires_at, i.uses_max, i.revoked INTO inviter, good_until, uses_most, is_revoked
        FROM invites i WHERE i.code = invitation AND i.group_id = target;
        SELECT u.used INTO uses_taken FROM invite_uses u WHERE u.code = invitation;
        SELECT role INTO inviter_role FROM memberships WHERE group_id = target AND user_id = inviter AND present = 1;
        SET code = CASE
            WHEN own_role IS NOT NULL THEN 7
            WHEN inviter IS NULL THEN 3
            WHEN way_in IS NULL OR is_revoked <> 0 OR good_until <= at_now THEN 14
            WHEN uses_most > 0 AND uses_taken >= uses_most THEN 14
            -- Of a group that is not open, who may not invite any more has not invited.
            WHEN way_in <> 0 AND COALESCE(inviter_role, 0) < 1 THEN 14
            ELSE 0
        END;
    END IF;
    IF code = 0 AND operation = 3 THEN
        SET code = CASE
            WHEN own_role IS NULL THEN 4
            WHEN way_in <> 0 AND own_role < 1 THEN 5
            WHEN listed = 0 THEN 3
            ELSE 0
        END;
    END IF;
    IF code = 0 AND operation IN (1, 3) THEN
        -- The first of them who may not come in decides.
        SELECT CASE WHEN u.id IS NULL THEN 3 WHEN m.id IS NOT NULL THEN 7 ELSE 6 END INTO code
        FROM {ids} d
        LEFT JOIN users u ON u.id = d.id
        LEFT JOIN memberships m ON m.group_id = target AND m.user_id = d.id AND m.present = 1
        LEFT JOIN blocks b ON b.user_id = d.id AND b.blocked_id = author
        WHERE u.id IS NULL OR m.id IS NOT NULL OR b.user_id IS NOT NULL
        ORDER BY d.id LIMIT 1;
    END IF;
    -- And of the two, where it is about a friendship.
    IF code = 0 AND operation IN (8, 9) THEN
        SELECT id INTO asked FROM friend_requests WHERE from_user = author AND to_user = other AND open = 1;
        SELECT id INTO asked_back FROM friend_requests WHERE from_user = other AND to_user = author AND open = 1;
        SELECT EXISTS (SELECT 1 FROM users WHERE id = other),
            EXISTS (SELECT 1 FROM friendships WHERE user_id = author AND friend_id = other),
            EXISTS (SELECT 1 FROM blocks WHERE user_id = other AND blocked_id = author)
        INTO other_exists, are_friends, is_blocked;
    END IF;

    IF code = 0 THEN
        CASE operation
        WHEN 1 THEN
            IF listed + 1 > group_max THEN
                SET code = 9;
            ELSE
                INSERT INTO chat_groups (id, name, name_key, icon, category, memo, owner_id, join_mode, members,
                    created_at, dissolved)
                VALUES (target, new_name, new_name_key, new_icon, new_category, new_memo, author, new_join_mode,
                    listed + 1, at_now, 0);
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                VALUES (target, author, place, 2, at_now, 1);
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                SELECT target, d.id, place, 0, at_now, 1 FROM {ids} d;
            END IF;
        WHEN 2 THEN
            IF own_role IS NOT NULL THEN
                SET code = 7;
            ELSEIF way_in <> 0 THEN
                SET code = 5;
            ELSEIF present_members + 1 > group_max THEN
                SET code = 9;
            ELSE
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                VALUES (target, author, place, 0, at_now, 1);
                UPDATE chat_groups c SET c.members = c.members + 1 WHERE c.id = target;
            END IF;
        WHEN 3 THEN
            IF present_members + listed > group_max THEN
                SET code = 9;
            ELSE
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                SELECT target, d.id, place, 0, at_now, 1 FROM {ids} d;
                UPDATE chat_groups c SET c.members = c.members + listed WHERE c.id = target;
            END IF;
        WHEN 4 THEN
            IF own_role IS NULL THEN
                SET code = 4;
            ELSE
                UPDATE memberships SET to_seq = place, present = NULL
                WHERE group_id = target AND user_id = author AND present = 1;
                UPDATE chat_groups c SET c.members = c.members - 1 WHERE c.id = target;
                IF own_role = 2 THEN
                    SELECT user_id INTO successor FROM memberships WHERE group_id = target AND present = 1
                    ORDER BY role DESC, from_seq, user_id LIMIT 1;
                    IF successor IS NULL THEN
                        UPDATE chat_groups c SET c.dissolved = 1, c.members = 0 WHERE c.id = target;
                    ELSE
                        UPDATE memberships SET role = 2
                        WHERE group_id = target AND user_id = successor AND present = 1;
                        UPDATE chat_groups SET owner_id = successor WHERE id = target;
                        DELETE FROM mutes WHERE group_id = target AND user_id = successor;
                    END IF;
                END IF;
            END IF;
        WHEN 5 THEN
            IF own_role IS NULL THEN
                SET code = 5;
            ELSEIF other_role IS NULL THEN
                SET code = 4;
            ELSEIF other_role >= own_role THEN
                SET code = 5;
            ELSE
                UPDATE memberships SET to_seq = place, present = NULL
                WHERE group_id = target AND user_id = other AND present = 1;
                UPDATE chat_groups c SET c.members = c.members - 1 WHERE c.id = target;
            END IF;
        WHEN 6 THEN
            IF COALESCE(own_role, 0) < 2 THEN
                SET code = 5;
            ELSE
                UPDATE memberships SET to_seq = place, present = NULL WHERE group_id = target AND present = 1;
                UPDATE chat_groups c SET c.dissolved = 1, c.members = 0 WHERE c.id = target;
            END IF;
        WHEN 7 THEN
            IF COALESCE(own_role, 0) < 1 THEN
                SET code = 5;
            ELSE
                UPDATE chat_groups
                SET name = COALESCE(new_name, name), name_key = COALESCE(new_name_key, name_key),
                    icon = COALESCE(new_icon, icon), category = COALESCE(new_category, category),
                    memo = COALESCE(new_memo, memo), join_mode = COALESCE(new_join_mode, join_mode)
                WHERE id = target;
            END IF;
        WHEN 8 THEN
            IF author = other THEN
                SET code = 5;
            ELSEIF NOT other_exists THEN
                SET code = 3;
            ELSEIF are_friends THEN
                SET code = 8;
            ELSEIF is_blocked THEN
                SET code = 6;
            ELSEIF agreed = 1 OR asked_back IS NOT NULL THEN
                INSERT INTO friendships (user_id, friend_id, remark, since)
                VALUES (author, other, '', at_now), (other, author, '', at_now);
                UPDATE friend_requests SET open = NULL WHERE id IN (asked, asked_back);
            ELSEIF asked IS NOT NULL THEN
                UPDATE friend_requests SET message = greeting, at = at_now WHERE id = asked;
            ELSE
                INSERT INTO friend_requests (from_user, to_user, message, at, open)
                VALUES (author, other, greeting, at_now, 1);
            END IF;
        WHEN 9 THEN
            IF asked_back IS NULL OR asked_back <> request THEN
                SET code = 3;
            ELSEIF agreed = 1 AND is_blocked THEN
                SET code = 6;
            ELSEIF agreed = 1 THEN
                INSERT INTO friendships (user_id, friend_id, remark, since)
                VALUES (author, other, '', at_now), (other, author, '', at_now);
                UPDATE friend_requests SET open = NULL WHERE id IN (asked, asked_back);
            ELSE
                UPDATE friend_requests SET open = NULL WHERE id = asked_back;
            END IF;
        WHEN 10 THEN
            DELETE FROM friendships WHERE user_id = author AND friend_id = other;
            SET taken = ROW_COUNT();
            DELETE FROM friendships WHERE user_id = other AND friend_id = author;
            SET code = IF(taken + ROW_COUNT() = 0, 3, 0);
        WHEN 11 THEN
            UPDATE sessions SET revoked_at = at_now
            WHERE user_id = author AND revoked_at IS NULL AND id IN (SELECT d.id FROM {ids} d);
            SET code = IF(ROW_COUNT() = 0, 3, 0);
        WHEN 12 THEN
            -- A notice has no condition.
            SET code = 0;
        WHEN 13 THEN
            IF own_role IS NULL THEN
                SET code = 5;
            ELSEIF other_role IS NULL THEN
                SET code = 4;
            ELSEIF new_role IS NOT NULL AND (own_role < 2 OR other_role = 2 OR new_role > 1) THEN
                SET code = 5;
            ELSEIF muted_until IS NOT NULL AND other_role >= own_role THEN
                SET code = 5;
            ELSEIF new_role IS NOT NULL THEN
                UPDATE memberships SET role = new_role
                WHERE group_id = target AND user_id = other AND present = 1;
            END IF;
        WHEN 14 THEN
            SET code = CASE
                WHEN COALESCE(own_role, 0) < 2 THEN 5
                WHEN other_role IS NULL THEN 4
                WHEN other_role = 2 THEN 5
                WHEN other_out <> 0 THEN 3
                ELSE 0
            END;
            IF code = 0 THEN
                UPDATE memberships SET role = 1 WHERE group_id = target AND user_id = author AND present = 1;
                UPDATE memberships SET role = 2 WHERE group_id = target AND user_id = other AND present = 1;
                UPDATE chat_groups SET owner_id = other WHERE id = target;
                DELETE FROM mutes WHERE group_id = target AND user_id = other;
            END IF;
        WHEN 15 THEN
            IF own_role IS NOT NULL THEN
                SET code = 7;
            ELSEIF way_in <> 1 THEN
                SET code = 5;
            ELSE
                INSERT INTO join_requests (group_id, user_id, message, at) VALUES (target, author, greeting, at_now)
                ON DUPLICATE KEY UPDATE message = VALUES(message), at = VALUES(at);
            END IF;
        WHEN 16 THEN
            IF other_out <> 0 THEN
                SET code = 3;
            ELSEIF present_members + 1 > group_max THEN
                SET code = 9;
            ELSE
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                VALUES (target, other, place, 0, at_now, 1);
                UPDATE chat_groups c SET c.members = c.members + 1 WHERE c.id = target;
            END IF;
        WHEN 17 THEN
            DELETE FROM join_requests WHERE id = asked;
        WHEN 18 THEN
            IF present_members + 1 > group_max THEN
                SET code = 9;
            ELSE
                INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
                VALUES (target, author, place, 0, at_now, 1);
                UPDATE chat_groups c SET c.members = c.members + 1 WHERE c.id = target;
                INSERT INTO invite_uses (code, used) VALUES (invitation, 1) ON DUPLICATE KEY UPDATE used = used + 1;
            END IF;
        ELSE
            SET code = 11;
        END CASE;
    END IF;
    IF code = 0 AND operation IN (7, 13) AND muted_until IS NOT NULL THEN
        IF muted_until > at_now THEN
            INSERT INTO mutes (group_id, user_id, until_at) VALUES (target, other, muted_until)
            ON DUPLICATE KEY UPDATE until_at = VALUES(until_at);
        ELSE
            DELETE FROM mutes WHERE group_id = target AND user_id = other;
        END IF;
    END IF;
    -- Whoever came in waits no longer; of a group that ended, nobody waits and nobody is mute.
    IF code = 0 AND operation IN (2, 16, 18) THEN
        DELETE FROM join_requests
        WHERE group_id = target AND user_id = IF(operation = 16, other, author);
    ELSEIF code = 0 AND operation = 3 THEN
        DELETE r FROM join_requests r JOIN {ids} d ON d.id = r.user_id WHERE r.group_id = target;
    ELSEIF code = 0 AND (operation = 6 OR operation = 4 AND own_role = 2 AND successor IS NULL) THEN
        DELETE FROM join_requests WHERE group_id = target;
        DELETE FROM mutes WHERE group_id = target;
    END IF;

    IF code = 0 THEN
        INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
        VALUES (place, conversation, author, at_now, entry_kind, client_id, mark, content);
        IF operation BETWEEN 8 AND 10 THEN
            INSERT IGNORE INTO private_peers (user_id, peer_id, conv)
            VALUES (author, other, conversation), (other, author, conversation);
        END IF;
    END IF;
    -- Also when nothing was added: what is told of an entry found again must be as durable as it is.
    UPDATE log_head
    SET head = IF(code = 0, place, head_before), last_at = IF(code = 0, at_now, at_last), writes = writes + 1
    WHERE id = 1;
    COMMIT;
    SELECT epoch_now, code, COALESCE(known_place, place), COALESCE(known_at, at_now);
END
