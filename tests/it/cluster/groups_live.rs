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

    async fn get(&self, who: usize, path: &str) -> Value {
        let token = &self.people[who].0.token;
        self.here.get(path, token).await.expect(200)
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

/// People by their place in the stage of a group.
const OWNER: usize = 0;
const ADMIN: usize = 1;
const MEMBER: usize = 2;
const GUEST: usize = 3;
const OTHER: usize = 4;

/// Makes a group of owner, admin and member, and returns its path and conversation.
async fn flock(stage: &mut Stage) -> (String, String) {
    let members = [stage.id(ADMIN), stage.id(MEMBER)];
    let wish = json!({"name": "flock", "members": members, "join": "approval"});
    let group = stage.ask(OWNER, Method::POST, "/api/v1/groups", wish).await;
    let id = group["id"].as_u64().unwrap();
    let (path, conv) = (format!("/api/v1/groups/{id}"), format!("g:{id}"));
    let created = json!({"type": "entry", "conv": conv, "created": true});
    stage.hear(&[OWNER, ADMIN, MEMBER], created).await;
    (path, conv)
}

#[tokio::test]
async fn every_change_of_a_group_is_seen_live_on_the_other_node() {
    let mut stage = Stage::new(["owner", "admin", "member"]).await;
    let [owner, admin, member] = [OWNER, ADMIN, MEMBER].map(|who| stage.id(who));
    let (path, _) = flock(&mut stage).await;
    let about = |user: u64| format!("{path}/members/{user}");
    let until = |until: Option<i64>| json!({ "muted_until": until });
    let muted = |user: u64, until: i64| json!({"muted": {"user": user, "until": until}});
    let role = json!({"role": "admin"});
    let given = json!({"role": {"user": admin, "role": "admin"}, "from": owner});
    let news = json!({"memo": "news", "join": "open"});
    let to = json!({"user": admin});
    let all = [OWNER, ADMIN, MEMBER];
    for (who, path, body, fields) in [
        (OWNER, about(admin), role, given),
        (ADMIN, about(member), until(Some(FAR)), muted(member, FAR)),
        (ADMIN, about(member), until(None), muted(member, 0)),
        (ADMIN, path.clone(), until(Some(FAR)), muted(0, FAR)),
        (ADMIN, path.clone(), news.clone(), news),
    ] {
        stage.ask(who, Method::PATCH, &path, body).await;
        stage.hear(&all, fields).await;
    }
    let transfer = format!("{path}/transfer");
    stage.ask(OWNER, Method::POST, &transfer, to).await;
    stage.hear(&all, json!({"owner": admin})).await;
    let leave = format!("{path}/leave");
    stage.ask(MEMBER, Method::POST, &leave, json!({})).await;
    let left = json!({"kind": "left", "users": [member]});
    stage.hear(&all, left).await;
    stage
        .ask(ADMIN, Method::DELETE, &about(owner), json!({}))
        .await;
    let removed = json!({"kind": "left", "users": [owner], "by": admin});
    stage.hear(&[OWNER, ADMIN], removed).await;
    stage.ask(ADMIN, Method::DELETE, &path, json!({})).await;
    stage.hear(&[ADMIN], json!({"dissolved": true})).await;
}

#[tokio::test]
async fn who_waits_and_who_comes_in_is_seen_live_on_the_other_node() {
    let mut stage = Stage::new(["owner", "admin", "member", "guest", "other"]).await;
    let [owner, admin, guest, other] = [OWNER, ADMIN, GUEST, OTHER].map(|who| stage.id(who));
    let (path, conv) = flock(&mut stage).await;
    let about = format!("{path}/members/{admin}");
    let role = json!({"role": "admin"});
    stage.ask(OWNER, Method::PATCH, &about, role).await;
    // Those who run it are told who waits; who is let in sees the group from then on.
    let join = format!("{path}/join");
    let requests = format!("{path}/requests");
    let count = |n: u64| json!({"type": "conversation", "conv": conv, "requests": n});
    let declined = json!({"type": "conversation", "conv": conv, "requested_at": null});
    let let_in = json!({"kind": "joined", "users": [guest], "by": admin});
    for (asker, accept, concerned, fields) in [
        (OTHER, false, vec![OTHER], declined),
        (GUEST, true, vec![OWNER, ADMIN, MEMBER, GUEST], let_in),
    ] {
        stage.ask(asker, Method::POST, &join, json!({})).await;
        stage.hear(&[OWNER, ADMIN], count(1)).await;
        let page = stage.get(ADMIN, &requests).await;
        let request = format!("{requests}/{}", page["requests"][0]["id"]);
        let answer = json!({"accept": accept});
        stage.ask(ADMIN, Method::POST, &request, answer).await;
        stage.hear(&concerned, fields).await;
    }
    let invites = format!("{path}/invites");
    let invite = stage.ask(OWNER, Method::POST, &invites, json!({})).await;
    let link = format!("/api/v1/invites/{}", invite["code"].as_str().unwrap());
    stage.ask(OTHER, Method::POST, &link, json!({})).await;
    let joined = json!({"kind": "joined", "users": [other], "invited_by": owner});
    stage
        .hear(&[OWNER, ADMIN, MEMBER, GUEST, OTHER], joined)
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
        let list = stage.get(1, friends).await;
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
