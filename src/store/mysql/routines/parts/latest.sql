(
    SELECT CAST(SUBSTRING(latest, n * 45 + 5, 16) AS UNSIGNED) AS low,
        CAST(SUBSTRING(latest, n * 45 + 21, 16) AS UNSIGNED) AS high,
        SUBSTRING(texts, SUBSTRING(latest, n * 45 + 39, 7), SUBSTRING(latest, n * 45 + 37, 2)) AS conv
    FROM numbers
    WHERE n < conversations
    -- Never reached: as in `drafts`.
    LIMIT 1024
)
