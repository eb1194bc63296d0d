-- Adds a file, unless its owner would have more than `quota` bytes with it; 0: no bound.
--
-- One row is the answer: 1, it is there (a repeated call finds it); 0, it would be too much.
--
-- Those who add for one owner at once wait for one another at his row of file_owners, which nothing else takes: the sum
-- below it is read without a lock and sees all that was added before.
CREATE PROCEDURE starling_add_file_1(
    IN new_id VARBINARY(22),
    IN new_owner BIGINT UNSIGNED,
    IN new_name TEXT CHARACTER SET utf8mb4,
    IN new_mime VARCHAR(255) CHARACTER SET utf8mb4,
    IN new_size BIGINT,
    IN new_sha256 VARBINARY(32),
    IN new_width BIGINT,
    IN new_height BIGINT,
    IN new_seconds BIGINT,
    IN new_thumb VARBINARY(32),
    IN new_at BIGINT,
    IN quota BIGINT UNSIGNED
)
MODIFIES SQL DATA
SQL SECURITY INVOKER
COMMENT '{digest}'
BEGIN
    DECLARE used BIGINT UNSIGNED DEFAULT 0;
    DECLARE is_there, is_added TINYINT UNSIGNED DEFAULT 0;
    DECLARE EXIT HANDLER FOR SQLEXCEPTION
    BEGIN
        ROLLBACK;
        RESIGNAL;
    END;

    START TRANSACTION;
    INSERT INTO file_owners (owner) VALUES (new_owner) ON DUPLICATE KEY UPDATE owner = new_owner;
    SELECT EXISTS (SELECT 1 FROM files f WHERE f.id = new_id) INTO is_there;
    SELECT COALESCE(SUM(f.size), 0) INTO used FROM files f WHERE f.owner = new_owner AND f.gone = 0;
    IF is_there THEN
        SET is_added = 1;
    ELSEIF quota = 0 OR used + new_size <= quota THEN
        INSERT INTO files (id, owner, name, mime, size, sha256, width, height, seconds, thumb, at, gone, touched_at)
        VALUES (new_id, new_owner, new_name, new_mime, new_size, new_sha256, new_width, new_height, new_seconds,
            new_thumb, new_at, 0, CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED));
        SET is_added = 1;
    END IF;
    COMMIT;
    SELECT is_added;
END
