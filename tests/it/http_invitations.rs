//! Registration by invitation: who may invite, what an invitation is good for, and how it ends.

use serde_json::{Value, json};
use starling::model::policy::{Inviters, Registration};
use starling::model::user::{NewUser, Sex};
use starling::service::passwords::Passwords;

use crate::lab::{CHEAP, Choices, Lab, PASSWORD, Reply, User};

const INVITES: &str = "/api/v1/admin/invites";

/// A deployment that takes invited people only, and its admin.
async fn exclusive(inviters: Inviters) -> (Lab, User) {
    let lab = Lab::with(Choices {
        registration: Registration::Invite,
        inviters,
        public_url: "https://chat.example/".to_owned(),
        ..Choices::default()
    })
    .await;
    // Nobody registers where there is nobody yet to invite him.
    let anna = added(&lab, "anna").await;
    (lab, anna)
}

/// An account made as `starling user add` makes it, and logged in.
async fn added(lab: &Lab, name: &str) -> User {
    let passwords = Passwords::new(CHEAP).unwrap();
    let new = NewUser {
        name: Some(name.to_owned()),
        nickname: name.to_owned(),
        avatar: String::new(),
        sex: Sex::U,
        memo: String::new(),
        phone: None,
        email: None,
        password_hash: passwords.hash(PASSWORD.to_owned()).await.unwrap(),
    };
    lab.stores.users.create(new).await.unwrap();
    let body = lab.login(name, PASSWORD).await.is(200);
    User {
        id: body["user"]["id"].as_u64().unwrap(),
        name: name.to_owned(),
        token: body["token"].as_str().unwrap().to_owned(),
    }
}

async fn register(lab: &Lab, name: &str, invite: Option<&str>) -> Reply {
    let mut body = json!({"name": name, "password": PASSWORD});
    if let Some(invite) = invite {
        body["invite"] = json!(invite);
    }
    lab.anonymously("POST", "/api/v1/register", &body).await
}

async fn invite(lab: &Lab, user: &User, wish: Value) -> (u64, String) {
    let made = lab.call(user, "POST", INVITES, &wish).await.is(201);
    let code = made["code"].as_str().unwrap().to_owned();
    (made["id"].as_u64().unwrap(), code)
}

#[tokio::test]
async fn people_register_by_invitation_until_it_is_used_up() {
    let (lab, anna) = exclusive(Inviters::Admins).await;
    let made = lab
        .call(&anna, "POST", INVITES, &json!({"uses": 2}))
        .await
        .is(201);
    let code = made["code"].as_str().unwrap();
    assert_eq!(
        made["url"],
        format!("https://chat.example/register?invite={code}")
    );
    assert_eq!(made["uses"], 2);
    register(&lab, "bert", None)
        .await
        .refused(403, "forbidden")
        .about("invite");
    register(&lab, "bert", Some("no such code"))
        .await
        .refused(404, "not_found")
        .about("invite");
    register(&lab, "bert", Some(code)).await.is(201);
    // What is refused for another reason costs no use.
    register(&lab, "bert", Some(code))
        .await
        .refused(409, "name_taken");
    register(&lab, "clara", Some(code)).await.is(201);
    register(&lab, "dora", Some(code))
        .await
        .refused(404, "not_found")
        .about("invite");
    let list = lab.get(&anna, INVITES).await;
    let line = &list["invites"][0];
    assert_eq!(
        (&line["uses"], &line["used"], &line["by"]),
        (&json!(2), &json!(2), &json!(anna.id))
    );
    assert_eq!(list["next"], Value::Null);
    assert!(!list.to_string().contains(code), "codes are told once");
}

#[tokio::test]
async fn a_revoked_invitation_is_worth_nothing() {
    let (lab, anna) = exclusive(Inviters::Admins).await;
    let (id, code) = invite(&lab, &anna, json!({})).await;
    let path = format!("{INVITES}/{id}");
    lab.simply(&anna, "DELETE", &path).await.is(204);
    lab.simply(&anna, "DELETE", &path)
        .await
        .refused(404, "not_found");
    register(&lab, "bert", Some(&code))
        .await
        .refused(404, "not_found");
    assert_eq!(lab.get(&anna, INVITES).await["invites"], json!([]));
}

#[tokio::test]
async fn admins_alone_invite_unless_everybody_may() {
    let (lab, anna) = exclusive(Inviters::Admins).await;
    let bert = added(&lab, "bert").await;
    lab.simply(&bert, "GET", INVITES)
        .await
        .refused(403, "forbidden");
    lab.call(&bert, "POST", INVITES, &json!({}))
        .await
        .refused(403, "forbidden");
    let (id, _) = invite(&lab, &anna, json!({})).await;
    lab.simply(&bert, "DELETE", &format!("{INVITES}/{id}"))
        .await
        .refused(403, "forbidden");

    let (lab, anna) = exclusive(Inviters::Everybody).await;
    let bert = added(&lab, "bert").await;
    let (annas, _) = invite(&lab, &anna, json!({})).await;
    let (berts, code) = invite(&lab, &bert, json!({})).await;
    let list = lab.get(&bert, INVITES).await;
    assert_eq!(list["invites"].as_array().unwrap().len(), 1);
    assert_eq!(list["invites"][0]["id"], berts);
    let list = lab.get(&anna, INVITES).await;
    assert_eq!(list["invites"].as_array().unwrap().len(), 2);
    lab.simply(&bert, "DELETE", &format!("{INVITES}/{annas}"))
        .await
        .refused(404, "not_found");
    register(&lab, "clara", Some(&code)).await.is(201);
    // An admin may revoke anybody's.
    let (id, _) = invite(&lab, &bert, json!({})).await;
    lab.simply(&anna, "DELETE", &format!("{INVITES}/{id}"))
        .await
        .is(204);
}

#[tokio::test]
async fn what_an_invitation_is_asked_to_be_has_bounds() {
    let (lab, anna) = exclusive(Inviters::Admins).await;
    for (wish, field) in [
        (json!({"uses": 0}), "uses"),
        (json!({"uses": 10_001}), "uses"),
        (json!({"uses": "two"}), "uses"),
        (json!({"expires_in_seconds": 59}), "expires_in_seconds"),
        (
            json!({"expires_in_seconds": 366 * 86_400}),
            "expires_in_seconds",
        ),
    ] {
        lab.call(&anna, "POST", INVITES, &wish)
            .await
            .refused(400, "bad_request")
            .about(field);
    }
    let anonymous = lab.anonymously("POST", INVITES, &json!({})).await;
    anonymous.refused(401, "unauthorized");
}

#[tokio::test]
async fn lists_of_invitations_come_in_pages() {
    let (lab, anna) = exclusive(Inviters::Admins).await;
    let mut ids = Vec::new();
    for _ in 0..3 {
        ids.push(invite(&lab, &anna, json!({})).await.0);
    }
    let first = lab.get(&anna, &format!("{INVITES}?limit=2")).await;
    assert_eq!(first["invites"][0]["id"], ids[2]);
    let next = first["next"].as_str().unwrap();
    let second = lab.get(&anna, &format!("{INVITES}?before={next}")).await;
    assert_eq!(second["invites"].as_array().unwrap().len(), 1);
    assert_eq!(
        (&second["invites"][0]["id"], &second["next"]),
        (&json!(ids[0]), &Value::Null)
    );
}

#[tokio::test]
async fn nobody_registers_where_registration_is_closed_and_invitations_count_only_where_needed() {
    let lab = Lab::with(Choices {
        registration: Registration::Closed,
        ..Choices::default()
    })
    .await;
    let anna = added(&lab, "anna").await;
    let (_, code) = invite(&lab, &anna, json!({})).await;
    register(&lab, "bert", Some(&code))
        .await
        .refused(403, "forbidden");
    let lab = Lab::new().await;
    register(&lab, "bert", Some("whatever")).await.is(201);
}
