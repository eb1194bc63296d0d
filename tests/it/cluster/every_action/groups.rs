//! What is done to a group and its members.

use std::slice::from_ref;

use hyper::Method;
use serde_json::{Value, json};

use super::stage::Stage;
use super::{ANNA, BERT, CLARA, DORA, FLOCK};

/// The year 2200.
const FAR: i64 = 7_258_118_400_000;
/// The flock and who comes in later.
const ALL: [usize; 4] = [ANNA, BERT, CLARA, DORA];

/// An open group of the flock's.
pub(super) async fn made(stage: &mut Stage) -> u64 {
    let members = [stage.id(BERT), stage.id(CLARA)];
    let wish = json!({"name": "flock", "members": members});
    let group = stage.ask(ANNA, Method::POST, "/api/v1/groups", wish).await;
    let id = group["id"].as_u64().unwrap();
    let created =
        json!({"type": "entry", "kind": "group", "conv": format!("g:{id}"), "created": true});
    stage.hear(&FLOCK, &[created]).await;
    id
}

fn change(fields: &Value) -> Value {
    let mut entry = fields.clone();
    entry["type"] = json!("entry");
    entry["kind"] = json!("group");
    entry
}

pub(super) async fn changed(stage: &mut Stage, group: u64) {
    let path = format!("/api/v1/groups/{group}");
    for news in [
        json!({"name": "the flock"}),
        json!({"memo": "we meet at noon"}),
        json!({"icon": "https://a.example/icon.png"}),
        json!({"category": 2}),
        json!({"join": "approval"}),
        json!({"join": "open"}),
    ] {
        stage.ask(ANNA, Method::PATCH, &path, news.clone()).await;
        stage.hear(&FLOCK, &[change(&news)]).await;
    }
    let (bert, clara) = (stage.id(BERT), stage.id(CLARA));
    let member = |user: u64| format!("{path}/members/{user}");
    let muted = |user: u64, until: i64| json!({"muted": {"user": user, "until": until}});
    let admin = json!({"role": {"user": bert, "role": "admin"}});
    for (path, wish, news) in [
        (member(bert), json!({"role": "admin"}), admin),
        (
            member(clara),
            json!({"muted_until": FAR}),
            muted(clara, FAR),
        ),
        (member(clara), json!({"muted_until": null}), muted(clara, 0)),
        (path.clone(), json!({"muted_until": FAR}), muted(0, FAR)),
        (path.clone(), json!({"muted_until": null}), muted(0, 0)),
    ] {
        stage.ask(ANNA, Method::PATCH, &path, wish).await;
        stage.hear(&FLOCK, &[change(&news)]).await;
    }
}

/// Dora comes in every way there is, and goes in between.
pub(super) async fn ways_in(stage: &mut Stage, group: u64) {
    let path = format!("/api/v1/groups/{group}");
    let [members, join, leave] =
        ["members", "join", "leave"].map(|action| format!("{path}/{action}"));
    let (anna, dora) = (stage.id(ANNA), stage.id(DORA));
    let kick = format!("{members}/{dora}");
    let joined = json!({"type": "entry", "kind": "joined", "users": [dora]});
    let left = json!({"type": "entry", "kind": "left", "users": [dora]});
    let by_anna = |entry: &Value, name: &str| {
        let mut entry = entry.clone();
        entry[name] = json!(anna);
        entry
    };
    let users = json!({"users": [dora]});
    stage.ask(ANNA, Method::POST, &members, users).await;
    stage.hear(&ALL, &[by_anna(&joined, "by")]).await;
    stage.ask(ANNA, Method::DELETE, &kick, Value::Null).await;
    stage.hear(&ALL, &[by_anna(&left, "by")]).await;
    stage.ask(DORA, Method::POST, &join, json!({})).await;
    stage.hear(&ALL, from_ref(&joined)).await;
    stage.ask(DORA, Method::POST, &leave, Value::Null).await;
    stage.hear(&ALL, from_ref(&left)).await;

    let approval = json!({"join": "approval"});
    stage.ask(ANNA, Method::PATCH, &path, approval).await;
    let conv = format!("g:{group}");
    let waiting = json!({"type": "conversation", "conv": conv, "requests": 1});
    let declined = json!({"type": "conversation", "conv": conv, "requested_at": null});
    for (accept, concerned, told) in [
        (false, &[DORA][..], declined),
        (true, &ALL[..], by_anna(&joined, "by")),
    ] {
        stage.ask(DORA, Method::POST, &join, json!({})).await;
        stage.hear(&[ANNA, BERT], from_ref(&waiting)).await;
        let page = stage.get(ANNA, &format!("{path}/requests")).await;
        let request = format!("{path}/requests/{}", page["requests"][0]["id"]);
        let answer = json!({"accept": accept});
        stage.ask(ANNA, Method::POST, &request, answer).await;
        stage.hear(concerned, &[told]).await;
    }
    stage.ask(ANNA, Method::DELETE, &kick, Value::Null).await;
    stage.hear(&ALL, &[by_anna(&left, "by")]).await;

    let invites = format!("{path}/invites");
    let invite = stage.ask(ANNA, Method::POST, &invites, json!({})).await;
    let link = format!("/api/v1/invites/{}", invite["code"].as_str().unwrap());
    stage.ask(DORA, Method::POST, &link, Value::Null).await;
    stage.hear(&ALL, &[by_anna(&joined, "invited_by")]).await;
}

pub(super) async fn ended(stage: &mut Stage, group: u64) {
    let path = format!("/api/v1/groups/{group}");
    let bert = stage.id(BERT);
    let to = json!({"user": bert});
    let transfer = format!("{path}/transfer");
    stage.ask(ANNA, Method::POST, &transfer, to).await;
    stage.hear(&ALL, &[change(&json!({"owner": bert}))]).await;
    let leave = format!("{path}/leave");
    stage.ask(ANNA, Method::POST, &leave, Value::Null).await;
    let left = json!({"type": "entry", "kind": "left", "users": [stage.id(ANNA)]});
    stage.hear(&ALL, &[left]).await;
    stage.ask(BERT, Method::DELETE, &path, Value::Null).await;
    let end = change(&json!({"dissolved": true}));
    stage.hear(&[BERT, CLARA, DORA], &[end]).await;
}
