(
    SELECT CAST(SUBSTRING(ids, (a.n * 1024 + b.n) * 16 + 1, 16) AS UNSIGNED) AS id
    FROM numbers a JOIN numbers b
    WHERE a.n <= listed DIV 1024 AND b.n < listed AND a.n * 1024 + b.n < listed
)
