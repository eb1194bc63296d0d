//! What an admin says to everybody, and the ends of sessions and accounts.

use hyper::Method;
use serde_json::{Value, json};

use super::super::client::PASSWORD;
use super::stage::Stage;
use super::{ANNA, BERT, CHIEF, CLARA, DORA, EVERYBODY};

pub(super) async fn notice(stage: &mut Stage) {
    let notice = json!({"content": "we close at noon"});
    let path = "/api/v1/admin/notice";
    stage.ask(CHIEF, Method::POST, path, notice.clone()).await;
    let mut entry = notice;
    entry["type"] = json!("entry");
    entry["kind"] = json!("notice");
    stage.hear(&EVERYBODY, &[entry]).await;
}

/// Sockets whose session is over are closed, wherever they are and wherever it was ended.
pub(super) async fn ended(stage: &mut Stage) {
    // One session from another, and one by itself.
    let sessions = stage.get(BERT, "/api/v1/me/sessions").await;
    let sessions = sessions["sessions"].as_array().unwrap();
    let newest = sessions.iter().max_by_key(|session| session["id"].as_u64());
    let path = format!("/api/v1/me/sessions/{}", newest.unwrap()["id"]);
    stage
        .ask_at((BERT, 0), Method::DELETE, &path, Value::Null)
        .await;
    stage.closed(BERT, &[2]).await;
    let logout = "/api/v1/logout";
    stage
        .ask_at((BERT, 1), Method::POST, logout, Value::Null)
        .await;
    stage.closed(BERT, &[1]).await;

    let change = json!({"old": PASSWORD, "new": "another horse battery"});
    let path = "/api/v1/me/password";
    stage.ask_at((ANNA, 0), Method::POST, path, change).await;
    stage.closed(ANNA, &[1, 2]).await;
    // Who changed it stays.
    stage.is_heard(ANNA).await;

    let clara = stage.id(CLARA);
    let path = format!("/api/v1/admin/users/{clara}/password");
    let reset = json!({"password": "a third horse battery"});
    stage.ask_at((CHIEF, 1), Method::POST, &path, reset).await;
    stage.closed(CLARA, &[0, 1, 2]).await;
    let path = format!("/api/v1/admin/users/{}", stage.id(ANNA));
    let disable = json!({"disabled": true});
    stage
        .ask_at((CHIEF, 2), Method::PATCH, &path, disable)
        .await;
    stage.closed(ANNA, &[0]).await;
    let told = json!({"type": "profile", "user": stage.id(ANNA)});
    stage.hear(&[CHIEF, BERT, DORA], &[told]).await;

    let path = format!("/api/v1/admin/users/{}/sessions", stage.id(BERT));
    stage
        .ask_at((CHIEF, 1), Method::DELETE, &path, Value::Null)
        .await;
    stage.closed(BERT, &[0]).await;

    let path = "/api/v1/me";
    let password = json!({"password": PASSWORD});
    stage
        .ask_at((DORA, 1), Method::DELETE, path, password)
        .await;
    stage.closed(DORA, &[0, 1, 2]).await;
    let told = json!({"type": "profile", "user": stage.id(DORA)});
    stage.hear(&[CHIEF], &[told]).await;
}
