//! A client that stops reading hurts only itself, and misses nothing.

use std::time::Duration;

use super::checker::check;
use super::client::{Chatter, Habits, Ledger};
use super::crowd::{Crowd, settle};
use super::harness::Plan;

const MESSAGES: usize = 20_000;
const SPEAKERS: usize = 4;
/// Sends of one speaker that wait for their acks at a time.
const UNDER_WAY: usize = 250;
const RECEIVE_BUFFER: u32 = 16 * 1024;
/// A bound for what 13 MB of texts may add: the windows for repair and catching up, buffers, the allocator's slack.
const GROWTH_KIB_MAX: u64 = 128 * 1024;
const DEADLINE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn a_client_that_stops_reading_falls_behind_alone_and_then_gets_everything_once_in_order() {
    let cluster = Plan::nodes(1).set("limits.slow_ms", 120_000).start().await;
    let node = &cluster.nodes[0];
    let mut crowd = Crowd::register(&cluster, SPEAKERS + 1).await;
    let everybody: Vec<usize> = (0..=SPEAKERS).collect();
    let room = crowd.group(&cluster, &everybody).await;
    let nodes = cluster.addresses();
    let mut chatters = Vec::new();
    for account in &crowd.accounts[..SPEAKERS] {
        chatters.push(Chatter::connect(account, &nodes, 0).await);
    }
    let habits = Habits {
        receive_buffer: Some(RECEIVE_BUFFER),
    };
    chatters.push(Chatter::with_habits(&crowd.accounts[SPEAKERS], &nodes, 0, habits).await);
    let slow = &chatters[SPEAKERS];
    slow.read(false);
    let before = node.resident_kib();

    let speak = |speaker: usize| {
        let chatter = &chatters[speaker];
        async move {
            for chunk in 0..MESSAGES / SPEAKERS / UNDER_WAY {
                for message in 0..UNDER_WAY {
                    let text = format!("{speaker} {chunk} {message} {}", "x".repeat(600));
                    chatter.send(room, &text);
                }
                chatter
                    .until("a chunk is acked", DEADLINE, Ledger::is_settled)
                    .await;
            }
        }
    };
    tokio::join!(speak(0), speak(1), speak(2), speak(3));
    settle(&chatters[..SPEAKERS], DEADLINE).await;
    let after = node.resident_kib();
    eprintln!("memory of the node: {before} KiB, then {after} KiB");
    assert!(
        after < before + GROWTH_KIB_MAX,
        "{before} KiB, then {after} KiB"
    );
    let got = slow.ledger().received.len();
    assert!(
        got < MESSAGES / 4,
        "the slow client had {got} entries already"
    );

    slow.read(true);
    slow.until("the slow client has caught up", DEADLINE, |l| {
        l.received.iter().filter(|r| r.kind == "message").count() >= MESSAGES
    })
    .await;
    settle(&chatters, DEADLINE).await;
    let proof = check(&crowd, node.http, &chatters).await;
    // What did not fit into the kernel's buffers was read from the log again instead of being kept for this client.
    let synced = slow.ledger().received.iter().filter(|r| r.by_sync).count();
    assert!(synced > MESSAGES / 2, "only {synced} came by sync");
    assert_eq!(
        proof.connections as usize,
        chatters.len(),
        "nobody lost his connection"
    );
}
