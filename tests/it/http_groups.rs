//! Groups: making, finding, changing, coming, going, ending.

use serde_json::{Value, json};
use starling::model::policy::StoreRules;

use crate::lab::{Choices, Lab};

#[tokio::test]
async fn a_new_group_has_its_owner_and_its_members() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let wish = json!({
        "name": "鸟群", "memo": "about birds", "category": 2, "icon": "https://a.example/i.png",
        "members": [bert.id, bert.id, anna.id],
    });
    let group = lab
        .call(&anna, "POST", "/api/v1/groups", &wish)
        .await
        .is(201);
    let created_at = group["created_at"].as_i64().unwrap();
    let expected = json!({
        "id": group["id"], "name": "鸟群", "icon": "https://a.example/i.png", "category": 2,
        "memo": "about birds", "owner": anna.id, "join": "open", "members": 2, "role": "owner",
        "muted_until": null, "created_at": created_at,
    });
    assert_eq!(group, expected);
    let own = lab.get(&bert, "/api/v1/groups").await;
    assert_eq!(own["groups"][0]["role"], "member");
    let path = format!("/api/v1/groups/{}/members", group["id"]);
    let members = lab.get(&bert, &path).await;
    assert_eq!(members["next"], Value::Null);
    let members = members["members"].as_array().unwrap();
    assert_eq!(members[0]["user"]["id"], anna.id);
    assert_eq!(members[0]["role"], "owner");
    assert_eq!(members[1]["user"]["name"], "bert");
    assert!(members[1]["joined_at"].is_i64() && members[1]["online"] == false);
}

#[tokio::test]
async fn each_wrong_field_of_a_group_is_told_by_name() {
    let lab = Lab::new().await;
    let anna = lab.register("anna").await;
    for (wish, field) in [
        (json!({}), "name"),
        (json!({"name": " "}), "name"),
        (json!({"name": "x".repeat(41)}), "name"),
        (json!({"name": "x", "category": 5}), "category"),
        (json!({"name": "x", "category": -1}), "category"),
        (json!({"name": "x", "icon": "javascript:x"}), "icon"),
        (json!({"name": "x", "memo": "x".repeat(141)}), "memo"),
        (json!({"name": "x", "join": "perhaps"}), "join"),
        (json!({"name": "x", "members": "all"}), "members"),
    ] {
        let reply = lab.call(&anna, "POST", "/api/v1/groups", &wish).await;
        reply.refused(400, "bad_request").about(field);
    }
    let wish = json!({"name": "x", "members": [99]});
    let reply = lab.call(&anna, "POST", "/api/v1/groups", &wish).await;
    reply.refused(404, "not_found").about("members");
    assert_eq!(lab.get(&anna, "/api/v1/groups").await["groups"], json!([]));
}

#[tokio::test]
async fn an_open_group_is_found_joined_and_left() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let id = lab.group(&anna, &[]).await;
    let secret = json!({"name": "secret flock", "join": "invite"});
    let secret = lab
        .call(&anna, "POST", "/api/v1/groups", &secret)
        .await
        .is(201);
    for query in ["FLOCK", &id.to_string()] {
        let found = lab.get(&bert, &format!("/api/v1/groups?q={query}")).await;
        let groups = found["groups"].as_array().unwrap();
        assert_eq!(groups.len(), 1, "{query}");
        assert_eq!(
            (&groups[0]["id"], &groups[0]["role"]),
            (&json!(id), &Value::Null)
        );
    }
    let path = format!("/api/v1/groups/{id}");
    assert_eq!(lab.get(&bert, &path).await["role"], Value::Null);
    let join = format!("{path}/join");
    let joined = lab.simply(&bert, "POST", &join).await.is(200);
    assert_eq!(
        (&joined["role"], &joined["members"]),
        (&json!("member"), &json!(2))
    );
    lab.call(&bert, "POST", &join, &json!({}))
        .await
        .refused(409, "already_member");
    let join_secret = format!("/api/v1/groups/{}/join", secret["id"]);
    lab.call(&bert, "POST", &join_secret, &json!({}))
        .await
        .refused(403, "not_allowed");
    lab.simply(&bert, "POST", "/api/v1/groups/99/join")
        .await
        .refused(404, "not_found");
    let leave = format!("{path}/leave");
    lab.simply(&bert, "POST", &leave).await.is(204);
    lab.simply(&bert, "POST", &leave)
        .await
        .refused(403, "not_member");
    lab.simply(&bert, "POST", "/api/v1/groups/99/leave")
        .await
        .refused(404, "not_found");
    // The owner leaves last: the group ends.
    lab.simply(&anna, "POST", &leave).await.is(204);
    lab.simply(&anna, "GET", &path)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn the_profile_is_changed_by_the_owner_and_by_nobody_else() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let id = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/groups/{id}");
    let change = json!({"name": "new name", "join": "approval"});
    lab.call(&bert, "PATCH", &path, &change)
        .await
        .refused(403, "not_allowed");
    lab.call(&clara, "PATCH", &path, &change)
        .await
        .refused(403, "not_member");
    let group = lab.call(&anna, "PATCH", &path, &change).await.is(200);
    assert_eq!(
        (&group["name"], &group["join"]),
        (&json!("new name"), &json!("approval"))
    );
    let same = lab.call(&anna, "PATCH", &path, &json!({})).await.is(200);
    assert_eq!(same, group);
    for (change, field) in [
        (json!({"name": ""}), "name"),
        (json!({"join": 1}), "join"),
        (json!({"category": 9}), "category"),
    ] {
        let reply = lab.call(&anna, "PATCH", &path, &change).await;
        reply.refused(400, "bad_request").about(field);
    }
    let entries = lab
        .get(&bert, &format!("/api/v1/conversations/g:{id}/entries"))
        .await;
    let entries = entries["entries"].as_array().unwrap();
    assert_eq!(entries.len(), 2);
    assert_eq!(
        (&entries[0]["kind"], &entries[0]["created"]),
        (&json!("group"), &json!(true))
    );
    assert_eq!(
        (&entries[1]["kind"], &entries[1]["name"]),
        (&json!("group"), &json!("new name"))
    );
}

#[tokio::test]
async fn members_bring_others_in_and_those_who_are_in_are_passed_over() {
    let lab = Lab::with(Choices {
        rules: StoreRules {
            group_max: 4,
            ..StoreRules::default()
        },
        ..Choices::default()
    })
    .await;
    let mut users = Vec::new();
    for name in ["anna", "bert", "clara", "dora", "emil"] {
        users.push(lab.register(name).await);
    }
    let [anna, bert, clara, dora, emil] = &users[..] else {
        unreachable!()
    };
    let id = lab.group(anna, &[bert]).await;
    let path = format!("/api/v1/groups/{id}/members");
    let add = |ids: &[u64]| json!({"users": ids});
    let added = lab
        .call(bert, "POST", &path, &add(&[anna.id, clara.id]))
        .await
        .is(201);
    assert_eq!(added, json!({"users": [clara.id]}));
    let reply = lab
        .call(bert, "POST", &path, &add(&[anna.id, clara.id]))
        .await;
    reply.refused(409, "already_member");
    lab.call(bert, "POST", &path, &add(&[]))
        .await
        .refused(400, "bad_request")
        .about("users");
    lab.call(bert, "POST", &path, &json!({}))
        .await
        .refused(400, "bad_request")
        .about("users");
    lab.call(bert, "POST", &path, &add(&[99]))
        .await
        .refused(404, "not_found")
        .about("users");
    let many: Vec<u64> = (1..=201).collect();
    lab.call(bert, "POST", &path, &add(&many))
        .await
        .refused(413, "too_large")
        .about("users");
    lab.call(emil, "POST", &path, &add(&[emil.id]))
        .await
        .refused(403, "not_member");
    lab.simply(dora, "PUT", &format!("/api/v1/blocks/{}", bert.id))
        .await
        .is(204);
    lab.call(bert, "POST", &path, &add(&[dora.id]))
        .await
        .refused(403, "blocked");
    lab.call(anna, "POST", &path, &add(&[dora.id]))
        .await
        .is(201);
    // Full.
    lab.call(anna, "POST", &path, &add(&[emil.id]))
        .await
        .refused(403, "not_allowed");
    lab.simply(emil, "POST", &format!("/api/v1/groups/{id}/join"))
        .await
        .refused(403, "not_allowed");
}

#[tokio::test]
async fn members_are_listed_in_pages_to_members_alone() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let (clara, dora) = (lab.register("clara").await, lab.register("dora").await);
    let id = lab.group(&anna, &[&bert, &clara]).await;
    let path = format!("/api/v1/groups/{id}/members");
    let page = lab.get(&anna, &format!("{path}?limit=2")).await;
    assert_eq!(page["members"].as_array().unwrap().len(), 2);
    let next = page["next"].as_str().unwrap();
    let page = lab
        .get(&anna, &format!("{path}?limit=2&after={next}"))
        .await;
    assert_eq!(page["members"][0]["user"]["id"], clara.id);
    assert_eq!(page["next"], Value::Null);
    lab.simply(&dora, "GET", &path)
        .await
        .refused(403, "not_member");
    let reply = lab.simply(&anna, "GET", &format!("{path}?after=x")).await;
    reply.refused(400, "bad_request").about("after");
    lab.simply(&dora, "GET", "/api/v1/groups/99/members")
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn who_is_removed_reads_what_was_before_and_nothing_after() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let clara = lab.register("clara").await;
    let id = lab.group(&anna, &[&bert, &clara]).await;
    let conv = format!("g:{id}");
    let before = lab.say(&anna, &conv, "before").await;
    let member = |user: u64| format!("/api/v1/groups/{id}/members/{user}");
    lab.simply(&bert, "DELETE", &member(anna.id))
        .await
        .refused(403, "not_allowed");
    lab.simply(&bert, "DELETE", &member(clara.id))
        .await
        .refused(403, "not_allowed");
    lab.simply(&anna, "DELETE", &member(anna.id))
        .await
        .refused(400, "self");
    lab.simply(&anna, "DELETE", &member(99))
        .await
        .refused(403, "not_member");
    lab.simply(&anna, "DELETE", &member(bert.id)).await.is(204);
    lab.say(&anna, &conv, "after").await;
    let page = lab
        .get(&bert, &format!("/api/v1/conversations/{conv}/entries"))
        .await;
    let entries = page["entries"].as_array().unwrap();
    let last = entries.last().unwrap();
    assert_eq!(
        (&last["kind"], &last["by"]),
        (&json!("left"), &json!(anna.id))
    );
    assert_eq!(last["users"], json!([bert.id]));
    assert!(entries.iter().any(|entry| entry["seq"] == before));
    assert!(entries.iter().all(|entry| entry["content"] != "after"));
    let path = format!("/api/v1/conversations/{conv}/messages");
    let text = json!({"cid": "late", "media": 1, "content": "may I?"});
    lab.call(&bert, "POST", &path, &text)
        .await
        .refused(403, "not_member");
}

#[tokio::test]
async fn a_dissolved_group_is_gone_for_everybody() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let id = lab.group(&anna, &[&bert]).await;
    let path = format!("/api/v1/groups/{id}");
    lab.simply(&bert, "DELETE", &path)
        .await
        .refused(403, "not_allowed");
    lab.simply(&anna, "DELETE", &path).await.is(204);
    lab.simply(&anna, "DELETE", &path)
        .await
        .refused(404, "not_found");
    lab.simply(&bert, "GET", &path)
        .await
        .refused(404, "not_found");
    assert_eq!(lab.get(&bert, "/api/v1/groups").await["groups"], json!([]));
    let text = json!({"cid": "late", "media": 1, "content": "anybody?"});
    let send = format!("/api/v1/conversations/g:{id}/messages");
    lab.call(&bert, "POST", &send, &text)
        .await
        .refused(404, "not_found");
}

#[tokio::test]
async fn an_owner_who_leaves_hands_the_group_over() {
    let lab = Lab::new().await;
    let (anna, bert) = (lab.register("anna").await, lab.register("bert").await);
    let id = lab.group(&anna, &[&bert]).await;
    lab.simply(&anna, "POST", &format!("/api/v1/groups/{id}/leave"))
        .await
        .is(204);
    let group = lab.get(&bert, &format!("/api/v1/groups/{id}")).await;
    assert_eq!(
        (&group["role"], &group["owner"]),
        (&json!("owner"), &json!(bert.id))
    );
}
