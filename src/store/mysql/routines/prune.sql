-- Takes the oldest entries away, up to the place `upto`, `most` of them and never the last one, and moves the floor.
--
-- One row is the answer: the log's epoch, its floor and its head. The row of log_head is read without a lock: the head
-- only rises, and no append waits for this.
CREATE PROCEDURE starling_prune_2(
    IN upto BIGINT UNSIGNED,
    IN most INT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE epoch_now, floor_now, floor_next, head_now BIGINT UNSIGNED DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    SELECT floor_seq INTO floor_now FROM log_floor WHERE id = 1 FOR UPDATE;
    SELECT epoch, head INTO epoch_now, head_now FROM log_head WHERE id = 1;
    SET floor_next = LEAST(upto, floor_now + most, GREATEST(head_now, 1) - 1);
    IF floor_next > floor_now THEN
        DELETE FROM entries WHERE seq > floor_now AND seq <= floor_next;
        -- Also what was written beside an entry while it was pruned.
        DELETE FROM edits WHERE target <= floor_next;
        DELETE FROM reactions WHERE target <= floor_next;
        DELETE FROM reaction_counts WHERE target <= floor_next;
        DELETE FROM hidden_entries WHERE seq <= floor_next;
        UPDATE log_floor SET floor_seq = floor_next WHERE id = 1;
    ELSE
        SET floor_next = floor_now;
    END IF;
    COMMIT;
    SELECT epoch_now, floor_next, head_now;
END
