//! The bus is dead and the store is not: everything goes on at the pace of the poll, and the nodes say so.

use std::time::Duration;

use super::checker::check;
use super::client::{Chatter, Http};
use super::crowd::{Crowd, settle};
use super::harness::{Cluster, Plan, until};

const MESSAGES: usize = 40;
/// Delivery by polling alone is promised within 500 ms; a busy machine may double it.
const DELIVERED_WITHIN: Duration = Duration::from_secs(1);
/// A peer that is not heard for 5 s is dead, and its registry row is read every 5 s.
const NOTICED_WITHIN: Duration = Duration::from_secs(20);

async fn is_degraded(cluster: &Cluster, crowd: &Crowd, node: usize) -> bool {
    let http = Http::new(cluster.nodes[node].http);
    let ready = http.try_get("/readyz").await.expect("an answer of /readyz");
    assert_eq!(ready.status, 200, "degraded is still ready: {}", ready.text);
    let page = http.cluster(&crowd.accounts[0]).await;
    let reasons = page["reasons"].as_array().map_or(0, Vec::len);
    let degraded = page["degraded"] == true;
    assert_eq!(degraded, reasons > 0, "{page}");
    degraded && ready.body["degraded"] == true
}

/// Latencies of the texts that start with `prefix`, sorted.
fn latencies(from: &Chatter, to: &Chatter, prefix: &str) -> Vec<Duration> {
    let (sender, receiver) = (from.ledger(), to.ledger());
    let mut all: Vec<Duration> = sender
        .sent
        .values()
        .filter(|sent| sent.content.starts_with(prefix))
        .filter_map(|sent| {
            let receipt = receiver
                .received
                .iter()
                .find(|r| r.content == sent.content)?;
            Some(receipt.at - sent.at)
        })
        .collect();
    all.sort();
    all
}

async fn say(from: &Chatter, to: &Chatter, crowd: &Crowd, prefix: &str) -> Vec<Duration> {
    for message in 0..MESSAGES {
        from.send(crowd.pair(0, 1), &format!("{prefix} {message}"));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(20..80))).await;
    }
    to.until("all arrive", NOTICED_WITHIN, |ledger| {
        let came = |r: &&super::client::Receipt| r.content.starts_with(prefix);
        ledger.received.iter().filter(came).count() == MESSAGES
    })
    .await;
    latencies(from, to, prefix)
}

#[tokio::test]
async fn with_the_bus_dead_messages_arrive_by_polling_and_the_nodes_say_so_until_it_is_back() {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    for node in 0..2 {
        until("the nodes are well", NOTICED_WITHIN, || async {
            !is_degraded(&cluster, &crowd, node).await
        })
        .await;
    }

    cluster.bus_faults("block = true\n");
    for node in 0..2 {
        until("the node says that it is degraded", NOTICED_WITHIN, || {
            is_degraded(&cluster, &crowd, node)
        })
        .await;
    }
    let dark = say(&chatters[0], &chatters[1], &crowd, "dark").await;
    let p99 = dark[dark.len() * 99 / 100];
    eprintln!(
        "without the bus: median {:?}, p99 {p99:?}",
        dark[dark.len() / 2]
    );
    assert!(dark[dark.len() - 1] <= DELIVERED_WITHIN, "{dark:?}");

    cluster.bus_faults("");
    for node in 0..2 {
        until(
            "the node is well again by itself",
            NOTICED_WITHIN,
            || async { !is_degraded(&cluster, &crowd, node).await },
        )
        .await;
    }
    let light = say(&chatters[0], &chatters[1], &crowd, "light").await;
    eprintln!("with the bus: median {:?}", light[light.len() / 2]);
    assert!(
        light[light.len() / 2] < dark[dark.len() / 2],
        "{light:?} against {dark:?}"
    );
    settle(&chatters, NOTICED_WITHIN).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
}
