SUBSTRING(texts, d.conv_place, d.conv_length), d.sender, at_now, d.kind,
    SUBSTRING(texts, d.cid_place, d.cid_length), d.fingerprint, SUBSTRING(texts, d.body_place, d.body_length)
