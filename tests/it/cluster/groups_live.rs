//! What is done to groups and friendships on one node is seen at once by those concerned on another.

use hyper::Method;
use serde_json::{Value, json};

use super::client::{Account, Http, Socket};
use super::harness::{Cluster, Plan};

/// The year 2200.
const FAR: i64 = 7_258_118_400_000;

/// People who listen on the second node, while everything is done on the first one.
struct Stage {
    /// Lives as long as the test.
    _cluster: Cluster,
    here: Http,
    people: Vec<(Account, Socket)>,
}

impl Stage {
    async fn new<const N: usize>(names: [&str; N]) -> Stage {
        let cluster = Plan::nodes(2).start().await;
        let nodes = cluster.addresses();
        let here = Http::new(nodes[0]);
        let mut people = Vec::new();
        for name in names {
            let account = here.register(name).await;
            let (socket, _) = Socket::login(nodes[1], &account).await;
            people.push((account, socket));
        }
        Stage {
            _cluster: cluster,
            here,
            people,
        }
    }

    fn id(&self, who: usize) -> u64 {
        self.people[who].0.id
    }

    async fn ask(&self, who: usize, method: Method, path: &str, body: Value) -> Value {
        let token = &self.people[who].0.token;
        let reply = self.here.call(method, path, Some(token), Some(body)).await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text);
        reply.body
    }

    /// Each of them gets a frame with these fields.
    async fn hear(&mut self, who: &[usize], fields: Value) {
        for listener in who {
            let fits = |frame: &Value| {
                let expected = fields.as_object().unwrap();
                expected.iter().all(|(name, value)| frame[name] == *value)
            };
            let what = format!("{fields} for {}", self.people[*listener].0.name);
            self.people[*listener].1.expect_where(&what, fits).await;
        }
    }
}

#[tokio::test]
async fn every_change_of_a_group_is_seen_live_on_the_other_node() {
    let mut stage = Stage::new(["owner", "admin", "member", "guest", "other"]).await;
    let [owner, admin, member, guest, other] = [0, 1, 2, 3, 4].map(|who| stage.id(who));
    let wish = json!({"name": "flock", "members": [admin, member]});
    let group = stage.ask(0, Method::POST, "/api/v1/groups", wish).await;
    let id = group["id"].as_u64().unwrap();
    let (path, conv) = (format!("/api/v1/groups/{id}"), format!("g:{id}"));
    let about = |user: u64| format!("{path}/members/{user}");
    stage
        .hear(
            &[0, 1, 2],
            json!({"type": "entry", "conv": conv, "created": true}),
        )
        .await;
    for (who, method, path, body, fields) in [
        (
            0,
            Method::PATCH,
            about(admin),
            json!({"role": "admin"}),
            json!({"kind": "group", "role": {"user": admin, "role": "admin"}, "from": owner}),
        ),
        (
            1,
            Method::PATCH,
            about(member),
            json!({"muted_until": FAR}),
            json!({"kind": "group", "muted": {"user": member, "until": FAR}, "from": admin}),
        ),
        (
            1,
            Method::PATCH,
            about(member),
            json!({"muted_until": null}),
            json!({"kind": "group", "muted": {"user": member, "until": 0}}),
        ),
        (
            1,
            Method::PATCH,
            path.clone(),
            json!({"muted_until": FAR}),
            json!({"kind": "group", "muted": {"user": 0, "until": FAR}}),
        ),
        (
            1,
            Method::PATCH,
            path.clone(),
            json!({"memo": "news", "join": "approval"}),
            json!({"kind": "group", "memo": "news", "join": "approval"}),
        ),
        (
            0,
            Method::POST,
            format!("{path}/transfer"),
            json!({"user": admin}),
            json!({"kind": "group", "owner": admin}),
        ),
    ] {
        stage.ask(who, method, &path, body).await;
        stage.hear(&[0, 1, 2], fields).await;
    }
    // Those who run it are told who waits; who is let in sees the group from then on.
    stage
        .ask(
            3,
            Method::POST,
            &format!("{path}/join"),
            json!({"message": "me"}),
        )
        .await;
    let waiting = json!({"type": "conversation", "conv": conv, "requests": 1});
    stage.hear(&[0, 1], waiting).await;
    let requests = format!("{path}/requests");
    let token = stage.people[1].0.token.clone();
    let page = stage.here.get(&requests, &token).await.expect(200);
    let request = format!("{requests}/{}", page["requests"][0]["id"]);
    stage
        .ask(1, Method::POST, &request, json!({"accept": true}))
        .await;
    let joined = json!({"kind": "joined", "users": [guest], "by": admin});
    stage.hear(&[0, 1, 2, 3], joined).await;
    let none = json!({"type": "conversation", "conv": conv, "requests": 0});
    stage.hear(&[0, 1], none).await;
    // Declined.
    stage
        .ask(4, Method::POST, &format!("{path}/join"), json!({}))
        .await;
    let page = stage.here.get(&requests, &token).await.expect(200);
    let request = format!("{requests}/{}", page["requests"][0]["id"]);
    stage
        .ask(1, Method::POST, &request, json!({"accept": false}))
        .await;
    let declined = json!({"type": "conversation", "conv": conv, "requested_at": null});
    stage.hear(&[4], declined).await;
    // Invited.
    let invites = format!("{path}/invites");
    let invite = stage.ask(0, Method::POST, &invites, json!({})).await;
    let link = format!("/api/v1/invites/{}", invite["code"].as_str().unwrap());
    stage.ask(4, Method::POST, &link, json!({})).await;
    let joined = json!({"kind": "joined", "users": [other], "invited_by": owner});
    stage.hear(&[0, 1, 2, 3, 4], joined).await;
    // Leaving, removing, ending.
    stage
        .ask(4, Method::POST, &format!("{path}/leave"), json!({}))
        .await;
    stage
        .hear(&[0, 4], json!({"kind": "left", "users": [other]}))
        .await;
    stage.ask(1, Method::DELETE, &about(guest), json!({})).await;
    let removed = json!({"kind": "left", "users": [guest], "by": admin});
    stage.hear(&[0, 3], removed).await;
    stage.ask(1, Method::DELETE, &path, json!({})).await;
    stage
        .hear(&[0, 1, 2], json!({"kind": "group", "dissolved": true}))
        .await;
}

#[tokio::test]
async fn every_step_of_a_friendship_is_seen_live_on_the_other_node_by_both() {
    let mut stage = Stage::new(["anna", "bert"]).await;
    let [anna, bert] = [0, 1].map(|who| stage.id(who));
    let friends = "/api/v1/friends";
    for (accept, state) in [(false, "refused"), (true, "friends")] {
        let wanted = json!({"id": bert, "message": "hello"});
        stage.ask(0, Method::POST, friends, wanted).await;
        let asked =
            json!({"kind": "friend", "state": "requested", "from": anna, "message": "hello"});
        stage.hear(&[0, 1], asked).await;
        let token = stage.people[1].0.token.clone();
        let list = stage.here.get(friends, &token).await.expect(200);
        let path = format!("{friends}/requests/{}", list["incoming"][0]["id"]);
        stage
            .ask(1, Method::POST, &path, json!({"accept": accept}))
            .await;
        let answered = json!({"kind": "friend", "state": state, "from": bert});
        stage.hear(&[0, 1], answered).await;
    }
    // Remarks and blocks are one's own, on all of one's devices.
    let of_bert = format!("{friends}/{bert}");
    stage
        .ask(0, Method::PATCH, &of_bert, json!({"remark": "B"}))
        .await;
    let conv = format!("u:{bert}");
    let remark = json!({"type": "conversation", "conv": conv, "remark": "B"});
    stage.hear(&[0], remark).await;
    let block = format!("/api/v1/blocks/{bert}");
    for (method, blocked) in [(Method::PUT, true), (Method::DELETE, false)] {
        stage.ask(0, method, &block, json!({})).await;
        let told = json!({"type": "conversation", "conv": conv, "blocked": blocked});
        stage.hear(&[0], told).await;
    }
    stage
        .ask(1, Method::DELETE, &format!("{friends}/{anna}"), json!({}))
        .await;
    let removed = json!({"kind": "friend", "state": "removed", "from": bert});
    stage.hear(&[0, 1], removed).await;
}
