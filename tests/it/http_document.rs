//! The description of the API and the routes are the same; unknown paths, wrong methods, health.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use starling::service::health::Readiness;

use crate::described::{Operation, document, operations, real_path};
use crate::lab::Lab;

/// The routes of this version, as the contract names them.
const CONTRACT: &[&str] = &[
    "post /api/v1/register",
    "post /api/v1/login",
    "post /api/v1/logout",
    "get /api/v1/me",
    "patch /api/v1/me",
    "delete /api/v1/me",
    "post /api/v1/me/password",
    "get /api/v1/me/sessions",
    "delete /api/v1/me/sessions/{id}",
    "get /api/v1/users",
    "get /api/v1/users/{id}",
    "get /api/v1/friends",
    "post /api/v1/friends",
    "post /api/v1/friends/requests/{id}",
    "patch /api/v1/friends/{id}",
    "delete /api/v1/friends/{id}",
    "get /api/v1/blocks",
    "put /api/v1/blocks/{id}",
    "delete /api/v1/blocks/{id}",
    "get /api/v1/groups",
    "post /api/v1/groups",
    "get /api/v1/groups/{id}",
    "patch /api/v1/groups/{id}",
    "delete /api/v1/groups/{id}",
    "get /api/v1/groups/{id}/members",
    "post /api/v1/groups/{id}/members",
    "patch /api/v1/groups/{id}/members/{user}",
    "delete /api/v1/groups/{id}/members/{user}",
    "post /api/v1/groups/{id}/join",
    "post /api/v1/groups/{id}/leave",
    "post /api/v1/groups/{id}/transfer",
    "get /api/v1/groups/{id}/requests",
    "post /api/v1/groups/{id}/requests/{request}",
    "get /api/v1/groups/{id}/invites",
    "post /api/v1/groups/{id}/invites",
    "delete /api/v1/groups/{id}/invites/{invite}",
    "get /api/v1/invites/{code}",
    "post /api/v1/invites/{code}",
    "get /api/v1/conversations",
    "patch /api/v1/conversations/{conv}",
    "get /api/v1/conversations/{conv}/entries",
    "post /api/v1/conversations/{conv}/messages",
    "post /api/v1/conversations/{conv}/read",
    "get /api/v1/search",
    "delete /api/v1/entries/{seq}",
    "patch /api/v1/entries/{seq}",
    "put /api/v1/entries/{seq}/reactions/{emoji}",
    "delete /api/v1/entries/{seq}/reactions/{emoji}",
    "put /api/v1/entries/{seq}/hidden",
    "get /api/v1/entries/{seq}/readers",
    "post /api/v1/conversations/{conv}/packets",
    "post /api/v1/packets/{seq}/claim",
    "get /api/v1/packets/{seq}",
    "get /api/v1/me/balance",
    "get /api/v1/bots",
    "post /api/v1/bots",
    "post /api/v1/bots/{id}/token",
    "delete /api/v1/bots/{id}",
    "get /api/v1/groups/{id}/hooks",
    "post /api/v1/groups/{id}/hooks",
    "delete /api/v1/groups/{id}/hooks/{hook}",
    "post /api/v1/groups/{id}/hooks/{hook}/enable",
    "post /hooks/{token}",
    "get /api/v1/cluster",
    "get /api/v1/admin/users",
    "patch /api/v1/admin/users/{id}",
    "post /api/v1/admin/users/{id}/password",
    "delete /api/v1/admin/users/{id}/sessions",
    "get /api/v1/admin/metrics",
    "post /api/v1/admin/notice",
    "post /api/v1/files",
    "get /files/{id}/{name}",
    "head /files/{id}/{name}",
    "get /api/v1/admin/audit",
    "get /api/v1/admin/invites",
    "post /api/v1/admin/invites",
    "delete /api/v1/admin/invites/{id}",
    "get /healthz",
    "get /readyz",
    "get /metrics",
];

/// Methods a path may have.
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

#[tokio::test]
async fn the_document_names_exactly_the_routes_of_the_contract() {
    let lab = Lab::new().await;
    let document = document(&lab).await;
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(document["info"]["version"], env!("CARGO_PKG_VERSION"));
    let operations = operations(&document);
    let described = operations
        .iter()
        .map(|one| format!("{} {}", one.method, one.path));
    let described: BTreeSet<String> = described.collect();
    let contract: BTreeSet<String> = CONTRACT.iter().map(|&route| route.to_owned()).collect();
    assert_eq!(described, contract);
}

#[tokio::test]
async fn each_described_route_is_served_and_no_other_method_is() {
    let lab = Lab::new().await;
    let document = document(&lab).await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let real = real_path(path);
        for method in METHODS {
            let reply = lab.ask(&method.to_uppercase(), &real, &[], "").await;
            if item.get(method).is_some() {
                let nothing_there = matches!(reply.status, 404 | 405);
                assert!(!nothing_there, "{method} {path}: {}", reply.text);
            } else {
                reply.refused(405, "bad_request");
            }
        }
    }
}

#[tokio::test]
async fn every_reference_in_the_document_leads_somewhere_and_every_shape_is_used() {
    let lab = Lab::new().await;
    let document = document(&lab).await;
    let mut referred = BTreeSet::new();
    references(&document, &mut referred);
    let shapes = document["components"]["schemas"].as_object().unwrap();
    let answers = document["components"]["responses"].as_object().unwrap();
    let shapes = shapes.keys().map(|name| ("schemas", name));
    let answers = answers.keys().map(|name| ("responses", name));
    let described: BTreeSet<String> = shapes
        .chain(answers)
        .map(|(kind, name)| format!("#/components/{kind}/{name}"))
        .collect();
    assert_eq!(referred, described);
    for Operation {
        method,
        path,
        described: operation,
    } in operations(&document)
    {
        let of_machines = ["/healthz", "/readyz", "/metrics"].contains(&&*path);
        for (status, answer) in operation["responses"].as_object().unwrap() {
            let refuses = !of_machines && status.starts_with(['4', '5']) && status != "416";
            let shared = answer["$ref"]
                .as_str()
                .map(|name| name.rsplit('/').next().unwrap());
            let answer = shared.map_or(answer, |name| &document["components"]["responses"][name]);
            let body = &answer["content"]["application/json"]["schema"]["$ref"];
            let is_error = body == "#/components/schemas/ErrorBody";
            assert_eq!(is_error, refuses, "{method} {path} {status}");
        }
        let statuses = operation["responses"].as_object().unwrap();
        assert!(!statuses.contains_key("default"), "{method} {path}");
        assert!(
            operation["summary"].is_string(),
            "{method} {path} says what it does"
        );
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            found.extend(
                fields
                    .get("$ref")
                    .and_then(Value::as_str)
                    .map(str::to_owned),
            );
            fields.values().for_each(|field| references(field, found));
        }
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[tokio::test]
async fn unknown_api_paths_are_not_found_in_json() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    for path in [
        "/api",
        "/api/",
        "/api/v1",
        "/api/v1/none",
        "/api/v1/me/none",
        "/api/v2/me",
        "/api/v1/searches",
    ] {
        for method in ["GET", "POST"] {
            let headers = [("accept", "text/html")];
            lab.ask(method, path, &headers, "")
                .await
                .refused(404, "not_found");
            lab.simply(&anna, method, path)
                .await
                .refused(404, "not_found");
        }
    }
}

#[tokio::test]
async fn a_node_tells_whether_it_lives_and_whether_it_is_ready() {
    let lab = Lab::new().await;
    lab.ask("GET", "/healthz", &[], "").await.is(200);
    let ready = |lab: &Lab, state: Readiness| *lab.readiness.lock().unwrap() = state;
    let body = lab.ask("GET", "/readyz", &[], "").await.is(200);
    assert_eq!(
        body,
        json!({"ready": true, "degraded": false, "reasons": []})
    );
    ready(
        &lab,
        Readiness::Ready {
            reasons: vec!["node bert is not heard".to_owned()],
        },
    );
    let body = lab.ask("GET", "/readyz", &[], "").await.is(200);
    assert_eq!(
        (&body["ready"], &body["degraded"]),
        (&json!(true), &json!(true))
    );
    ready(
        &lab,
        Readiness::NotReady {
            reason: "draining".to_owned(),
        },
    );
    let body = lab.ask("GET", "/readyz", &[], "").await.is(503);
    assert_eq!(
        (&body["ready"], &body["reasons"][0]),
        (&json!(false), &json!("draining"))
    );
}

#[tokio::test]
async fn the_cluster_is_shown_to_everybody_and_addresses_to_who_is_logged_in() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let cluster = lab.get(&anna, "/api/v1/cluster").await;
    assert_eq!(
        (&cluster["self"], &cluster["degraded"]),
        (&json!("run-1"), &json!(false))
    );
    assert_eq!(cluster["nodes"][0]["name"], "anna");
    assert_eq!(cluster["nodes"][0]["heard_ms_ago"], Value::Null);
    assert_eq!(cluster["nodes"][0]["addresses"], json!(["192.0.2.1:3000"]));
    assert_eq!(cluster["bus"]["datagrams_in"], 7);
    let cluster = lab.ask("GET", "/api/v1/cluster", &[], "").await.is(200);
    assert_eq!(cluster["nodes"][0]["name"], "anna");
    assert_eq!(cluster["nodes"][0]["addresses"], json!([]));
}

#[tokio::test]
async fn requests_and_the_clusters_numbers_are_metrics() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    lab.get(&anna, &format!("/api/v1/users/{}", anna.id)).await;
    let json = [("accept", "application/json")];
    lab.ask("GET", "/made/up/by/somebody", &json, "").await;
    let reply = lab.ask("GET", "/metrics", &[], "").await;
    assert!(
        reply
            .header("content-type")
            .starts_with("text/plain; version=0.0.4")
    );
    for line in [
        r#"starling_http_requests_total{method="POST",route="/api/v1/register",status="201"} 1"#,
        r#"starling_http_requests_total{method="GET",route="/api/v1/users/{id}",status="200"} 1"#,
        r#"starling_http_requests_total{method="GET",route="other",status="404"} 1"#,
        r#"starling_http_request_seconds_count{route="/api/v1/users/{id}",status="2xx"} 1"#,
        r#"starling_errors_total{over="http",code="not_found"} 1"#,
        "starling_bus_datagrams_in_total 7",
        "starling_degraded 0",
    ] {
        assert!(
            reply.text.lines().any(|found| found == line),
            "{line}\n{}",
            reply.text
        );
    }
    assert!(!reply.text.contains("made/up"));
}
