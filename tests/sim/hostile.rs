//! What strangers and attackers send changes nothing and is counted by its kind.
//!
//! Responsible for one scenario per class of dropped datagrams (I4).

use std::time::Duration;

use starling::cluster::core::{Core, Counters, DropReason, KeyRing, Output, Status, Target};

use crate::lab::{self, Lab};
use crate::node::{address, incarnation, key_ring};

/// A datagram of node 0 with one entry that nobody has heard yet.
fn unheard(lab: &mut Lab) -> Vec<u8> {
    lab.cores[0].handle_committed(lab.now, vec![lab::item(1)]);
    let mut found = None;
    while let Some(output) = lab.cores[0].poll_output() {
        if let Output::Send {
            to: Target::Broadcast,
            datagram,
        } = output
        {
            found = Some(datagram.to_vec());
        }
    }
    found.unwrap()
}

/// A status without counters and drops: what must not change.
fn essence(core: &Core, now: Duration) -> Status {
    Status {
        counters: Counters::default(),
        drops: Vec::new(),
        ..core.status(now)
    }
}

/// Node 1 receives bytes; nothing happens but the counter.
fn assert_dropped(
    lab: &mut Lab,
    bytes: &[u8],
    reason: DropReason,
    count: impl Fn(&Counters) -> u64,
) {
    lab.clear();
    let before = (
        essence(&lab.cores[1], lab.now),
        count(lab.cores[1].counters()),
    );
    lab.inject(1, address(9), bytes);
    let after = (
        essence(&lab.cores[1], lab.now),
        count(lab.cores[1].counters()),
    );
    assert_eq!(after, (before.0, before.1 + 1));
    assert!(
        lab.asked[1].is_empty() && lab.wire.is_empty(),
        "{:?}",
        lab.asked[1]
    );
    let drops = lab.cores[1].status(lab.now).drops;
    assert!(
        drops
            .iter()
            .any(|drop| drop.reason == reason && drop.last_source == address(9)),
        "{drops:?}"
    );
}

/// What a node of another configuration broadcasts first.
fn foreign(cluster: &str, keys: KeyRing) -> Vec<u8> {
    let mut config = lab::config(5, keys);
    config.cluster_name = cluster.to_owned();
    let mut core = Core::new(config, 5, Duration::from_secs(1), lab::start(0));
    loop {
        if let Some(Output::Send { datagram, .. }) = core.poll_output() {
            return datagram.to_vec();
        }
    }
}

#[test]
fn a_good_datagram_is_taken_and_its_replay_is_not() {
    let mut lab = Lab::new(2);
    let good = unheard(&mut lab);
    lab.inject(1, address(0), &good);
    assert_eq!(lab.delivered(1), vec![1]);
    assert_dropped(&mut lab, &good, DropReason::Replayed, |c| {
        c.dropped_replayed
    });
}

#[test]
fn truncated_datagrams_are_dropped() {
    let mut lab = Lab::new(2);
    let good = unheard(&mut lab);
    for length in 0..good.len() {
        let (reason, count): (_, fn(&Counters) -> u64) = if length < 48 {
            (DropReason::Length, |c| c.dropped_length)
        } else {
            (DropReason::Forged, |c| c.dropped_forged)
        };
        assert_dropped(&mut lab, &good[..length], reason, count);
    }
    assert_dropped(&mut lab, &vec![0; 9_217], DropReason::Length, |c| {
        c.dropped_length
    });
    lab.inject(1, address(0), &good);
    assert_eq!(
        lab.delivered(1),
        vec![1],
        "the attempts did not burn the packet number"
    );
}

#[test]
fn every_changed_byte_is_noticed() {
    let mut lab = Lab::new(2);
    let good = unheard(&mut lab);
    for place in 0..good.len() {
        let mut bad = good.clone();
        bad[place] ^= 0x40;
        let (reason, count): (_, fn(&Counters) -> u64) = match place {
            0..2 => (DropReason::Magic, |c| c.dropped_magic),
            2 => (DropReason::Version, |c| c.dropped_version),
            3 => (DropReason::UnknownKey, |c| c.dropped_unknown_key),
            4..8 => (DropReason::OtherCluster, |c| c.dropped_other_cluster),
            8.. => (DropReason::Forged, |c| c.dropped_forged),
        };
        assert_dropped(&mut lab, &bad, reason, count);
    }
}

#[test]
fn another_cluster_and_another_key_are_strangers() {
    let mut lab = Lab::new(2);
    for bytes in [foreign("other", key_ring(1)), foreign("flock", key_ring(2))] {
        assert_dropped(&mut lab, &bytes, DropReason::OtherCluster, |c| {
            c.dropped_other_cluster
        });
    }
}

#[test]
fn a_node_outside_our_registry_is_looked_up_and_not_heard() {
    let mut lab = Lab::new(2);
    lab.advance(Duration::from_secs(2));
    lab.register();
    lab.clear();
    let bytes = foreign("flock", key_ring(1));
    lab.inject(1, address(5), &bytes);
    assert_eq!(lab.cores[1].counters().dropped_unknown_sender, 1);
    assert_eq!(lab.asked[1], vec![Output::ReadRegistry]);
    // However many come, one read is on its way, and not more than one a second.
    lab.inject(1, address(5), &bytes);
    lab.register();
    lab.inject(1, address(5), &bytes);
    assert_eq!(
        lab.asked[1]
            .iter()
            .filter(|output| **output == Output::ReadRegistry)
            .count(),
        1
    );
    lab.advance(Duration::from_secs(1));
    assert_eq!(
        lab.asked[1]
            .iter()
            .filter(|output| **output == Output::ReadRegistry)
            .count(),
        2
    );
    assert_eq!(lab.cores[1].status(lab.now).peers.len(), 1);
}

#[test]
fn our_own_datagrams_come_back_and_mean_nothing() {
    let mut lab = Lab::new(2);
    let own = unheard(&mut lab);
    lab.clear();
    lab.inject(0, address(0), &own);
    assert_eq!(
        lab.cores[0].counters().dropped_own,
        1 + lab.cores[0].counters().beats_out
    );
    assert!(lab.asked[0].is_empty());
}

#[test]
fn a_node_without_a_key_opens_nothing() {
    let mut lab = Lab::with(1, |config| config.keys = KeyRing::default());
    let bytes = foreign("flock", key_ring(1));
    lab.inject(0, address(5), &bytes);
    assert_eq!(lab.cores[0].counters().dropped_keyless, 1);
}

#[test]
fn a_restarted_receiver_refuses_what_was_sent_before_the_registry_row() {
    let mut lab = Lab::new(2);
    let recorded = unheard(&mut lab);
    let mut row = lab::registration(incarnation(0, 0), 0, 9);
    row.packet_number = lab.cores[0].packet_number();
    let mut newcomer = Core::new(lab::config(3, key_ring(1)), 3, lab.now, lab::start(0));
    newcomer.handle_registry(lab.now, Ok(vec![row]));
    newcomer.handle_datagram(lab.now, address(0), &mut recorded.clone());
    assert_eq!(
        (newcomer.counters().dropped_replayed, newcomer.applied().0),
        (1, 0)
    );
}

#[test]
fn more_peers_than_allowed_are_ignored_and_counted() {
    let mut lab = Lab::new(1);
    let rows = (1..=300_u32)
        .map(|n| lab::registration(incarnation(1, n), 1, 1))
        .collect();
    lab.cores[0].handle_registry(lab.now, Ok(rows));
    let status = lab.cores[0].status(lab.now);
    assert_eq!(status.peers.len(), 256);
    assert!(
        status
            .degraded
            .iter()
            .any(|reason| reason.to_string().contains("more peers"))
    );
    lab.inject(0, address(5), &foreign("flock", key_ring(1)));
    assert_eq!(lab.cores[0].counters().dropped_too_many_peers, 1);
}
