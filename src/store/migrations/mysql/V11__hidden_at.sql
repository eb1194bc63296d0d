-- `hidden` holds where the log was when a conversation was hidden: it is until something newer is in it.
ALTER TABLE conversation_settings MODIFY hidden BIGINT UNSIGNED NOT NULL;
UPDATE conversation_settings SET hidden = GREATEST(1, (SELECT head FROM log_head WHERE id = 1)) WHERE hidden = 1;

UPDATE schema_info SET version = 11;
