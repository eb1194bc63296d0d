//! The bus loses datagrams, a node dies at once, clients lose their connections; the promises hold all the same.

use std::time::Duration;

use super::checker::check;
use super::client::Http;
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Plan, bus_counter};
use crate::mariadb::Database;
use crate::redis_server::RedisServer;

const USERS: usize = 30;
const MESSAGES_PER_PHASE: usize = 670;
const PER_SECOND: usize = 500;
const CUT_EVERY: Duration = Duration::from_millis(25);

#[tokio::test]
async fn with_a_fifth_of_datagrams_lost_and_a_node_killed_everyone_gets_everything_once_in_order() {
    losses_and_a_kill(Plan::nodes(3)).await;
}

#[tokio::test]
async fn on_mariadb_and_redis_the_same_losses_lose_nothing() {
    let database = Database::fresh();
    let redis = RedisServer::start();
    let plan = Plan::nodes(3).store(&database.url());
    losses_and_a_kill(plan.set("redis.url", redis.url())).await;
}

async fn losses_and_a_kill(plan: Plan) {
    let mut cluster = plan.start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let rooms = crowd.rooms(&cluster).await;
    let chatters = crowd.connect(&cluster).await;
    cluster.bus_faults("drop_in = 0.2\nseed = 7\n");

    let mut talk = Talk::new(1, rooms);
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].kill();
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].start();
    talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND)
        .await;
    cluster.nodes[1].wait_ready().await;
    settle(&chatters, Duration::from_secs(30)).await;

    let proof = check(&crowd, cluster.nodes[2].http, &chatters).await;
    assert_eq!(proof.acked, 3 * MESSAGES_PER_PHASE);
    assert!(
        proof.connections as usize >= USERS + USERS / 3,
        "a third of the clients had to move: {proof:?}"
    );
    let page = Http::new(cluster.nodes[0].http)
        .cluster(&crowd.accounts[0])
        .await;
    assert!(
        bus_counter(&page, "holes_seen") > 0,
        "no datagram was lost: {page}"
    );
}

#[tokio::test]
async fn clients_that_keep_losing_their_connection_get_everything_once_in_order() {
    let cluster = Plan::nodes(3).start().await;
    let mut crowd = Crowd::register(&cluster, USERS / 2).await;
    let everybody: Vec<usize> = (0..USERS / 2).collect();
    let mut rooms = vec![crowd.group(&cluster, &everybody).await];
    rooms.extend((1..USERS / 2).map(|other| crowd.pair(0, other)));
    let chatters = crowd.connect(&cluster).await;
    cluster.bus_faults("drop_in = 0.1\nduplicate = 0.2\nseed = 11\n");

    let cuts = async {
        let mut rng = fastrand::Rng::with_seed(12);
        loop {
            tokio::time::sleep(CUT_EVERY).await;
            chatters[rng.usize(..chatters.len())].cut();
        }
    };
    let mut talk = Talk::new(13, rooms);
    tokio::select! {
        () = talk.go_on(&crowd, &chatters, MESSAGES_PER_PHASE, PER_SECOND / 2) => {}
        () = cuts => {}
    }
    settle(&chatters, Duration::from_secs(30)).await;
    let proof = check(&crowd, cluster.nodes[2].http, &chatters).await;
    assert!(proof.connections > 60 && proof.by_sync > 0, "{proof:?}");
}
