//! Tokens are good on every node, and so is their end.

use std::time::Duration;

use hyper::Method;
use serde_json::json;

use super::client::{Http, Socket};
use super::crowd::Crowd;
use super::harness::{Plan, until};

const UNAUTHORIZED: u16 = 4003;
const REVOKED_WITHIN: Duration = Duration::from_secs(1);

#[tokio::test]
async fn a_login_on_one_node_is_good_on_every_other() {
    let cluster = Plan::nodes(3).start().await;
    let crowd = Crowd::register(&cluster, 1).await;
    for node in &cluster.nodes {
        let account = Http::new(node.http).login(&crowd.accounts[0].name).await;
        for other in &cluster.nodes {
            let me = Http::new(other.http)
                .get("/api/v1/me", &account.token)
                .await;
            assert_eq!(me.expect(200)["id"], account.id);
            let (_, hello) = Socket::login(other.http, &account).await;
            assert_eq!(hello["node"]["name"], other.name);
        }
    }
}

#[tokio::test]
async fn logging_out_on_one_node_closes_the_sockets_of_that_session_on_another() {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 1).await;
    let here = Http::new(cluster.nodes[0].http);
    let phone = here.login(&crowd.accounts[0].name).await;
    let laptop = here.login(&crowd.accounts[0].name).await;
    let there = cluster.nodes[1].http;
    let (mut phone_socket, _) = Socket::login(there, &phone).await;
    let (mut laptop_socket, _) = Socket::login(there, &laptop).await;

    here.call(Method::POST, "/api/v1/logout", Some(&phone.token), None)
        .await
        .expect(204);
    let (code, _) = phone_socket.closed(REVOKED_WITHIN).await;
    assert_eq!(code, UNAUTHORIZED);

    laptop_socket.say(&json!({"type": "ping", "n": 1})).await;
    laptop_socket.expect("pong").await;
    until(
        "the token is refused on the other node too",
        REVOKED_WITHIN,
        || async {
            Http::new(there)
                .get("/api/v1/me", &phone.token)
                .await
                .status
                == 401
        },
    )
    .await;
}

#[tokio::test]
async fn revoking_a_session_from_the_list_closes_its_sockets_on_another_node() {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 1).await;
    let here = Http::new(cluster.nodes[0].http);
    let lost = here.login(&crowd.accounts[0].name).await;
    let (mut lost_socket, _) = Socket::login(cluster.nodes[1].http, &lost).await;

    let list = here
        .get("/api/v1/me/sessions", &lost.token)
        .await
        .expect(200);
    let session = list["sessions"]
        .as_array()
        .and_then(|sessions| sessions.iter().find(|session| session["current"] == true))
        .unwrap_or_else(|| panic!("no current session: {list}"));
    let path = format!("/api/v1/me/sessions/{}", session["id"]).replace('"', "");
    here.call(Method::DELETE, &path, Some(&crowd.accounts[0].token), None)
        .await
        .expect(204);
    let (code, _) = lost_socket.closed(REVOKED_WITHIN).await;
    assert_eq!(code, UNAUTHORIZED);
}
