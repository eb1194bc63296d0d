//! Drivers over real sockets, a real store and a real committer: what one node commits, all nodes deliver.

mod fixture;
mod over_redis;
mod switch;

use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{KeysRefused, ProbeStatus, RegistrationStatus};
use crate::cluster::core::{KeyRing, PeerState};
use crate::model::ids::Seq;
use fixture::{Cluster, Node, eventually, key};

/// Peers see each other by broadcast, and probes came back.
async fn all_up(nodes: &[&Node]) {
    eventually("all nodes hear one another", || {
        nodes.iter().all(|node| {
            node.status().is_some_and(|status| {
                let up = status
                    .core
                    .peers
                    .iter()
                    .filter(|peer| peer.state == PeerState::Up)
                    .count();
                up + 1 >= nodes.len()
            })
        })
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_one_node_commits_all_nodes_deliver_in_one_order_by_the_bus() {
    let cluster = Cluster::new();
    let (a, b, c) = (
        cluster.node("a").await,
        cluster.node("b").await,
        cluster.node("c").await,
    );
    all_up(&[&a, &b, &c]).await;

    tokio::join!(a.say(40), b.say(40), c.say(40));
    eventually("all entries are everywhere", || {
        [&a, &b, &c].iter().all(|node| node.seqs().len() == 120)
    })
    .await;

    for node in [&a, &b, &c] {
        assert_eq!(node.seqs(), (1..=120).collect::<Vec<u64>>());
        assert_eq!(node.bodies(), a.bodies(), "one order");
        node.report_after(|status| status.core.counters.entries_delivered == 120)
            .await;
        let status = node.status().unwrap();
        assert!(
            status.core.counters.entries_delivered_bus > 0,
            "{:?}",
            status.core.counters
        );
        assert!(status.core.counters.entries_delivered_own > 0);
        assert_eq!(
            status.bus.as_ref().unwrap().targets[0].probe,
            ProbeStatus::Heard
        );
        let bus = status.bus.unwrap();
        assert_eq!(bus.deaf_targets().count(), 0);
        assert_eq!((bus.sends_failed, bus.receives_failed), (0, 0));
    }
    for node in [a, b, c] {
        node.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_the_bus_blocked_an_entry_arrives_by_the_store_within_half_a_second() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    let b = cluster.node_under_faults("b", "block = true\n").await;

    let mut latencies = Vec::new();
    for count in 1..=5 {
        a.say(1).await;
        let committed = Instant::now();
        eventually("the entry came by the store", || b.seqs().len() == count).await;
        latencies.push(committed.elapsed());
    }
    latencies.sort();
    // The median, because this machine may stop for longer than that at any moment.
    assert!(latencies[2] < Duration::from_millis(500), "{latencies:?}");
    b.report_after(|status| status.core.counters.entries_delivered_store == 5)
        .await;
    assert!(b.status().unwrap().faults);
    assert_eq!(b.status().unwrap().core.counters.entries_delivered_bus, 0);

    b.set_faults("");
    all_up(&[&a, &b]).await;
    a.say(1).await;
    eventually("the entry came by the bus", || b.seqs().len() == 6).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn with_datagrams_lost_and_repeated_everything_is_still_delivered_once() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    let lossy = "drop_in = 0.3\ndrop_out = 0.3\nduplicate = 0.2\nseed = 5\n";
    let b = cluster.node_under_faults("b", lossy).await;
    all_up(&[&a, &b]).await;
    tokio::join!(a.say(100), b.say(100));
    eventually("all entries are at both", || {
        a.seqs().len() == 200 && b.seqs().len() == 200
    })
    .await;
    assert_eq!(a.seqs(), (1..=200).collect::<Vec<u64>>());
    assert_eq!(a.bodies(), b.bodies());
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_comes_later_starts_at_the_head() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    a.say(7).await;
    let b = cluster.node("b").await;
    a.say(2).await;
    eventually("the new entries came", || b.seqs().len() == 2).await;
    assert_eq!(b.seqs(), [8, 9]);
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_of_garbage_changes_nothing() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    let flood = cluster.flood(a.address());
    a.say(50).await;
    b.say(50).await;
    eventually("all entries are at both", || {
        a.seqs().len() == 100 && b.seqs().len() == 100
    })
    .await;
    flood.await.unwrap();
    assert_eq!(a.seqs(), (1..=100).collect::<Vec<u64>>());
    assert_eq!(a.bodies(), b.bodies());
    a.report_after(|status| status.core.counters.dropped_length > 0)
        .await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn signals_and_beats_reach_the_peers_and_not_oneself() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    a.publish(7);
    eventually("the signal arrived", || !b.signals().is_empty()).await;
    assert_eq!(
        b.signals(),
        [(a.incarnation(), 7_u64.to_be_bytes().to_vec().into())]
    );
    eventually("a beat told the connections", || {
        b.beats()
            .contains(&(a.incarnation(), fixture::CONNECTIONS_TOLD))
    })
    .await;
    assert!(a.signals().is_empty());
    assert!(b.beats().iter().all(|(from, _)| *from == a.incarnation()));
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_leaves_takes_its_row_along_and_tells_its_peers() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    assert_eq!(cluster.registered().await, ["a", "b"]);

    let (last_words, leaver) = (3, b.incarnation());
    b.say_without_waiting(last_words).await;
    b.stop().await;
    assert_eq!(cluster.registered().await, ["a"]);
    eventually("the peer heard that it left", || a.peers_gone() == [leaver]).await;
    eventually("what it committed last arrived", || {
        a.seqs().len() == last_words
    })
    .await;
    a.stop().await;
    assert!(cluster.registered().await.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_store_does_not_hold_up_the_end() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    cluster.store.hanging.store(true, Ordering::SeqCst);
    a.report_after(|status| status.store.failures > 0).await;
    let began = Instant::now();
    a.stop().await;
    assert!(began.elapsed() < Duration::from_millis(1_200), "{began:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_went_back_restarts_the_sink_at_its_head() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    a.say(5).await;
    eventually("both applied it", || b.seqs().len() == 5).await;

    cluster.store.restore_empty();
    eventually("both started anew", || {
        a.restarts().len() == 1 && b.restarts().len() == 1
    })
    .await;
    assert_eq!(a.restarts()[0].head, Seq::ZERO);
    a.say(2).await;
    eventually("the new log is followed", || {
        b.seqs() == [1, 2, 3, 4, 5, 1, 2]
    })
    .await;
    assert_eq!(a.restarts().len(), 1, "once is enough");
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_goes_back_in_the_middle_of_everything_leaves_all_nodes_on_the_new_log() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    let going_back = async {
        eventually("some entries were applied", || a.seqs().len() > 20).await;
        cluster.store.restore_empty();
    };
    tokio::join!(a.say(60), b.say(60), going_back);
    eventually("both started anew", || {
        !a.restarts().is_empty() && !b.restarts().is_empty()
    })
    .await;
    a.say(1).await;
    let end = cluster.head().await;
    eventually("both reach the new log's end", || {
        [&a, &b].iter().all(|node| {
            let last = node.entries_of_this_log().last().map(|(seq, _)| *seq);
            last == Some(end) && node.status().is_some_and(|status| !status.recovering)
        })
    })
    .await;
    let (at_a, at_b) = (a.entries_of_this_log(), b.entries_of_this_log());
    for entries in [&at_a, &at_b] {
        assert!(entries.windows(2).all(|two| two[0].0 + 1 == two[1].0));
    }
    let common = at_a.len().min(at_b.len());
    assert_eq!(
        at_a[at_a.len() - common..],
        at_b[at_b.len() - common..],
        "one order"
    );
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_seemed_to_go_back_but_holds_the_last_entry_is_followed_on() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    a.say(5).await;
    eventually("it was applied", || a.seqs().len() == 5).await;

    cluster.store.behind.store(2, Ordering::SeqCst);
    a.report_after(|status| status.core.counters.store_polls > 0)
        .await;
    eventually("the node looked at the store", || {
        cluster.store.entries_looked_at.load(Ordering::SeqCst) > 3
    })
    .await;
    cluster.store.behind.store(0, Ordering::SeqCst);
    a.say(1).await;
    eventually("delivery goes on", || a.seqs() == [1, 2, 3, 4, 5, 6]).await;
    assert!(a.restarts().is_empty());
    a.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_jump_of_the_clock_gives_the_node_a_new_identity() {
    let cluster = Cluster::new();
    let a = cluster.node("a").await;
    let b = cluster.node_after_a_clock_jump("b").await;
    let old = b.incarnation();
    b.report_after(|status| status.core.incarnation != old && status.core.degraded.is_empty())
        .await;
    eventually("peers hear it under the new one", || {
        a.status().is_some_and(|status| {
            status.core.peers.iter().any(|peer| {
                peer.state == PeerState::Up
                    && Some(peer.incarnation) == b.status().map(|own| own.core.incarnation)
            })
        })
    })
    .await;
    assert_eq!(
        cluster.registered().await,
        ["a", "b"],
        "the old row is gone"
    );
    a.say(1).await;
    b.say(1).await;
    eventually("both go on", || a.seqs() == [1, 2] && b.seqs() == [1, 2]).await;
    a.stop().await;
    b.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_alone_opens_no_socket_and_follows_the_store() {
    let cluster = Cluster::new();
    let alone = cluster.node_alone("alone").await;
    let other = cluster.node("other").await;
    alone.say(1).await;
    other.say(2).await;
    eventually("both have everything", || {
        alone.seqs().len() == 3 && other.seqs().len() == 3
    })
    .await;
    alone.report_after(|_| true).await;
    let status = alone.status().unwrap();
    assert_eq!(status.bus, None);
    assert_eq!(status.registration, RegistrationStatus::Alone);
    assert_eq!(alone.handle.set_keys(key(1)).await, Err(KeysRefused::Alone));
    alone.stop().await;
    assert_eq!(cluster.registered().await, ["other"]);
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn keys_are_rotated_while_the_bus_runs() {
    let cluster = Cluster::new();
    let (a, b) = (cluster.node("a").await, cluster.node("b").await);
    all_up(&[&a, &b]).await;
    assert_eq!(
        a.handle.set_keys(KeyRing::default()).await,
        Err(KeysRefused::NoKey)
    );
    for node in [&a, &b] {
        let both = fixture::keys(&[1, 2]);
        assert_eq!(node.handle.set_keys(both).await, Ok(()));
    }
    eventually("both seal with the new key", || {
        [&a, &b].iter().all(|node| {
            node.status()
                .is_some_and(|status| status.core.key_id == Some(2))
        })
    })
    .await;
    for node in [&a, &b] {
        assert_eq!(node.handle.set_keys(key(2)).await, Ok(()));
    }
    a.say(3).await;
    eventually("entries go on", || b.seqs() == [1, 2, 3]).await;
    let handle = a.handle.clone();
    a.stop().await;
    b.stop().await;
    assert_eq!(handle.set_keys(key(2)).await, Err(KeysRefused::Ended));
}
