//! Nodes that leave in order, or freeze: clients move on and miss nothing.

use std::time::Duration;

use super::checker::check;
use super::client::Chatter;
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Plan, until};

const LEFT_WITHIN: Duration = Duration::from_secs(10);
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
const NODE_LEAVES: u16 = 1012;
const USERS: usize = 12;
const ACKS_BETWEEN_RESTARTS: usize = 200;

fn acked(chatters: &[Chatter]) -> usize {
    let acks = chatters.iter().map(|chatter| chatter.ledger().acks.len());
    acks.sum()
}

#[tokio::test]
async fn a_node_asked_to_stop_says_goodbye_and_its_clients_go_on_elsewhere_without_a_gap() {
    let mut cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, USERS).await;
    let rooms: Vec<_> = (1..USERS).map(|other| crowd.pair(0, other)).collect();
    let chatters = crowd.connect(&cluster).await;
    let mut talk = Talk::new(4, rooms);
    talk.go_on(&crowd, &chatters, 200, 400).await;

    cluster.nodes[1].terminate();
    let status = {
        let leaving = cluster.nodes[1].wait_exit(LEFT_WITHIN);
        let talking = talk.go_on(&crowd, &chatters, 400, 200);
        tokio::join!(leaving, talking).0
    };
    assert_eq!(status.code(), Some(0));
    settle(&chatters, SETTLED_WITHIN).await;
    for chatter in chatters.iter().skip(1).step_by(2) {
        let ledger = chatter.ledger();
        assert_eq!(ledger.closes, [NODE_LEAVES], "{:?}", ledger.events.last());
        assert_eq!(ledger.byes.len(), 1);
        assert!(
            ledger.byes[0]["reconnect_after_ms"].is_u64(),
            "{:?}",
            ledger.byes
        );
        assert_eq!(ledger.node, Some(cluster.nodes[0].http));
    }
    check(&crowd, cluster.nodes[0].http, &chatters).await;
}

#[tokio::test]
async fn a_rolling_restart_of_all_nodes_under_load_loses_and_doubles_nothing() {
    let mut cluster = Plan::nodes(3).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let everybody: Vec<usize> = (0..USERS).collect();
    let mut rooms = vec![crowd.group(&cluster, &everybody).await];
    rooms.extend((1..USERS).map(|other| crowd.pair(0, other)));
    let chatters = crowd.connect(&cluster).await;

    let restart = async {
        for node in &mut cluster.nodes {
            node.terminate();
            let status = node.wait_exit(LEFT_WITHIN).await;
            assert_eq!(status.code(), Some(0), "{}", node.name);
            node.start();
            node.wait_ready().await;
            let least = acked(&chatters) + ACKS_BETWEEN_RESTARTS;
            until("the talk goes on", SETTLED_WITHIN, || async {
                acked(&chatters) >= least
            })
            .await;
        }
    };
    let talk = async {
        let mut talk = Talk::new(5, rooms);
        loop {
            talk.go_on(&crowd, &chatters, 50, 200).await;
        }
    };
    tokio::select! {
        () = restart => {}
        () = talk => {}
    }
    settle(&chatters, SETTLED_WITHIN).await;
    let proof = check(&crowd, cluster.nodes[0].http, &chatters).await;
    assert!(
        proof.connections as usize >= 2 * USERS,
        "everybody had to move: {proof:?}"
    );
}

#[tokio::test]
async fn clients_of_a_frozen_node_go_on_elsewhere_and_the_node_catches_up_when_it_thaws() {
    let mut cluster = Plan::nodes(2).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let everybody: Vec<usize> = (0..USERS).collect();
    let rooms = vec![crowd.group(&cluster, &everybody).await];
    let mut chatters = crowd.connect(&cluster).await;
    let mut talk = Talk::new(8, rooms.clone());
    talk.go_on(&crowd, &chatters, 100, 200).await;
    cluster.nodes[1].freeze();
    talk.go_on(&crowd, &chatters, 800, 200).await;
    cluster.nodes[1].thaw();
    // Who comes now gets what the node slept through.
    let late = Chatter::connect(&crowd.accounts[0], &cluster.addresses()[1..], 0).await;
    talk.go_on(&crowd, &chatters, 100, 200).await;
    settle(&chatters, SETTLED_WITHIN).await;
    let last = chatters[0].ledger().position;
    late.until("the thawed node is up to date", SETTLED_WITHIN, |l| {
        l.position >= last
    })
    .await;
    chatters.push(late);
    check(&crowd, cluster.nodes[1].http, &chatters).await;
    assert!(cluster.nodes[1].is_running());
}
