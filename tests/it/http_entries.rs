//! Single entries: recall, edit, reactions, hiding, readers; and what messages may refer to.

use serde_json::{Value, json};
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft, Outcome};
use starling::model::entry::EntryKind;
use starling::model::ids::UserId;
use starling::model::signal::Signal;

use crate::lab::{Lab, User};

/// The emojis of these tests, as they are in a path.
const THUMB: &str = "%F0%9F%91%8D";
const HEART: &str = "%E2%9D%A4%EF%B8%8F";

fn private(with: &User) -> String {
    format!("u:{}", with.id)
}

fn entry(seq: u64, rest: &str) -> String {
    format!("/api/v1/entries/{seq}{rest}")
}

/// The message at this place as the user's history has it; null when it is not there.
async fn shown(lab: &Lab, user: &User, conv: &str, seq: u64) -> Value {
    let path = format!("/api/v1/conversations/{conv}/entries?limit=200");
    let page = lab.get(user, &path).await;
    let mut found = page["entries"].as_array().unwrap().iter();
    found
        .find(|entry| entry["seq"] == seq)
        .cloned()
        .unwrap_or(Value::Null)
}

#[tokio::test]
async fn a_recalled_message_has_no_content_for_anybody_and_is_gone_for_further_changes() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let seq = lab.say(&anna, &private(&bert), "secret").await;
    lab.simply(&bert, "DELETE", &entry(seq, ""))
        .await
        .refused(403, "not_allowed");
    lab.simply(&anna, "DELETE", &entry(seq, "")).await.is(204);
    for (user, conv) in [(&anna, private(&bert)), (&bert, private(&anna))] {
        let message = shown(&lab, user, &conv, seq).await;
        assert_eq!(
            (&message["recalled"], &message["media"]),
            (&json!(true), &json!(1))
        );
        assert_eq!(message["content"], Value::Null);
        let all = lab
            .get(user, &format!("/api/v1/conversations/{conv}/entries"))
            .await;
        // The sender's own client id is his.
        assert!(!all.to_string().contains(r#""secret""#), "{all}");
        let list = lab.get(user, "/api/v1/conversations").await;
        assert_eq!(list["conversations"][0]["last"]["seq"], seq);
        assert_eq!(list["conversations"][0]["last"]["recalled"], true);
    }
    let gone = |method: &'static str, rest: String| {
        let (lab, anna) = (&lab, &anna);
        async move {
            let body = json!({"content": "again"});
            lab.call(anna, method, &entry(seq, &rest), &body)
                .await
                .refused(410, "gone");
        }
    };
    gone("DELETE", String::new()).await;
    gone("PATCH", String::new()).await;
    gone("PUT", format!("/reactions/{THUMB}")).await;
    lab.simply(&anna, "DELETE", &entry(9_999, ""))
        .await
        .refused(404, "not_found");
    let carl = lab.register("carl").await;
    lab.simply(&carl, "DELETE", &entry(seq, ""))
        .await
        .refused(404, "not_found");
    lab.anonymously("DELETE", &entry(seq, ""), &Value::Null)
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn after_the_time_only_those_who_run_a_group_recall() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let draft = Draft {
        conv: Conv::private(UserId(anna.id), UserId(bert.id)),
        from: UserId(anna.id),
        kind: EntryKind::Message,
        cid: "long-ago".parse().unwrap(),
        body: br#"{"media":1,"content":"old"}"#.as_slice().into(),
        change: Change::Message,
    };
    let verdicts = lab.stores.log.append_at(1_000, vec![draft]).await.unwrap();
    let Outcome::Appended { seq, .. } = verdicts.outcomes[0] else {
        panic!("{verdicts:?}");
    };
    lab.simply(&anna, "DELETE", &entry(seq.0, ""))
        .await
        .refused(403, "recall_expired");

    let group = lab.group(&anna, &[&bert]).await;
    let conv = format!("g:{group}");
    let (his, hers) = (
        lab.say(&bert, &conv, "his").await,
        lab.say(&anna, &conv, "hers").await,
    );
    lab.simply(&bert, "DELETE", &entry(hers, ""))
        .await
        .refused(403, "not_allowed");
    lab.simply(&anna, "DELETE", &entry(his, "")).await.is(204);
    let kept = lab.say(&bert, &conv, "kept").await;
    let path = format!("/api/v1/groups/{group}/leave");
    lab.simply(&bert, "POST", &path).await;
    lab.simply(&bert, "DELETE", &entry(kept, ""))
        .await
        .refused(403, "not_allowed");
}

#[tokio::test]
async fn an_edit_is_answered_with_the_message_as_it_is() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let seq = lab.say(&anna, &private(&bert), "before").await;
    let react = entry(seq, &format!("/reactions/{THUMB}"));
    lab.simply(&bert, "PUT", &react).await.is(204);
    let body = json!({"content": "after"});
    let edited = lab
        .call(&anna, "PATCH", &entry(seq, ""), &body)
        .await
        .is(200);
    assert_eq!(
        (&edited["seq"], &edited["content"]),
        (&json!(seq), &json!("after"))
    );
    assert!(edited["edited_at"].as_i64().unwrap() >= edited["at"].as_i64().unwrap());
    assert_eq!(edited["reactions"][0]["count"], 1);
    assert_eq!(
        shown(&lab, &bert, &private(&anna), seq).await["content"],
        "after"
    );

    let edit = async |user: &User, seq: u64, body: Value| {
        lab.call(user, "PATCH", &entry(seq, ""), &body).await
    };
    edit(&bert, seq, body.clone())
        .await
        .refused(403, "not_allowed");
    edit(&anna, 9_999, body.clone())
        .await
        .refused(404, "not_found");
    for bad in [json!({}), json!({"content": "  "}), json!({"content": 7})] {
        edit(&anna, seq, bad)
            .await
            .refused(400, "bad_request")
            .about("content");
    }
    edit(&anna, seq, json!({"content": "x".repeat(16 * 1024 + 1)}))
        .await
        .refused(413, "too_large")
        .about("content");
    let path = format!("/api/v1/conversations/{}/messages", private(&bert));
    let picture = json!({"cid": "p", "media": 4, "url": "/files/1/a.png"});
    let picture = lab.call(&anna, "POST", &path, &picture).await.is(201);
    edit(&anna, picture["seq"].as_u64().unwrap(), body.clone())
        .await
        .refused(403, "not_allowed");
    lab.anonymously("PATCH", &entry(seq, ""), &body)
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn reactions_are_counted_once_for_each_user_and_shown_on_the_message() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let seq = lab.say(&anna, &private(&bert), "x").await;
    let on = |emoji: &str| entry(seq, &format!("/reactions/{emoji}"));
    for (user, emoji) in [
        (&bert, THUMB),
        (&bert, THUMB),
        (&anna, HEART),
        (&anna, THUMB),
    ] {
        lab.simply(user, "PUT", &on(emoji)).await.is(204);
    }
    let reactions = shown(&lab, &anna, &private(&bert), seq).await["reactions"].clone();
    let expected = json!([
        {"emoji": "👍", "count": 2, "users": [anna.id, bert.id]},
        {"emoji": "❤️", "count": 1, "users": [anna.id]},
    ]);
    assert_eq!(reactions, expected);
    for _ in 0..2 {
        lab.simply(&bert, "DELETE", &on(THUMB)).await.is(204);
    }
    let reactions = shown(&lab, &bert, &private(&anna), seq).await["reactions"].clone();
    assert_eq!(
        reactions[0],
        json!({"emoji": "👍", "count": 1, "users": [anna.id]})
    );
    for bad in ["abc", "%20", "%FF", "%F0%9F%91%8D%F0%9F%91%8D"] {
        for method in ["PUT", "DELETE"] {
            lab.simply(&bert, method, &on(bad))
                .await
                .refused(400, "bad_request")
                .about("emoji");
        }
    }
    let carl = lab.register("carl").await;
    for method in ["PUT", "DELETE"] {
        lab.simply(&carl, method, &on(THUMB))
            .await
            .refused(404, "not_found");
        lab.anonymously(method, &on(THUMB), &Value::Null)
            .await
            .refused(401, "unauthorized");
    }
    // What became of messages is neither unread nor the last line.
    let list = lab.get(&bert, "/api/v1/conversations").await;
    let line = &list["conversations"][0];
    assert_eq!(
        (&line["unread"], &line["last"]["seq"]),
        (&json!(1), &json!(seq))
    );
}

#[tokio::test]
async fn what_one_hides_is_hidden_from_oneself_and_told_to_ones_devices() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let first = lab.say(&anna, &private(&bert), "first").await;
    let seq = lab.say(&anna, &private(&bert), "second").await;
    for _ in 0..2 {
        lab.simply(&bert, "PUT", &entry(seq, "/hidden"))
            .await
            .is(204);
    }
    assert_eq!(shown(&lab, &bert, &private(&anna), seq).await, Value::Null);
    assert_eq!(
        shown(&lab, &anna, &private(&bert), seq).await["content"],
        "second"
    );
    let list = lab.get(&bert, "/api/v1/conversations").await;
    let line = &list["conversations"][0];
    assert_eq!(
        (&line["unread"], &line["last"]["seq"]),
        (&json!(1), &json!(first))
    );
    let told = lab.signals();
    let hidden = json!({"hidden_entry": seq}).to_string();
    let is_told = |signal: &Signal| matches!(signal, Signal::Settings { user, changed, .. } if user.0 == bert.id && *changed == hidden);
    assert!(told.iter().any(is_told), "{told:?}");
    let carl = lab.register("carl").await;
    lab.simply(&carl, "PUT", &entry(seq, "/hidden"))
        .await
        .refused(404, "not_found");
    lab.anonymously("PUT", &entry(seq, "/hidden"), &Value::Null)
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn readers_are_the_members_who_came_so_far_without_the_author() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let (carl, dora) = (lab.register("carl").await, lab.register("dora").await);
    let group = lab.group(&anna, &[&bert, &carl]).await;
    let conv = format!("g:{group}");
    let seq = lab.say(&anna, &conv, "x").await;
    let readers = entry(seq, "/readers");
    assert_eq!(
        lab.get(&anna, &readers).await,
        json!({"readers": [], "total": 0})
    );
    let read = json!({"seq": seq});
    let path = format!("/api/v1/conversations/{conv}/read");
    for user in [&anna, &bert] {
        lab.call(user, "POST", &path, &read).await.is(200);
    }
    let found = lab.get(&carl, &readers).await;
    assert_eq!(
        (&found["total"], &found["readers"][0]["id"]),
        (&json!(1), &json!(bert.id))
    );
    lab.simply(&dora, "GET", &readers)
        .await
        .refused(404, "not_found");
    let leave = format!("/api/v1/groups/{group}/leave");
    lab.simply(&carl, "POST", &leave).await;
    lab.simply(&carl, "GET", &readers)
        .await
        .refused(403, "not_member");
    lab.anonymously("GET", &readers, &Value::Null)
        .await
        .refused(401, "unauthorized");

    let seq = lab.say(&anna, &private(&bert), "y").await;
    let path = format!("/api/v1/conversations/{}/read", private(&anna));
    lab.call(&bert, "POST", &path, &json!({"seq": seq}))
        .await
        .is(200);
    let found = lab.get(&anna, &entry(seq, "/readers")).await;
    assert_eq!(
        (&found["total"], &found["readers"][0]["id"]),
        (&json!(1), &json!(bert.id))
    );
}

#[tokio::test]
async fn a_message_refers_to_what_its_author_sees_and_to_who_is_there() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let carl = lab.register("carl").await;
    let elsewhere = lab.say(&anna, &private(&carl), "elsewhere").await;
    let group = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/conversations/g:{group}/messages");
    let send = async |user: &User, cid: &str, more: Value| {
        let mut body = json!({"cid": cid, "media": 1, "content": "hi"});
        for (name, value) in more.as_object().unwrap() {
            body[name] = value.clone();
        }
        lab.call(user, "POST", &path, &body).await
    };
    let question = send(&bert, "q", json!({})).await.is(201);
    for bad in [json!(elsewhere), json!(1), json!(9_999)] {
        let reply = send(&anna, "bad", json!({"reply_to": bad})).await;
        reply.refused(400, "bad_request").about("reply_to");
    }
    for mentions in [json!([carl.id]), json!([bert.id, 9_999])] {
        let reply = send(&anna, "bad", json!({"mentions": mentions})).await;
        reply.refused(400, "bad_request").about("mentions");
    }
    let everybody = send(&bert, "bad", json!({"mentions": [0]})).await;
    everybody.refused(403, "not_allowed").about("mentions");
    let answer = json!({"reply_to": question["seq"], "mentions": [bert.id, bert.id, 0]});
    let answered = send(&anna, "good", answer.clone()).await.is(201);
    let list = lab.get(&bert, "/api/v1/conversations").await;
    assert_eq!(list["conversations"][0]["mentioned"], true);

    // A repetition is known, whatever became of what it refers to.
    let question = entry(question["seq"].as_u64().unwrap(), "/hidden");
    lab.simply(&anna, "PUT", &question).await.is(204);
    let leave = format!("/api/v1/groups/{group}/leave");
    lab.simply(&bert, "POST", &leave).await;
    let again = send(&anna, "good", answer).await.is(200);
    assert_eq!(again["seq"], answered["seq"]);
}

#[tokio::test]
async fn a_recalled_mention_counts_no_more() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/conversations/g:{group}/messages");
    let body = json!({"cid": "m", "media": 1, "content": "hey", "mentions": [bert.id]});
    let seq = lab.call(&anna, "POST", &path, &body).await.is(201)["seq"].clone();
    let mentioned = async || {
        let list = lab.get(&bert, "/api/v1/conversations").await;
        list["conversations"][0]["mentioned"].clone()
    };
    assert_eq!(mentioned().await, true);
    let recall = entry(seq.as_u64().unwrap(), "");
    lab.simply(&anna, "DELETE", &recall).await.is(204);
    assert_eq!(mentioned().await, false);
}
