//! Sending: validation, places, retries, and the limit on haste.

use std::time::Duration;

use serde_json::{Value, json};
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft, Outcome};
use starling::model::entry::EntryKind;
use starling::model::ids::UserId;
use starling::service::messages::SendSettings;

use crate::lab::{Choices, Lab, Reply, User};

async fn send(lab: &Lab, user: &User, conv: &str, body: &Value) -> Reply {
    let path = format!("/api/v1/conversations/{conv}/messages");
    lab.call(user, "POST", &path, body).await
}

#[tokio::test]
async fn a_message_gets_a_place_and_both_sides_read_it_from_their_own() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let earlier = lab
        .say(&bert, &format!("u:{}", anna.id), "a picture?")
        .await;
    let body = json!({
        "cid": "c-1", "media": 4, "url": "/files/1/a.png", "pic": "https://a.example/p", "memo": "look",
        "meta": {"width": 3}, "reply_to": earlier, "mentions": [bert.id], "unknown": true,
    });
    let accepted = send(&lab, &anna, &format!("u:{}", bert.id), &body)
        .await
        .is(201);
    assert_eq!(accepted["duplicate"], false);
    let path = format!("/api/v1/conversations/u:{}/entries", anna.id);
    let page = lab.get(&bert, &path).await;
    let expected = json!({
        "seq": accepted["seq"], "conv": format!("u:{}", anna.id), "from": anna.id, "at": accepted["at"],
        "kind": "message", "media": 4, "url": "/files/1/a.png", "pic": "https://a.example/p",
        "memo": "look", "meta": {"width": 3}, "reply_to": earlier, "mentions": [bert.id],
    });
    assert_eq!(page["entries"][1], expected);
    let path = format!("/api/v1/conversations/u%3A{}/entries", bert.id);
    let page = lab.get(&anna, &path).await;
    assert_eq!(page["entries"][1]["conv"], format!("u:{}", bert.id));
    assert_eq!(page["entries"][1]["cid"], "c-1");
}

#[tokio::test]
async fn a_repeated_send_gets_the_first_place_and_other_content_is_refused() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    let body = json!({"cid": "c-1", "media": 1, "content": "hi"});
    let first = send(&lab, &anna, &conv, &body).await.is(201);
    let again = send(&lab, &anna, &conv, &body).await.is(200);
    assert_eq!(
        again,
        json!({"seq": first["seq"], "at": first["at"], "duplicate": true})
    );
    let other = json!({"cid": "c-1", "media": 1, "content": "ho"});
    send(&lab, &anna, &conv, &other)
        .await
        .refused(409, "cid_reused");
    let elsewhere = format!("u:{}", anna.id);
    send(&lab, &anna, &elsewhere, &body)
        .await
        .refused(409, "cid_reused");
    // Another user's ids are his own.
    send(&lab, &bert, &format!("u:{}", anna.id), &body)
        .await
        .is(201);
}

#[tokio::test]
async fn each_wrong_field_of_a_message_is_told_by_name() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    for (fields, field) in [
        (json!({"cid": null}), "cid"),
        (json!({"cid": ""}), "cid"),
        (json!({"cid": "x".repeat(65)}), "cid"),
        (json!({"cid": "ü"}), "cid"),
        (json!({"cid": 1}), "cid"),
        (json!({"media": null}), "media"),
        (json!({"media": 0}), "media"),
        (json!({"media": 5}), "media"),
        (json!({"media": 50}), "media"),
        (json!({"media": "text"}), "media"),
        (json!({"content": null}), "content"),
        (json!({"content": "  "}), "content"),
        (json!({"content": 7}), "content"),
        (json!({"url": "javascript:alert(1)"}), "url"),
        (json!({"pic": "data:x"}), "pic"),
        (json!({"amount": "much"}), "amount"),
        (json!({"meta": []}), "meta"),
        (json!({"reply_to": -1}), "reply_to"),
        (json!({"reply_to": 7}), "reply_to"),
        (json!({"mentions": "all"}), "mentions"),
        (json!({"mentions": [0]}), "mentions"),
        (json!({"mentions": [99]}), "mentions"),
        (json!({"to": "u:99"}), "to"),
    ] {
        let mut body = json!({"cid": "c", "media": 1, "content": "hi"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        send(&lab, &anna, &conv, &body)
            .await
            .refused(400, "bad_request")
            .about(field);
    }
    for (fields, field) in [
        (json!({"content": "x".repeat(16 * 1024 + 1)}), "content"),
        (json!({"meta": {"x": "x".repeat(2 * 1024)}}), "meta"),
        (
            json!({"url": format!("https://a/{}", "x".repeat(2 * 1024))}),
            "url",
        ),
        (json!({"mentions": vec![1; 101]}), "mentions"),
    ] {
        let mut body = json!({"cid": "c", "media": 1, "content": "hi"});
        for (name, value) in fields.as_object().unwrap() {
            body[name] = value.clone();
        }
        send(&lab, &anna, &conv, &body)
            .await
            .refused(413, "too_large")
            .about(field);
    }
    let body = json!({"cid": "c", "to": conv, "media": 1, "content": "x".repeat(16 * 1024)});
    send(&lab, &anna, &conv, &body).await.is(201);
}

#[tokio::test]
async fn messages_go_only_where_one_may_write() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let id = lab.group(&anna, &[]).await;
    let body = json!({"cid": "c", "media": 1, "content": "hi"});
    send(&lab, &bert, &format!("g:{id}"), &body)
        .await
        .refused(403, "not_member");
    send(&lab, &bert, "g:99", &body)
        .await
        .refused(404, "not_found");
    send(&lab, &bert, "u:99", &body)
        .await
        .refused(404, "not_found");
    for conv in ["x:1", "u:0", "u:x", "7", "p:1:2"] {
        send(&lab, &bert, conv, &body)
            .await
            .refused(404, "not_found");
    }
    send(&lab, &bert, &format!("u:{}", bert.id), &body)
        .await
        .is(201);
}

#[tokio::test]
async fn everybody_is_mentioned_by_admins_alone() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("g:{}", lab.group(&anna, &[&bert]).await);
    let body = json!({"cid": "c", "media": 1, "content": "all!", "mentions": [0]});
    send(&lab, &bert, &conv, &body)
        .await
        .refused(403, "not_allowed")
        .about("mentions");
    send(&lab, &anna, &conv, &body).await.is(201);
    let list = lab.get(&bert, "/api/v1/conversations").await;
    assert_eq!(list["conversations"][0]["mentioned"], true);
}

#[tokio::test]
async fn who_sends_too_fast_is_told_when_to_go_on() {
    let lab = Lab::with(Choices {
        sending: SendSettings {
            per_second: 1,
            burst: 3,
            ..SendSettings::default()
        },
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", anna.id);
    for cid in ["1", "2", "3"] {
        let body = json!({"cid": cid, "media": 1, "content": "note"});
        send(&lab, &anna, &conv, &body).await.is(201);
    }
    let body = json!({"cid": "4", "media": 1, "content": "note"});
    let reply = send(&lab, &anna, &conv, &body).await;
    reply.refused(429, "rate_limited");
    let wait = reply.body["error"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=1_000).contains(&wait), "{wait}");
    assert_eq!(reply.header("retry-after"), "1");
    let own = format!("u:{}", bert.id);
    send(&lab, &bert, &own, &body).await.is(201);
}

#[tokio::test]
async fn a_dead_store_is_unavailable_and_says_when_to_try_again() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    lab.break_store();
    let reply = lab.simply(&anna, "GET", "/api/v1/conversations").await;
    reply.refused(503, "unavailable");
    assert!(reply.body["error"]["retry_after_ms"].as_u64().unwrap() > 0);
    assert!(!reply.header("retry-after").is_empty());
}

#[tokio::test]
async fn a_store_that_takes_entries_again_is_noticed_though_nobody_sends() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let own = UserId(anna.id);
    let draft = || Draft {
        conv: Conv::private(own, own),
        from: own,
        kind: EntryKind::Message,
        cid: "c-1".parse().unwrap(),
        body: r#"{"media":1,"content":"x"}"#.into(),
        change: Change::Message,
    };
    lab.break_store();
    assert!(lab.committer.submit(draft(), None).await.is_err());
    assert!(lab.committer.is_failing());
    lab.mend_store();
    let noticed = async {
        while lab.committer.is_failing() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), noticed)
        .await
        .unwrap();
    let outcome = lab.committer.submit(draft(), None).await.unwrap();
    assert!(matches!(outcome, Outcome::Appended { .. }), "{outcome:?}");
}
