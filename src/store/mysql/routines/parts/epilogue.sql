    IF code = 0 THEN
        INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
        VALUES (place, conversation, author, at_now, entry_kind, client_id, mark, content);
    END IF;
    -- Also when nothing was added: what is told of an entry found again must be as durable as it is.
    UPDATE log_head
    SET head = IF(code = 0, place, head_before), last_at = IF(code = 0, at_now, at_last), writes = writes + 1
    WHERE id = 1;
    COMMIT;
    SELECT epoch_now, code, COALESCE(known_place, place), COALESCE(known_at, at_now);
