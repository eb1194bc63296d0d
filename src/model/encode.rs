//! Entries as clients see them: a few fields of ours in front of the body's own, without parsing the body.

use std::io::Write;

use super::entry::{Entry, EntryKind};
use super::ids::UserId;

/// Appends the entry's JSON object as `reader` sees it; with `live`, as a frame of type `entry`.
///
/// The caller has checked that the reader may see it and that clients are shown its kind.
pub fn encode_entry(out: &mut Vec<u8>, entry: &Entry, reader: UserId, live: bool) {
    out.push(b'{');
    if live {
        out.extend_from_slice(br#""type":"entry","#);
    }
    let kind = entry.kind.name().unwrap_or("unknown");
    let (seq, from, at) = (entry.seq, entry.from, entry.at);
    // Writing to a vector cannot fail.
    let _ = match entry.conv.as_seen_by(reader) {
        Some(conv) => write!(
            out,
            r#""seq":{seq},"conv":"{conv}","from":{from},"at":{at},"kind":"{kind}""#
        ),
        None => write!(
            out,
            r#""seq":{seq},"conv":null,"from":{from},"at":{at},"kind":"{kind}""#
        ),
    };
    // Only what clients send has an id that a client knows.
    let named = match entry.kind {
        EntryKind::Message | EntryKind::Recall | EntryKind::Edit | EntryKind::Reaction => true,
        EntryKind::Joined
        | EntryKind::Left
        | EntryKind::Group
        | EntryKind::Friend
        | EntryKind::Notice
        | EntryKind::Revoked
        | EntryKind::Asked
        | EntryKind::Unknown(_) => false,
    };
    if named && reader == entry.from {
        out.extend_from_slice(br#","cid":"#);
        // Client ids may hold quotes and backslashes.
        let _ = serde_json::to_writer(&mut *out, &entry.cid);
    }
    let fields = &entry.body[1..];
    if fields != b"}" {
        out.push(b',');
    }
    out.extend_from_slice(fields);
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::{Value, json};

    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::ids::Seq;

    fn seen_by(reader: u64, body: &'static str) -> Value {
        let entry = Entry {
            seq: Seq(9),
            conv: Conv::private(UserId(3), UserId(7)),
            from: UserId(7),
            at: 5,
            kind: EntryKind::Message,
            cid: r#"a"\"#.parse().unwrap(),
            body: Bytes::from_static(body.as_bytes()),
        };
        let mut out = Vec::new();
        encode_entry(&mut out, &entry, UserId(reader), false);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn sender_and_peer_see_the_conversation_from_their_own_side_and_only_the_sender_his_cid() {
        let body = r#"{"media":1,"content":"hi"}"#;
        let common = json!({"seq":9,"from":7,"at":5,"kind":"message","media":1,"content":"hi"});
        let (mut own, mut peer) = (common.clone(), common);
        own["conv"] = json!("u:3");
        own["cid"] = json!(r#"a"\"#);
        peer["conv"] = json!("u:7");
        assert_eq!(seen_by(7, body), own);
        assert_eq!(seen_by(3, body), peer);
    }

    #[test]
    fn an_empty_body_adds_no_fields() {
        assert_eq!(
            seen_by(3, "{}"),
            json!({"seq":9,"conv":"u:7","from":7,"at":5,"kind":"message"})
        );
    }
}
