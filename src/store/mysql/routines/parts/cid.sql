SUBSTRING(texts, d.cid_place, d.cid_length)
