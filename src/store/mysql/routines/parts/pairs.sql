(
    SELECT c.author, c.peer,
        CAST(CONCAT('p:', LEAST(c.author, c.peer), ':', GREATEST(c.author, c.peer)) AS BINARY) AS conv
    FROM (
        SELECT CAST(SUBSTRING(pairs, n * 32 + 1, 16) AS UNSIGNED) AS author,
            CAST(SUBSTRING(pairs, n * 32 + 17, 16) AS UNSIGNED) AS peer
        FROM numbers
        WHERE n < paired
    ) c
    -- Never reached: as in `drafts`.
    LIMIT 1024
)
