//! A link to a real server that goes away, hangs and comes back.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::{Away, Link, Servers, Spread};
use crate::config::SecretUrl;
use crate::redis_server::RedisServer;

const DEADLINE: Duration = Duration::from_millis(100);
/// The deadline and what a busy machine adds to it.
const BOUND: Duration = Duration::from_millis(400);
const SOON: Duration = Duration::from_secs(15);

fn link(url: &str) -> Link {
    let servers = Servers::parse(&SecretUrl::from(url)).unwrap().unwrap();
    Link::open(servers, Spread::ByKey, "tests")
}

async fn reached(link: &Link) {
    timeout(SOON, link.reached())
        .await
        .expect("Redis is reached");
}

async fn told(link: &Link, words: &str) {
    let told = async {
        while !link.health().reason().is_some_and(|r| r.contains(words)) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let told = timeout(SOON, told).await;
    assert!(
        told.is_ok(),
        "{:?} has no {words:?}",
        link.health().reason()
    );
}

async fn ping(link: &Link) -> (Result<String, Away>, Duration) {
    let began = Instant::now();
    let answer = link.ask(&redis::cmd("PING"), DEADLINE).await;
    (answer, began.elapsed())
}

#[tokio::test]
async fn a_server_that_is_absent_at_the_start_is_told_and_found_when_it_comes() {
    let mut server = RedisServer::prepare();
    let link = link(&server.url());
    let (answer, took) = ping(&link).await;
    assert_eq!(answer, Err(Away::NotConnected));
    assert!(took < BOUND, "{took:?}");
    told(&link, "refused").await;
    server.start_again();
    reached(&link).await;
    assert_eq!(ping(&link).await.0, Ok("PONG".to_owned()));
    assert_eq!(link.health().reason(), None);
}

#[tokio::test]
async fn a_server_that_hangs_keeps_nobody_beyond_the_deadline_and_is_found_again() {
    let server = RedisServer::start();
    let link = link(&server.url());
    reached(&link).await;
    server.freeze();
    let mut late = 0;
    for _ in 0..20 {
        let (answer, took) = ping(&link).await;
        assert!(answer.is_err() && took < BOUND, "{answer:?} in {took:?}");
        late += usize::from(answer == Err(Away::Late));
    }
    assert!(
        (1..=3).contains(&late),
        "the others were not even tried: {late}"
    );
    told(&link, "no answer").await;
    server.thaw();
    reached(&link).await;
    assert!(link.health().is_well());
}

#[tokio::test]
async fn a_server_that_dies_is_noticed_while_nobody_calls_and_found_again_when_it_is_back() {
    let mut server = RedisServer::start();
    let link = link(&server.url());
    reached(&link).await;
    server.kill();
    told(&link, "Redis cannot be used for tests").await;
    let (answer, took) = ping(&link).await;
    assert!(answer.is_err() && took < BOUND, "{answer:?} in {took:?}");
    server.start_again();
    reached(&link).await;
    assert_eq!(ping(&link).await.0, Ok("PONG".to_owned()));
}

#[tokio::test]
async fn a_server_that_refuses_is_told_until_it_obeys() {
    let server = RedisServer::start();
    let link = link(&server.url());
    reached(&link).await;
    server.cli(&["config", "set", "maxmemory", "1"]);
    let set = redis::cmd("SET").arg("a").arg("b").take();
    assert!(link.ask::<()>(&set, DEADLINE).await.is_err());
    told(&link, "OOM").await;
    server.cli(&["config", "set", "maxmemory", "0"]);
    assert_eq!(link.ask::<()>(&set, DEADLINE).await, Ok(()));
    assert!(link.health().is_well());
}

#[tokio::test]
async fn a_server_that_is_slow_is_told_until_it_is_quick_again() {
    let server = RedisServer::start();
    let link = link(&server.url());
    reached(&link).await;
    // Below what the ping waits for, above what the caller does.
    server.cli(&["client", "pause", "300", "all"]);
    let (answer, took) = ping(&link).await;
    assert_eq!(answer, Err(Away::Late));
    assert!(took < BOUND, "{took:?}");
    assert!(link.health().reason().unwrap().contains("too late"));
    let quick = async {
        while !link.health().is_well() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, quick).await.expect("it is quick again");
    assert_eq!(ping(&link).await.0, Ok("PONG".to_owned()));
}

#[tokio::test]
async fn a_wrong_password_is_told_and_no_password_ever() {
    let server = RedisServer::start_with(&["--requirepass", "right"]);
    let url = server.url().replace("redis://", "redis://:wr0ng@");
    let link = link(&url);
    told(&link, "assword").await;
    assert!(!link.health().reason().unwrap().contains("wr0ng"));
}
