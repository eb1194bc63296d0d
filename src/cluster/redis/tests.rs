//! Two nodes' buses over a real server that hangs, dies and comes back empty.

use std::time::Duration;

use tokio::time::{Instant, timeout};

use super::*;
use crate::config::SecretUrl;
use crate::redis_server::RedisServer;

const SOON: Duration = Duration::from_secs(15);

fn bus(url: &str, number: u8) -> RedisBus {
    let servers = Servers::parse(&SecretUrl::from(url)).unwrap().unwrap();
    RedisBus::open(servers, "nest", Incarnation([number; 16]))
}

/// Sends until it arrives: while a subscription is on its way datagrams are lost, as they may be.
async fn gets_through(from: &RedisBus, to: SocketAddr, at: &RedisBus) {
    let tried = async {
        loop {
            // Full is as good as lost.
            let _ = from.try_send(b"hello", to);
            if timeout(Duration::from_millis(50), at.readable())
                .await
                .is_ok()
            {
                return;
            }
        }
    };
    assert!(timeout(SOON, tried).await.is_ok(), "nothing gets through");
}

fn take_all(bus: &RedisBus) -> Vec<(Vec<u8>, SocketAddr)> {
    let mut buffer = [0; 2_048];
    std::iter::from_fn(|| {
        let (length, from) = bus.try_receive(&mut buffer).ok()?;
        Some((buffer[..length].to_vec(), from))
    })
    .collect()
}

async fn flushed(bus: &RedisBus) {
    let waited = async {
        while !bus.is_flushed() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    assert!(timeout(SOON, waited).await.is_ok());
}

#[tokio::test]
async fn everybody_hears_a_broadcast_and_one_alone_what_is_sent_to_him() {
    let server = RedisServer::start();
    let (one, two) = (bus(&server.url(), 1), bus(&server.url(), 2));
    gets_through(&one, EVERYBODY, &two).await;
    gets_through(&two, EVERYBODY, &one).await;
    flushed(&one).await;
    flushed(&two).await;
    assert!(one.health().iter().all(Health::is_well));
    // What is under way has arrived when something sent later has.
    gets_through(&one, two.advertised(), &two).await;
    flushed(&one).await;
    let (at_one, at_two) = (take_all(&one), take_all(&two));
    let from_one =
        |(bytes, from): &(Vec<u8>, SocketAddr)| bytes == b"hello" && *from == one.advertised();
    assert!(at_two.iter().any(from_one), "{at_two:?}");
    assert!(at_one.iter().any(from_one), "a sender hears himself");
    let answered_to = at_two[0].1;
    assert_eq!(answered_to, one.advertised());

    one.try_send(b"for two", two.advertised()).unwrap();
    two.try_send(b"for all", EVERYBODY).unwrap();
    for bus in [&one, &two] {
        let heard = async {
            let mut heard = Vec::new();
            while !heard.iter().any(|(bytes, _)| bytes == b"for all") {
                bus.readable().await;
                heard.extend(take_all(bus));
            }
            heard
        };
        let heard = timeout(SOON, heard).await.unwrap();
        let alone = heard.iter().any(|(bytes, _)| bytes == b"for two");
        assert!(!alone || bus.advertised() == two.advertised(), "{heard:?}");
    }
}

#[tokio::test]
async fn garbage_and_another_deployments_datagrams_are_not_taken_for_ours() {
    let server = RedisServer::start();
    let (one, two) = (bus(&server.url(), 1), bus(&server.url(), 2));
    gets_through(&two, EVERYBODY, &one).await;
    flushed(&two).await;
    take_all(&one);
    server.cli(&["publish", "nest:bus", "short"]);
    server.cli(&["publish", "other:bus", &"x".repeat(100)]);
    let long = "y".repeat(5_000);
    server.cli(&["publish", "nest:bus", &long]);
    let last = async {
        loop {
            one.readable().await;
            let longest = take_all(&one)
                .into_iter()
                .map(|(bytes, _)| bytes.len())
                .max();
            if longest == Some(2_048) {
                return;
            }
        }
    };
    timeout(SOON, last)
        .await
        .expect("the long one arrives, cut to the buffer");
    assert!(take_all(&one).iter().all(|(bytes, _)| bytes != b"x"));
}

#[tokio::test]
async fn while_redis_hangs_sending_takes_no_time_and_what_is_too_much_is_counted() {
    let server = RedisServer::start();
    let (one, two) = (bus(&server.url(), 1), bus(&server.url(), 2));
    gets_through(&one, EVERYBODY, &two).await;
    flushed(&one).await;
    server.freeze();
    let mut full = 0;
    let mut longest = Duration::ZERO;
    for _ in 0..3 * OUTGOING_MAX {
        let began = Instant::now();
        full += usize::from(one.try_send(&[7; 1_000], EVERYBODY).is_err());
        longest = longest.max(began.elapsed());
    }
    assert!(full > 0, "the line has an end");
    assert!(longest < Duration::from_millis(50), "{longest:?}");
    flushed(&one).await;
    assert!(one.lost() > 0);
    let told = async {
        while one.health().iter().any(Health::is_well) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, told)
        .await
        .expect("both ways are told to be away");
    server.thaw();
    take_all(&two);
    gets_through(&one, EVERYBODY, &two).await;
    let well = async {
        while !one.health().iter().all(Health::is_well) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, well).await.expect("both ways are well again");
}

#[tokio::test]
async fn a_server_that_is_restarted_is_subscribed_to_again() {
    let mut server = RedisServer::start();
    let (one, two) = (bus(&server.url(), 1), bus(&server.url(), 2));
    gets_through(&one, two.advertised(), &two).await;
    server.kill();
    let told = async {
        while two.health()[1].is_well() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(SOON, told)
        .await
        .expect("the lost subscription is told");
    server.start_again();
    take_all(&two);
    gets_through(&one, two.advertised(), &two).await;
    gets_through(&one, EVERYBODY, &two).await;
}

#[tokio::test]
async fn a_driver_that_is_too_slow_loses_datagrams_and_no_memory() {
    let server = RedisServer::start();
    let (one, two) = (bus(&server.url(), 1), bus(&server.url(), 2));
    gets_through(&one, EVERYBODY, &two).await;
    let overflow = async {
        while two.overflowed() == 0 {
            let _ = one.try_send(b"flood", two.advertised());
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, overflow).await.expect("the inbox has an end");
    assert_eq!(take_all(&two).len(), INBOX_MAX);
}

#[test]
fn an_address_is_an_id_and_back() {
    let id = Incarnation(uuid::Uuid::now_v7().into_bytes());
    assert_eq!(id_of(address_of(id)), id.0);
    let parsed: SocketAddr = address_of(id).to_string().parse().unwrap();
    assert_eq!(parsed, address_of(id), "as it is kept in the registry");
    assert_eq!(channel("nest", EVERYBODY), "nest:bus");
    let own = channel("nest", address_of(id));
    assert_eq!(own, format!("nest:bus:{id}"));
}
