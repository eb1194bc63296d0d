//! What admins may do, and that nobody else may.

use serde_json::{Value, json};

use crate::lab::{Lab, PASSWORD};

#[tokio::test]
async fn admins_alone_see_all_accounts() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    lab.register("clara").await;
    let list = "/api/v1/admin/users";
    lab.simply(&bert, "GET", list)
        .await
        .refused(403, "forbidden");
    let picture = json!({"avatar": "https://a.example/b.png"});
    lab.call(&bert, "PATCH", "/api/v1/me", &picture)
        .await
        .is(200);
    let page = lab.get(&anna, &format!("{list}?limit=2")).await;
    let users = page["users"].as_array().unwrap();
    assert_eq!(
        (&users[0]["name"], &users[0]["admin"]),
        (&json!("anna"), &json!(true))
    );
    assert_eq!(users[1]["disabled"], false);
    assert_eq!(users[1]["avatar"], picture["avatar"]);
    let next = page["next"].as_str().unwrap();
    let page = lab.get(&anna, &format!("{list}?after={next}")).await;
    assert_eq!(
        (&page["users"][0]["name"], &page["next"]),
        (&json!("clara"), &Value::Null)
    );
    let page = lab.get(&anna, &format!("{list}?q=ber")).await;
    assert_eq!(page["users"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_disabled_account_is_out_at_once_until_it_is_enabled() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = format!("/api/v1/admin/users/{}", bert.id);
    let change = json!({"disabled": true});
    lab.call(&bert, "PATCH", &path, &change)
        .await
        .refused(403, "forbidden");
    let user = lab.call(&anna, "PATCH", &path, &change).await.is(200);
    assert_eq!(
        (&user["name"], &user["disabled"]),
        (&json!("bert"), &json!(true))
    );
    lab.simply(&bert, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.login("bert", PASSWORD)
        .await
        .refused(401, "wrong_credentials");
    lab.call(&anna, "PATCH", &path, &json!({"disabled": false}))
        .await
        .is(200);
    lab.simply(&bert, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.login("bert", PASSWORD).await.is(200);
    let own = format!("/api/v1/admin/users/{}", anna.id);
    lab.call(&anna, "PATCH", &own, &change)
        .await
        .refused(400, "self");
    lab.call(&anna, "PATCH", &own, &json!({"admin": false}))
        .await
        .refused(400, "self");
    lab.call(&anna, "PATCH", "/api/v1/admin/users/99", &change)
        .await
        .refused(404, "not_found");
    let reply = lab
        .call(&anna, "PATCH", &path, &json!({"disabled": 1}))
        .await;
    reply.refused(400, "bad_request").about("disabled");
}

#[tokio::test]
async fn an_admins_right_is_given_and_taken_at_once() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = format!("/api/v1/admin/users/{}", bert.id);
    lab.call(&anna, "PATCH", &path, &json!({"admin": true}))
        .await
        .is(200);
    lab.simply(&bert, "GET", "/api/v1/admin/users")
        .await
        .is(200);
    assert_eq!(lab.get(&bert, "/api/v1/me").await["admin"], true);
    lab.call(&anna, "PATCH", &path, &json!({"admin": false}))
        .await
        .is(200);
    lab.simply(&bert, "GET", "/api/v1/admin/users")
        .await
        .refused(403, "forbidden");
}

#[tokio::test]
async fn a_reset_password_ends_the_users_sessions() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = format!("/api/v1/admin/users/{}/password", bert.id);
    let reset = json!({"password": "another one"});
    lab.call(&bert, "POST", &path, &reset)
        .await
        .refused(403, "forbidden");
    lab.call(&anna, "POST", &path, &json!({}))
        .await
        .refused(400, "bad_request")
        .about("password");
    let reply = lab
        .call(&anna, "POST", &path, &json!({"password": "x"}))
        .await;
    reply.refused(422, "weak_password").about("password");
    lab.call(&anna, "POST", &path, &reset).await.is(204);
    lab.simply(&bert, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.login("bert", "another one").await.is(200);
    let missing = "/api/v1/admin/users/99/password";
    lab.call(&anna, "POST", missing, &reset)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn a_notice_reaches_everybody_among_the_notes_to_self() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = "/api/v1/admin/notice";
    let notice = json!({"content": "maintenance at noon"});
    lab.call(&bert, "POST", path, &notice)
        .await
        .refused(403, "forbidden");
    lab.call(&anna, "POST", path, &json!({"content": " "}))
        .await
        .refused(400, "bad_request")
        .about("content");
    let sent = lab.call(&anna, "POST", path, &notice).await.is(201);
    let clara = lab.register("clara").await;
    let own = format!("u:{}", bert.id);
    let page = lab
        .get(&bert, &format!("/api/v1/conversations/{own}/entries"))
        .await;
    let entry = &page["entries"][0];
    assert_eq!(
        (&entry["seq"], &entry["kind"]),
        (&sent["seq"], &json!("notice"))
    );
    assert_eq!((&entry["from"], &entry["conv"]), (&json!(0), &json!(own)));
    assert_eq!(entry["content"], "maintenance at noon");
    let list = lab.get(&bert, "/api/v1/conversations").await;
    let line = &list["conversations"][0];
    assert_eq!(
        (&line["kind"], &line["unread"]),
        (&json!("self"), &json!(1))
    );
    // Before her time.
    let list = lab.get(&clara, "/api/v1/conversations").await;
    assert_eq!(list["conversations"], json!([]));
}

#[tokio::test]
async fn whatever_an_admin_does_leaves_a_trace() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let account = format!("/api/v1/admin/users/{}", bert.id);
    for change in [
        json!({"admin": true}),
        json!({"admin": true}),
        json!({"admin": false, "disabled": true}),
        json!({"disabled": false}),
        json!({"disabled": false}),
    ] {
        lab.call(&anna, "PATCH", &account, &change).await.is(200);
    }
    let reset = format!("{account}/password");
    lab.call(&anna, "POST", &reset, &json!({"password": "another one"}))
        .await
        .is(204);
    let sessions = format!("{account}/sessions");
    lab.simply(&anna, "DELETE", &sessions).await.is(204);
    let notice = json!({"content": "secret plans"});
    lab.call(&anna, "POST", "/api/v1/admin/notice", &notice)
        .await
        .is(201);
    let invite = lab
        .call(&anna, "POST", "/api/v1/admin/invites", &json!({}))
        .await
        .is(201);
    let invite = format!("/api/v1/admin/invites/{}", invite["id"]);
    lab.simply(&anna, "DELETE", &invite).await.is(204);

    let audit = "/api/v1/admin/audit";
    let page = lab.get(&anna, audit).await;
    let traces = page["audit"].as_array().unwrap();
    let actions: Vec<&str> = traces
        .iter()
        .rev()
        .map(|trace| trace["action"].as_str().unwrap())
        .collect();
    let done = [
        "user_promoted",
        "user_demoted",
        "user_disabled",
        "user_enabled",
        "password_reset",
        "sessions_ended",
        "notice_sent",
        "invite_made",
        "invite_revoked",
    ];
    assert_eq!(actions, done);
    let first = traces.last().unwrap();
    assert_eq!(
        (&first["admin"], &first["target"], &first["detail"]),
        (&json!(anna.id), &json!(bert.id), &json!("bert"))
    );
    assert_eq!(first["address"], "127.0.0.1");
    assert!(first["at"].as_i64().unwrap() > 0);
    for secret in ["another one", "secret plans"] {
        assert!(!page.to_string().contains(secret));
    }
    let page = lab.get(&anna, &format!("{audit}?limit=3")).await;
    let next = page["next"].as_str().unwrap();
    let rest = lab.get(&anna, &format!("{audit}?before={next}")).await;
    assert_eq!(rest["audit"].as_array().unwrap().len(), done.len() - 3);
    assert_eq!(rest["next"], Value::Null);
    only_admins_read_it(&lab, &anna, audit).await;
}

async fn only_admins_read_it(lab: &Lab, anna: &crate::lab::User, audit: &str) {
    let bert = lab.login("bert", "another one").await.is(200);
    let bert = crate::lab::User {
        token: bert["token"].as_str().unwrap().to_owned(),
        ..anna.clone()
    };
    lab.simply(&bert, "GET", audit)
        .await
        .refused(403, "forbidden");
    lab.ask("GET", audit, &[], "")
        .await
        .refused(401, "unauthorized");
    lab.simply(anna, "GET", &format!("{audit}?before=x"))
        .await
        .refused(400, "bad_request")
        .about("before");
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_leaves_no_trace() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let own = format!("/api/v1/admin/users/{}", anna.id);
    let other = format!("/api/v1/admin/users/{}", bert.id);
    let nobody = "/api/v1/admin/users/99";
    let disable = json!({"disabled": true});
    lab.call(&bert, "PATCH", &own, &disable).await;
    lab.call(&anna, "PATCH", &own, &disable).await;
    lab.call(&anna, "PATCH", nobody, &disable).await;
    lab.call(&anna, "PATCH", &other, &json!({})).await.is(200);
    lab.call(&anna, "PATCH", &other, &json!({"disabled": false}))
        .await
        .is(200);
    let short = json!({"password": "x"});
    lab.call(&anna, "POST", &format!("{other}/password"), &short)
        .await;
    lab.call(
        &anna,
        "POST",
        "/api/v1/admin/notice",
        &json!({"content": ""}),
    )
    .await;
    let page = lab.get(&anna, "/api/v1/admin/audit").await;
    assert_eq!(page["audit"], json!([]));
}

#[tokio::test]
async fn an_admin_ends_somebodys_sessions_who_may_log_in_again() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let other = lab.second_session(&bert).await;
    let path = |id: u64| format!("/api/v1/admin/users/{id}/sessions");
    lab.simply(&bert, "DELETE", &path(anna.id))
        .await
        .refused(403, "forbidden");
    lab.simply(&anna, "DELETE", &path(99))
        .await
        .refused(404, "not_found");
    lab.simply(&anna, "DELETE", &path(bert.id)).await.is(204);
    for session in [&bert, &other] {
        lab.simply(session, "GET", "/api/v1/me")
            .await
            .refused(401, "unauthorized");
    }
    let again = lab.second_session(&bert).await;
    lab.get(&again, "/api/v1/me").await;
    lab.get(&anna, "/api/v1/me").await;
}

#[tokio::test]
async fn an_admin_reads_the_numbers_of_a_node_whose_proxy_keeps_them_from_the_world() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = "/api/v1/admin/metrics";
    let numbers = lab.simply(&anna, "GET", path).await;
    assert_eq!(numbers.status, 200);
    assert!(numbers.header("content-type").starts_with("text/plain"));
    assert!(numbers.text.contains("starling_http_requests_total"));
    lab.simply(&bert, "GET", path)
        .await
        .refused(403, "forbidden");
    lab.ask("GET", path, &[], "")
        .await
        .refused(401, "unauthorized");
}
