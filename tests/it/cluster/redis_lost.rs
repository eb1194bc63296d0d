//! Redis hangs, comes back, and is killed for good: nobody who talks notices.

use std::time::Duration;

use super::checker::check;
use super::crowd::{Crowd, Talk, acked_more, settle};
use super::harness::Plan;
use crate::mariadb::Database;
use crate::redis_server::RedisServer;

const USERS: usize = 12;
const PER_SECOND: usize = 200;
const ACKS_BETWEEN: usize = 300;
const GOES_ON_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_redis_everybody_goes_on_talking() {
    let database = Database::fresh();
    let mut redis = RedisServer::start();
    assert_eq!(redis.cli(&["ping"]), "PONG");
    let plan = Plan::nodes(3).store(&database.url());
    let cluster = plan.set("redis.url", redis.url()).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let rooms = crowd.rooms(&cluster).await;
    let chatters = crowd.connect(&cluster).await;
    let trouble = async {
        acked_more(&chatters, ACKS_BETWEEN, GOES_ON_WITHIN).await;
        redis.freeze();
        acked_more(&chatters, ACKS_BETWEEN, GOES_ON_WITHIN).await;
        redis.thaw();
        acked_more(&chatters, ACKS_BETWEEN, GOES_ON_WITHIN).await;
        redis.kill();
        acked_more(&chatters, ACKS_BETWEEN, GOES_ON_WITHIN).await;
    };
    let mut talk = Talk::new(51, rooms);
    tokio::select! {
        () = trouble => {}
        () = talk.never_end(&crowd, &chatters, PER_SECOND) => {}
    }
    settle(&chatters, GOES_ON_WITHIN).await;
    check(&crowd, cluster.nodes[2].http, &chatters).await;
    for chatter in &chatters {
        let ledger = chatter.ledger();
        assert_eq!((ledger.put_off, ledger.resets), (0, 0));
        assert_eq!(ledger.connections, 1, "nobody had to move");
    }
    for node in &cluster.nodes {
        node.wait_ready().await;
    }
}
