//! The keys as other programs see them, on a real server.

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

use super::*;
use crate::config::SecretUrl;
use crate::presence::News;
use crate::redis_server::RedisServer;

const SOON: Duration = Duration::from_secs(15);
const TTL: Duration = Duration::from_millis(1_500);
const ANNA: &str = "starling:online:1";

struct Node {
    presence: Presence,
    news: mpsc::Receiver<News>,
    health: Health,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

fn id(number: u8) -> Incarnation {
    Incarnation([number; 16])
}

fn start(url: &str, cluster_name: &str, number: u8) -> Node {
    let servers = Servers::parse(&SecretUrl::from(url)).unwrap().unwrap();
    let (presence, news) = Presence::new();
    let settings = OnlineSettings {
        cluster_name: cluster_name.to_owned(),
        own: id(number),
        ttl: TTL,
    };
    let keys = OnlineKeys::new(servers, settings, presence.clone(), || 0);
    let health = keys.health();
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async {
        let _ = stopped.await;
    };
    Node {
        presence,
        news,
        health,
        stop,
        task: tokio::spawn(keys.run(stopped)),
    }
}

fn node(server: &RedisServer, number: u8) -> Node {
    start(&server.url(), "starling", number)
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    assert!(
        timeout(SOON, waited).await.is_ok(),
        "never happened: {what}"
    );
}

fn members(server: &RedisServer, key: &str) -> Vec<String> {
    let text = server.cli(&["zrange", key, "0", "-1"]);
    text.lines()
        .filter(|l| !l.is_empty())
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn a_key_is_there_from_the_first_connection_to_the_last_and_lives_on_while_the_node_does() {
    let server = RedisServer::start();
    let node = node(&server, 1);
    eventually("with nobody online all is well", || node.health.is_well()).await;
    node.presence.set_local(UserId(1), true, 0);
    eventually("the key is there", || {
        members(&server, ANNA) == [id(1).to_string()]
    })
    .await;
    let ttl: i64 = server.cli(&["pttl", ANNA]).parse().unwrap();
    assert!((1..=1_500).contains(&ttl), "{ttl}");
    // Three times its life it must not be missing once.
    let end = Instant::now() + TTL * 3;
    while Instant::now() < end {
        assert_eq!(server.cli(&["exists", ANNA]), "1");
        sleep(Duration::from_millis(30)).await;
    }
    node.presence.set_local(UserId(1), false, 0);
    eventually("the key is gone", || server.cli(&["exists", ANNA]) == "0").await;
    assert_eq!(server.cli(&["dbsize"]), "0", "nothing else was kept");
}

#[tokio::test]
async fn two_nodes_with_one_user_never_erase_each_other_and_a_dead_one_ends() {
    let server = RedisServer::start();
    let (one, two) = (node(&server, 1), node(&server, 2));
    one.presence.set_local(UserId(1), true, 0);
    two.presence.set_local(UserId(1), true, 0);
    let both = [id(1).to_string(), id(2).to_string()];
    let now = |server: &RedisServer| {
        let mut members = members(server, ANNA);
        members.sort();
        members
    };
    eventually("both are there", || now(&server) == both).await;
    one.presence.set_local(UserId(1), false, 0);
    eventually("the other stays", || now(&server) == both[1..]).await;
    one.presence.set_local(UserId(1), true, 0);
    eventually("both are there again", || now(&server) == both).await;

    one.task.abort();
    eventually("the dead one's member ended", || now(&server) == both[1..]).await;
    assert_eq!(
        server.cli(&["exists", ANNA]),
        "1",
        "the living one's did not"
    );
    two.task.abort();
    eventually("nobody is online", || server.cli(&["exists", ANNA]) == "0").await;
}

#[tokio::test]
async fn a_starting_node_knows_who_is_online_before_it_hears_a_peer_and_forgets_the_dead() {
    let server = RedisServer::start();
    let old = node(&server, 1);
    for user in 1..=2_500 {
        old.presence.set_local(UserId(user), true, 0);
    }
    eventually("all are kept", || server.cli(&["dbsize"]) == "2500").await;
    server.cli(&["set", "starling:online:nobody", "x"]);
    server.cli(&["zadd", "starling:online:7777", "1", &id(9).to_string()]);
    let other = start(&server.url(), "nest", 3);
    other.presence.set_local(UserId(8_888), true, 0);
    eventually("another deployment's is kept apart", || {
        server.cli(&["exists", "nest:online:8888"]) == "1"
    })
    .await;

    let new = node(&server, 2);
    eventually("it knows all", || {
        (1..=2_500).all(|user| new.presence.is_online(UserId(user)))
    })
    .await;
    assert!(!new.presence.is_online(UserId(7_777)), "that had ended");
    assert!(!new.presence.is_online(UserId(8_888)), "another deployment");
    assert_eq!(new.presence.local_users(), 0);

    // The old node is never heard on a bus, so it must be dead.
    old.task.abort();
    eventually("nobody is believed online for ever", || {
        !(1..=2_500).any(|user| new.presence.is_online(UserId(user)))
    })
    .await;
    assert_eq!(new.health.reason(), None);
    drop(new.news);
}

#[tokio::test]
async fn a_node_that_leaves_takes_its_users_with_it() {
    let server = RedisServer::start();
    let node = node(&server, 1);
    node.presence.set_local(UserId(1), true, 0);
    eventually("the key is there", || server.cli(&["dbsize"]) == "1").await;
    node.stop.send(()).unwrap();
    timeout(SOON, node.task).await.unwrap().unwrap();
    assert_eq!(server.cli(&["dbsize"]), "0");
}

#[tokio::test]
async fn with_redis_gone_hanging_or_empty_presence_goes_on_and_the_keys_come_back() {
    let mut server = RedisServer::start();
    let node = node(&server, 1);
    node.presence.set_local(UserId(1), true, 0);
    eventually("the key is there", || server.cli(&["dbsize"]) == "1").await;

    server.kill();
    node.presence.set_local(UserId(2), true, 0);
    node.presence.set_local(UserId(1), false, 0);
    assert!(node.presence.is_online(UserId(2)));
    eventually("it says so", || !node.health.is_well()).await;
    server.start_again();
    eventually("who is online is kept", || {
        server.cli(&["keys", "*"]) == "starling:online:2"
    })
    .await;

    server.freeze();
    let began = Instant::now();
    for user in 3..1_000 {
        node.presence.set_local(UserId(user), true, 0);
    }
    assert!(began.elapsed() < Duration::from_millis(200), "nobody waits");
    eventually("it says so", || !node.health.is_well()).await;
    server.thaw();
    eventually("all are kept", || server.cli(&["dbsize"]) == "998").await;
    assert!(node.health.is_well());
}

#[tokio::test]
async fn a_key_of_another_kind_under_our_name_is_replaced() {
    let server = RedisServer::start();
    server.cli(&["set", ANNA, "127.0.0.1:8080"]);
    let node = node(&server, 1);
    node.presence.set_local(UserId(1), true, 0);
    eventually("ours is there", || {
        members(&server, ANNA) == [id(1).to_string()]
    })
    .await;
    assert_eq!(node.health.reason(), None);
}

#[tokio::test]
async fn on_a_redis_cluster_keys_live_on_all_servers_and_are_loaded_from_all() {
    let options = ["--cluster-enabled", "yes"];
    let servers = [
        RedisServer::start_with(&options),
        RedisServer::start_with(&options),
    ];
    servers[0].cli(&["cluster", "addslotsrange", "0", "8000"]);
    servers[1].cli(&["cluster", "addslotsrange", "8001", "16383"]);
    let other = servers[1].url();
    let port = other.rsplit(':').next().unwrap();
    servers[0].cli(&["cluster", "meet", "127.0.0.1", port]);
    eventually("the servers are a cluster", || {
        servers
            .iter()
            .all(|s| s.cli(&["cluster", "info"]).contains("cluster_state:ok"))
    })
    .await;
    let url = format!("{},{}", servers[0].url(), servers[1].url());

    let old = start(&url, "starling", 1);
    for user in 1..=200 {
        old.presence.set_local(UserId(user), true, 0);
    }
    let kept = || {
        servers
            .iter()
            .map(|s| s.cli(&["dbsize"]).parse::<u32>().unwrap())
    };
    eventually("all are kept", || kept().sum::<u32>() == 200).await;
    assert!(kept().all(|count| count > 20), "on both");
    let new = start(&url, "starling", 2);
    eventually("it knows all", || {
        (1..=200).all(|user| new.presence.is_online(UserId(user)))
    })
    .await;
}

#[test]
fn a_name_stands_for_itself_in_a_pattern() {
    assert_eq!(escaped("a*b[c]"), "a\\*b\\[c\\]");
}
