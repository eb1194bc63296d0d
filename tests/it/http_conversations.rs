//! The list, the past, read positions and settings.

use bytes::Bytes;
use serde_json::{Value, json};
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft};
use starling::model::entry::EntryKind;
use starling::model::ids::{Seq, UserId};
use starling::model::signal::Signal;

use crate::lab::{Lab, User};

async fn line(lab: &Lab, user: &User, conv: &str) -> Value {
    let list = lab.get(user, "/api/v1/conversations").await;
    let lines = list["conversations"].as_array().unwrap();
    lines
        .iter()
        .find(|line| line["conv"] == conv)
        .cloned()
        .unwrap_or(Value::Null)
}

#[tokio::test]
async fn the_list_shows_people_groups_and_notes_with_their_last_entries() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let epoch = lab.stores.log.head().await.unwrap().epoch;
    assert_eq!(
        lab.get(&anna, "/api/v1/conversations").await,
        json!({"conversations": [], "head": 0, "epoch": epoch})
    );
    let (of_anna, of_bert) = (format!("u:{}", anna.id), format!("u:{}", bert.id));
    lab.say(&anna, &of_anna, "note").await;
    let hello = lab.say(&bert, &of_anna, "hello").await;
    let id = lab.group(&anna, &[&bert]).await;
    let head = lab.say(&anna, &format!("g:{id}"), "all").await;
    let list = lab.get(&anna, "/api/v1/conversations").await;
    assert_eq!(list["head"], head);
    let lines = list["conversations"].as_array().unwrap();
    let convs: Vec<&str> = lines
        .iter()
        .map(|line| line["conv"].as_str().unwrap())
        .collect();
    assert_eq!(
        convs,
        [&format!("g:{id}"), &of_bert, &of_anna],
        "the most recent first"
    );
    let mut expected = json!({
        "conv": of_bert, "kind": "private", "title": "bert", "icon": "", "unread": 1,
        "mentioned": false, "read_seq": 0, "peer_read_seq": 0, "muted": false, "pinned": false,
        "marked_unread": false,
    });
    expected["peer"] = lab.get(&anna, &format!("/api/v1/users/{}", bert.id)).await;
    expected["last"] = json!({
        "seq": hello, "conv": of_bert, "from": bert.id, "at": lines[1]["last"]["at"],
        "kind": "message", "media": 1, "content": "hello",
    });
    assert_eq!(lines[1], expected);
    let group = &lines[0];
    assert_eq!(
        (&group["kind"], &group["title"]),
        (&json!("group"), &json!("flock"))
    );
    assert_eq!(
        group["group"],
        lab.get(&anna, &format!("/api/v1/groups/{id}")).await
    );
    assert_eq!(
        (group.get("peer"), group.get("peer_read_seq")),
        (None, None)
    );
    assert_eq!(group["unread"], 0, "own messages are not unread");
    assert!(
        group["last"]["cid"].is_string(),
        "own entries carry their cid"
    );
    let notes = &lines[2];
    assert_eq!(
        (&notes["kind"], &notes["unread"]),
        (&json!("self"), &json!(0))
    );
    assert_eq!(line(&lab, &bert, &format!("g:{id}")).await["unread"], 1);
}

#[tokio::test]
async fn the_past_is_read_in_windows() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    let mut seqs = Vec::new();
    for text in ["a", "b", "c", "d", "e"] {
        seqs.push(lab.say(&anna, &conv, text).await);
    }
    let read = |query: String| {
        let (lab, anna, conv) = (&lab, &anna, &conv);
        async move {
            let page = lab
                .get(
                    anna,
                    &format!("/api/v1/conversations/{conv}/entries{query}"),
                )
                .await;
            let entries = page["entries"].as_array().unwrap().iter();
            let texts: String = entries
                .map(|e| e["content"].as_str().unwrap().to_owned())
                .collect();
            (
                texts,
                page["more_before"] == true,
                page["more_after"] == true,
            )
        }
    };
    assert_eq!(
        read(String::new()).await,
        ("abcde".to_owned(), false, false)
    );
    assert_eq!(
        read("?limit=2".to_owned()).await,
        ("de".to_owned(), true, false)
    );
    let before = format!("?before={}&limit=2", seqs[3]);
    assert_eq!(read(before).await, ("bc".to_owned(), true, true));
    let after = format!("?after={}&limit=2", seqs[1]);
    assert_eq!(read(after).await, ("cd".to_owned(), true, true));
    let around = format!("?around={}&limit=3", seqs[2]);
    assert_eq!(read(around).await, ("bcd".to_owned(), true, true));
    let path = format!("/api/v1/conversations/{conv}/entries");
    for (query, field) in [
        ("limit=0", "limit"),
        ("limit=x", "limit"),
        ("before=x", "before"),
        ("before=1&after=2", "after"),
        ("before=1&around=2", "around"),
        ("after=1&around=2", "after"),
        ("at=x", "at"),
        ("at=", "at"),
        ("at=1&around=2", "at"),
    ] {
        let reply = lab.simply(&anna, "GET", &format!("{path}?{query}")).await;
        reply.refused(400, "bad_request").about(field);
    }
}

#[tokio::test]
async fn the_past_is_found_by_its_time() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let me = UserId(anna.id);
    let notes = Conv::private(me, me);
    let day = 86_400_000;
    let first = 1_700_000_000_000;
    // Five days with two entries each, and between them what others say.
    for n in 0..10 {
        let draft = |conv: Conv, cid: String| Draft {
            conv,
            from: me,
            kind: EntryKind::Message,
            cid: cid.parse().unwrap(),
            body: Bytes::from(json!({"media": 1, "content": n.to_string()}).to_string()),
            change: Change::Message,
        };
        let at = first + n / 2 * day;
        let drafts = vec![
            draft(notes, format!("own-{n}")),
            draft(Conv::private(UserId(98), UserId(99)), format!("other-{n}")),
        ];
        lab.stores.log.append_at(at, drafts).await.unwrap();
    }
    lab.say(&anna, &format!("u:{}", anna.id), "now").await;
    let path = format!("/api/v1/conversations/u:{}/entries", anna.id);
    for (at, expected) in [
        (0, vec!["0"]),
        (first, vec!["0"]),
        (first + 1, vec!["1", "2"]),
        (first + day, vec!["1", "2"]),
        (first + 3 * day - 1, vec!["5", "6"]),
        (first + 4 * day, vec!["7", "8"]),
        (first + 4 * day + 1, vec!["9", "now"]),
        (9_007_199_254_740_991, vec!["now"]),
    ] {
        let page = lab.get(&anna, &format!("{path}?at={at}&limit=2")).await;
        let entries = page["entries"].as_array().unwrap().iter();
        let texts: Vec<&str> = entries.map(|e| e["content"].as_str().unwrap()).collect();
        assert_eq!(texts, expected, "{at}");
    }
}

#[tokio::test]
async fn nobody_looks_into_a_conversation_he_is_not_in() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let conv = format!("u:{}", bert.id);
    lab.say(&anna, &conv, "for bert").await;
    let path = format!("/api/v1/conversations/{conv}/entries");
    // Whoever asks reads his own conversation with bert: nothing.
    assert_eq!(lab.get(&clara, &path).await["entries"], json!([]));
    let missing = "/api/v1/conversations/u:99/entries";
    lab.simply(&anna, "GET", missing)
        .await
        .refused(404, "not_found");
    let id = lab.group(&anna, &[]).await;
    let foreign = format!("/api/v1/conversations/g:{id}");
    for (method, path, body) in [
        ("GET", format!("{foreign}/entries"), json!({})),
        ("POST", format!("{foreign}/read"), json!({"seq": 1})),
        ("PATCH", foreign.clone(), json!({"muted": true})),
    ] {
        lab.call(&clara, method, &path, &body)
            .await
            .refused(403, "not_member");
        let path = path.replace(&format!("g:{id}"), "g:99");
        lab.call(&clara, method, &path, &body)
            .await
            .refused(404, "not_found");
    }
}

#[tokio::test]
async fn reading_moves_forward_only_and_counts_at_once() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let (from_bert, from_anna) = (format!("u:{}", anna.id), format!("u:{}", bert.id));
    let first = lab.say(&anna, &from_anna, "1").await;
    let second = lab.say(&anna, &from_anna, "2").await;
    let path = format!("/api/v1/conversations/{from_bert}/read");
    lab.signals();
    let read = |seq: u64| {
        let (lab, bert, path) = (&lab, &bert, &path);
        async move {
            lab.call(bert, "POST", path, &json!({"seq": seq}))
                .await
                .is(200)
        }
    };
    assert_eq!(read(first).await, json!({"read_seq": first, "unread": 1}));
    let conv = format!("p:{}:{}", anna.id, bert.id);
    let told = |seq| Signal::Read {
        conv: conv.clone(),
        user: UserId(bert.id),
        seq: Seq(seq),
    };
    assert_eq!(lab.signals(), [told(first)]);
    assert_eq!(line(&lab, &bert, &from_bert).await["unread"], 1);
    assert_eq!(line(&lab, &anna, &from_anna).await["peer_read_seq"], first);
    assert_eq!(
        read(1_000_000).await,
        json!({"read_seq": second, "unread": 0})
    );
    assert_eq!(read(first).await, json!({"read_seq": second, "unread": 0}));
    assert_eq!(lab.signals(), [told(second)]);
    lab.reads.write().await;
    let line = line(&lab, &bert, &from_bert).await;
    assert_eq!(
        (&line["read_seq"], &line["unread"]),
        (&json!(second), &json!(0))
    );
    for body in [json!({}), json!({"seq": "x"}), json!({"seq": -1})] {
        let reply = lab.call(&bert, "POST", &path, &body).await;
        reply.refused(400, "bad_request").about("seq");
    }
}

#[tokio::test]
async fn a_read_position_outlives_a_store_that_is_away_for_a_while() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", anna.id);
    let seq = lab.say(&anna, &format!("u:{}", bert.id), "hi").await;
    let path = format!("/api/v1/conversations/{conv}/read");
    lab.call(&bert, "POST", &path, &json!({"seq": seq}))
        .await
        .is(200);
    lab.break_store();
    lab.reads.write().await;
    let reply = lab.simply(&bert, "GET", "/api/v1/conversations").await;
    reply.refused(503, "unavailable");
    lab.mend_store();
    assert_eq!(line(&lab, &bert, &conv).await["read_seq"], seq);
    lab.reads.write().await;
    let private = Conv::private(UserId(anna.id), UserId(bert.id));
    let stored = lab
        .stores
        .conversations
        .read_position(UserId(bert.id), private)
        .await;
    assert_eq!(stored.unwrap(), Seq(seq));
}

#[tokio::test]
async fn a_mention_shows_until_it_is_read() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("g:{}", lab.group(&anna, &[&bert]).await);
    let path = format!("/api/v1/conversations/{conv}/messages");
    let body = json!({"cid": "m", "media": 1, "content": "@bert", "mentions": [bert.id]});
    let sent = lab.call(&anna, "POST", &path, &body).await.is(201);
    assert_eq!(line(&lab, &bert, &conv).await["mentioned"], true);
    assert_eq!(line(&lab, &anna, &conv).await["mentioned"], false);
    let read = format!("/api/v1/conversations/{conv}/read");
    lab.call(&bert, "POST", &read, &json!({"seq": sent["seq"]}))
        .await
        .is(200);
    lab.say(&anna, &conv, "and more").await;
    let line = line(&lab, &bert, &conv).await;
    assert_eq!(
        (&line["mentioned"], &line["unread"]),
        (&json!(false), &json!(1))
    );
}

#[tokio::test]
async fn settings_change_where_told_and_other_devices_hear_of_it() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    lab.say(&anna, &conv, "hi").await;
    lab.signals();
    let path = format!("/api/v1/conversations/{conv}");
    let change = json!({"pinned": true, "draft": "not yet"});
    let settings = lab.call(&anna, "PATCH", &path, &change).await.is(200);
    let expected = json!({
        "conv": conv, "muted": false, "pinned": true, "hidden": false, "marked_unread": false,
        "draft": "not yet",
    });
    assert_eq!(settings, expected);
    let signals = lab.signals();
    let [Signal::Settings { user, changed, .. }] = &signals[..] else {
        panic!("{signals:?}")
    };
    assert_eq!(user.0, anna.id);
    assert_eq!(serde_json::from_str::<Value>(changed).unwrap(), change);
    let shown = line(&lab, &anna, &conv).await;
    assert_eq!(
        (&shown["pinned"], &shown["draft"]),
        (&json!(true), &json!("not yet"))
    );
    lab.call(
        &anna,
        "PATCH",
        &path,
        &json!({"draft": null, "muted": true}),
    )
    .await
    .is(200);
    let shown = line(&lab, &anna, &conv).await;
    assert_eq!((shown.get("draft"), &shown["muted"]), (None, &json!(true)));
    let reply = lab
        .call(&anna, "PATCH", &path, &json!({"muted": "yes"}))
        .await;
    reply.refused(400, "bad_request").about("muted");
    let long = json!({"draft": "x".repeat(16 * 1024 + 1)});
    lab.call(&anna, "PATCH", &path, &long)
        .await
        .refused(413, "too_large")
        .about("draft");
}

#[tokio::test]
async fn a_hidden_conversation_comes_back_with_the_next_message_and_stays() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    lab.say(&anna, &conv, "hi").await;
    let path = format!("/api/v1/conversations/{conv}");
    lab.call(&anna, "PATCH", &path, &json!({"hidden": true}))
        .await
        .is(200);
    assert_eq!(line(&lab, &anna, &conv).await, Value::Null);
    lab.say(&bert, &format!("u:{}", anna.id), "hello?").await;
    let back = line(&lab, &anna, &conv).await;
    assert_eq!(back["unread"], 1);
    let read = json!({"seq": back["last"]["seq"]});
    lab.call(&anna, "POST", &format!("{path}/read"), &read)
        .await
        .is(200);
    let read = line(&lab, &anna, &conv).await;
    assert_eq!(read["unread"], 0);
    let muted = lab
        .call(&anna, "PATCH", &path, &json!({"muted": true}))
        .await
        .is(200);
    assert_eq!(muted["hidden"], false);
}
