hush.group_id IS NULL AND mute.group_id IS NULL
