//! Finding users, friendships in both modes, blocks.

use serde_json::{Value, json};
use starling::model::ids::UserId;
use starling::model::policy::{FriendMode, StoreRules, Strangers};

use crate::lab::{Choices, Lab, User};

fn ids(users: &Value) -> Vec<u64> {
    let users = users.as_array().unwrap().iter();
    users.map(|user| user["id"].as_u64().unwrap()).collect()
}

async fn ask(lab: &Lab, user: &User, wanted: &Value) -> crate::lab::Reply {
    lab.call(user, "POST", "/api/v1/friends", wanted).await
}

#[tokio::test]
async fn users_are_found_by_name_nickname_phone_and_id_and_shown_without_secrets() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let change = json!({"nickname": "小安", "phone": "13800000000"});
    lab.call(&anna, "PATCH", "/api/v1/me", &change)
        .await
        .is(200);
    for query in [
        "ann",
        "ANNA",
        "%E5%B0%8F",
        "13800000000",
        &anna.id.to_string(),
    ] {
        let found = lab.get(&bert, &format!("/api/v1/users?q={query}")).await;
        assert_eq!(ids(&found["users"]), [anna.id], "{query}");
    }
    for query in ["1380", "nobody"] {
        let found = lab.get(&bert, &format!("/api/v1/users?q={query}")).await;
        assert_eq!(ids(&found["users"]), Vec::<u64>::new(), "{query}");
    }
    let found = lab.get(&bert, &format!("/api/v1/users/{}", anna.id)).await;
    let mut fields: Vec<&String> = found.as_object().unwrap().keys().collect();
    fields.sort();
    let public = [
        "avatar",
        "created_at",
        "id",
        "last_seen_at",
        "memo",
        "name",
        "nickname",
        "online",
        "sex",
    ];
    assert_eq!(fields, public);
    assert_eq!(found["online"], false);
    lab.presence.set_local(UserId(anna.id), true, 0);
    assert_eq!(
        lab.get(&bert, &format!("/api/v1/users/{}", anna.id)).await["online"],
        true
    );
    for id in ["99", "0", "x", "-1", "007"] {
        let path = format!("/api/v1/users/{id}");
        lab.simply(&bert, "GET", &path)
            .await
            .refused(404, "not_found");
    }
    for limit in ["0", "x", "-1"] {
        let path = format!("/api/v1/users?q=a&limit={limit}");
        let reply = lab.simply(&bert, "GET", &path).await;
        reply.refused(400, "bad_request").about("limit");
    }
    let found = lab.get(&bert, "/api/v1/users?q=n&limit=1000").await;
    assert_eq!(found["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn one_asks_the_other_accepts_and_both_are_friends() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let wanted = json!({"name": "bert", "message": "it is me"});
    let body = ask(&lab, &anna, &wanted).await.is(201);
    assert_eq!(body, json!({"state": "requested"}));
    // Again in the same words: nothing new.
    assert_eq!(
        ask(&lab, &anna, &wanted).await.is(201)["state"],
        "requested"
    );
    let own = lab.get(&anna, "/api/v1/friends").await;
    assert_eq!(own["outgoing"][0]["user"]["id"], bert.id);
    let others = lab.get(&bert, "/api/v1/friends").await;
    let request = &others["incoming"][0];
    assert_eq!(others["incoming"].as_array().unwrap().len(), 1);
    assert_eq!(request["user"]["name"], "anna");
    assert_eq!(request["message"], "it is me");
    assert!(request["at"].is_i64());
    let path = format!("/api/v1/friends/requests/{}", request["id"]);
    lab.call(&anna, "POST", &path, &json!({"accept": true}))
        .await
        .refused(404, "not_found");
    let reply = lab.call(&bert, "POST", &path, &json!({})).await;
    reply.refused(400, "bad_request").about("accept");
    let reply = lab
        .call(&bert, "POST", &path, &json!({"accept": "yes"}))
        .await;
    reply.refused(400, "bad_request").about("accept");
    lab.call(&bert, "POST", &path, &json!({"accept": true}))
        .await
        .is(204);
    lab.call(&bert, "POST", &path, &json!({"accept": true}))
        .await
        .refused(404, "not_found");
    for (user, friend) in [(&anna, &bert), (&bert, &anna)] {
        let list = lab.get(user, "/api/v1/friends").await;
        assert_eq!(list["friends"][0]["user"]["id"], friend.id);
        assert!(list["friends"][0]["since"].is_i64());
        assert_eq!(list["incoming"], json!([]));
        assert_eq!(list["outgoing"], json!([]));
    }
    ask(&lab, &anna, &wanted)
        .await
        .refused(409, "already_friends");
}

#[tokio::test]
async fn a_declined_request_is_gone_and_can_be_made_again() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    ask(&lab, &anna, &json!({"id": bert.id})).await.is(201);
    let list = lab.get(&bert, "/api/v1/friends").await;
    let path = format!("/api/v1/friends/requests/{}", list["incoming"][0]["id"]);
    lab.call(&bert, "POST", &path, &json!({"accept": false}))
        .await
        .is(204);
    let list = lab.get(&bert, "/api/v1/friends").await;
    assert_eq!(
        (&list["incoming"], &list["friends"]),
        (&json!([]), &json!([]))
    );
    ask(&lab, &anna, &json!({"id": bert.id})).await.is(201);
}

#[tokio::test]
async fn asking_each_other_makes_friends_and_the_entries_say_so() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    assert_eq!(
        ask(&lab, &anna, &json!({"id": bert.id})).await.is(201)["state"],
        "requested"
    );
    assert_eq!(
        ask(&lab, &bert, &json!({"id": anna.id})).await.is(201)["state"],
        "friends"
    );
    let path = format!("/api/v1/conversations/u:{}/entries", bert.id);
    let page = lab.get(&anna, &path).await;
    let entries = page["entries"].as_array().unwrap();
    let states: Vec<_> = entries
        .iter()
        .map(|e| (&e["kind"], &e["state"], &e["from"]))
        .collect();
    let friend = json!("friend");
    let (requested, friends) = (json!("requested"), json!("friends"));
    let (a, b) = (json!(anna.id), json!(bert.id));
    assert_eq!(states, [(&friend, &requested, &a), (&friend, &friends, &b)]);
}

#[tokio::test]
async fn in_auto_mode_asking_is_enough() {
    let lab = Lab::with(Choices {
        friend_mode: FriendMode::Auto,
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    assert_eq!(
        ask(&lab, &anna, &json!({"id": bert.id})).await.is(201)["state"],
        "friends"
    );
    let list = lab.get(&bert, "/api/v1/friends").await;
    assert_eq!(list["friends"][0]["user"]["id"], anna.id);
}

#[tokio::test]
async fn nobody_befriends_himself_nobody_or_one_who_blocked_him() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    ask(&lab, &anna, &json!({"id": anna.id}))
        .await
        .refused(400, "self");
    ask(&lab, &anna, &json!({"id": 99}))
        .await
        .refused(404, "not_found");
    ask(&lab, &anna, &json!({"name": "nobody"}))
        .await
        .refused(404, "not_found");
    ask(&lab, &anna, &json!({}))
        .await
        .refused(400, "bad_request")
        .about("id");
    ask(&lab, &anna, &json!({"id": "2"}))
        .await
        .refused(400, "bad_request")
        .about("id");
    let long = json!({"id": bert.id, "message": "x".repeat(141)});
    ask(&lab, &anna, &long)
        .await
        .refused(400, "bad_request")
        .about("message");
    let path = format!("/api/v1/blocks/{}", anna.id);
    lab.simply(&bert, "PUT", &path).await.is(204);
    ask(&lab, &anna, &json!({"id": bert.id}))
        .await
        .refused(403, "blocked");
}

#[tokio::test]
async fn a_friend_is_named_for_oneself_and_the_end_is_for_both() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    lab.befriend(&anna, &bert).await;
    let path = format!("/api/v1/friends/{}", bert.id);
    let remark = |text: &str| json!({"remark": text});
    lab.call(&anna, "PATCH", &path, &remark("my bert"))
        .await
        .is(204);
    let list = lab.get(&anna, "/api/v1/friends").await;
    assert_eq!(list["friends"][0]["remark"], "my bert");
    let list = lab.get(&anna, "/api/v1/conversations").await;
    assert_eq!(list["conversations"][0]["title"], "my bert");
    let list = lab.get(&bert, "/api/v1/friends").await;
    assert_eq!(list["friends"][0]["remark"], "");
    let reply = lab
        .call(&anna, "PATCH", &path, &remark(&"x".repeat(121)))
        .await;
    reply.refused(400, "bad_request").about("remark");
    let reply = lab.call(&anna, "PATCH", &path, &json!({})).await;
    reply.refused(400, "bad_request").about("remark");
    let stranger = "/api/v1/friends/99";
    lab.call(&anna, "PATCH", stranger, &remark("x"))
        .await
        .refused(404, "not_found");
    lab.simply(&anna, "DELETE", stranger)
        .await
        .refused(404, "not_found");
    lab.simply(&anna, "DELETE", &path).await.is(204);
    for user in [&anna, &bert] {
        assert_eq!(lab.get(user, "/api/v1/friends").await["friends"], json!([]));
    }
}

#[tokio::test]
async fn a_blocked_user_cannot_write_until_he_is_unblocked() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let block = format!("/api/v1/blocks/{}", anna.id);
    lab.simply(&bert, "PUT", &block).await.is(204);
    lab.simply(&bert, "PUT", &block).await.is(204);
    let list = lab.get(&bert, "/api/v1/blocks").await;
    assert_eq!(ids(&list["blocks"]), [anna.id]);
    let path = format!("/api/v1/conversations/u:{}/messages", bert.id);
    let text = json!({"cid": "1", "media": 1, "content": "hi"});
    lab.call(&anna, "POST", &path, &text)
        .await
        .refused(403, "blocked");
    lab.simply(&bert, "DELETE", &block).await.is(204);
    lab.simply(&bert, "DELETE", &block).await.is(204);
    lab.call(&anna, "POST", &path, &text).await.is(201);
    lab.simply(&bert, "PUT", &format!("/api/v1/blocks/{}", bert.id))
        .await
        .refused(400, "self");
    lab.simply(&bert, "PUT", "/api/v1/blocks/99")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn where_only_friends_may_write_strangers_are_told_so() {
    let lab = Lab::with(Choices {
        rules: StoreRules {
            strangers: Strangers::FriendsOnly,
            ..StoreRules::default()
        },
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = format!("/api/v1/conversations/u:{}/messages", bert.id);
    let text = json!({"cid": "1", "media": 1, "content": "hi"});
    lab.call(&anna, "POST", &path, &text)
        .await
        .refused(403, "not_allowed");
    lab.befriend(&anna, &bert).await;
    lab.call(&anna, "POST", &path, &text).await.is(201);
}
