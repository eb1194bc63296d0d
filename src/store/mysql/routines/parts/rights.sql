(
    SELECT c.*,
        IF(c.way = 0, c.target, NULL) AS chat_group,
        IF(c.way = 1, c.target, NULL) AS peer,
        IF(c.way = 1 AND friends_only = 1, c.target, NULL) AS friend
    FROM (
        SELECT CAST(SUBSTRING(rights, n * 33 + 1, 16) AS UNSIGNED) AS sender,
            CAST(SUBSTRING(rights, n * 33 + 17, 16) AS UNSIGNED) AS target,
            CAST(SUBSTRING(rights, n * 33 + 33, 1) AS UNSIGNED) AS way
        FROM numbers
        WHERE n < distinct_rights
    ) c
    -- Never reached: as in `drafts`.
    LIMIT 1024
)
