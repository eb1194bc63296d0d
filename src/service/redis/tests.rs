//! Counting by several nodes on a real server, and by each alone when it does not answer.

use std::sync::Arc;

use tokio::time::timeout;

use super::*;
use crate::config::SecretUrl;
use crate::model::error::Failure;
use crate::redis_server::RedisServer;
use crate::service::rate::SendRate;
use crate::service::throttle::{Throttle, ThrottleSettings};

const SOON: Duration = Duration::from_secs(15);
const WINDOW: Duration = Duration::from_secs(60);
/// A deadline and what a busy machine adds to it.
const BOUND: Duration = Duration::from_millis(400);
const ANNA: Counted = Counted::Account(UserId(1));

fn servers(server: &RedisServer) -> Servers {
    let url = SecretUrl::from(server.url().as_str());
    Servers::parse(&url).unwrap().unwrap()
}

async fn counts(server: &RedisServer) -> RedisCounts {
    let counts = RedisCounts::new(servers(server), "nest");
    timeout(SOON, counts.link.reached()).await.unwrap();
    counts
}

/// A node's throttle: 30 attempts of an address, 10 of an account.
async fn throttle(server: &RedisServer) -> Throttle {
    let shared = Arc::new(counts(server).await);
    Throttle::new(ThrottleSettings::default()).with(shared)
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            sleep(Duration::from_millis(5)).await;
        }
    };
    assert!(
        timeout(SOON, waited).await.is_ok(),
        "never happened: {what}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_tries_at_the_same_time_on_two_nodes_exactly_the_limit_is_admitted() {
    let server = RedisServer::start();
    let nodes = [throttle(&server).await, throttle(&server).await];
    let tries: Vec<_> = (0..20)
        .map(|number| {
            let node = nodes[number % 2].clone();
            tokio::spawn(async move { node.admit_try(ANNA, Instant::now()).await })
        })
        .collect();
    let mut admitted = 0;
    for one in tries {
        match one.await.unwrap() {
            Ok(()) => admitted += 1,
            Err(Failure { retry_after_ms, .. }) => {
                let left = retry_after_ms.unwrap();
                assert!((800_000..=900_000).contains(&left), "{left}");
            }
        }
    }
    assert_eq!(admitted, 10);
    assert_eq!(server.cli(&["keys", "*"]), "nest:tries:account:1");
    let ttl: i64 = server
        .cli(&["pttl", "nest:tries:account:1"])
        .parse()
        .unwrap();
    assert!(ttl > 0, "every key ends by itself");

    nodes[0].not_tried(ANNA).await;
    nodes[1].admit_try(ANNA, Instant::now()).await.unwrap();
    assert!(nodes[0].admit_try(ANNA, Instant::now()).await.is_err());
    nodes[0].succeeded(ANNA).await;
    for _ in 0..10 {
        nodes[1].admit_try(ANNA, Instant::now()).await.unwrap();
    }
}

#[tokio::test]
async fn a_window_ends_and_what_is_given_back_after_it_is_nothing() {
    let server = RedisServer::start();
    let counts = counts(&server).await;
    let short = Duration::from_millis(150);
    assert_eq!(counts.take(ANNA, 1, short).await, Some(Ok(())));
    let left = counts.take(ANNA, 1, short).await.unwrap().unwrap_err();
    assert!(left <= short && !left.is_zero(), "{left:?}");
    eventually("the window ends", || server.cli(&["dbsize"]) == "0").await;
    counts.give_back(ANNA).await;
    assert_eq!(
        server.cli(&["dbsize"]),
        "0",
        "no count below nothing, for ever"
    );
    assert_eq!(counts.take(ANNA, 1, short).await, Some(Ok(())));
}

#[tokio::test]
async fn while_redis_hangs_or_is_gone_each_node_counts_alone_and_nobody_waits() {
    let mut server = RedisServer::start();
    let node = throttle(&server).await;
    for _ in 0..4 {
        node.admit_try(ANNA, Instant::now()).await.unwrap();
    }
    server.freeze();
    let mut admitted = 0;
    for _ in 0..20 {
        let began = Instant::now();
        admitted += usize::from(node.admit_try(ANNA, began).await.is_ok());
        assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    }
    assert_eq!(admitted, 6, "the node has seen four of ten");
    server.thaw();

    server.kill();
    let bert = Counted::nobody("bert");
    let mut admitted = 0;
    for _ in 0..20 {
        let began = Instant::now();
        admitted += usize::from(node.admit_try(bert, began).await.is_ok());
        assert!(began.elapsed() < BOUND, "{:?}", began.elapsed());
    }
    assert_eq!(admitted, 10, "never all of them");
    node.succeeded(bert).await;

    // Back and empty: the nodes count together again, from the beginning.
    server.start_again();
    let other = throttle(&server).await;
    let again = counts(&server).await;
    eventually("the node is back", || {
        let counted = server.cli(&["get", "nest:tries:account:1"]);
        let count: u32 = counted.parse().unwrap_or(0);
        let (node, now) = (node.clone(), Instant::now());
        tokio::spawn(async move { node.admit_try(ANNA, now).await });
        count >= 10
    })
    .await;
    assert!(other.admit_try(ANNA, Instant::now()).await.is_err());
    assert!(matches!(again.take(ANNA, 10, WINDOW).await, Some(Err(_))));
}

struct Sender {
    rate: Arc<SendRate>,
    health: Health,
}

/// A node's buckets, five a second and five at once, counted together.
fn sender(server: &RedisServer) -> Sender {
    let rate = Arc::new(SendRate::new(5, 5));
    let reporter = SendReporter::new(servers(server), "nest", Senders::of(&rate));
    let health = reporter.health();
    tokio::spawn(reporter.run());
    Sender { rate, health }
}

impl Sender {
    fn sends(&self, user: u64) -> Result<(), Failure> {
        self.rate.admit(UserId(user), Instant::now())
    }
}

#[tokio::test]
async fn what_a_user_sends_on_one_node_is_missing_from_his_bucket_on_the_other() {
    let server = RedisServer::start();
    let (one, two) = (sender(&server), sender(&server));
    eventually("both are linked", || {
        one.health.is_well() && two.health.is_well()
    })
    .await;
    for _ in 0..5 {
        one.sends(1).unwrap();
    }
    assert!(one.sends(1).is_err(), "his bucket here is empty");
    eventually("it was booked", || server.cli(&["dbsize"]) == "1").await;
    // The other node hears of it with the first send there.
    two.sends(1).unwrap();
    eventually("his bucket there follows", || two.sends(1).is_err()).await;
    assert!(two.sends(2).is_ok(), "another user's does not");
    eventually("it is earned back", || server.cli(&["dbsize"]) == "0").await;
    eventually("he may send again", || two.sends(1).is_ok()).await;
}

#[tokio::test]
async fn over_a_while_a_user_of_three_nodes_sends_no_more_than_one_of_one() {
    let server = RedisServer::start();
    let nodes = [sender(&server), sender(&server), sender(&server)];
    eventually("all are linked", || {
        nodes.iter().all(|n| n.health.is_well())
    })
    .await;
    let began = Instant::now();
    let mut sent = 0;
    while began.elapsed() < Duration::from_secs(6) {
        sent += nodes.iter().filter(|node| node.sends(1).is_ok()).count();
        sleep(Duration::from_millis(10)).await;
    }
    // 30 by the rate, and each node's burst of 5 at most once.
    assert!((20..=45).contains(&sent), "{sent}");
    let alone = sender(&server);
    assert!(alone.sends(2).is_ok());
}

#[tokio::test]
async fn no_sender_waits_for_a_redis_that_hangs_and_the_own_bucket_counts() {
    let server = RedisServer::start();
    let node = sender(&server);
    eventually("it is linked", || node.health.is_well()).await;
    node.sends(1).unwrap();
    server.freeze();
    let mut longest = Duration::ZERO;
    for user in 2..20_000 {
        let began = Instant::now();
        node.sends(user).unwrap();
        longest = longest.max(began.elapsed());
    }
    assert!(longest < Duration::from_millis(50), "{longest:?}");
    let admitted = (0..20).filter(|_| node.sends(1).is_ok()).count();
    assert!(admitted <= 5, "{admitted}");
    eventually("it says so", || !node.health.is_well()).await;
    server.thaw();
    eventually("it is well again", || node.health.is_well()).await;
    eventually("sends are booked again", || {
        // Whether it is admitted does not matter here.
        let _ = node.sends(30_000);
        server.cli(&["exists", "nest:sends:30000"]) == "1"
    })
    .await;
}
