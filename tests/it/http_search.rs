//! Searching one's messages.

use std::sync::Arc;

use serde_json::{Value, json};
use starling::store::indexing::{Indexed, Indexing};

use crate::lab::{Choices, Lab, User};

/// Percent-encodes everything, as a careful client may.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn search(lab: &Lab, user: &User, query: &str, others: &str) -> Value {
    let path = format!("/api/v1/search?q={}{others}", encoded(query));
    lab.get(user, &path).await
}

fn seqs(found: &Value) -> Vec<u64> {
    let entries = found["entries"].as_array().unwrap();
    entries
        .iter()
        .map(|entry| entry["seq"].as_u64().unwrap())
        .collect()
}

#[tokio::test]
async fn a_message_is_found_at_once_by_those_who_see_it_with_its_words_marked() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let carl = lab.register("carl").await;
    let conv = format!("u:{}", bert.id);
    let said = json!({"cid": "one", "media": 1, "content": "Ein Café in 北京市: ok?"});
    let path = format!("/api/v1/conversations/{conv}/messages");
    let said = lab.call(&anna, "POST", &path, &said).await.is(201);
    let seq = said["seq"].as_u64().unwrap();
    let found = search(&lab, &bert, "cafe 北京", "").await;
    assert_eq!(found["next"], Value::Null);
    let entry = &found["entries"][0];
    assert_eq!(entry["seq"], seq);
    assert_eq!(entry["conv"], format!("u:{}", anna.id));
    assert_eq!(entry["from"], anna.id);
    assert_eq!(entry["kind"], "message");
    assert_eq!(entry["content"], "Ein Café in 北京市: ok?");
    assert_eq!(entry["highlights"], json!([[4, 8], [12, 14]]));
    assert_eq!(entry["cid"], Value::Null);
    let own = search(&lab, &anna, "ok", &format!("&conv={conv}")).await;
    assert_eq!(seqs(&own), [seq]);
    assert!(own["entries"][0]["cid"].is_string());
    for query in ["cafe", "北京", "ok"] {
        assert_eq!(seqs(&search(&lab, &carl, query, "").await), [0_u64; 0]);
    }
    for query in ["%", "_", "Caf", "京北", "!?", "\0"] {
        let none = search(&lab, &anna, query, "").await;
        assert_eq!(none, json!({"entries": [], "next": null}), "{query:?}");
    }
}

#[tokio::test]
async fn a_group_is_searched_by_its_members_and_pages_follow_each_other() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[&bert]).await;
    let conv = format!("g:{group}");
    let mut said = Vec::new();
    for n in 0..7 {
        said.push(lab.say(&anna, &conv, &format!("heron {n}")).await);
        lab.say(
            &anna,
            &format!("u:{}", anna.id),
            &format!("heron for me {n}"),
        )
        .await;
    }
    said.reverse();
    let mut pages = Vec::new();
    let mut before = String::new();
    loop {
        let page = search(&lab, &bert, "heron", &format!("&limit=3{before}")).await;
        assert!(seqs(&page).len() <= 3);
        pages.extend(seqs(&page));
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => break,
        }
    }
    assert_eq!(pages, said);
    let one = search(&lab, &anna, "heron", &format!("&conv=g%3A{group}")).await;
    assert_eq!(seqs(&one), said);
    assert_eq!(seqs(&search(&lab, &anna, "heron", "").await).len(), 14);
}

#[tokio::test]
async fn what_is_in_the_index_is_found_as_what_is_not() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    let conv = format!("u:{}", anna.id);
    let first = lab.say(&anna, &conv, "the first heron").await;
    let user = starling::model::ids::UserId(anna.id);
    let notes = starling::model::conversation::Conv::private(user, user);
    let drafts = (0..2_100).map(|n| starling::model::draft::Draft {
        conv: notes,
        from: user,
        kind: starling::model::entry::EntryKind::Message,
        cid: format!("filler-{n}").parse().unwrap(),
        body: br#"{"media":1,"content":"filler"}"#.as_slice().into(),
        change: starling::model::draft::Change::Message,
    });
    lab.stores.log.append(drafts.collect()).await.unwrap();
    let last = lab.say(&anna, &conv, "the last heron").await;
    let (log, index) = (Arc::clone(&lab.stores.log), Arc::clone(&lab.stores.search));
    let mut indexing = Indexing::new(log, index);
    while indexing.step().await.unwrap() == Indexed::Some {}
    assert!(indexing.behind() < 2_048);
    assert_eq!(seqs(&search(&lab, &anna, "heron", "").await), [last, first]);
}

#[tokio::test]
async fn messages_are_found_by_what_they_have() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let conv = format!("u:{}", bert.id);
    let text = lab.say(&anna, &conv, "the heron's nest").await;
    let address = lab
        .say(&anna, &conv, "the heron: http://birds.example")
        .await;
    let path = format!("/api/v1/conversations/{conv}/messages");
    let link = json!({"cid": "l", "media": 7, "content": "owls", "url": "https://owls.example"});
    let link = lab.call(&anna, "POST", &path, &link).await.is(201);
    let link = link["seq"].as_u64().unwrap();
    let find = async |query: &str| seqs(&lab.get(&bert, &format!("/api/v1/search?{query}")).await);
    assert_eq!(find("has=link").await, [link, address]);
    assert_eq!(find("has=link&q=heron").await, [address]);
    assert_eq!(find("q=heron").await, [address, text]);
    assert_eq!(
        find(&format!("has=link&conv=u:{}&limit=1", anna.id)).await,
        [link]
    );
    assert_eq!(find("has=media").await, [0_u64; 0]);
    assert_eq!(find("has=file&q=").await, [0_u64; 0]);
}

#[tokio::test]
async fn each_wrong_parameter_is_told_by_name() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    for (query, field) in [
        ("", "q"),
        ("?q=", "q"),
        ("?q=%20%20", "q"),
        (&format!("?q={}", "x".repeat(129)), "q"),
        ("?q=x&conv=7", "conv"),
        ("?q=x&conv=x:1", "conv"),
        ("?q=x&before=yesterday", "before"),
        ("?q=x&limit=0", "limit"),
        ("?q=x&limit=many", "limit"),
        ("?q=x&has=gold", "has"),
        ("?has=Media", "has"),
        ("?has=media&has=file", "has"),
        ("?has=", "q"),
    ] {
        let path = format!("/api/v1/search{query}");
        let reply = lab.simply(&anna, "GET", &path).await;
        reply.refused(400, "bad_request").about(field);
    }
    let longest = format!("/api/v1/search?q={}", encoded(&"鸟".repeat(128)));
    lab.get(&anna, &longest).await;
}

#[tokio::test]
async fn strangers_and_visitors_search_nothing() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let group = lab.group(&anna, &[]).await;
    lab.say(&anna, &format!("g:{group}"), "heron").await;
    let ask = |conv: String| format!("/api/v1/search?q=heron&conv={conv}");
    let reply = lab.simply(&bert, "GET", &ask(format!("g:{group}"))).await;
    reply.refused(403, "not_member");
    for conv in ["g:999", "u:999"] {
        let reply = lab.simply(&bert, "GET", &ask(conv.to_owned())).await;
        reply.refused(404, "not_found");
    }
    let path = "/api/v1/search?q=heron";
    let reply = lab.ask("GET", path, &[], "").await;
    reply.refused(401, "unauthorized");
    let reply = lab.simply(&anna, "POST", path).await;
    reply.refused(405, "bad_request");
}

#[tokio::test]
async fn searches_are_bounded_in_number_and_can_be_switched_off() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let mut refused = None;
    for _ in 0..500 {
        let reply = lab.simply(&anna, "GET", "/api/v1/search?q=x").await;
        if reply.status != 200 {
            refused = Some(reply);
            break;
        }
    }
    let refused = refused.expect("no search was refused");
    refused.refused(429, "rate_limited");
    assert!(refused.body["error"]["retry_after_ms"].as_u64().unwrap() > 0);
    assert!(!refused.header("retry-after").is_empty());
    lab.get(&bert, "/api/v1/search?q=x").await;
    let off = Lab::with(Choices {
        search: false,
        ..Choices::default()
    });
    let off = off.await;
    let anna = off.register("anna").await;
    let reply = off.simply(&anna, "GET", "/api/v1/search?q=x").await;
    reply.refused(404, "not_found");
}
