//! Who somebody is, whether he is there, and who is whose friend.

use hyper::Method;
use serde_json::{Value, json};

use super::stage::Stage;
use super::{ANNA, BERT, CLARA, DORA, EVERYBODY};

pub(super) async fn profiles(stage: &mut Stage) {
    let profile = json!({"nickname": "Anna of the flock"});
    stage.ask(ANNA, Method::PATCH, "/api/v1/me", profile).await;
    let told = json!({"type": "profile", "user": stage.id(ANNA)});
    stage.hear(&EVERYBODY, &[told]).await;
}

pub(super) async fn friendship(stage: &mut Stage) {
    let friends = "/api/v1/friends";
    let (anna, dora) = (stage.id(ANNA), stage.id(DORA));
    let both = [ANNA, DORA];
    let step = |from: u64, state: &str| json!({"type": "entry", "kind": "friend", "state": state, "from": from});
    for (accept, state) in [(false, "refused"), (true, "friends")] {
        let wanted = json!({"id": dora, "message": "hello"});
        stage.ask(ANNA, Method::POST, friends, wanted).await;
        stage.hear(&both, &[step(anna, "requested")]).await;
        let list = stage.get(DORA, friends).await;
        let path = format!("{friends}/requests/{}", list["incoming"][0]["id"]);
        let answer = json!({"accept": accept});
        stage.ask(DORA, Method::POST, &path, answer).await;
        stage.hear(&both, &[step(dora, state)]).await;
    }
    let of_dora = format!("{friends}/{dora}");
    let block = format!("/api/v1/blocks/{dora}");
    for (method, path, body, fields) in [
        (
            Method::PATCH,
            &of_dora,
            json!({"remark": "D"}),
            json!({"remark": "D"}),
        ),
        (Method::PUT, &block, Value::Null, json!({"blocked": true})),
        (
            Method::DELETE,
            &block,
            Value::Null,
            json!({"blocked": false}),
        ),
    ] {
        stage.ask(ANNA, method, path, body).await;
        let mut told = fields;
        told["type"] = json!("conversation");
        told["conv"] = json!(stage.with(DORA));
        stage.hear(&[ANNA], &[told]).await;
    }
    let of_anna = format!("{friends}/{anna}");
    stage.ask(DORA, Method::DELETE, &of_anna, Value::Null).await;
    stage.hear(&both, &[step(dora, "removed")]).await;
}

/// Told to those who share a group.
pub(super) async fn presence(stage: &mut Stage) {
    let online =
        |user: u64, online: bool| json!({"type": "presence", "user": user, "online": online});
    let bert = stage.id(BERT);
    stage.leave(BERT);
    stage.hear(&[ANNA, CLARA], &[online(bert, false)]).await;
    stage.come_back(BERT).await;
    stage.hear(&[ANNA, CLARA], &[online(bert, true)]).await;
}
