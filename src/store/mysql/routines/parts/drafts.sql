(
    SELECT c.*,
        IF(c.way = 0, c.target, NULL) AS chat_group,
        IF(c.way = 1, c.target, NULL) AS peer,
        IF(c.way = 1 AND friends_only = 1, c.target, NULL) AS friend
    FROM (
        SELECT n,
            CAST(SUBSTRING(records, n * 88 + 1, 16) AS UNSIGNED) AS sender,
            CAST(SUBSTRING(records, n * 88 + 17, 19) AS UNSIGNED) AS fingerprint,
            CAST(SUBSTRING(records, n * 88 + 36, 16) AS UNSIGNED) AS target,
            CAST(SUBSTRING(records, n * 88 + 52, 3) AS UNSIGNED) AS kind,
            CAST(SUBSTRING(records, n * 88 + 55, 1) AS UNSIGNED) AS way,
            CAST(SUBSTRING(records, n * 88 + 56, 2) AS UNSIGNED) AS cid_length,
            CAST(SUBSTRING(records, n * 88 + 58, 7) AS UNSIGNED) AS cid_place,
            CAST(SUBSTRING(records, n * 88 + 65, 2) AS UNSIGNED) AS conv_length,
            CAST(SUBSTRING(records, n * 88 + 67, 7) AS UNSIGNED) AS conv_place,
            CAST(SUBSTRING(records, n * 88 + 74, 8) AS UNSIGNED) AS body_length,
            CAST(SUBSTRING(records, n * 88 + 82, 7) AS UNSIGNED) AS body_place
        FROM numbers
        WHERE n < drafts
    ) c
    -- Never reached: a limit has the digits read once and not wherever a column is mentioned.
    LIMIT 1024
)
