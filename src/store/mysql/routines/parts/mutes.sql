LEFT JOIN mutes hush ON hush.group_id = m.group_id AND hush.user_id = 0 AND hush.until_at > at_now AND m.role = 0
LEFT JOIN mutes mute ON mute.group_id = m.group_id AND mute.user_id = m.user_id AND mute.until_at > at_now AND m.role < 2
