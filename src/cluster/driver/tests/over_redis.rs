//! The same drivers, the same promises, with Redis instead of sockets.

use super::fixture::{Cluster, eventually};
use super::{Node, all_up};
use crate::cluster::driver::ProbeStatus;
use crate::config::SecretUrl;
use crate::redis::Servers;
use crate::redis_server::RedisServer;

fn cluster(server: &RedisServer) -> Cluster {
    let url = SecretUrl::from(server.url().as_str());
    Cluster::over_redis(Servers::parse(&url).unwrap().unwrap())
}

/// Everything, in one order.
async fn deliver_all(nodes: &[&Node], count: u64) {
    eventually("all entries are everywhere", || {
        nodes.iter().all(|node| node.seqs().len() as u64 >= count)
    })
    .await;
    for node in nodes {
        assert_eq!(node.seqs(), (1..=count).collect::<Vec<u64>>());
        assert_eq!(node.bodies(), nodes[0].bodies(), "one order");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_commits_all_nodes_deliver_over_redis() {
    let server = RedisServer::start();
    let cluster = cluster(&server);
    let (a, b, c) = (
        cluster.node("a").await,
        cluster.node("b").await,
        cluster.node("c").await,
    );
    all_up(&[&a, &b, &c]).await;
    a.report_after(|status| {
        let bus = status.bus.as_ref().unwrap();
        bus.targets[0].probe == ProbeStatus::Heard
    })
    .await;
    a.say(50).await;
    b.say_without_waiting(200).await;
    deliver_all(&[&a, &b, &c], 250).await;
    c.report_after(|status| status.core.counters.entries_delivered_bus > 0)
        .await;

    let left = a.incarnation();
    a.stop().await;
    eventually("the goodbye was heard", || b.peers_gone().contains(&left)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hole_is_repaired_by_the_channel_of_the_one_who_asked() {
    let server = RedisServer::start();
    let cluster = cluster(&server);
    let a = cluster.node("a").await;
    let b = cluster
        .node_under_faults("b", "drop_in = 0.3\nseed = 5\n")
        .await;
    all_up(&[&a, &b]).await;
    a.say(300).await;
    deliver_all(&[&a, &b], 300).await;
    b.report_after(|status| status.core.counters.holes_repaired_bus > 0)
        .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_redis_gone_everything_comes_from_the_store() {
    let mut server = RedisServer::start();
    let cluster = cluster(&server);
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    a.say(10).await;
    server.kill();
    a.say(40).await;
    b.say(10).await;
    deliver_all(&[&a, &b], 60).await;
    server.start_again();
    all_up(&[&a, &b]).await;
    a.say(10).await;
    deliver_all(&[&a, &b], 70).await;
}
