(d.sender = 0 OR u.disabled = 0) AND CASE d.way
    WHEN 0 THEN m.id IS NOT NULL AND {audible}
    WHEN 1 THEN p.disabled = 0 AND b.user_id IS NULL AND (friends_only = 0 OR f.user_id IS NOT NULL)
    ELSE d.way = 2
END
