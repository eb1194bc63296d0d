//! Bots and hooks over HTTP: made, used, listed and taken away, and deliveries to a real receiver.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use starling::journal::position::Position;
use starling::model::ids::{Incarnation, Seq};
use starling::service::clock::Clock;
use starling::service::hooks::delivery::{Delivery, DeliveryParts, Tally};
use starling::service::hooks::outgoing::Outgoing;
use tokio::net::TcpListener;

use crate::lab::{Choices, Lab, User};

const WITHIN: Duration = Duration::from_secs(20);

async fn bot(lab: &Lab, owner: &User, name: &str) -> User {
    let body = json!({"name": name, "nickname": "the bot"});
    let made = lab.call(owner, "POST", "/api/v1/bots", &body).await.is(201);
    User {
        id: made["id"].as_u64().unwrap(),
        name: name.to_owned(),
        token: made["token"].as_str().unwrap().to_owned(),
    }
}

#[tokio::test]
async fn a_bot_acts_by_its_token_and_nobody_logs_in_as_it() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let robot = bot(&lab, &anna, "robot").await;
    let me = lab.get(&robot, "/api/v1/me").await;
    assert_eq!(
        (&me["name"], &me["nickname"]),
        (&json!("robot"), &json!("the bot"))
    );
    lab.say(&robot, &format!("u:{}", bert.id), "beep").await;
    lab.pass(Duration::from_secs(60 * 60 * 24 * 365 * 10));
    lab.get(&robot, "/api/v1/me").await;
    for password in ["", "!bot", "correct horse"] {
        let reply = lab.login("robot", password).await;
        assert!(reply.status == 401 || reply.status == 400, "{}", reply.text);
    }
    let body = json!({"name": "child"});
    lab.call(&robot, "POST", "/api/v1/bots", &body)
        .await
        .refused(403, "not_allowed");
}

#[tokio::test]
async fn a_bot_is_listed_given_another_token_and_ended_by_its_owner_alone() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let robot = bot(&lab, &anna, "robot").await;
    let list = lab.get(&anna, "/api/v1/bots").await;
    assert_eq!(list["bots"][0]["id"], robot.id);
    assert_eq!(lab.get(&bert, "/api/v1/bots").await, json!({"bots": []}));
    let path = format!("/api/v1/bots/{}", robot.id);
    let renew = format!("{path}/token");
    for (method, path) in [("POST", renew.as_str()), ("DELETE", path.as_str())] {
        lab.simply(&bert, method, path)
            .await
            .refused(404, "not_found");
        lab.ask(method, path, &[], "")
            .await
            .refused(401, "unauthorized");
    }
    let token = lab.simply(&anna, "POST", &renew).await.is(200);
    lab.simply(&robot, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    let robot = User {
        token: token["token"].as_str().unwrap().to_owned(),
        ..robot
    };
    lab.get(&robot, "/api/v1/me").await;
    lab.simply(&anna, "DELETE", &path).await.is(204);
    lab.simply(&robot, "GET", "/api/v1/me")
        .await
        .refused(401, "unauthorized");
    lab.simply(&anna, "DELETE", &path)
        .await
        .refused(404, "not_found");
    for (body, field) in [
        (json!({}), "name"),
        (json!({"name": "x".repeat(33)}), "name"),
    ] {
        let reply = lab.call(&anna, "POST", "/api/v1/bots", &body).await;
        reply.refused(400, "bad_request").about(field);
    }
    lab.call(&anna, "POST", "/api/v1/bots", &json!({"name": "bert"}))
        .await
        .refused(409, "name_taken");
}

async fn hook(lab: &Lab, user: &User, group: u64, wish: &Value) -> Value {
    let path = format!("/api/v1/groups/{group}/hooks");
    lab.call(user, "POST", &path, wish).await.is(201)
}

#[tokio::test]
async fn who_knows_an_incoming_hooks_token_speaks_as_its_bot_until_it_is_taken_away() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let wish = json!({"name": "builds", "kind": "incoming"});
    let made = hook(&lab, &anna, group, &wish).await;
    let url = made["url"].as_str().unwrap();
    assert_eq!(url, format!("/hooks/{}", made["token"].as_str().unwrap()));
    let text = [("content-type", "text/plain; charset=utf-8")];
    lab.ask("POST", url, &text, "build 7 is 绿色").await.is(201);
    let said = json!({"text": "build 8", "cid": "8"});
    let first = lab.anonymously("POST", url, &said).await.is(201);
    let again = lab.anonymously("POST", url, &said).await.is(200);
    assert_eq!(
        (&first["seq"], &again["duplicate"]),
        (&again["seq"], &json!(true))
    );
    let picture = json!({"media": 4, "url": "https://a.example/p.png"});
    lab.anonymously("POST", url, &picture).await.is(201);
    let page = format!("/api/v1/conversations/g:{group}/entries");
    let page = lab.get(&bert, &page).await;
    let entries = page["entries"].as_array().unwrap();
    let contents: Vec<&Value> = entries.iter().map(|entry| &entry["content"]).collect();
    assert!(contents.contains(&&json!("build 7 is 绿色")) && contents.contains(&&json!("build 8")));
    let speaker = entries.last().unwrap()["from"].as_u64().unwrap();
    let user = lab.get(&bert, &format!("/api/v1/users/{speaker}")).await;
    assert_eq!(user["nickname"], "builds");

    for (body, code) in [
        (json!({}), "bad_request"),
        (json!({"media": 5, "amount": 1}), "bad_request"),
    ] {
        lab.anonymously("POST", url, &body).await.refused(400, code);
    }
    lab.ask("POST", url, &[("content-type", "text/html")], "x")
        .await
        .refused(415, "unsupported_media");
    lab.ask("POST", url, &text, [0xff, 0xfe])
        .await
        .refused(400, "bad_request");
    lab.ask("POST", url, &text, "x".repeat(64 * 1024 + 1))
        .await
        .refused(413, "too_large");
    lab.anonymously("POST", "/hooks/guessed", &said)
        .await
        .refused(404, "not_found");

    let path = format!("/api/v1/groups/{group}/hooks/{}", made["id"]);
    lab.simply(&bert, "DELETE", &path)
        .await
        .refused(403, "not_allowed");
    lab.simply(&anna, "DELETE", &path).await.is(204);
    lab.anonymously("POST", url, &said)
        .await
        .refused(404, "not_found");
    let shown = lab.get(&anna, &format!("/api/v1/groups/{group}")).await;
    assert_eq!(shown["members"], 2, "its bot left");
}

#[tokio::test]
async fn hooks_are_for_who_runs_the_group_and_lead_outside_only() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let group = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/groups/{group}/hooks");
    let wish = json!({"name": "x", "kind": "incoming"});
    for (user, code) in [(&bert, "not_allowed"), (&clara, "not_member")] {
        lab.call(user, "POST", &path, &wish)
            .await
            .refused(403, code);
        lab.simply(user, "GET", &path).await.refused(403, code);
    }
    lab.anonymously("POST", &path, &wish)
        .await
        .refused(401, "unauthorized");
    lab.call(&anna, "POST", "/api/v1/groups/99/hooks", &wish)
        .await
        .refused(404, "not_found");
    let url = |url: &str| json!({"name": "x", "kind": "outgoing", "url": url});
    for (wish, field) in [
        (json!({"kind": "incoming"}), "name"),
        (json!({"name": "x"}), "kind"),
        (json!({"name": "x", "kind": "sideways"}), "kind"),
        (json!({"name": "x", "kind": "outgoing"}), "url"),
        (url("http://127.0.0.1:8080/"), "url"),
        (url("http://[::1]/"), "url"),
        (url("http://169.254.169.254/"), "url"),
        (url("gopher://a.example/"), "url"),
        (url("https://u:p@a.example/"), "url"),
    ] {
        let reply = lab.call(&anna, "POST", &path, &wish).await;
        reply.refused(400, "bad_request").about(field);
    }
    let made = hook(&lab, &anna, group, &url("https://a.example/h")).await;
    let secret = made["secret"].as_str().unwrap();
    let list = lab.get(&anna, &path).await;
    assert_eq!(list["hooks"][0]["url"], "https://a.example/h");
    assert!(!list.to_string().contains(secret));
}

type Heard = Arc<Mutex<Vec<(String, String, Value)>>>;
/// What a receiver's requests are signed with, once it is known.
type Secret = Arc<Mutex<String>>;

/// A receiver on this machine that answers with the first of `statuses`, and with the last from then on.
async fn receiver(statuses: &[u16]) -> (String, Heard, Secret) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/told", listener.local_addr().unwrap());
    let heard = Heard::default();
    let known = Secret::default();
    let (taken, statuses) = (Arc::clone(&heard), statuses.to_vec());
    let secret = Arc::clone(&known);
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let (taken, statuses) = (Arc::clone(&taken), statuses.clone());
            let secret = Arc::clone(&secret);
            let service = service_fn(move |request: Request<Incoming>| {
                let (taken, statuses) = (Arc::clone(&taken), statuses.clone());
                let secret = Arc::clone(&secret);
                async move {
                    let header = |name: &str| {
                        let value = request.headers().get(name).unwrap();
                        value.to_str().unwrap().to_owned()
                    };
                    let (signature, hook) = (header("starling-signature"), header("starling-hook"));
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let mut taken = taken.lock().unwrap();
                    let status = *statuses.get(taken.len()).or(statuses.last()).unwrap();
                    verify(&secret.lock().unwrap(), &signature, &body);
                    taken.push((signature, hook, serde_json::from_slice(&body).unwrap()));
                    let answer = Response::builder().status(status);
                    let answer = answer.header("location", "/elsewhere");
                    Ok::<_, Infallible>(answer.body(Full::<Bytes>::default()).unwrap())
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, heard, known)
}

fn verify(secret: &str, signature: &str, body: &[u8]) {
    let (at, tag) = signature.split_once(",v1=").unwrap();
    let at = at.strip_prefix("t=").unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, secret.as_bytes());
    let signed = [at.as_bytes(), b".", body].concat();
    let tag: Vec<u8> = (0..tag.len() / 2)
        .map(|at| u8::from_str_radix(&tag[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    ring::hmac::verify(&key, &signed, &tag).unwrap();
}

fn deliverer(lab: &Lab, node: u8) -> Delivery {
    Delivery::new(DeliveryParts {
        hooks: Arc::clone(&lab.stores.hooks),
        outgoing: Outgoing::new(true).unwrap(),
        position: Position::new(starling::model::ids::Epoch(1), Seq(u64::MAX >> 12)),
        holder: Incarnation([node; 16]),
        clock: Clock::system(),
        tally: Tally::default(),
    })
}

#[tokio::test]
async fn an_outgoing_hook_is_told_each_message_once_in_order_by_two_nodes_and_repeats_what_failed()
{
    let lab = Lab::with(Choices {
        private_hooks: true,
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let conv = format!("g:{group}");
    lab.say(&anna, &conv, "before the hook").await;
    // The second attempt fails with what other clients would follow.
    let (url, heard, secret) = receiver(&[200, 302, 204]).await;
    let wish = json!({"name": "archive", "kind": "outgoing", "url": url});
    let made = hook(&lab, &anna, group, &wish).await;
    *secret.lock().unwrap() = made["secret"].as_str().unwrap().to_owned();
    let wish = json!({"name": "builds", "kind": "incoming"});
    let incoming = hook(&lab, &anna, group, &wish).await;
    let mut expected = Vec::new();
    for n in 0..25 {
        let speaker = if n % 2 == 0 { &anna } else { &bert };
        expected.push(lab.say(speaker, &conv, &format!("message {n}")).await);
        let echo = json!({"text": format!("echo {n}")});
        let path = incoming["url"].as_str().unwrap();
        lab.anonymously("POST", path, &echo).await.is(201);
    }
    let running: Vec<_> = [1, 2]
        .map(|node| tokio::spawn(deliverer(&lab, node).run(fastrand::Rng::with_seed(node.into()))))
        .into();
    let told = async {
        while heard.lock().unwrap().len() < expected.len() + 1 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(WITHIN, told).await.unwrap();
    // Time for one too many.
    tokio::time::sleep(Duration::from_secs(2)).await;
    running.iter().for_each(tokio::task::JoinHandle::abort);
    let heard = heard.lock().unwrap().clone();
    let mut seqs: Vec<u64> = heard
        .iter()
        .map(|told| told.2["seq"].as_u64().unwrap())
        .collect();
    assert_eq!(seqs.remove(1), seqs[1], "what failed came again");
    assert_eq!(seqs, expected);
    let (_, id, first) = &heard[0];
    assert_eq!(*id, made["id"].to_string());
    assert_eq!(
        (&first["conv"], &first["from"]),
        (&json!(conv), &json!(anna.id))
    );
    assert_eq!(
        (&first["kind"], &first["content"]),
        (&json!("message"), &json!("message 0"))
    );
    assert!(first.get("cid").is_none());
    let list = lab
        .get(&anna, &format!("/api/v1/groups/{group}/hooks"))
        .await;
    assert!(list["hooks"][0]["delivered_seq"].as_u64().unwrap() >= *expected.last().unwrap());
    assert!(list["hooks"][0].get("failing_since").is_none());
}

#[tokio::test]
async fn a_hook_that_was_disabled_goes_on_where_it_stopped_when_who_runs_the_group_says_so() {
    let lab = Lab::with(Choices {
        private_hooks: true,
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let group = lab.group(&anna, &[&bert]).await;
    let conv = format!("g:{group}");
    // What wants no more, and later does.
    let (url, heard, secret) = receiver(&[200, 410, 200]).await;
    let wish = json!({"name": "archive", "kind": "outgoing", "url": url});
    let made = hook(&lab, &anna, group, &wish).await;
    *secret.lock().unwrap() = made["secret"].as_str().unwrap().to_owned();
    let mut expected = Vec::new();
    for text in ["first", "second", "third"] {
        expected.push(lab.say(&bert, &conv, text).await);
    }
    let running = tokio::spawn(deliverer(&lab, 1).run(fastrand::Rng::with_seed(1)));
    let hooks = format!("/api/v1/groups/{group}/hooks");
    let shown = async || lab.get(&anna, &hooks).await["hooks"][0].clone();
    let until = async |what: &str, holds: &dyn Fn(&Value) -> bool| {
        let wait = async {
            while !holds(&shown().await) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(WITHIN, wait).await.expect(what);
    };
    until("it is disabled", &|hook| hook["disabled"].is_string()).await;
    expected.push(lab.say(&anna, &conv, "meanwhile").await);

    let enable = format!("{hooks}/{}/enable", made["id"]);
    for (user, code) in [(&bert, "not_allowed"), (&clara, "not_member")] {
        lab.simply(user, "POST", &enable).await.refused(403, code);
    }
    lab.ask("POST", &enable, &[], "")
        .await
        .refused(401, "unauthorized");
    let incoming = json!({"name": "builds", "kind": "incoming"});
    let incoming = hook(&lab, &anna, group, &incoming).await;
    for unknown in [incoming["id"].to_string(), "999".to_owned()] {
        lab.simply(&anna, "POST", &format!("{hooks}/{unknown}/enable"))
            .await
            .refused(404, "not_found");
    }
    assert_eq!(heard.lock().unwrap().len(), 2, "told no more");
    let enabled = lab.simply(&anna, "POST", &enable).await.is(200);
    assert_eq!(
        (&enabled["id"], &enabled["disabled"]),
        (&made["id"], &Value::Null)
    );
    let last = *expected.last().unwrap();
    until("all is told", &|hook| {
        hook["delivered_seq"].as_u64() >= Some(last)
    })
    .await;
    running.abort();
    let told: Vec<u64> = {
        let heard = heard.lock().unwrap();
        heard
            .iter()
            .map(|told| told.2["seq"].as_u64().unwrap())
            .collect()
    };
    // The second was refused, and came again.
    expected.insert(2, expected[1]);
    assert_eq!(told, expected);
}
