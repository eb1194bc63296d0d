//! Proof that the simulation bites: with one protection switched off, some seed must break an invariant.
//!
//! Responsible for one test per protection. A protection whose absence nobody notices is either useless or untested.

use std::time::Duration;

use starling::cluster::core::Safeguards;

use crate::faults::Profile;
use crate::seeds;
use crate::world::World;

/// Seeds tried before a protection counts as unneeded.
const SEEDS_MAX: u64 = 400;

/// With the tail beat a lost last datagram is noticed within 10 ms and repaired within some 25 ms more.
const CALM_P99: Duration = Duration::from_millis(60);

fn first_violation(safeguards: Safeguards) -> Option<(u64, &'static str)> {
    (0..SEEDS_MAX).find_map(|seed| Some((seed, seeds::run(seed, safeguards).err()?.invariant)))
}

fn assert_noticed(safeguards: Safeguards, expected: &str) {
    let found = first_violation(safeguards);
    println!("{found:?}");
    assert_eq!(
        found.map(|(_, invariant)| invariant),
        Some(expected),
        "{safeguards:?}"
    );
}

#[test]
fn without_the_replay_window_a_dead_node_lives_on_in_recordings() {
    let run = |safeguards| {
        let profile = Profile {
            crash_every: Some(Duration::from_secs(4)),
            replay_every: Some(Duration::from_millis(10)),
            active: Duration::from_secs(40),
            // Shorter than a living peer may be silent: a ghost still shows.
            heal: Duration::from_secs(2),
            send_every: Duration::from_millis(500),
            ..Profile::calm(3)
        };
        (0..20).find_map(|seed| {
            let violation = World::new(seed, profile.clone(), safeguards).run().err()?;
            println!("seed {seed}: {}", violation.detail);
            Some(violation.invariant)
        })
    };
    assert_eq!(run(Safeguards::default()), None);
    assert_eq!(
        run(Safeguards {
            replay_window: false,
            ..Safeguards::default()
        }),
        Some("M1")
    );
}

#[test]
fn without_signal_numbers_two_routes_bring_a_signal_twice() {
    assert_noticed(
        Safeguards {
            signal_numbers: false,
            ..Safeguards::default()
        },
        "S1",
    );
}

#[test]
fn without_hole_detection_nodes_are_stuck() {
    assert_noticed(
        Safeguards {
            hole_detection: false,
            ..Safeguards::default()
        },
        "P5",
    );
}

#[test]
fn without_the_store_poll_a_dead_bus_stops_delivery() {
    assert_noticed(
        Safeguards {
            store_poll: false,
            ..Safeguards::default()
        },
        "P5",
    );
}

#[test]
fn without_the_durable_rule_nodes_apply_what_may_vanish() {
    assert_noticed(
        Safeguards {
            durable_rule: false,
            ..Safeguards::default()
        },
        "D1",
    );
}

#[test]
fn without_the_registry_check_a_stranger_writes_into_the_log() {
    let found = first_violation(Safeguards {
        registry_check: false,
        ..Safeguards::default()
    });
    println!("{found:?}");
    assert!(
        found.is_some_and(|(_, invariant)| invariant == "D1" || invariant == "P3"),
        "{found:?}"
    );
}

#[test]
fn without_the_tail_beat_a_lost_last_datagram_costs_a_poll_interval() {
    let with = calm_p99(Safeguards::default());
    let without = calm_p99(Safeguards {
        tail_beat: false,
        ..Safeguards::default()
    });
    println!("p99 with tail beats {with:?}, without {without:?}");
    assert!(with < CALM_P99, "{with:?}");
    assert!(without > CALM_P99, "{without:?}");
}

/// The 99th percentile of delivery at 5 % loss and few messages, all else calm.
fn calm_p99(safeguards: Safeguards) -> Duration {
    let mut latencies = Vec::new();
    for seed in 0..20 {
        let send_every = Duration::from_millis(300);
        let profile = Profile {
            loss: 5,
            send_every,
            active: Duration::from_secs(10),
            ..Profile::calm(4)
        };
        latencies.extend(
            World::new(seed, profile, safeguards)
                .run()
                .expect("calm runs break nothing")
                .latencies,
        );
    }
    latencies.sort_unstable();
    latencies[latencies.len() * 99 / 100]
}
