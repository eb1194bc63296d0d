//! What every route refuses, found by walking the node's description of itself: who is nobody, bodies that are not as
//! described, numbers that are none, ids that cannot be.

use serde_json::{Value, json};

use crate::described::{Operation, document, operations};
use crate::lab::{Lab, User};

const JSON: &str = "application/json";
/// The largest body that is read, as the lab has it.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// No id, no count, no place in the log.
const NO_NUMBERS: [&str; 6] = ["x", "-1", "1.5", "01", "9007199254740992", "%20"];

/// A node, its operations and an admin of it, whom nothing is forbidden.
async fn described() -> (Lab, Vec<Operation>, User) {
    let lab = Lab::new().await;
    let operations = operations(&document(&lab).await);
    let chief = lab.register("chief").await;
    (lab, operations, chief)
}

#[tokio::test]
async fn whoever_has_no_good_token_gets_401_wherever_the_document_asks_for_a_login() {
    let (lab, operations, chief) = described().await;
    let ended = lab.second_session(&chief).await;
    lab.simply(&ended, "POST", "/api/v1/logout").await.is(204);
    let forged = User {
        token: "A".repeat(43),
        ..chief.clone()
    };
    let mut asked = 0;
    for operation in operations.iter().filter(|one| one.needs_login()) {
        for nobody in [None, Some(&ended), Some(&forged)] {
            let path = operation.real_path();
            let reply = operation.ask(&lab, nobody, (&path, JSON, "{}")).await;
            reply.refused(401, "unauthorized");
        }
        // A cookie alone is a page's, and pages say where they are from.
        let cookie = format!("starling={}", chief.token);
        let path = operation.real_path();
        let method = operation.method.to_uppercase();
        let reply = lab.ask(&method, &path, &[("cookie", &cookie)], "").await;
        if !["get", "head"].contains(&operation.method.as_str()) {
            reply.refused(401, "unauthorized");
        }
        asked += 1;
    }
    assert!(asked > 60, "{asked}");
}

#[tokio::test]
async fn a_body_that_is_none_is_refused_wherever_there_is_one() {
    let (lab, operations, chief) = described().await;
    let huge = format!("\"{}\"", "x".repeat(BODY_BYTES_MAX));
    let mut asked = 0;
    for operation in operations.iter().filter(|one| one.body(JSON).is_some()) {
        let path = operation.real_path();
        for (kind, body, status, code) in [
            (JSON, "{", 400, "invalid_json"),
            (JSON, "\u{feff}{}", 400, "invalid_json"),
            (JSON, "[]", 400, "bad_request"),
            (JSON, "null", 400, "bad_request"),
            ("text/html", "{}", 415, "unsupported_media"),
            ("", "{}", 415, "unsupported_media"),
            (JSON, &huge, 413, "too_large"),
        ] {
            let reply = operation.ask(&lab, Some(&chief), (&path, kind, body)).await;
            let found = (reply.status, reply.body["error"]["code"].as_str());
            let what = format!("{} {path} {kind} {:.9}", operation.method, body);
            assert_eq!(found, (status, Some(code)), "{what}: {}", reply.text);
        }
        asked += 1;
    }
    assert!(asked > 25, "{asked}");
}

/// Every field of every body, with something of a type that it is not.
#[tokio::test]
async fn a_field_of_another_type_is_refused_by_its_name() {
    let (lab, operations, chief) = described().await;
    let document = document(&lab).await;
    let mut tried = 0;
    for operation in &operations {
        let Some(body) = operation.body(JSON) else {
            continue;
        };
        for (field, schema) in fields(&document, &body["schema"]) {
            // Taken as it is, and judged with the rest.
            if field == "meta" {
                continue;
            }
            let wrong = if schema.to_string().contains("\"array\"") {
                json!({ field.as_str(): 5 })
            } else {
                json!({ field.as_str(): [[]] })
            };
            let path = operation.real_path();
            let asked = (path.as_str(), JSON, wrong.to_string());
            let reply = operation
                .ask(&lab, Some(&chief), (asked.0, asked.1, &asked.2))
                .await;
            let error = &reply.body["error"];
            let found = (
                reply.status,
                error["code"].as_str(),
                error["field"].as_str(),
            );
            let expected = (400, Some("bad_request"), Some(field.as_str()));
            assert_eq!(
                found, expected,
                "{} {path}: {}",
                operation.method, reply.text
            );
            tried += 1;
        }
    }
    assert!(tried > 60, "{tried}");
}

/// The fields of a shape, wherever in the document it stands.
fn fields(document: &Value, schema: &Value) -> Vec<(String, Value)> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return fields(document, &document["components"]["schemas"][name]);
    }
    let mut found = Vec::new();
    for alternative in ["oneOf", "anyOf", "allOf"] {
        for schema in schema[alternative].as_array().into_iter().flatten() {
            found.extend(fields(document, schema));
        }
    }
    for (name, schema) in schema["properties"].as_object().into_iter().flatten() {
        found.push((name.clone(), schema.clone()));
    }
    found
}

fn is_number(parameter: &Value) -> bool {
    parameter["schema"]["type"].to_string().contains("integer")
}

#[tokio::test]
async fn a_number_in_a_query_that_is_none_is_refused_by_its_name() {
    let (lab, operations, chief) = described().await;
    let mut tried = 0;
    for operation in &operations {
        let parameters = operation.parameters("query");
        for number in parameters.iter().filter(|one| is_number(one)) {
            let name = number["name"].as_str().unwrap();
            let mut others = String::new();
            for other in parameters.iter().filter(|one| one["required"] == true) {
                others = format!("{others}&{}=a", other["name"].as_str().unwrap());
            }
            let mut wrong: Vec<String> = NO_NUMBERS.map(|text| format!("{name}={text}")).into();
            wrong.push(format!("{name}="));
            wrong.push(format!("{name}=1&{name}=1"));
            for query in wrong {
                let path = format!("{}?{query}{others}", operation.real_path());
                let reply = operation.ask(&lab, Some(&chief), (&path, "", "")).await;
                let error = &reply.body["error"];
                let found = (
                    reply.status,
                    error["code"].as_str(),
                    error["field"].as_str(),
                );
                assert_eq!(found, (400, Some("bad_request"), Some(name)), "{path}");
                tried += 1;
            }
        }
        for text in parameters.iter().filter(|one| one["required"] == true) {
            let path = operation.real_path();
            let name = text["name"].as_str().unwrap();
            for query in [String::new(), format!("?{name}="), format!("?{name}=%20")] {
                let path = format!("{path}{query}");
                let reply = operation.ask(&lab, Some(&chief), (&path, "", "")).await;
                reply.refused(400, "bad_request").about(name);
            }
        }
    }
    assert!(tried > 80, "{tried}");
}

#[tokio::test]
async fn a_number_in_a_path_that_is_none_leads_nowhere() {
    let (lab, operations, chief) = described().await;
    let mut tried = 0;
    for operation in &operations {
        for number in operation.parameters("path") {
            if !is_number(number) {
                continue;
            }
            let place = format!("{{{}}}", number["name"].as_str().unwrap());
            for wrong in NO_NUMBERS.into_iter().chain(["0"]) {
                let path = operation.path.replace(&place, wrong);
                let path = crate::described::real_path(&path);
                let reply = operation.ask(&lab, Some(&chief), (&path, JSON, "{}")).await;
                reply.refused(404, "not_found");
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}
