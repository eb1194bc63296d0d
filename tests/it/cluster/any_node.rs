//! It does not matter which node is asked: what one has accepted counts at the others.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::client::{Http, PASSWORD, Socket};
use super::harness::{Plan, until};

const SOON: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_read_position_never_goes_back_whichever_node_is_told() {
    let cluster = Plan::nodes(2).start().await;
    let (here, there) = (
        Http::new(cluster.nodes[0].http),
        Http::new(cluster.nodes[1].http),
    );
    let (anna, bert) = (here.register("anna").await, here.register("bert").await);
    let to_bert = format!("/api/v1/conversations/u:{}", bert.id);
    let to_anna = format!("/api/v1/conversations/u:{}/read", anna.id);
    // Signals are best effort: they do not wait for nodes that do not know each other yet.
    until("the nodes hear each other", SOON, || async {
        let mut heard = true;
        for node in [&here, &there] {
            let page = node.cluster(&anna).await;
            heard &= page["nodes"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|n| n["state"] == "up")
                .count()
                == 2;
        }
        heard
    })
    .await;
    let mut last = 0;
    for number in 0..6 {
        let text = json!({"cid": format!("r{number}"), "to": format!("u:{}", bert.id), "media": 1, "content": "x"});
        let sent = here
            .post(&format!("{to_bert}/messages"), &anna.token, text)
            .await
            .expect(201);
        last = sent["seq"].as_u64().unwrap();
    }
    let (mut device, _) = Socket::login(cluster.nodes[0].http, &bert).await;
    until("the other node has it all", SOON, || async {
        let read = there
            .post(&to_anna, &bert.token, json!({"seq": last}))
            .await
            .expect(200);
        read == json!({"read_seq": last, "unread": 0})
    })
    .await;
    let told = device.expect("read").await;
    assert_eq!(told["seq"], last);
    let back = here
        .post(&to_anna, &bert.token, json!({"seq": 1}))
        .await
        .expect(200);
    assert_eq!(back, json!({"read_seq": last, "unread": 0}));
    let list = here
        .get("/api/v1/conversations", &bert.token)
        .await
        .expect(200);
    assert_eq!(list["conversations"][0]["unread"], 0);
}

#[tokio::test]
async fn a_repeated_mention_of_everybody_is_acknowledged_after_its_author_lost_the_right_to_it() {
    let cluster = Plan::nodes(2).start().await;
    let (here, there) = (
        Http::new(cluster.nodes[0].http),
        Http::new(cluster.nodes[1].http),
    );
    let (owner, other) = (here.register("owner").await, here.register("other").await);
    let group = here.group(&owner, "all", &[other.id]).await;
    let messages = format!("/api/v1/conversations/g:{group}/messages");
    let text = json!({"cid": "all", "to": format!("g:{group}"), "media": 1, "content": "x", "mentions": [0]});
    let first = here
        .post(&messages, &owner.token, text.clone())
        .await
        .expect(201);
    here.post(
        &format!("/api/v1/groups/{group}/leave"),
        &owner.token,
        json!({}),
    )
    .await
    .expect(204);
    here.post(
        &format!("/api/v1/groups/{group}/join"),
        &owner.token,
        json!({}),
    )
    .await
    .expect(200);
    let again = there
        .post(&messages, &owner.token, text.clone())
        .await
        .expect(200);
    assert_eq!(
        (&again["seq"], &again["duplicate"]),
        (&first["seq"], &json!(true))
    );
    let mut new = text;
    new["cid"] = json!("all again");
    let refused = there.post(&messages, &owner.token, new).await.expect(403);
    assert_eq!(refused["error"]["code"], "not_allowed");
}

#[tokio::test]
async fn an_account_that_ends_leaves_its_groups_to_others() {
    let cluster = Plan::nodes(1).start().await;
    let http = Http::new(cluster.nodes[0].http);
    let (owner, other) = (http.register("owner").await, http.register("other").await);
    let group = http.group(&owner, "kept", &[other.id]).await;
    let password = json!({"password": PASSWORD});
    http.call(
        Method::DELETE,
        "/api/v1/me",
        Some(&owner.token),
        Some(password),
    )
    .await
    .expect(204);
    let kept = http
        .get(&format!("/api/v1/groups/{group}"), &other.token)
        .await
        .expect(200);
    assert_eq!(
        (&kept["owner"], &kept["role"]),
        (&json!(other.id), &json!("owner"))
    );
}
