-- Appends one entry that moves play money: a packet is sent, claimed or given back. Conditions first, effects after.
--
-- operation: 0 (the entry's conversation is not the change's), 1 send, 2 claim, 3 give back.
-- way and target: as in `starling_append_1`. low, high: the users of a private conversation, else 0.
-- start: what somebody has whose money never moved. whole_past: members see what was before they came.
-- Sending: style 0 red packet, 1 transfer; cut 0 equal, 1 lucky; life: milliseconds until it expires; pieces: how many
-- amounts of 16 digits are in amounts. Else about: the place of the packet.
--
-- One row is the answer, as that of `starling_change_1`, and what is looked at is read as there.
CREATE PROCEDURE starling_packet_1(
    IN operation TINYINT UNSIGNED, IN author BIGINT UNSIGNED, IN mark BIGINT, IN entry_kind TINYINT UNSIGNED,
    IN client_id VARBINARY(64), IN conversation VARBINARY(64), IN content MEDIUMBLOB, IN past BIGINT,
    IN way TINYINT UNSIGNED, IN target BIGINT UNSIGNED, IN low BIGINT UNSIGNED, IN high BIGINT UNSIGNED,
    IN friends_only TINYINT UNSIGNED, IN whole_past TINYINT UNSIGNED, IN start BIGINT,
    IN style TINYINT UNSIGNED, IN cut TINYINT UNSIGNED, IN amount BIGINT, IN life BIGINT,
    IN pieces INT UNSIGNED, IN amounts BLOB, IN about BIGINT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE giver BIGINT UNSIGNED;
    DECLARE own_cents, piece_cents, ends_at, left_in BIGINT;
    DECLARE is_gone, own_role, is_in, was_there, is_done, is_blocked, are_friends TINYINT UNSIGNED;
    DECLARE next_piece, claimed INT UNSIGNED;
    DECLARE quiet_until BIGINT DEFAULT 0;
{prologue}
    IF code = 0 AND operation = 0 THEN
        SET code = 11;
    END IF;

    -- Who may send is who may write.
    IF code = 0 AND operation = 1 THEN
        IF way = 0 THEN
            SELECT g.dissolved INTO is_gone FROM chat_groups g WHERE g.id = target;
            SELECT m.role INTO own_role FROM memberships m
            WHERE m.group_id = target AND m.user_id = author AND m.present = 1;
            SELECT COALESCE(MAX(q.until_at), 0) INTO quiet_until FROM mutes q
            WHERE q.group_id = target
                AND (q.user_id = author AND own_role < 2 OR q.user_id = 0 AND own_role = 0);
            SET code = CASE
                WHEN COALESCE(is_gone, 1) <> 0 THEN 3
                WHEN own_role IS NULL THEN 4
                WHEN quiet_until > at_now THEN 5
                ELSE 0
            END;
        ELSEIF way = 1 THEN
            SELECT u.disabled INTO is_gone FROM users u WHERE u.id = target;
            SELECT EXISTS (SELECT 1 FROM blocks b WHERE b.user_id = target AND b.blocked_id = author),
                EXISTS (SELECT 1 FROM friendships f WHERE f.user_id = target AND f.friend_id = author)
            INTO is_blocked, are_friends;
            SET code = CASE
                WHEN COALESCE(is_gone, 1) <> 0 THEN 3
                WHEN is_blocked THEN 6
                WHEN friends_only = 1 AND NOT are_friends THEN 5
                ELSE 0
            END;
        ELSE
            SET code = 5;
        END IF;
        SELECT b.cents INTO own_cents FROM balances b WHERE b.user_id = author;
        IF code = 0 AND COALESCE(own_cents, start) < amount THEN
            SET code = 18;
        END IF;
    END IF;

    IF code = 0 AND operation IN (2, 3) THEN
        SELECT p.sender, p.expires_at, p.rest, p.settled INTO giver, ends_at, left_in, is_done FROM packets p
        WHERE p.seq = about AND p.conv = conversation;
        IF giver IS NULL THEN
            SET code = 3;
        END IF;
    END IF;
    IF code = 0 AND operation = 2 THEN
        IF way = 0 THEN
            SELECT COALESCE(MAX(m.present), 0),
                COALESCE(MAX(m.from_seq <= about AND COALESCE(m.to_seq, about) >= about), 0)
            INTO is_in, was_there FROM memberships m WHERE m.group_id = target AND m.user_id = author;
            SET code = CASE
                WHEN NOT was_there AND NOT (is_in AND whole_past = 1) THEN 3
                WHEN NOT is_in THEN 4
                ELSE 0
            END;
        ELSEIF way <> 1 THEN
            SET code = 3;
        ELSEIF giver = author THEN
            SET code = 5;
        END IF;
    END IF;
    IF code = 0 AND operation = 2 THEN
        SELECT COUNT(*) INTO claimed FROM packet_shares s WHERE s.packet = about AND s.user_id = author;
        SELECT s.n, s.cents INTO next_piece, piece_cents FROM packet_shares s
        WHERE s.packet = about AND s.user_id IS NULL ORDER BY s.n LIMIT 1;
        SET code = CASE
            WHEN claimed > 0 THEN 17
            WHEN next_piece IS NULL THEN 15
            WHEN is_done OR at_now >= ends_at THEN 16
            ELSE 0
        END;
    END IF;
    IF code = 0 AND operation = 3 THEN
        SET code = CASE WHEN author <> 0 OR at_now < ends_at THEN 5 WHEN is_done THEN 3 ELSE 0 END;
    END IF;

    IF code = 0 THEN
        CASE operation
        WHEN 1 THEN
            INSERT INTO balances (user_id, cents) VALUES (author, start - amount)
            ON DUPLICATE KEY UPDATE cents = cents - amount;
            INSERT INTO packets (seq, conv, sender, kind, split, total, shares, rest, expires_at, settled)
            VALUES (place, conversation, author, style, cut, amount, pieces, amount, at_now + life, 0);
            INSERT INTO packet_shares (packet, n, cents)
            SELECT place, c.n, CAST(SUBSTRING(amounts, c.n * 16 + 1, 16) AS UNSIGNED) FROM numbers c WHERE c.n < pieces;
        WHEN 2 THEN
            UPDATE packet_shares s SET s.user_id = author, s.at = at_now WHERE s.packet = about AND s.n = next_piece;
            UPDATE packets p SET p.settled = IF(p.rest = piece_cents, 1, 0), p.rest = p.rest - piece_cents
            WHERE p.seq = about;
            INSERT INTO balances (user_id, cents) VALUES (author, start + piece_cents)
            ON DUPLICATE KEY UPDATE cents = cents + piece_cents;
        ELSE
            UPDATE packets p SET p.settled = 1, p.rest = 0 WHERE p.seq = about;
            INSERT INTO balances (user_id, cents) VALUES (giver, start + left_in)
            ON DUPLICATE KEY UPDATE cents = cents + left_in;
        END CASE;
        IF low > 0 THEN
            INSERT IGNORE INTO private_peers (user_id, peer_id, conv)
            VALUES (low, high, conversation), (high, low, conversation);
        END IF;
    END IF;
{epilogue}
END
