    DECLARE epoch_now, head_before, place, known_place BIGINT UNSIGNED;
    DECLARE at_last, at_now, known_at, known_mark BIGINT;
    DECLARE locked_out TINYINT UNSIGNED DEFAULT 1;
    DECLARE code INT DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT epoch, head, last_at INTO epoch_now, head_before, at_last FROM log_head WHERE id = 1 FOR UPDATE;
    SET at_now = CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED);
    SET at_now = GREATEST(at_last, LEAST(at_now, COALESCE(past, at_now)));
    SET place = head_before + 1;

    SELECT seq, at, fingerprint INTO known_place, known_at, known_mark FROM entries
    WHERE sender = author AND cid = client_id;
    SELECT disabled INTO locked_out FROM users WHERE id = author;
    IF known_place IS NOT NULL THEN
        SET code = IF(known_mark = mark, 1, 2);
    ELSEIF author <> 0 AND locked_out <> 0 THEN
        SET code = 10;
    END IF;
