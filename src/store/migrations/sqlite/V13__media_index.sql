-- The index tells now what messages have besides words: it is of no log, so it is made anew, behind the appends.
UPDATE search_index SET epoch = 0;

UPDATE schema_info SET version = 13;
