m.group_id = CAST(SUBSTRING(seats, n * 32 + 1, 16) AS UNSIGNED)
    AND m.user_id = CAST(SUBSTRING(seats, n * 32 + 17, 16) AS UNSIGNED) AND m.present = 1
