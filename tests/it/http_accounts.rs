//! Registering, logging in, the own profile and password, leaving; and the limits on guessing.

use serde_json::{Value, json};
use starling::model::policy::Registration;
use starling::service::throttle::ThrottleSettings;

use crate::lab::{Choices, Lab, PASSWORD};

fn account(fields: &Value) -> Value {
    let mut account = json!({"name": "anna", "password": PASSWORD});
    for (name, value) in fields.as_object().unwrap() {
        account[name] = value.clone();
    }
    account
}

#[tokio::test]
async fn who_registers_is_logged_in_and_finds_his_profile() {
    let lab = Lab::new().await;
    let wish = account(&json!({
        "nickname": "安娜", "phone": "+8613800000000", "email": "anna@mail.example", "sex": "W",
        "memo": "two\nlines", "avatar": "https://a.example/x.png", "device": "phone",
    }));
    let reply = lab.anonymously("POST", "/api/v1/register", &wish).await;
    let cookie = reply.header("set-cookie").to_owned();
    let body = reply.is(201);
    let token = body["token"].as_str().unwrap();
    assert_eq!(
        cookie,
        format!("starling={token}; Path=/; Max-Age=2592000; HttpOnly; SameSite=Lax")
    );
    assert!(body["expires_at"].as_i64().unwrap() > body["user"]["created_at"].as_i64().unwrap());
    let user = &body["user"];
    assert_eq!(user["name"], "anna");
    assert_eq!(user["nickname"], "安娜");
    assert_eq!(user["sex"], "W");
    assert_eq!(user["admin"], true, "the first user is an admin");
    let bearer = format!("Bearer {token}");
    let me = lab
        .ask("GET", "/api/v1/me", &[("authorization", &bearer)], "")
        .await
        .is(200);
    assert_eq!(me["phone"], "+8613800000000");
    assert_eq!(me["email"], "anna@mail.example");
    assert!(!me.to_string().contains("scrypt"), "no hash in any answer");
}

#[tokio::test]
async fn each_wrong_field_of_a_registration_is_told_by_name() {
    let lab = Lab::new().await;
    for (fields, field) in [
        (json!({"name": null}), "name"),
        (json!({"name": "  "}), "name"),
        (json!({"name": "x".repeat(33)}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"password": null}), "password"),
        (json!({"password": ["x"]}), "password"),
        (json!({"nickname": "x".repeat(41)}), "nickname"),
        (json!({"phone": "12"}), "phone"),
        (json!({"email": "nobody"}), "email"),
        (json!({"sex": "X"}), "sex"),
        (json!({"avatar": "javascript:alert(1)"}), "avatar"),
        (json!({"memo": "x".repeat(141)}), "memo"),
    ] {
        let reply = lab
            .anonymously("POST", "/api/v1/register", &account(&fields))
            .await;
        reply.refused(400, "bad_request").about(field);
    }
    for password in ["1234567", &"x".repeat(129)] {
        let wish = account(&json!({"password": password}));
        let reply = lab.anonymously("POST", "/api/v1/register", &wish).await;
        reply.refused(422, "weak_password").about("password");
    }
}

#[tokio::test]
async fn names_phones_and_addresses_are_taken_once() {
    let lab = Lab::new().await;
    let both = json!({"phone": "12345", "email": "a@b.example"});
    lab.anonymously("POST", "/api/v1/register", &account(&both))
        .await
        .is(201);
    for (fields, code, field) in [
        (json!({"name": "ANNA"}), "name_taken", "name"),
        (json!({"name": "deleted"}), "name_taken", "name"),
        (
            json!({"name": "bert", "phone": "12345"}),
            "phone_taken",
            "phone",
        ),
        (
            json!({"name": "bert", "email": "A@B.example"}),
            "email_taken",
            "email",
        ),
    ] {
        let reply = lab
            .anonymously("POST", "/api/v1/register", &account(&fields))
            .await;
        reply.refused(409, code).about(field);
    }
    let bert = lab.register("bert").await;
    let reply = lab
        .call(&bert, "PATCH", "/api/v1/me", &json!({"phone": "12345"}))
        .await;
    reply.refused(409, "phone_taken").about("phone");
    let reply = lab
        .call(
            &bert,
            "PATCH",
            "/api/v1/me",
            &json!({"email": "a@b.example"}),
        )
        .await;
    reply.refused(409, "email_taken").about("email");
}

#[tokio::test]
async fn by_phone_alone_one_gets_a_name_that_is_not_the_number() {
    let lab = Lab::new().await;
    let wish = json!({"phone": "13800000000", "password": PASSWORD});
    let body = lab
        .anonymously("POST", "/api/v1/register", &wish)
        .await
        .is(201);
    let name = format!("u{}", body["user"]["id"]);
    assert_eq!(body["user"]["name"], name);
    assert_eq!(body["user"]["nickname"], name);
    lab.anonymously("POST", "/api/v1/login", &wish)
        .await
        .is(200);
    lab.login(&name, PASSWORD).await.is(200);
}

#[tokio::test]
async fn where_registration_is_closed_nobody_registers() {
    let lab = Lab::with(Choices {
        registration: Registration::Closed,
        ..Choices::default()
    })
    .await;
    let reply = lab
        .anonymously("POST", "/api/v1/register", &account(&json!({})))
        .await;
    reply.refused(403, "forbidden");
}

#[tokio::test]
async fn an_unknown_name_and_a_wrong_password_are_refused_alike() {
    let lab = Lab::new().await;
    lab.register("anna").await;
    lab.login("ANNA", PASSWORD).await.is(200);
    let wrong = lab.login("anna", "something else").await;
    let unknown = lab.login("nobody", PASSWORD).await;
    wrong.refused(401, "wrong_credentials");
    assert_eq!(wrong.text, unknown.text);
    let reply = lab
        .anonymously("POST", "/api/v1/login", &json!({"password": "x"}))
        .await;
    reply.refused(400, "bad_request").about("name");
    let reply = lab
        .anonymously("POST", "/api/v1/login", &json!({"name": "anna"}))
        .await;
    reply.refused(400, "bad_request").about("password");
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be_are_refused_each_with_its_code() {
    let lab = Lab::new().await;
    let json = [("content-type", "application/json; charset=utf-8")];
    let path = "/api/v1/login";
    for body in ["", "{", "{\"name\": \"anna\"", "nonsense"] {
        lab.ask("POST", path, &json, body)
            .await
            .refused(400, "invalid_json");
    }
    for body in ["[]", "\"text\"", "null"] {
        lab.ask("POST", path, &json, body)
            .await
            .refused(400, "bad_request");
    }
    let form = [("content-type", "application/x-www-form-urlencoded")];
    for headers in [&form[..], &[]] {
        let reply = lab.ask("POST", path, headers, "name=anna").await;
        reply.refused(415, "unsupported_media");
    }
    let large = format!(r#"{{"name": "{}"}}"#, "x".repeat(64 * 1024));
    lab.ask("POST", path, &json, large)
        .await
        .refused(413, "too_large");
}

#[tokio::test]
async fn errors_speak_the_language_that_is_asked_for() {
    let lab = Lab::new().await;
    let message = |accepted: &'static str| {
        let lab = &lab;
        async move {
            let reply = lab
                .ask("GET", "/api/v1/me", &[("accept-language", accepted)], "")
                .await;
            reply.refused(401, "unauthorized");
            reply.body["error"]["message"].as_str().unwrap().to_owned()
        }
    };
    assert_eq!(message("en-GB").await, "Please log in.");
    assert_eq!(message("zh-CN,zh;q=0.9,en;q=0.8").await, "请先登录。");
    assert_eq!(message("fr, zh").await, "请先登录。");
    assert_eq!(message("fr").await, "Please log in.");
    let unknown = lab
        .ask("GET", "/api/v1/x", &[("accept-language", "zh")], "")
        .await;
    assert_eq!(unknown.body["error"]["message"], "未找到。");
}

#[tokio::test]
async fn the_31st_attempt_of_an_address_within_a_minute_waits() {
    let lab = Lab::with(Choices {
        throttle: ThrottleSettings::default(),
        ..Choices::default()
    })
    .await;
    lab.register("anna").await;
    for _ in 0..29 {
        lab.login("anna", PASSWORD).await.is(200);
    }
    let reply = lab.login("anna", PASSWORD).await;
    reply.refused(429, "throttled");
    let wait = reply.body["error"]["retry_after_ms"].as_u64().unwrap();
    assert!((1..=60_000).contains(&wait), "{wait}");
    assert_eq!(
        reply.header("retry-after"),
        wait.div_ceil(1_000).to_string()
    );
    let wish = account(&json!({"name": "bert"}));
    lab.anonymously("POST", "/api/v1/register", &wish)
        .await
        .refused(429, "throttled");
}

#[tokio::test]
async fn after_ten_failures_a_name_waits_even_with_the_right_password() {
    let lab = Lab::new().await;
    lab.register("anna").await;
    lab.register("bert").await;
    for _ in 0..10 {
        lab.login("Anna", "wrong password")
            .await
            .refused(401, "wrong_credentials");
    }
    lab.login("anna", PASSWORD).await.refused(429, "throttled");
    lab.login("bert", PASSWORD).await.is(200);
}

#[tokio::test]
async fn a_profile_changes_where_it_is_told_to_and_others_see_it() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = format!("/api/v1/users/{}", anna.id);
    assert_eq!(lab.get(&bert, &path).await["nickname"], "anna");
    let change = json!({"nickname": "Anna B.", "sex": "W", "memo": "hi", "phone": "12345"});
    let me = lab
        .call(&anna, "PATCH", "/api/v1/me", &change)
        .await
        .is(200);
    assert_eq!(
        (&me["nickname"], &me["phone"]),
        (&json!("Anna B."), &json!("12345"))
    );
    let seen = lab.get(&bert, &path).await;
    assert_eq!(seen["nickname"], "Anna B.");
    assert_eq!(seen.get("phone"), None);
    let me = lab
        .call(&anna, "PATCH", "/api/v1/me", &json!({"phone": null}))
        .await
        .is(200);
    assert_eq!((&me["phone"], &me["memo"]), (&Value::Null, &json!("hi")));
    for (change, field) in [
        (json!({"nickname": ""}), "nickname"),
        (json!({"nickname": 1}), "nickname"),
        (json!({"sex": "?"}), "sex"),
        (json!({"avatar": "data:text/html,x"}), "avatar"),
    ] {
        let reply = lab.call(&anna, "PATCH", "/api/v1/me", &change).await;
        reply.refused(400, "bad_request").about(field);
    }
}

#[tokio::test]
async fn a_new_password_ends_the_other_sessions() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let other = lab.second_session(&anna).await;
    let path = "/api/v1/me/password";
    let reply = lab
        .call(
            &anna,
            "POST",
            path,
            &json!({"old": "wrong one", "new": "new password"}),
        )
        .await;
    reply.refused(401, "wrong_credentials");
    let reply = lab
        .call(
            &anna,
            "POST",
            path,
            &json!({"old": PASSWORD, "new": "short"}),
        )
        .await;
    reply.refused(422, "weak_password").about("new");
    let reply = lab
        .call(&anna, "POST", path, &json!({"old": PASSWORD}))
        .await;
    reply.refused(400, "bad_request").about("new");
    lab.simply(&other, "GET", "/api/v1/me").await.is(200);
    lab.call(
        &anna,
        "POST",
        path,
        &json!({"old": PASSWORD, "new": "new password"}),
    )
    .await
    .is(204);
    lab.simply(&anna, "GET", "/api/v1/me").await.is(200);
    lab.simply(&other, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.login("anna", PASSWORD)
        .await
        .refused(401, "wrong_credentials");
    lab.login("anna", "new password").await.is(200);
}

#[tokio::test]
async fn who_leaves_cannot_come_back_and_is_shown_as_deleted() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    lab.call(&anna, "PATCH", "/api/v1/me", &json!({"phone": "12345"}))
        .await
        .is(200);
    lab.say(&anna, &format!("u:{}", bert.id), "bye").await;
    let reply = lab
        .call(
            &anna,
            "DELETE",
            "/api/v1/me",
            &json!({"password": "wrong one"}),
        )
        .await;
    reply.refused(401, "wrong_credentials");
    lab.call(
        &anna,
        "DELETE",
        "/api/v1/me",
        &json!({"password": PASSWORD}),
    )
    .await
    .is(204);
    lab.simply(&anna, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.login("anna", PASSWORD)
        .await
        .refused(401, "wrong_credentials");
    let seen = lab.get(&bert, &format!("/api/v1/users/{}", anna.id)).await;
    assert_eq!(
        (&seen["name"], &seen["nickname"]),
        (&json!("deleted"), &json!("deleted"))
    );
    let found = lab.get(&bert, "/api/v1/users?q=anna").await;
    assert_eq!(found["users"], json!([]));
    let list = lab.get(&bert, "/api/v1/conversations").await;
    assert_eq!(list["conversations"][0]["title"], "deleted");
    let path = format!("/api/v1/conversations/u:{}/messages", anna.id);
    let text = json!({"cid": "1", "media": 1, "content": "hello?"});
    lab.call(&bert, "POST", &path, &text)
        .await
        .refused(404, "not_found");
}
