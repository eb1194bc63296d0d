//! The ways into groups, as each kind of person tries them: joining, asking, answering, inviting.

use std::time::Duration;

use serde_json::{Value, json};
use starling::model::ids::UserId;
use starling::model::signal::Signal;

use crate::lab::{Choices, Lab, User};

/// Makes a group that lets in this way and returns its path.
async fn group(lab: &Lab, owner: &User, join: &str, members: &[&User]) -> String {
    let members: Vec<u64> = members.iter().map(|user| user.id).collect();
    let wish = json!({"name": format!("{join} flock"), "join": join, "members": members});
    let group = lab.call(owner, "POST", "/api/v1/groups", &wish).await;
    format!("/api/v1/groups/{}", group.is(201)["id"])
}

async fn invite(lab: &Lab, user: &User, group: &str, wish: &Value) -> String {
    made_invite(lab, user, group, wish).await.0
}

/// An invitation's code and id.
async fn made_invite(lab: &Lab, user: &User, group: &str, wish: &Value) -> (String, String) {
    let path = format!("{group}/invites");
    let made = lab.call(user, "POST", &path, wish).await.is(201);
    let text = |name: &str| made[name].as_str().unwrap().to_owned();
    (text("code"), text("id"))
}

async fn last_entry(lab: &Lab, reader: &User, group: &str) -> Value {
    let id = group.rsplit('/').next().unwrap();
    let path = format!("/api/v1/conversations/g:{id}/entries?limit=1");
    lab.get(reader, &path).await["entries"][0].clone()
}

/// Who was told what about a conversation since the last call.
fn told(lab: &Lab) -> Vec<(UserId, Value)> {
    let signals = lab.signals().into_iter();
    let of_settings = signals.filter_map(|signal| match signal {
        Signal::Settings { user, changed, .. } => {
            Some((user, serde_json::from_str(&changed).unwrap()))
        }
        Signal::Typing { .. }
        | Signal::Read { .. }
        | Signal::Presence { .. }
        | Signal::Profile { .. } => None,
    });
    of_settings.collect()
}

#[tokio::test]
async fn joining_says_whether_one_is_in_or_has_to_wait() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let open = group(&lab, &anna, "open", &[]).await;
    let joined = lab.simply(&bert, "POST", &format!("{open}/join")).await;
    let joined = joined.is(200);
    assert_eq!(
        (&joined["state"], &joined["role"], &joined["members"]),
        (&json!("joined"), &json!("member"), &json!(2))
    );
    let approval = group(&lab, &anna, "approval", &[]).await;
    let join = format!("{approval}/join");
    let reply = lab
        .call(&bert, "POST", &join, &json!({"message": "x".repeat(141)}))
        .await;
    reply.refused(400, "bad_request").about("message");
    let waits = lab
        .call(&bert, "POST", &join, &json!({"message": "it is bert"}))
        .await
        .is(200);
    assert_eq!(
        (&waits["state"], &waits["role"], &waits["members"]),
        (&json!("requested"), &Value::Null, &json!(1))
    );
    assert!(waits["requested_at"].is_i64());
    assert_eq!(
        lab.get(&bert, &approval).await["requested_at"],
        waits["requested_at"]
    );
    assert_eq!(lab.get(&anna, &approval).await["requests"], 1);
    assert_eq!(told(&lab), [(UserId(anna.id), json!({"requests": 1}))]);
    // In the same words it is no news.
    lab.call(&bert, "POST", &join, &json!({"message": "it is bert"}))
        .await
        .is(200);
    assert_eq!(told(&lab), []);
    lab.simply(&anna, "POST", &join)
        .await
        .refused(409, "already_member");
    let invite = group(&lab, &anna, "invite", &[]).await;
    lab.simply(&bert, "POST", &format!("{invite}/join"))
        .await
        .refused(403, "not_allowed");
    // Found are those that let in or may let in.
    let found = lab.get(&bert, "/api/v1/groups?q=flock").await;
    let names: Vec<&Value> = found["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| &group["name"])
        .collect();
    assert_eq!(names, ["open flock", "approval flock"]);
    for (body, field) in [
        (json!({"code": 1}), "code"),
        (json!({"message": []}), "message"),
    ] {
        let reply = lab.call(&bert, "POST", &join, &body).await;
        reply.refused(400, "bad_request").about(field);
    }
}

/// A group by approval with an owner, an admin and a member, and two who wait.
struct Waiting {
    lab: Lab,
    owner: User,
    admin: User,
    member: User,
    asker: User,
    other: User,
    path: String,
}

impl Waiting {
    async fn new() -> Waiting {
        let lab = Lab::new().await;
        let (owner, admin) = (lab.register("owner").await, lab.register("admin").await);
        let (member, asker) = (lab.register("member").await, lab.register("asker").await);
        let other = lab.register("other").await;
        let path = group(&lab, &owner, "approval", &[&admin, &member]).await;
        let role = format!("{path}/members/{}", admin.id);
        let change = json!({"role": "admin"});
        lab.call(&owner, "PATCH", &role, &change).await.is(200);
        for user in [&asker, &other] {
            let join = format!("{path}/join");
            lab.simply(user, "POST", &join).await.is(200);
        }
        told(&lab);
        Waiting {
            lab,
            owner,
            admin,
            member,
            asker,
            other,
            path,
        }
    }

    /// The open requests, by whose they are.
    async fn requests(&self) -> Vec<(u64, u64)> {
        let path = format!("{}/requests", self.path);
        let page = self.lab.get(&self.owner, &path).await;
        let requests = page["requests"].as_array().unwrap().iter();
        requests
            .map(|request| {
                let (user, id) = (&request["user"]["id"], &request["id"]);
                (user.as_u64().unwrap(), id.as_u64().unwrap())
            })
            .collect()
    }

    async fn answer(&self, author: &User, request: u64, body: &Value) -> crate::lab::Reply {
        let path = format!("{}/requests/{request}", self.path);
        self.lab.call(author, "POST", &path, body).await
    }
}

#[tokio::test]
async fn requests_are_seen_by_owner_and_admins_in_pages() {
    let stage = Waiting::new().await;
    let requests = format!("{}/requests", stage.path);
    let lab = &stage.lab;
    for (reader, code) in [(&stage.member, "not_allowed"), (&stage.asker, "not_member")] {
        lab.simply(reader, "GET", &requests)
            .await
            .refused(403, code);
    }
    lab.simply(&stage.owner, "GET", "/api/v1/groups/99/requests")
        .await
        .refused(404, "not_found");
    let page = lab.get(&stage.admin, &format!("{requests}?limit=1")).await;
    assert_eq!(page["requests"][0]["user"]["id"], stage.asker.id);
    let next = page["next"].as_str().unwrap();
    let rest = format!("{requests}?after={next}");
    let page = lab.get(&stage.admin, &rest).await;
    assert_eq!(page["requests"][0]["user"]["id"], stage.other.id);
    assert_eq!(page["next"], Value::Null);
    for (query, field) in [("limit=0", "limit"), ("after=x", "after")] {
        let path = format!("{requests}?{query}");
        let reply = lab.simply(&stage.admin, "GET", &path).await;
        reply.refused(400, "bad_request").about(field);
    }
    let list = lab.get(&stage.owner, "/api/v1/groups").await;
    assert_eq!(list["groups"][0]["requests"], 2);
    let group = lab.get(&stage.member, &stage.path).await;
    assert_eq!(group.get("requests"), None);
}

#[tokio::test]
async fn requests_are_answered_once_by_owner_and_admins() {
    let stage = Waiting::new().await;
    let (lab, path) = (&stage.lab, &stage.path);
    let (yes, no) = (json!({"accept": true}), json!({"accept": false}));
    let [(_, of_asker), (_, of_other)] = stage.requests().await[..] else {
        panic!("two wait");
    };
    for (author, code) in [(&stage.member, "not_allowed"), (&stage.asker, "not_member")] {
        let reply = stage.answer(author, of_asker, &yes).await;
        reply.refused(403, code);
    }
    for body in [json!({}), json!({"accept": "yes"})] {
        let reply = stage.answer(&stage.admin, of_asker, &body).await;
        reply.refused(400, "bad_request").about("accept");
    }
    stage.answer(&stage.admin, of_asker, &yes).await.is(204);
    for again in [of_asker, 999] {
        let reply = stage.answer(&stage.admin, again, &yes).await;
        reply.refused(404, "not_found");
    }
    let entry = last_entry(lab, &stage.asker, path).await;
    assert_eq!(
        (&entry["kind"], &entry["users"], &entry["by"]),
        (
            &json!("joined"),
            &json!([stage.asker.id]),
            &json!(stage.admin.id)
        )
    );
    let left = json!({"requests": 1});
    let expected = [stage.owner.id, stage.admin.id].map(|user| (UserId(user), left.clone()));
    assert_eq!(told(lab), expected);
    stage.answer(&stage.owner, of_other, &no).await.is(204);
    let declined = (UserId(stage.other.id), json!({"requested_at": null}));
    assert_eq!(told(lab)[0], declined);
    let group = lab.get(&stage.other, path).await;
    assert_eq!(
        (&group["role"], group.get("requested_at")),
        (&Value::Null, None)
    );
    let reply = stage.answer(&stage.owner, of_other, &yes).await;
    reply.refused(404, "not_found");
}

#[tokio::test]
async fn being_brought_in_settles_a_request() {
    let stage = Waiting::new().await;
    let members = format!("{}/members", stage.path);
    let users = json!({"users": [stage.asker.id, stage.other.id]});
    stage
        .lab
        .call(&stage.owner, "POST", &members, &users)
        .await
        .is(201);
    assert_eq!(stage.requests().await, []);
    let none = (UserId(stage.owner.id), json!({"requests": 0}));
    assert_eq!(told(&stage.lab)[0], none, "there is nothing to look at");
}

#[tokio::test]
async fn an_invitation_is_looked_at_and_used() {
    let lab = Lab::with(Choices {
        public_url: "https://chat.example/".to_owned(),
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let path = group(&lab, &anna, "invite", &[]).await;
    let invites = format!("{path}/invites");
    let made = lab.simply(&anna, "POST", &invites).await.is(201);
    let code = made["code"].as_str().unwrap();
    assert_eq!(code.len(), 22);
    assert_eq!(made["url"], format!("https://chat.example/join/{code}"));
    let (from, to) = (made["created_at"].as_i64(), made["expires_at"].as_i64());
    assert_eq!(to.unwrap() - from.unwrap(), 7 * 24 * 3_600_000);
    assert_eq!((&made["uses"], &made["used"]), (&Value::Null, &json!(0)));

    let link = format!("/api/v1/invites/{code}");
    let preview = lab.get(&bert, &link).await;
    assert_eq!(preview["group"]["name"], "invite flock");
    assert_eq!(
        (&preview["group"]["members"], &preview["group"]["role"]),
        (&json!(1), &Value::Null)
    );
    assert_eq!(
        (&preview["creator"], &preview["expires_at"]),
        (&json!(anna.id), &made["expires_at"])
    );
    let joined = lab.simply(&bert, "POST", &link).await.is(200);
    assert_eq!(
        (&joined["state"], &joined["role"], &joined["members"]),
        (&json!("joined"), &json!("member"), &json!(2))
    );
    let entry = last_entry(&lab, &bert, &path).await;
    assert_eq!(
        (&entry["kind"], &entry["users"], &entry["invited_by"]),
        (&json!("joined"), &json!([bert.id]), &json!(anna.id))
    );
    lab.simply(&bert, "POST", &link)
        .await
        .refused(409, "already_member");
    // The same through the group, with the code in the body.
    let join = format!("{path}/join");
    let elsewhere = group(&lab, &anna, "invite", &[]).await;
    let with = json!({"code": code});
    let reply = lab
        .call(&clara, "POST", &format!("{elsewhere}/join"), &with)
        .await;
    reply.refused(404, "not_found").about("code");
    lab.call(&clara, "POST", &join, &with).await.is(200);
    let list = lab.get(&anna, &invites).await;
    assert_eq!(list["invites"].as_array().unwrap().len(), 1);
    assert_eq!(list["invites"][0]["used"], 2);
    assert_eq!(list["invites"][0]["id"], made["id"]);
    for wrong in ["x", "AAAAAAAAAAAAAAAAAAAAAA", "%F0%9F%90%A6"] {
        for method in ["GET", "POST"] {
            let path = format!("/api/v1/invites/{wrong}");
            lab.simply(&clara, method, &path)
                .await
                .refused(404, "not_found");
        }
    }
}

/// Whoever reads the store, or a backup of it, comes into no group by that.
#[tokio::test]
async fn the_code_of_an_invitation_is_stored_nowhere_and_its_id_lets_nobody_in() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = group(&lab, &anna, "invite", &[]).await;
    let (code, id) = made_invite(&lab, &anna, &path, &json!({})).await;
    for method in ["GET", "POST"] {
        lab.simply(&bert, method, &format!("/api/v1/invites/{id}"))
            .await
            .refused(404, "not_found");
    }
    let listed = lab.simply(&anna, "GET", &format!("{path}/invites")).await;
    assert!(listed.text.contains(&id) && !listed.text.contains(&code));
    lab.simply(&bert, "POST", &format!("/api/v1/invites/{code}"))
        .await
        .is(200);
    let mut stored = Vec::new();
    for file in ["starling.db", "starling.db-wal"] {
        stored.extend(std::fs::read(lab.folder.path().join(file)).unwrap_or_default());
    }
    let holds = |text: &str| {
        stored
            .windows(text.len())
            .any(|bytes| bytes == text.as_bytes())
    };
    assert!(holds(&id) && !holds(&code));
}

#[tokio::test]
async fn who_may_invite_depends_on_how_the_group_lets_in() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    for (mode, member) in [("open", 201), ("approval", 403), ("invite", 403)] {
        let path = group(&lab, &anna, mode, &[&bert]).await;
        let invites = format!("{path}/invites");
        lab.simply(&anna, "POST", &invites).await.is(201);
        let reply = lab.simply(&bert, "POST", &invites).await;
        assert_eq!(reply.status, member, "{mode}: {}", reply.text);
        lab.simply(&clara, "POST", &invites)
            .await
            .refused(403, "not_member");
        lab.simply(&bert, "GET", &invites)
            .await
            .refused(403, "not_allowed");
        lab.simply(&clara, "GET", &invites)
            .await
            .refused(403, "not_member");
    }
    lab.simply(&anna, "POST", "/api/v1/groups/99/invites")
        .await
        .refused(404, "not_found");
    let path = group(&lab, &anna, "open", &[]).await;
    for (wish, field) in [
        (json!({"expires_in_seconds": 0}), "expires_in_seconds"),
        (
            json!({"expires_in_seconds": 40_000_000}),
            "expires_in_seconds",
        ),
        (json!({"expires_in_seconds": "1"}), "expires_in_seconds"),
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 100_001}), "uses"),
        (json!({"uses": -1}), "uses"),
    ] {
        let reply = lab
            .call(&anna, "POST", &format!("{path}/invites"), &wish)
            .await;
        reply.refused(400, "bad_request").about(field);
    }
}

#[tokio::test]
async fn an_invitation_that_is_used_up_expired_revoked_or_without_group_is_gone() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let (clara, dora) = (lab.register("clara").await, lab.register("dora").await);
    let path = group(&lab, &anna, "open", &[&bert]).await;
    let gone = async |code: &str| {
        for method in ["GET", "POST"] {
            let link = format!("/api/v1/invites/{code}");
            lab.simply(&dora, method, &link).await.refused(410, "gone");
        }
    };
    let once = invite(&lab, &anna, &path, &json!({"uses": 1})).await;
    lab.simply(&clara, "POST", &format!("/api/v1/invites/{once}"))
        .await
        .is(200);
    gone(&once).await;
    let short = invite(&lab, &anna, &path, &json!({"expires_in_seconds": 1})).await;
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    gone(&short).await;
    // Revoked by who made it, or by who runs the group, and by nobody else.
    let (own, id) = made_invite(&lab, &bert, &path, &json!({})).await;
    let revoke = |id: &str| format!("{path}/invites/{id}");
    lab.simply(&clara, "DELETE", &revoke(&id))
        .await
        .refused(403, "not_allowed");
    lab.simply(&dora, "DELETE", &revoke(&id))
        .await
        .refused(403, "not_member");
    lab.simply(&bert, "DELETE", &revoke(&id)).await.is(204);
    gone(&own).await;
    let (own, id) = made_invite(&lab, &bert, &path, &json!({})).await;
    lab.simply(&anna, "DELETE", &revoke(&id)).await.is(204);
    gone(&own).await;
    for unknown in ["x", "AAAAAAAAAAAAAAAAAAAAAA", &*own] {
        lab.simply(&anna, "DELETE", &revoke(unknown))
            .await
            .refused(404, "not_found");
    }
    let list = lab.get(&anna, &format!("{path}/invites")).await;
    assert_eq!(list["invites"], json!([]), "none is good any more");
    // Who is removed leaves no open door behind in a group that is closed.
    let own = invite(&lab, &bert, &path, &json!({})).await;
    lab.call(&anna, "PATCH", &path, &json!({"join": "invite"}))
        .await
        .is(200);
    gone(&own).await;
    let last = invite(&lab, &anna, &path, &json!({})).await;
    lab.simply(&anna, "DELETE", &path).await.is(204);
    gone(&last).await;
}

#[tokio::test]
async fn whoever_guesses_at_codes_is_slowed_down() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let path = group(&lab, &anna, "open", &[]).await;
    let code = invite(&lab, &anna, &path, &json!({})).await;
    let mut refused = None;
    for _ in 0..40 {
        let guess = "/api/v1/invites/AAAAAAAAAAAAAAAAAAAAAA";
        let reply = lab.simply(&bert, "POST", guess).await;
        if reply.status == 429 {
            refused = Some(reply);
            break;
        }
        reply.refused(404, "not_found");
    }
    let refused = refused.expect("nobody tries forty codes in a moment");
    refused.refused(429, "rate_limited");
    assert!(!refused.header("retry-after").is_empty());
    // Others are not.
    let clara = lab.register("clara").await;
    lab.simply(&clara, "POST", &format!("/api/v1/invites/{code}"))
        .await
        .is(200);
}
