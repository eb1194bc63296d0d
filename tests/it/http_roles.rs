//! Roles, mutes and handing groups over, as each kind of person tries them.

use serde_json::{Value, json};

use crate::lab::{Choices, Lab, User};

/// The year 2200.
const FAR: i64 = 7_258_118_400_000;

/// A group of an owner, an admin, two members, and somebody who is not in.
struct Room {
    lab: Lab,
    owner: User,
    admin: User,
    member: User,
    other: User,
    stranger: User,
    path: String,
}

impl Room {
    async fn new() -> Room {
        let lab = Lab::new().await;
        let owner = lab.register("owner").await;
        let admin = lab.register("admin").await;
        let member = lab.register("member").await;
        let other = lab.register("other").await;
        let stranger = lab.register("stranger").await;
        let id = lab.group(&owner, &[&admin, &member, &other]).await;
        let room = Room {
            lab,
            owner,
            admin,
            member,
            other,
            stranger,
            path: format!("/api/v1/groups/{id}"),
        };
        let change = json!({"role": "admin"});
        let admin = room.edit(&room.owner, &room.admin, &change).await.is(200);
        assert_eq!(admin["role"], "admin");
        room
    }

    async fn edit(&self, author: &User, about: &User, change: &Value) -> crate::lab::Reply {
        let path = format!("{}/members/{}", self.path, about.id);
        self.lab.call(author, "PATCH", &path, change).await
    }

    async fn members(&self, reader: &User) -> Vec<Value> {
        let page = self
            .lab
            .get(reader, &format!("{}/members", self.path))
            .await;
        page["members"].as_array().unwrap().clone()
    }

    async fn group(&self, reader: &User) -> Value {
        self.lab.get(reader, &self.path).await
    }

    /// What the last entry of the group says, without what every entry has.
    async fn last(&self) -> Value {
        let id = self.path.rsplit('/').next().unwrap();
        let path = format!("/api/v1/conversations/g:{id}/entries?limit=1");
        let page = self.lab.get(&self.owner, &path).await;
        let mut entry = page["entries"][0].clone();
        for common in ["seq", "at", "conv"] {
            entry.as_object_mut().unwrap().remove(common);
        }
        entry
    }
}

#[tokio::test]
async fn roles_are_given_and_taken_by_the_owner_alone() {
    let room = Room::new().await;
    let (admin, member) = (json!({"role": "admin"}), json!({"role": "member"}));
    for author in [&room.admin, &room.member] {
        let reply = room.edit(author, &room.other, &admin).await;
        reply.refused(403, "not_allowed");
    }
    let reply = room.edit(&room.stranger, &room.other, &admin).await;
    reply.refused(403, "not_member");
    let reply = room.edit(&room.owner, &room.stranger, &admin).await;
    reply.refused(403, "not_member");
    for author in [&room.owner, &room.member] {
        room.edit(author, author, &admin).await.refused(400, "self");
    }
    for wrong in [
        json!({"role": "owner"}),
        json!({"role": "king"}),
        json!({"role": 1}),
    ] {
        let reply = room.edit(&room.owner, &room.member, &wrong).await;
        reply.refused(400, "bad_request").about("role");
    }
    let path = "/api/v1/groups/99/members/2";
    let reply = room.lab.call(&room.owner, "PATCH", path, &admin).await;
    reply.refused(404, "not_found");
    let path = format!("{}/members/x", room.path);
    let reply = room.lab.call(&room.owner, "PATCH", &path, &admin).await;
    reply.refused(404, "not_found");

    let changed = room.edit(&room.owner, &room.member, &admin).await.is(200);
    assert_eq!(
        (
            &changed["role"],
            &changed["user"]["id"],
            &changed["muted_until"]
        ),
        (&json!("admin"), &json!(room.member.id), &Value::Null)
    );
    let said = json!({
        "from": room.owner.id, "kind": "group", "role": {"user": room.member.id, "role": "admin"},
    });
    assert_eq!(room.last().await, said);
    assert_eq!(room.group(&room.member).await["role"], "admin");
    // What is so already is no news.
    room.edit(&room.owner, &room.member, &admin).await.is(200);
    let nothing = room
        .edit(&room.owner, &room.member, &json!({}))
        .await
        .is(200);
    assert_eq!(nothing, changed);
    assert_eq!(room.last().await, said);
    let changed = room.edit(&room.owner, &room.member, &member).await.is(200);
    assert_eq!(changed["role"], "member");
    // An admin does what admins do: members go, admins stay.
    let path = |user: &User| format!("{}/members/{}", room.path, user.id);
    let reply = room
        .lab
        .simply(&room.admin, "DELETE", &path(&room.owner))
        .await;
    reply.refused(403, "not_allowed");
    let reply = room
        .lab
        .simply(&room.admin, "DELETE", &path(&room.member))
        .await;
    reply.is(204);
    let name = json!({"name": "renamed"});
    let reply = room.lab.call(&room.admin, "PATCH", &room.path, &name).await;
    assert_eq!(reply.is(200)["name"], "renamed");
    let reply = room.lab.simply(&room.admin, "DELETE", &room.path).await;
    reply.refused(403, "not_allowed");
}

#[tokio::test]
async fn a_member_is_muted_by_who_is_above_him_and_not_everybody_is_told() {
    let room = Room::new().await;
    let (mute, end) = (json!({"muted_until": FAR}), json!({"muted_until": null}));
    for (author, about) in [
        (&room.admin, &room.owner),
        (&room.member, &room.other),
        (&room.member, &room.admin),
    ] {
        for change in [&mute, &end] {
            let reply = room.edit(author, about, change).await;
            reply.refused(403, "not_allowed");
        }
    }
    let reply = room.edit(&room.stranger, &room.other, &mute).await;
    reply.refused(403, "not_member");
    let reply = room.edit(&room.admin, &room.admin, &mute).await;
    reply.refused(400, "self");
    for wrong in [
        json!(-1),
        json!(9_007_199_254_740_992_i64),
        json!("soon"),
        json!(1.5),
    ] {
        let wrong = json!({"muted_until": wrong});
        let reply = room.edit(&room.owner, &room.member, &wrong).await;
        reply.refused(400, "bad_request").about("muted_until");
    }
    let changed = room.edit(&room.admin, &room.member, &mute).await.is(200);
    assert_eq!(changed["muted_until"], FAR);
    let said = json!({
        "from": room.admin.id, "kind": "group", "muted": {"user": room.member.id, "until": FAR},
    });
    assert_eq!(room.last().await, said);
    for (reader, told) in [
        (
            &room.owner,
            vec![json!(null), json!(null), json!(FAR), json!(null)],
        ),
        (
            &room.admin,
            vec![json!(null), json!(null), json!(FAR), json!(null)],
        ),
    ] {
        let members = room.members(reader).await;
        let found: Vec<Value> = members.iter().map(|m| m["muted_until"].clone()).collect();
        assert_eq!(found, told);
    }
    // Others are told of themselves alone.
    for (reader, own) in [(&room.member, json!(FAR)), (&room.other, Value::Null)] {
        for member in room.members(reader).await {
            let is_own = member["user"]["id"] == reader.id;
            assert_eq!(member.get("muted_until"), is_own.then_some(&own));
        }
        assert_eq!(room.group(reader).await["muted_until"], own);
        let list = room.lab.get(reader, "/api/v1/groups").await;
        assert_eq!(list["groups"][0]["muted_until"], own);
        let list = room.lab.get(reader, "/api/v1/conversations").await;
        assert_eq!(list["conversations"][0]["group"]["muted_until"], own);
    }
}

#[tokio::test]
async fn a_mute_outlives_leaving_and_is_ended_by_who_is_above() {
    let room = Room::new().await;
    let mute = json!({"muted_until": FAR});
    room.edit(&room.admin, &room.member, &mute).await.is(200);
    // Coming back ends no mute; whoever made it does.
    let leave = format!("{}/leave", room.path);
    room.lab.simply(&room.member, "POST", &leave).await.is(204);
    assert_eq!(room.group(&room.member).await["muted_until"], Value::Null);
    let join = format!("{}/join", room.path);
    let joined = room.lab.simply(&room.member, "POST", &join).await.is(200);
    assert_eq!(joined["muted_until"], FAR);
    for ending in [json!(null), json!(0), json!(1_000)] {
        let ending = json!({"muted_until": ending});
        room.edit(&room.owner, &room.member, &mute).await.is(200);
        let changed = room.edit(&room.owner, &room.member, &ending).await.is(200);
        assert_eq!(changed["muted_until"], Value::Null);
        assert_eq!(room.last().await["muted"]["until"], 0);
    }
    // An admin can be muted by the owner, and ends it for nobody but members.
    room.edit(&room.owner, &room.admin, &mute).await.is(200);
    assert_eq!(room.group(&room.admin).await["muted_until"], FAR);
}

#[tokio::test]
async fn everybody_is_muted_at_once_but_for_who_runs_the_group() {
    let room = Room::new().await;
    let mute = json!({"muted_until": FAR});
    for (author, code) in [
        (&room.member, "not_allowed"),
        (&room.stranger, "not_member"),
    ] {
        let reply = room.lab.call(author, "PATCH", &room.path, &mute).await;
        reply.refused(403, code);
    }
    let wrong = json!({"muted_until": "x"});
    let reply = room
        .lab
        .call(&room.owner, "PATCH", &room.path, &wrong)
        .await;
    reply.refused(400, "bad_request").about("muted_until");
    let group = room.lab.call(&room.admin, "PATCH", &room.path, &mute).await;
    let group = group.is(200);
    let (own, all) = (&group["muted_until"], &group["all_muted_until"]);
    assert_eq!((own, all), (&Value::Null, &json!(FAR)));
    let said = json!({"from": room.admin.id, "kind": "group", "muted": {"user": 0, "until": FAR}});
    assert_eq!(room.last().await, said);
    let group = room.group(&room.member).await;
    let (own, all) = (&group["muted_until"], &group["all_muted_until"]);
    assert_eq!((own, all), (&json!(FAR), &json!(FAR)));
    let group = room.group(&room.stranger).await;
    assert_eq!(group["muted_until"], Value::Null);
    assert_eq!(group.get("all_muted_until"), None);
    let members = room.members(&room.owner).await;
    assert!(members.iter().all(|member| member["muted_until"].is_null()));
    // Together with other fields, and with nothing said of it.
    let end = json!({"muted_until": null, "memo": "talk again", "icon": "", "category": 3, "join": "approval"});
    room.lab
        .call(&room.owner, "PATCH", &room.path, &end)
        .await
        .is(200);
    let said = json!({
        "from": room.owner.id, "kind": "group", "muted": {"user": 0, "until": 0}, "memo": "talk again",
        "icon": "", "category": 3, "join": "approval",
    });
    assert_eq!(room.last().await, said);
    assert_eq!(room.group(&room.member).await["muted_until"], Value::Null);
}

#[tokio::test]
async fn a_group_is_handed_to_another_member_by_its_owner() {
    let room = Room::new().await;
    let path = format!("{}/transfer", room.path);
    let to = |user: &User| json!({"user": user.id});
    for (author, code) in [
        (&room.admin, "not_allowed"),
        (&room.member, "not_allowed"),
        (&room.stranger, "not_member"),
    ] {
        let reply = room.lab.call(author, "POST", &path, &to(&room.other)).await;
        reply.refused(403, code);
    }
    let owner = &room.owner;
    for (body, status, code, field) in [
        (json!({}), 400, "bad_request", Some("user")),
        (json!({"user": "x"}), 400, "bad_request", Some("user")),
        (to(owner), 400, "self", None),
        (to(&room.stranger), 403, "not_member", None),
        (json!({"user": 99}), 403, "not_member", None),
    ] {
        let reply = room.lab.call(owner, "POST", &path, &body).await;
        reply.refused(status, code);
        if let Some(field) = field {
            reply.about(field);
        }
    }
    let nowhere = "/api/v1/groups/99/transfer";
    let reply = room
        .lab
        .call(owner, "POST", nowhere, &to(&room.member))
        .await;
    reply.refused(404, "not_found");
    let group = room.lab.call(owner, "POST", &path, &to(&room.member)).await;
    let group = group.is(200);
    assert_eq!(
        (&group["owner"], &group["role"]),
        (&json!(room.member.id), &json!("admin"))
    );
    let said = json!({"from": owner.id, "kind": "group", "owner": room.member.id});
    assert_eq!(room.last().await, said);
    assert_eq!(room.group(&room.member).await["role"], "owner");
    let reply = room.lab.call(owner, "POST", &path, &to(&room.other)).await;
    reply.refused(403, "not_allowed");
    let reply = room.lab.simply(&room.member, "DELETE", &room.path).await;
    reply.is(204);
}

#[tokio::test]
async fn nobody_owns_more_groups_than_the_deployment_permits() {
    let lab = Lab::with(Choices {
        owned_max: 2,
        ..Choices::default()
    })
    .await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let first = lab.group(&anna, &[&bert]).await;
    lab.group(&anna, &[]).await;
    let wish = json!({"name": "one more"});
    let more = || lab.call(&anna, "POST", "/api/v1/groups", &wish);
    more().await.refused(403, "not_allowed");
    let path = format!("/api/v1/groups/{first}/transfer");
    lab.call(&anna, "POST", &path, &json!({"user": bert.id}))
        .await
        .is(200);
    more().await.is(201);
    more().await.refused(403, "not_allowed");
}
