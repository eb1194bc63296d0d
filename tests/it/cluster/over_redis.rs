//! Real nodes with a real Redis: the bus over it, counting together, presence for others; and Redis gone, hanging, back.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use warp::http::Method;

use super::checker::check;
use super::client::{Chatter, Http, PASSWORD};
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Cluster, Plan, bus_counter, until};
use crate::redis_server::RedisServer;

const USERS: usize = 20;
const MESSAGES_PER_PHASE: usize = 300;
const PER_SECOND: usize = 250;
const SETTLED_WITHIN: Duration = Duration::from_secs(30);
/// A peer that is not heard for 5 s is dead, and its registry row is read every 5 s.
const NOTICED_WITHIN: Duration = Duration::from_secs(25);

fn plan(redis: &RedisServer, nodes: usize) -> Plan {
    Plan::nodes(nodes)
        .set("redis.url", redis.url())
        .set("cluster.transport", "redis")
}

/// Groups of eight and pairs, all over the nodes.
async fn talk(cluster: &Cluster, crowd: &mut Crowd, seed: u64) -> Talk {
    let mut rooms = Vec::new();
    for group in 0..3 {
        let members: Vec<usize> = (0..8).map(|member| (group * 5 + member) % USERS).collect();
        rooms.push(crowd.group(cluster, &members).await);
    }
    for pair in 0..USERS {
        rooms.push(crowd.pair(pair, (pair + 7) % USERS));
    }
    Talk::new(seed, rooms)
}

async fn reasons(cluster: &Cluster, node: usize) -> String {
    let http = Http::new(cluster.nodes[node].http);
    let ready = http.try_get("/readyz").await.expect("an answer of /readyz");
    assert_eq!(ready.status, 200, "degraded is still ready: {}", ready.text);
    ready.body["reasons"].to_string()
}

/// Until each node tells that Redis is in trouble, or that nothing is.
async fn until_told(cluster: &Cluster, trouble: bool) {
    for node in 0..cluster.nodes.len() {
        let what = format!("node {node} tells trouble with Redis: {trouble}");
        until(&what, NOTICED_WITHIN, || async {
            let reasons = reasons(cluster, node).await;
            if trouble {
                reasons.contains("Redis")
            } else {
                reasons == "[]" || reasons == "null"
            }
        })
        .await;
    }
}

#[tokio::test]
async fn three_nodes_over_redis_bear_losses_and_a_killed_node() {
    let redis = RedisServer::start();
    let mut cluster = plan(&redis, 3).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let mut talk = talk(&cluster, &mut crowd, 21).await;
    let chatters = crowd.connect(&cluster).await;
    until_told(&cluster, false).await;
    cluster.bus_faults("drop_in = 0.2\nseed = 7\n");
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].kill();
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].start();
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].wait_ready().await;
    settle(&chatters, SETTLED_WITHIN).await;

    let proof = check(&crowd, cluster.nodes[2].http, &chatters).await;
    assert_eq!(proof.acked, 3 * MESSAGES_PER_PHASE);
    let page = Http::new(cluster.nodes[0].http)
        .cluster(&crowd.accounts[0])
        .await;
    assert!(bus_counter(&page, "entries_delivered_bus") > 0, "{page}");
    assert!(bus_counter(&page, "holes_repaired_bus") > 0, "{page}");
}

#[tokio::test]
async fn redis_absent_at_the_start_then_there_then_killed_for_good_costs_no_message() {
    let mut redis = RedisServer::prepare();
    let cluster = plan(&redis, 3).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let mut talk = talk(&cluster, &mut crowd, 22).await;
    let chatters = crowd.connect(&cluster).await;
    until_told(&cluster, true).await;
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    settle(&chatters, SETTLED_WITHIN).await;

    redis.start_again();
    until_told(&cluster, false).await;
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    redis.kill();
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    settle(&chatters, SETTLED_WITHIN).await;
    until_told(&cluster, true).await;
    let proof = check(&crowd, cluster.nodes[0].http, &chatters).await;
    assert_eq!(proof.acked, 3 * MESSAGES_PER_PHASE);
    for node in &cluster.nodes {
        assert!(!node.log().contains("panicked"), "{}", node.log());
    }
}

/// How long the last `count` sends of everybody waited for their acks: the 99th of a hundred.
fn p99_of_acks(chatters: &[Chatter], since: Instant) -> Duration {
    let mut waits: Vec<Duration> = chatters
        .iter()
        .flat_map(|chatter| {
            let ledger = chatter.ledger();
            ledger
                .sent
                .iter()
                .filter(|(_, sent)| sent.at >= since)
                .map(|(cid, sent)| ledger.acks[cid].at - sent.at)
                .collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(waits.len(), MESSAGES_PER_PHASE);
    waits.sort();
    waits[waits.len() * 99 / 100]
}

#[tokio::test]
async fn while_redis_hangs_no_sender_waits_and_a_login_takes_a_moment_longer_at_most() {
    let redis = RedisServer::start();
    let cluster = plan(&redis, 3).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let mut talk = talk(&cluster, &mut crowd, 23).await;
    let chatters = crowd.connect(&cluster).await;
    until_told(&cluster, false).await;
    let mut phases = Vec::new();
    for hangs in [false, true] {
        if hangs {
            redis.freeze();
        }
        let since = Instant::now();
        talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
            .await;
        settle(&chatters, SETTLED_WITHIN).await;
        phases.push(p99_of_acks(&chatters, since));
    }
    let http = Http::new(cluster.nodes[0].http);
    let began = Instant::now();
    http.login(&crowd.accounts[0].name).await;
    let login = began.elapsed();
    until_told(&cluster, true).await;
    redis.thaw();
    until_told(&cluster, false).await;

    let (well, hanging) = (phases[0], phases[1]);
    eprintln!("p99 of acks: {well:?}, while Redis hangs {hanging:?}; a login then {login:?}");
    // What a busy machine adds to either phase is not Redis's doing.
    let bound = 3 * well.max(Duration::from_millis(20));
    assert!(hanging <= bound, "{hanging:?} against {well:?}");
    assert!(login < Duration::from_secs(2), "{login:?}");
    settle(&chatters, SETTLED_WITHIN).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
}

#[tokio::test]
async fn wrong_passwords_on_three_nodes_count_together_by_name_and_by_phone() {
    let redis = RedisServer::start();
    let plan = Plan::nodes(3).set("redis.url", redis.url());
    let cluster = plan.set("limits.auth_failures", 6).start().await;
    until_told(&cluster, false).await;
    let https: Vec<Http> = cluster.addresses().into_iter().map(Http::new).collect();
    let post = |node: usize, path: &'static str, body| {
        https[node % 3].call(Method::POST, path, None, Some(body))
    };
    let phone = "13800138000";
    let anna = json!({"name": "anna", "password": PASSWORD, "phone": phone});
    post(0, "/api/v1/register", anna).await.expect(201);
    for attempt in 0..6 {
        let who = if attempt % 2 == 0 {
            json!({"name": "Anna", "password": "wrong wrong"})
        } else {
            json!({"phone": phone, "password": "wrong wrong"})
        };
        let reply = post(attempt, "/api/v1/login", who).await;
        assert_eq!(reply.status, 401, "{attempt}: {}", reply.text);
    }
    for node in 0..3 {
        let right = json!({"name": "anna", "password": PASSWORD});
        let reply = post(node, "/api/v1/login", right).await;
        assert_eq!(reply.status, 429, "node {node}: {}", reply.text);
    }
    let other = json!({"name": "bert", "password": PASSWORD});
    post(1, "/api/v1/register", other).await.expect(201);
}

#[tokio::test]
async fn others_read_who_is_online_and_a_killed_nodes_users_end() {
    let redis = RedisServer::start();
    let plan = Plan::nodes(2).set("redis.url", redis.url());
    let plan = plan.set("presence.redis_ttl_s", 5);
    let mut cluster = plan.set("presence.offline_after_ms", 200).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let nodes = cluster.addresses();
    let mut stays = Chatter::connect(&crowd.accounts[0], &nodes[..1], 0).await;
    let _gone = Chatter::connect(&crowd.accounts[1], &nodes[1..], 0).await;
    let key = |index: usize| format!("{}:online:{}", cluster.name, crowd.accounts[index].id);
    let keys = [key(0), key(1)];
    let is_there = |key: &String| redis.cli(&["exists", key]) == "1";
    until("both are there", NOTICED_WITHIN, || async {
        keys.iter().all(is_there)
    })
    .await;
    cluster.nodes[1].kill();
    until("the killed node's user ended", NOTICED_WITHIN, || async {
        !is_there(&keys[1])
    })
    .await;
    assert!(is_there(&keys[0]), "the other one's did not");
    stays.leave().await;
    until("he is gone when he leaves", NOTICED_WITHIN, || async {
        !is_there(&keys[0])
    })
    .await;
}
