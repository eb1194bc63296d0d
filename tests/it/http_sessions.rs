//! Who asks: tokens, cookies, origins, and sessions that end.

use std::time::Duration;

use bytes::Bytes;
use serde_json::json;
use starling::model::conversation::Conv;
use starling::model::draft::{Change, Draft, Outcome};
use starling::model::entry::EntryKind;
use starling::model::ids::{SessionId, UserId};

use crate::lab::{Choices, Lab, PASSWORD};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn without_a_good_token_nothing_is_told() {
    let lab = Lab::new().await;
    for token in [
        "",
        "x",
        "Bearer",
        "Bearer ",
        "Bearer nonsense",
        "Basic YTpi",
    ] {
        let reply = lab
            .ask("GET", "/api/v1/me", &[("authorization", token)], "")
            .await;
        reply.refused(401, "unauthorized");
    }
    let long = format!("Bearer {}", "x".repeat(4_000));
    let reply = lab
        .ask("GET", "/api/v1/me", &[("authorization", &long)], "")
        .await;
    reply.refused(401, "unauthorized");
}

#[tokio::test]
async fn a_session_ends_by_logout_by_its_owner_and_by_age() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let phone = lab.second_session(&anna).await;
    let reply = lab.simply(&anna, "POST", "/api/v1/logout").await;
    assert!(
        reply
            .header("set-cookie")
            .starts_with("starling=; Path=/; Max-Age=0")
    );
    reply.is(204);
    lab.simply(&anna, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.simply(&anna, "POST", "/api/v1/logout")
        .await
        .refused(401, "unauthorized");
    lab.pass(29 * DAY);
    lab.simply(&phone, "GET", "/api/v1/me").await.is(200);
    lab.pass(DAY);
    lab.simply(&phone, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn sessions_are_listed_newest_first_and_only_ones_own_can_be_ended() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let wish = json!({"name": "anna", "password": PASSWORD, "device": "phone"});
    lab.anonymously("POST", "/api/v1/login", &wish)
        .await
        .is(200);
    let list = lab.get(&anna, "/api/v1/me/sessions").await;
    let listed: Vec<_> = list["sessions"].as_array().unwrap().iter().collect();
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0]["device"], &listed[0]["current"]),
        (&json!("phone"), &json!(false))
    );
    assert_eq!(
        (&listed[1]["device"], &listed[1]["current"]),
        (&json!("test"), &json!(true))
    );
    assert_eq!(listed[0]["address"], "127.0.0.1");
    assert!(listed[0]["created_at"].is_i64() && listed[0]["last_seen_at"].is_i64());
    let path = format!("/api/v1/me/sessions/{}", listed[0]["id"]);
    lab.simply(&bert, "DELETE", &path)
        .await
        .refused(404, "not_found");
    lab.simply(&anna, "DELETE", &path).await.is(204);
    lab.simply(&anna, "DELETE", &path)
        .await
        .refused(404, "not_found");
    lab.simply(&anna, "DELETE", "/api/v1/me/sessions/x")
        .await
        .refused(404, "not_found");
    let list = lab.get(&anna, "/api/v1/me/sessions").await;
    assert_eq!(list["sessions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_cookie_reads_freely_but_writes_only_from_an_own_page() {
    let lab = Lab::with(Choices {
        origins: vec!["https://elsewhere.example".to_owned()],
        ..Choices::default()
    })
    .await;
    let anna = lab.register("anna").await;
    let cookie = format!("starling={}", anna.token);
    let change = json!({"nickname": "A"}).to_string();
    let ask = |method: &'static str, origin: Option<&'static str>| {
        let (lab, cookie, change) = (&lab, cookie.as_str(), change.as_str());
        async move {
            let mut headers = vec![("cookie", cookie), ("content-type", "application/json")];
            headers.extend(origin.map(|origin| ("origin", origin)));
            lab.ask(method, "/api/v1/me", &headers, change).await
        }
    };
    ask("GET", None).await.is(200);
    ask("GET", Some("https://evil.example")).await.is(200);
    ask("PATCH", None).await.refused(401, "unauthorized");
    ask("PATCH", Some("null")).await.refused(403, "forbidden");
    ask("PATCH", Some("https://evil.example"))
        .await
        .refused(403, "forbidden");
    ask("PATCH", Some("https://chat.example")).await.is(200);
    ask("PATCH", Some("https://elsewhere.example"))
        .await
        .is(200);
    // A token in the header is nobody's page's doing.
    let bearer = format!("Bearer {}", anna.token);
    let headers = [
        ("authorization", bearer.as_str()),
        ("origin", "https://evil.example"),
        ("content-type", "application/json"),
    ];
    lab.ask("PATCH", "/api/v1/me", &headers, change.as_str())
        .await
        .is(200);
}

#[tokio::test]
async fn behind_tls_the_cookie_is_secure_and_the_address_is_the_clients() {
    let lab = Lab::with(Choices {
        proxies: vec!["127.0.0.0/8".to_owned()],
        ..Choices::default()
    })
    .await;
    let anna = lab.register("anna").await;
    let wish = json!({"name": "anna", "password": PASSWORD}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "198.51.100.7"),
    ];
    let reply = lab.ask("POST", "/api/v1/login", &headers, wish).await;
    assert!(reply.header("set-cookie").ends_with("; Secure"));
    let list = lab.get(&anna, "/api/v1/me/sessions").await;
    assert_eq!(list["sessions"][0]["address"], "198.51.100.7");
}

#[tokio::test]
async fn what_strangers_write_about_themselves_in_headers_is_not_believed() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let wish = json!({"name": "anna", "password": PASSWORD}).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-for", "198.51.100.7"),
    ];
    let reply = lab.ask("POST", "/api/v1/login", &headers, wish).await;
    assert!(!reply.header("set-cookie").contains("Secure"));
    let list = lab.get(&anna, "/api/v1/me/sessions").await;
    assert_eq!(list["sessions"][0]["address"], "127.0.0.1");
}

#[tokio::test]
async fn a_session_that_another_node_ended_is_refused_once_its_entry_is_applied() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    lab.simply(&anna, "GET", "/api/v1/me").await.is(200);
    let identity = lab.sessions.authenticate(&anna.token).await.unwrap();
    // As another node does it: behind this one's back.
    let ended = revoke_elsewhere(&lab, identity.user.id, identity.session).await;
    lab.simply(&anna, "GET", "/api/v1/me").await.is(200);
    lab.sessions.forget(&[ended]);
    lab.simply(&anna, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
}

#[tokio::test]
async fn when_somebody_was_seen_is_written_a_minute_later_and_not_before() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let id = UserId(anna.id);
    let seen_at = || async {
        lab.stores
            .users
            .user(id)
            .await
            .unwrap()
            .unwrap()
            .last_seen_at
    };
    let registered = seen_at().await;
    for (passed, written) in [(30, false), (31, true)] {
        lab.pass(Duration::from_secs(passed));
        lab.sessions.forget_user(id);
        lab.simply(&anna, "GET", "/api/v1/me").await.is(200);
        lab.sessions.write_seen().await;
        assert_eq!(
            seen_at().await > registered,
            written,
            "after {passed} s more"
        );
    }
}

/// Ends a session as another node does: in the store, without a word to this one's services.
async fn revoke_elsewhere(lab: &Lab, user: UserId, session: SessionId) -> SessionId {
    let draft = Draft {
        conv: Conv::Account(user),
        from: user,
        kind: EntryKind::Revoked,
        cid: "elsewhere".parse().unwrap(),
        body: Bytes::from_static(b"{}"),
        change: Change::Revoke {
            sessions: vec![session],
        },
    };
    let verdicts = lab.stores.log.append(vec![draft]).await.unwrap();
    assert!(
        matches!(verdicts.outcomes[0], Outcome::Appended { .. }),
        "{verdicts:?}"
    );
    session
}
