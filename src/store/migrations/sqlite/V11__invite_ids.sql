-- From here on `code` holds an invitation's id, which is made from its code and tells nothing of it. What is there are
-- codes as people know them: they are not good any more.
DELETE FROM invites;
DELETE FROM invite_uses;

UPDATE schema_info SET version = 11;
