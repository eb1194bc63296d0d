//! Red packets and transfers over HTTP: sending, claiming, looking, and what everybody has.

use std::sync::Arc;

use serde_json::{Value, json};
use starling::service::packets::Expiry;

use crate::lab::{Choices, Lab, User};

const START: u64 = 100_000;

fn wish(cid: &str, total: u64, count: u64, split: &str) -> Value {
    json!({"cid": cid, "kind": "packet", "total": total, "count": count, "split": split, "memo": "恭喜"})
}

async fn send(lab: &Lab, user: &User, conv: &str, wish: &Value) -> u64 {
    let path = format!("/api/v1/conversations/{conv}/packets");
    let sent = lab.call(user, "POST", &path, wish).await.is(201);
    assert_eq!(sent["duplicate"], false);
    sent["seq"].as_u64().unwrap()
}

async fn claim(lab: &Lab, user: &User, seq: u64) -> crate::lab::Reply {
    let path = format!("/api/v1/packets/{seq}/claim");
    lab.simply(user, "POST", &path).await
}

async fn balance(lab: &Lab, user: &User) -> u64 {
    let found = lab.get(user, "/api/v1/me/balance").await;
    found["balance"].as_u64().unwrap()
}

#[tokio::test]
async fn a_packet_in_a_group_is_claimed_share_by_share_and_shown() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let group = lab.group(&anna, &[&bert, &clara]).await;
    let conv = format!("g:{group}");
    let seq = send(&lab, &anna, &conv, &wish("p", 100, 3, "equal")).await;
    assert_eq!(balance(&lab, &anna).await, START - 100);
    let path = format!("/api/v1/conversations/{conv}/entries");
    let page = lab.get(&bert, &path).await;
    let message = page["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(message["media"], 5);
    assert_eq!(message["amount"], 100);
    assert_eq!(message["memo"], "恭喜");
    let meta = json!({"packet": "packet", "count": 3, "split": "equal"});
    assert_eq!(message["meta"], meta);

    assert_eq!(claim(&lab, &bert, seq).await.is(200), json!({"amount": 34}));
    claim(&lab, &bert, seq)
        .await
        .refused(409, "already_claimed");
    assert_eq!(claim(&lab, &anna, seq).await.is(200), json!({"amount": 33}));
    let shown = lab.get(&clara, &format!("/api/v1/packets/{seq}")).await;
    assert_eq!((&shown["total"], &shown["count"]), (&json!(100), &json!(3)));
    assert_eq!(
        (&shown["state"], &shown["from"]),
        (&json!("open"), &json!(anna.id))
    );
    let claims = shown["claims"].as_array().unwrap();
    assert_eq!(claims.len(), 2);
    assert_eq!(claims[0]["user"], bert.id);
    assert_eq!(claims[0]["amount"], 34);
    assert!(claims[0]["at"].is_i64());
    claim(&lab, &clara, seq).await.is(200);
    let shown = lab.get(&clara, &format!("/api/v1/packets/{seq}")).await;
    assert_eq!(shown["state"], "empty");
    let dora = lab.register("dora").await;
    claim(&lab, &dora, seq).await.refused(404, "not_found");
    let path = format!("/api/v1/packets/{seq}");
    lab.simply(&dora, "GET", &path)
        .await
        .refused(404, "not_found");
    assert_eq!(balance(&lab, &bert).await, START + 34);

    let path = format!("/api/v1/conversations/{conv}/entries");
    let page = lab.get(&anna, &path).await;
    let notice = page["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&notice["kind"], &notice["from"]),
        (&json!("notice"), &json!(clara.id))
    );
    assert_eq!(
        (&notice["target"], &notice["packet"]),
        (&json!(seq), &json!("claimed"))
    );
    assert!(notice.get("cid").is_none());
}

#[tokio::test]
async fn a_repeated_packet_is_one_and_another_under_its_id_is_refused() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let conv = format!("g:{group}");
    let lucky = wish("same", 50, 9, "lucky");
    let seq = send(&lab, &anna, &conv, &lucky).await;
    let path = format!("/api/v1/conversations/{conv}/packets");
    let again = lab.call(&anna, "POST", &path, &lucky).await.is(200);
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&json!(seq), &json!(true))
    );
    assert_eq!(balance(&lab, &anna).await, START - 50);
    lab.call(&anna, "POST", &path, &wish("same", 51, 9, "lucky"))
        .await
        .refused(409, "cid_reused");
}

#[tokio::test]
async fn a_transfer_is_for_the_other_one_alone() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let conv = format!("u:{}", bert.id);
    let wish = json!({"cid": "t", "kind": "transfer", "total": START});
    let seq = send(&lab, &anna, &conv, &wish).await;
    assert_eq!(balance(&lab, &anna).await, 0);
    claim(&lab, &anna, seq).await.refused(403, "not_allowed");
    claim(&lab, &clara, seq).await.refused(404, "not_found");
    let path = format!("/api/v1/packets/{seq}");
    lab.simply(&clara, "GET", &path)
        .await
        .refused(404, "not_found");
    assert_eq!(claim(&lab, &bert, seq).await.is(200)["amount"], START);
    assert_eq!(balance(&lab, &bert).await, 2 * START);
    let list = lab.get(&anna, "/api/v1/conversations").await;
    let line = &list["conversations"][0];
    assert_eq!(
        (&line["unread"], &line["last"]["kind"]),
        (&json!(0), &json!("notice"))
    );
}

#[tokio::test]
async fn each_wrong_field_of_a_packet_is_told_and_more_than_one_has_is_insufficient() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/conversations/g:{group}/packets");
    let with = |field: &str, value: Value| {
        let mut wish = wish("c", 100, 2, "equal");
        wish[field] = value;
        wish
    };
    for (field, value) in [
        ("cid", Value::Null),
        ("cid", json!("ü")),
        ("kind", json!("gift")),
        ("kind", json!("transfer")),
        ("kind", Value::Null),
        ("total", json!(1)),
        ("total", json!(0)),
        ("total", json!(-5)),
        ("total", json!(1.5)),
        ("total", json!(u64::MAX)),
        ("total", Value::Null),
        ("count", json!(0)),
        ("count", json!(101)),
        ("count", Value::Null),
        ("split", json!("fair")),
        ("memo", json!("x".repeat(141))),
    ] {
        let reply = lab.call(&anna, "POST", &path, &with(field, value)).await;
        reply.refused(400, "bad_request").about(field);
    }
    lab.call(&anna, "POST", &path, &with("total", json!(START + 1)))
        .await
        .refused(409, "insufficient");
    let private = format!("/api/v1/conversations/u:{}/packets", bert.id);
    lab.call(&anna, "POST", &private, &wish("c", 100, 2, "equal"))
        .await
        .refused(400, "bad_request")
        .about("count");
    let own = format!("/api/v1/conversations/u:{}/packets", anna.id);
    lab.call(&anna, "POST", &own, &wish("c", 100, 1, "equal"))
        .await
        .refused(403, "not_allowed");
    let clara = lab.register("clara").await;
    lab.call(&clara, "POST", &path, &wish("c", 100, 2, "equal"))
        .await
        .refused(403, "not_member");
    for path in [
        "/api/v1/conversations/u:999/packets",
        "/api/v1/conversations/g:999/packets",
    ] {
        lab.call(&anna, "POST", path, &wish("c", 100, 1, "equal"))
            .await
            .refused(404, "not_found");
    }
    for method_path in [
        ("POST", "/api/v1/packets/999/claim"),
        ("GET", "/api/v1/packets/999"),
    ] {
        lab.simply(&anna, method_path.0, method_path.1)
            .await
            .refused(404, "not_found");
    }
    // An ordinary send cannot make one.
    let path = format!("/api/v1/conversations/g:{group}/messages");
    let send = json!({"cid": "m", "media": 5, "amount": 100});
    lab.call(&anna, "POST", &path, &send)
        .await
        .refused(400, "bad_request");
    assert_eq!(balance(&lab, &anna).await, START);
}

#[tokio::test]
async fn nobody_logged_in_is_told_so() {
    let lab = Lab::new().await;
    for (method, path) in [
        ("POST", "/api/v1/conversations/u:1/packets"),
        ("POST", "/api/v1/packets/1/claim"),
        ("GET", "/api/v1/packets/1"),
        ("GET", "/api/v1/me/balance"),
    ] {
        lab.anonymously(method, path, &json!({}))
            .await
            .refused(401, "unauthorized");
    }
}

#[tokio::test]
async fn what_nobody_claimed_in_time_goes_back_once_whoever_looks() {
    let lab = Lab::with(Choices {
        packet_hours: 0,
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    let seq = send(&lab, &anna, &conv, &wish("p", 700, 1, "equal")).await;
    claim(&lab, &bert, seq).await.refused(409, "packet_expired");
    let look = || Expiry::new(Arc::clone(&lab.stores.packets), lab.committer.clone());
    let (one, other) = (look(), look());
    let (one, other) = tokio::join!(one.round(), other.round());
    assert_eq!(
        one.unwrap() + other.unwrap(),
        1,
        "one of two nodes settles it"
    );
    assert_eq!(look().round().await.unwrap(), 0);
    assert_eq!(balance(&lab, &anna).await, START);
    let shown = lab.get(&bert, &format!("/api/v1/packets/{seq}")).await;
    assert_eq!(
        (&shown["state"], &shown["claims"]),
        (&json!("expired"), &json!([]))
    );
    let path = format!("/api/v1/conversations/{conv}/entries");
    let page = lab.get(&anna, &path).await;
    let last = page["entries"].as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["from"], &last["packet"]),
        (&json!(0), &json!("refunded"))
    );
}
