(
    SELECT CAST(SUBSTRING(v.listed, n * 45 + 1, 4) AS UNSIGNED) AS last,
        CAST(SUBSTRING(v.listed, n * 45 + 5, 16) AS UNSIGNED) AS low,
        CAST(SUBSTRING(v.listed, n * 45 + 21, 16) AS UNSIGNED) AS high,
        SUBSTRING(v.t, SUBSTRING(v.listed, n * 45 + 39, 7), SUBSTRING(v.listed, n * 45 + 37, 2)) AS conv
    FROM (SELECT latest AS listed, texts AS t) v JOIN numbers
    WHERE n < conversations
    -- Never reached: as in `drafts`.
    LIMIT 1024
)
