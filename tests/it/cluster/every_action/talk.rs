//! What is said, what becomes of it, and what one keeps about it for oneself.

use hyper::Method;
use serde_json::{Value, json};

use super::stage::{Device, Stage};
use super::{ANNA, BERT, CLARA, FLOCK};

/// The fields of each kind of message.
fn kinds() -> Vec<(u16, Value)> {
    let url = "https://a.example/x";
    vec![
        (1, json!({"content": "a text"})),
        (
            2,
            json!({"content": "a title", "url": url, "pic": url, "memo": "what it says"}),
        ),
        (
            3,
            json!({"url": url, "amount": 7, "meta": {"peaks": [1, 2, 3]}}),
        ),
        (4, json!({"url": url, "meta": {"height": 30, "width": 40}})),
        (6, json!({"content": "[smile]", "url": url})),
        (
            7,
            json!({"url": url, "content": "a page", "memo": "about birds"}),
        ),
        (8, json!({"url": url, "pic": url, "amount": 12})),
        (9, json!({"content": "anna"})),
        (
            10,
            json!({"url": url, "content": "a.pdf", "meta": {"size": 9}}),
        ),
        (
            11,
            json!({"content": "the bridge", "meta": {"lat": 1.5, "lon": 2.5}}),
        ),
        (100, json!({"content": "a client's own"})),
    ]
}

/// A message of the author's, sent as a frame, and the device it was sent from.
async fn send(stage: &mut Stage, author: usize, to: &str, mut fields: Value) -> (Device, u64) {
    fields["type"] = json!("send");
    fields["cid"] = json!(stage.fresh("send"));
    fields["to"] = json!(to);
    let (device, ack) = stage.say(author, fields).await;
    (device, ack["seq"].as_u64().unwrap())
}

/// The entry of a message, as everybody gets it.
fn message(seq: u64, from: u64, fields: &Value) -> Value {
    let mut entry = json!({"type": "entry", "kind": "message", "seq": seq, "from": from});
    for (name, value) in fields.as_object().unwrap() {
        entry[name] = value.clone();
    }
    entry
}

pub(super) async fn every_kind_of_message(stage: &mut Stage, group: u64) {
    let conv = format!("g:{group}");
    for (turn, (media, mut fields)) in kinds().into_iter().enumerate() {
        fields["media"] = json!(media);
        let author = FLOCK[turn % FLOCK.len()];
        let (device, seq) = send(stage, author, &conv, fields.clone()).await;
        let mut entry = message(seq, stage.id(author), &fields);
        entry["conv"] = json!(conv);
        stage.hear_but(Some(device), &FLOCK, &[entry]).await;
        // In private, each names the conversation by the other.
        let (peer, to) = (FLOCK[(turn + 1) % 3], stage.with(FLOCK[(turn + 1) % 3]));
        let (device, seq) = send(stage, author, &to, fields.clone()).await;
        let mut entry = message(seq, stage.id(author), &fields);
        entry["conv"] = json!(to);
        stage
            .hear_but(Some(device), &[author], &[entry.clone()])
            .await;
        entry["conv"] = json!(stage.with(author));
        stage.hear(&[peer], &[entry]).await;
    }
    let said = json!({"media": 1, "content": "by a request"});
    let mut body = said.clone();
    body["cid"] = json!(stage.fresh("post"));
    let path = format!("/api/v1/conversations/{conv}/messages");
    let sent = stage.ask(BERT, Method::POST, &path, body).await;
    let entry = message(sent["seq"].as_u64().unwrap(), stage.id(BERT), &said);
    stage.hear(&FLOCK, &[entry]).await;
}

/// A text of the author's that everybody has who is to have it.
async fn text(stage: &mut Stage, author: usize, to: &str, who: &[usize]) -> u64 {
    let said = json!({"media": 1, "content": stage.fresh("text")});
    let (device, seq) = send(stage, author, to, said).await;
    let entry = json!({"type": "entry", "seq": seq});
    stage.hear_but(Some(device), who, &[entry]).await;
    seq
}

pub(super) async fn answers_and_alterations(stage: &mut Stage, group: u64) {
    let conv = format!("g:{group}");
    let seq = text(stage, ANNA, &conv, &FLOCK).await;
    let about =
        json!({"media": 1, "content": "yes", "reply_to": seq, "mentions": [stage.id(CLARA)]});
    let (device, answer) = send(stage, BERT, &conv, about.clone()).await;
    let entry = message(answer, stage.id(BERT), &about);
    stage.hear_but(Some(device), &FLOCK, &[entry]).await;
    altered_by_frames(stage, seq).await;
    altered_by_requests(stage).await;
}

/// The entry of what becomes of a message.
fn of(kind: &str, target: u64, mut fields: Value) -> Value {
    fields["type"] = json!("entry");
    fields["kind"] = json!(kind);
    fields["target"] = json!(target);
    fields
}

fn on(on: bool) -> Value {
    json!({"emoji": "👍", "on": on})
}

/// A message of Anna's in the group.
async fn altered_by_frames(stage: &mut Stage, seq: u64) {
    for (who, frame, heard) in [
        (
            ANNA,
            json!({"type": "edit", "seq": seq, "content": "better"}),
            of("edit", seq, json!({"content": "better"})),
        ),
        (
            CLARA,
            json!({"type": "react", "seq": seq, "emoji": "👍", "on": true}),
            of("reaction", seq, on(true)),
        ),
        (
            CLARA,
            json!({"type": "react", "seq": seq, "emoji": "👍", "on": false}),
            of("reaction", seq, on(false)),
        ),
        (
            ANNA,
            json!({"type": "recall", "seq": seq}),
            of("recall", seq, json!({})),
        ),
    ] {
        let mut frame = frame;
        frame["cid"] = json!(stage.fresh("alter"));
        let (device, _) = stage.say(who, frame).await;
        stage.hear_but(Some(device), &FLOCK, &[heard]).await;
    }
}

/// The same in private.
async fn altered_by_requests(stage: &mut Stage) {
    let to = stage.with(BERT);
    let seq = text(stage, ANNA, &to, &[ANNA, BERT]).await;
    let path = format!("/api/v1/entries/{seq}");
    let reaction = format!("{path}/reactions/%F0%9F%91%8D");
    for (who, method, path, body, heard) in [
        (
            ANNA,
            Method::PATCH,
            &path,
            json!({"content": "best"}),
            of("edit", seq, json!({"content": "best"})),
        ),
        (
            BERT,
            Method::PUT,
            &reaction,
            Value::Null,
            of("reaction", seq, on(true)),
        ),
        (
            BERT,
            Method::DELETE,
            &reaction,
            Value::Null,
            of("reaction", seq, on(false)),
        ),
        (
            ANNA,
            Method::DELETE,
            &path,
            Value::Null,
            of("recall", seq, json!({})),
        ),
    ] {
        stage.ask(who, method, path, body).await;
        stage.hear(&[ANNA, BERT], &[heard]).await;
    }
}

pub(super) async fn reading_and_typing(stage: &mut Stage, group: u64) {
    let (anna, bert) = (stage.with(ANNA), stage.with(BERT));
    let read = |user: u64, seq: u64| json!({"type": "read", "user": user, "seq": seq});
    let first = text(stage, ANNA, &bert, &[ANNA, BERT]).await;
    let frame = json!({"type": "read", "conv": anna, "seq": first});
    let (device, _) = stage.say(BERT, frame).await;
    let told = [read(stage.id(BERT), first)];
    stage.hear_but(Some(device), &[ANNA, BERT], &told).await;
    let second = text(stage, ANNA, &bert, &[ANNA, BERT]).await;
    let path = format!("/api/v1/conversations/{anna}/read");
    stage
        .ask(BERT, Method::POST, &path, json!({"seq": second}))
        .await;
    let told = [read(stage.id(BERT), second)];
    stage.hear(&[ANNA, BERT], &told).await;

    let group = format!("g:{group}");
    for (conv, as_heard, listeners) in [
        (&anna, &bert, vec![ANNA]),
        (&group, &group, vec![ANNA, CLARA]),
    ] {
        stage
            .say(BERT, json!({"type": "typing", "conv": conv}))
            .await;
        let typing = json!({"type": "typing", "conv": as_heard, "user": stage.id(BERT)});
        stage.hear(&listeners, &[typing]).await;
    }
}

pub(super) async fn own_settings(stage: &mut Stage, group: u64) {
    let conv = format!("g:{group}");
    let seq = text(stage, ANNA, &conv, &FLOCK).await;
    let path = format!("/api/v1/entries/{seq}/hidden");
    stage.ask(CLARA, Method::PUT, &path, Value::Null).await;
    let told = json!({"type": "conversation", "conv": conv, "hidden_entry": seq});
    stage.hear(&[CLARA], &[told]).await;
    let path = format!("/api/v1/conversations/{conv}");
    for setting in [
        json!({"muted": true}),
        json!({"pinned": true}),
        json!({"hidden": true}),
        json!({"draft": "half a"}),
        json!({"marked_unread": true}),
        json!({"muted": false, "pinned": false, "hidden": false, "draft": "", "marked_unread": false}),
    ] {
        stage
            .ask(CLARA, Method::PATCH, &path, setting.clone())
            .await;
        let mut told = setting;
        told["type"] = json!("conversation");
        told["conv"] = json!(conv);
        stage.hear(&[CLARA], &[told]).await;
    }
}

pub(super) async fn packets(stage: &mut Stage, group: u64) {
    let (group, bert) = (format!("g:{group}"), stage.with(BERT));
    for (conv, kind, count, who) in [
        (group, "packet", 2, &FLOCK[..]),
        (bert, "transfer", 1, &[ANNA, BERT][..]),
    ] {
        let body = json!({
            "cid": stage.fresh("packet"), "kind": kind, "total": 100, "count": count,
            "split": "equal", "memo": "luck",
        });
        let path = format!("/api/v1/conversations/{conv}/packets");
        let sent = stage.ask(ANNA, Method::POST, &path, body).await;
        let seq = sent["seq"].as_u64().unwrap();
        let fields = json!({"media": 5, "amount": 100, "memo": "luck", "meta": {"packet": kind}});
        let entry = message(seq, stage.id(ANNA), &fields);
        stage.hear(who, &[entry]).await;
        let path = format!("/api/v1/packets/{seq}/claim");
        stage.ask(BERT, Method::POST, &path, Value::Null).await;
        let claimed = json!({
            "type": "entry", "kind": "notice", "target": seq, "packet": "claimed", "from": stage.id(BERT),
        });
        stage.hear(who, &[claimed]).await;
    }
}

pub(super) async fn hooks(stage: &mut Stage, group: u64) {
    let path = format!("/api/v1/groups/{group}/hooks");
    let wish = json!({"name": "builds", "kind": "incoming"});
    let hook = stage.ask(ANNA, Method::POST, &path, wish).await;
    let joined = json!({"type": "entry", "kind": "joined", "by": stage.id(ANNA)});
    stage.hear(&FLOCK, &[joined]).await;
    let said = json!({"content": "build 7 is green"});
    let url = hook["url"].as_str().unwrap();
    stage.post_as_nobody(url, said.clone()).await;
    let mut entry = said;
    entry["kind"] = json!("message");
    stage.hear(&FLOCK, &[entry]).await;
    let path = format!("{path}/{}", hook["id"]);
    stage.ask(ANNA, Method::DELETE, &path, Value::Null).await;
    stage.hear(&FLOCK, &[json!({"kind": "left"})]).await;
}
