-- Makes an account, or finds the one that the same request made before.
--
-- chosen_name: NULL: "u" and the id. The keys are folded by the caller.
--
-- invitation_hash: NULL: nobody needs to be invited. Otherwise the account is counted on this invitation.
--
-- One row is the answer: whether the name (1), the phone number (2) or the address (3) is taken by somebody else, the
-- invitation is not open (4), or none of these (0), and then the account's id.
--
-- Those who make accounts wait for one another at the row of ids. The head is read without holding it: by SELECT … INTO,
-- since a SELECT within SET or IF locks what it reads.
CREATE PROCEDURE starling_create_user_2(
    IN chosen_name VARCHAR(255) CHARACTER SET utf8mb4,
    IN chosen_key VARBINARY(1024),
    IN new_nickname VARCHAR(255) CHARACTER SET utf8mb4,
    IN new_nickname_key VARBINARY(1024),
    IN new_avatar TEXT CHARACTER SET utf8mb4,
    IN new_sex VARBINARY(8),
    IN new_memo TEXT CHARACTER SET utf8mb4,
    IN new_phone VARBINARY(64),
    IN new_email VARCHAR(255) CHARACTER SET utf8mb4,
    IN new_email_key VARBINARY(1024),
    IN new_hash VARBINARY(512),
    IN invitation_hash VARBINARY(32)
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE drawn, holder, head_now BIGINT UNSIGNED DEFAULT NULL;
    DECLARE taken, first_one, is_repeated, is_used TINYINT UNSIGNED DEFAULT 0;
    DECLARE new_name VARCHAR(255) CHARACTER SET utf8mb4 DEFAULT chosen_name;
    DECLARE new_key VARBINARY(1024) DEFAULT chosen_key;
    DECLARE now_at BIGINT;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT last_id INTO drawn FROM ids WHERE name = 'user' FOR UPDATE;
    SELECT found.how, found.id, found.password_hash = new_hash INTO taken, holder, is_repeated
    FROM (
        SELECT 1 AS how, u.id, u.password_hash FROM users u WHERE u.name_key = chosen_key
        UNION ALL SELECT 2, u.id, u.password_hash FROM users u WHERE u.phone = new_phone
        UNION ALL SELECT 3, u.id, u.password_hash FROM users u WHERE u.email_key = new_email_key
    ) found
    ORDER BY found.how LIMIT 1;

    IF holder IS NOT NULL THEN
        -- A hash has its own salt: the same one is the same request, repeated after an unknown outcome.
        IF is_repeated THEN
            SET taken = 0;
        END IF;
    ELSE
        SET now_at = CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED);
        IF invitation_hash IS NOT NULL THEN
            UPDATE invitations i SET i.used = i.used + 1
            WHERE i.code_hash = invitation_hash AND i.used < i.uses AND i.revoked = 0 AND i.expires_at > now_at;
            IF ROW_COUNT() = 0 THEN
                SET taken = 4;
                SET holder = 0;
            END IF;
        END IF;
    END IF;
    IF holder IS NULL THEN
        REPEAT
            SET drawn = drawn + 1;
            IF chosen_name IS NULL THEN
                SET new_name = CONCAT('u', drawn);
                SET new_key = new_name;
            END IF;
            SELECT EXISTS (SELECT 1 FROM users u WHERE u.name_key = new_key) INTO is_used;
        UNTIL NOT is_used END REPEAT;
        UPDATE ids SET last_id = drawn WHERE name = 'user';
        SET holder = drawn;
        SELECT NOT EXISTS (SELECT 1 FROM users) INTO first_one;
        SELECT h.head INTO head_now FROM log_head h WHERE h.id = 1;
        INSERT INTO users (id, name, name_key, nickname, nickname_key, avatar, sex, memo, phone, email, email_key,
            password_hash, admin, disabled, registered_seq, created_at, last_seen_at)
        VALUES (drawn, new_name, new_key, new_nickname, new_nickname_key, new_avatar, new_sex, new_memo, new_phone,
            new_email, new_email_key, new_hash, first_one, 0, head_now, now_at, now_at);
    END IF;
    COMMIT;
    SELECT taken, holder;
END
