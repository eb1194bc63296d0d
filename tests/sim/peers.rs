//! Who is a peer, over which way, with which key: scenarios named as the sentence they prove.
//!
//! Responsible for what must be exact about peers. Chance belongs to `seeds`.

use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{
    Core, KeyRing, Output, PeerState, Registration, Via, generate_key_text,
};

use crate::lab::{Lab, config, registration, start};
use crate::node::{address, incarnation, key_ring};

const MS: Duration = Duration::from_millis(1);

#[test]
fn where_broadcast_does_not_work_nodes_fall_back_to_unicast_and_say_so() {
    let mut lab = Lab::new(3);
    lab.broadcast = |_, _| false;
    for _ in 0..4 {
        lab.advance(Duration::from_secs(3));
        lab.register();
    }
    lab.clear();
    lab.commit(0, [1], true);
    assert_eq!((lab.delivered(1), lab.delivered(2)), (vec![1], vec![1]));
    assert_eq!(lab.degraded(0).len(), 2);
    assert!(lab.degraded(0)[0].starts_with("broadcast does not work with node node1"));
    // Broadcast works again: the copies end.
    lab.broadcast = |_, _| true;
    lab.advance(Duration::from_secs(6));
    assert_eq!(lab.degraded(0), Vec::<String>::new());
    assert!(
        lab.cores[0]
            .status(lab.now)
            .peers
            .iter()
            .all(|peer| peer.via == Via::Broadcast)
    );
}

#[test]
fn where_broadcast_works_in_one_direction_only_both_still_hear_each_other() {
    let mut lab = Lab::new(2);
    lab.broadcast = |from, _| from == 0;
    for _ in 0..4 {
        lab.advance(Duration::from_secs(3));
        lab.register();
    }
    lab.clear();
    lab.commit(1, [1], true);
    assert_eq!(
        lab.delivered(0),
        vec![1],
        "node 0 does not hear node 1's broadcasts"
    );
    assert!(
        lab.cores
            .iter()
            .all(|core| core.status(lab.now).peers[0].state == PeerState::Up)
    );
    lab.broadcast = |_, _| true;
    lab.advance(Duration::from_secs(6));
    assert!(
        lab.cores
            .iter()
            .all(|core| core.status(lab.now).peers[0].via == Via::Broadcast)
    );
}

#[test]
fn a_living_node_that_is_not_heard_is_named() {
    let mut lab = Lab::new(2);
    lab.broadcast = |from, to| from == to;
    lab.cores[1].handle_clock_jump(lab.now);
    for _ in 0..4 {
        lab.advance(Duration::from_secs(3));
        lab.register();
    }
    assert_eq!(
        lab.degraded(0),
        vec!["node node1 at 10.0.0.2:4000 is alive in the registry but not heard on the bus"]
    );
    assert!(lab.was_asked(0, &Output::PeerDown(incarnation(1, 0))));
}

#[test]
fn goodbye_is_believed_at_once() {
    let mut lab = Lab::new(2);
    lab.cores[1].handle_leave(lab.now);
    lab.settle();
    assert!(lab.was_asked(0, &Output::PeerDown(incarnation(1, 0))));
    assert_eq!(lab.cores[0].status(lab.now).peers[0].state, PeerState::Left);
    lab.advance(Duration::from_secs(2));
    assert_eq!(lab.cores[0].status(lab.now).peers[0].state, PeerState::Left);
}

/// Node 1 of two is killed and started again under the same name.
fn back_after_a_crash() -> Lab {
    let mut lab = Lab::new(2);
    lab.register();
    let mut again = config(1, key_ring(1));
    again.incarnation = incarnation(1, 1);
    lab.cores[1] = Core::new(again, 9, lab.now, start(0));
    let rows = vec![
        registration(incarnation(0, 0), 0, 3),
        registration(incarnation(1, 0), 1, 2),
        registration(incarnation(1, 1), 1, 1),
    ];
    for core in &mut lab.cores {
        core.handle_registry(lab.now, Ok(rows.clone()));
    }
    lab.advance(Duration::from_secs(3));
    lab
}

#[test]
fn a_node_that_is_back_is_there_once() {
    let lab = back_after_a_crash();
    let peers = lab.cores[0].status(lab.now).peers;
    let seen: Vec<_> = peers.iter().map(|peer| peer.incarnation).collect();
    assert_eq!(seen, [incarnation(1, 1)]);
    assert_eq!(lab.degraded(0), Vec::<String>::new());
    let peers = lab.cores[1].status(lab.now).peers;
    let seen: Vec<_> = peers.iter().map(|peer| peer.incarnation).collect();
    assert_eq!(seen, [incarnation(0, 0)], "nor does it see its former run");
}

#[test]
fn a_silent_node_is_told_though_another_has_its_name() {
    let mut lab = Lab::new(3);
    let rows = (0..3).map(|index| Registration {
        name: "twin".to_owned(),
        ..registration(incarnation(index, 0), index, 2)
    });
    lab.cores[0].handle_registry(lab.now, Ok(rows.collect()));
    lab.cores[2].handle_clock_jump(lab.now);
    lab.advance(Duration::from_secs(6));
    let peers = lab.cores[0].status(lab.now).peers;
    let states: Vec<_> = peers.iter().map(|peer| peer.state).collect();
    assert_eq!(states, [PeerState::Up, PeerState::Down]);
}

#[test]
fn a_node_that_stood_still_itself_declares_nobody_dead() {
    let mut lab = Lab::new(2);
    lab.cores[0].handle_timeout(lab.now + Duration::from_secs(10));
    lab.now += Duration::from_secs(10);
    lab.settle();
    assert!(!lab.was_asked(0, &Output::PeerDown(incarnation(1, 0))));
    assert!(lab.degraded(0)[0].contains("late"));
}

#[test]
fn the_newest_common_key_seals() {
    let both = format!(
        "{},{}",
        generate_key_text(1, [1; 32]),
        generate_key_text(2, [2; 32])
    );
    let both = KeyRing::parse(&both).unwrap();
    let mut lab = Lab::new(2);
    lab.cores[0].set_keys(both.clone());
    lab.advance(Duration::from_secs(1));
    assert_eq!(
        lab.cores[0].status(lab.now).key_id,
        Some(1),
        "node 1 has only key 1"
    );
    lab.cores[1].set_keys(both);
    lab.advance(Duration::from_secs(2));
    assert_eq!(lab.cores[0].status(lab.now).key_id, Some(2));
    assert_eq!(lab.cores[1].status(lab.now).key_id, Some(2));
    // Removing the old one everywhere changes nothing any more.
    let new = KeyRing::parse(&generate_key_text(2, [2; 32])).unwrap();
    lab.cores[0].set_keys(new);
    lab.clear();
    lab.commit(0, [1], true);
    lab.commit(1, [2], true);
    assert_eq!(
        (lab.delivered(0), lab.delivered(1)),
        (vec![1, 2], vec![1, 2])
    );
}

#[test]
fn a_copied_machine_is_silent_until_it_is_somebody_new() {
    let mut lab = Lab::new(2);
    lab.cores[0].handle_clock_jump(lab.now);
    lab.commit(0, [1], true);
    lab.advance(Duration::from_secs(1));
    assert!(lab.was_asked(0, &Output::NewIncarnationNeeded));
    assert!(
        lab.wire.iter().all(|(from, ..)| *from != 0),
        "no packet number is used twice"
    );
    lab.cores[0].handle_new_incarnation(lab.now, incarnation(0, 1));
    lab.clear();
    lab.advance(MS);
    assert!(lab.wire.iter().any(|(from, ..)| *from == 0));
    assert_eq!(
        lab.cores[1].counters().dropped_unknown_sender,
        lab.wire.iter().filter(|(from, ..)| *from == 0).count() as u64
    );
}

#[test]
fn a_probe_that_comes_back_names_its_target() {
    let mut lab = Lab::new(1);
    let probe = lab.cores[0].probe(42).unwrap();
    lab.inject(0, address(0), &probe);
    assert!(lab.was_asked(0, &Output::ProbeHeard { token: 42 }));
}

#[test]
fn signals_reach_all_others() {
    let mut lab = Lab::new(3);
    lab.cores[0].handle_signal(lab.now, Bytes::from_static(b"typing"));
    lab.settle();
    let signal = Output::Signal {
        from: incarnation(0, 0),
        signal: Bytes::from_static(b"typing"),
    };
    assert!(!lab.was_asked(0, &signal) && lab.was_asked(1, &signal) && lab.was_asked(2, &signal));
}

#[test]
fn with_a_shared_key_ring_clusters_of_two_names_are_deaf_to_each_other() {
    let mut lab = Lab::with(2, |config| {
        config.keys = key_ring(3);
        config.cluster_name = config.node_name.clone();
    });
    lab.commit(0, [1], true);
    assert!(lab.delivered(1).is_empty());
}
