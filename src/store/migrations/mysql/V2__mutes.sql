-- Who may not write in a group until when; user 0 is everybody but its owner and admins. Times past are as good as no
-- row.
CREATE TABLE IF NOT EXISTS mutes (
    group_id BIGINT UNSIGNED NOT NULL,
    user_id BIGINT UNSIGNED NOT NULL,
    until_at BIGINT NOT NULL,
    PRIMARY KEY (group_id, user_id)
) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4;

UPDATE schema_info SET version = 2;
