(
    SELECT CAST(SUBSTRING(pairs, n * 32 + 1, 16) AS UNSIGNED) AS author,
        CAST(SUBSTRING(pairs, n * 32 + 17, 16) AS UNSIGNED) AS peer
    FROM numbers
    WHERE n < paired
    -- Never reached: as in `drafts`.
    LIMIT 1024
)
