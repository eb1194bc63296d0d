//! Whole nodes under people: core, replica, view, window and cursor of the real thing, with models of the committer, the
//! hub, the store and the network around them, and every rule switched off once to see whether it is missed.
//!
//! Responsible for P1 to P6 and P8 as a client sees them. The bus alone is `seeds`' and `mutations`'.

use std::collections::BTreeMap;
use std::time::Duration;

use starling::cluster::core::Safeguards;
use starling::journal::replica;

use crate::crowd::CrowdRules;
use crate::faults::Profile;
use crate::oracle::Violation;
use crate::seeds;
use crate::store::StoreRules;
use crate::world::{Report, Rules, World};

/// Seeds that once failed, run first.
const REGRESSIONS: &str = include_str!("regressions-whole.txt");

/// Runs of the default test.
const SEEDS_DEFAULT: u64 = 600;

/// Seeds tried before a rule counts as unneeded.
const SEEDS_MAX: u64 = 600;

pub fn run(seed: u64, rules: Rules) -> Result<Report, Violation> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let profile = Profile::draw_with_people(&mut rng);
    World::with_people(rng.u64(..), profile, rules).run()
}

fn counter_example(seed: u64) -> Option<String> {
    let violation = run(seed, Rules::default()).err()?;
    let profile = Profile::draw_with_people(&mut fastrand::Rng::with_seed(seed));
    Some(format!(
        "seed {seed} breaks {}: {}\n  replay: STARLING_SIM_SEED={seed} cargo nextest run --test sim whole_nodes\n  {profile:?}",
        violation.invariant, violation.detail
    ))
}

#[test]
fn whole_nodes_keep_their_promises_to_people_for_every_seed() {
    seeds::search(
        seeds::kept(REGRESSIONS).chain(0..seeds::wanted(SEEDS_DEFAULT)),
        counter_example,
    );
}

#[test]
fn with_people_too_the_same_seed_gives_the_same_trace() {
    let mut before = None;
    for seed in 0..10 {
        let report = run(seed, Rules::default());
        assert_eq!(report, run(seed, Rules::default()), "seed {seed}");
        let trace = report.map(|report| report.trace);
        assert_ne!(
            before,
            Some(trace.clone()),
            "different seeds, different runs"
        );
        before = Some(trace);
    }
}

/// What the runs must have met, lest they prove nothing.
const MET: &[&str] = &[
    "people_received",
    "people_resets",
    "people_pages",
    "people_fell_behind",
    "people_refused",
    "entries_delivered_bus",
    "entries_delivered_store",
];

#[test]
fn people_meet_every_trouble_the_runs_are_about() {
    let mut met = BTreeMap::new();
    for seed in 0..100 {
        for (name, value) in run(seed, Rules::default()).expect("proved above").counters {
            *met.entry(name).or_insert(0) += value;
        }
    }
    println!("{met:?}");
    let unmet: Vec<_> = MET
        .iter()
        .filter(|name| met.get(*name).is_none_or(|&count| count == 0))
        .collect();
    assert!(unmet.is_empty(), "{unmet:?} never happened");
}

/// Much of what makes a store show what it takes back, or another log.
fn a_store_that_forgets(rng: &mut fastrand::Rng) -> Profile {
    let mut profile = Profile::draw_with_people(rng);
    let every = Duration::from_millis(300);
    profile.store_crash_every = Some(every);
    profile.restore_every = rng.bool().then_some(3 * every);
    profile.move_every = Some(every / 6);
    profile.disk = every / 3;
    profile.send_every = every / 20;
    profile
}

#[test]
fn without_care_for_what_a_store_takes_back_people_notice() {
    let found = |rules: Rules| {
        (0..4 * SEEDS_MAX).find_map(|seed| {
            let mut rng = fastrand::Rng::with_seed(seed);
            let profile = a_store_that_forgets(&mut rng);
            let world = World::with_people(rng.u64(..), profile, rules);
            Some((seed, world.run().err()?))
        })
    };
    let mut without = [Rules::default(); 3];
    without[0].crowd.cuts_snapshots = false;
    without[1].replica.check_epoch = false;
    without[2].crowd.checks_epoch = false;
    let names = [
        "snapshots as of what is durable",
        "snapshots of the same log",
        "the epoch of a position",
    ];
    for (what, rules) in names.into_iter().zip(without) {
        let found = found(rules);
        println!("{what}: {found:?}");
        assert!(found.is_some(), "{what}");
    }
}

fn assert_missed(what: &str, change: impl Fn(&mut Rules), expected: &[&str]) {
    let mut rules = Rules::default();
    change(&mut rules);
    let found = (0..SEEDS_MAX).find_map(|seed| Some((seed, run(seed, rules).err()?)));
    println!("{what}: {found:?}");
    let invariant = found.map(|(_, violation)| violation.invariant);
    assert!(
        invariant.is_some_and(|invariant| expected.contains(&invariant)),
        "{what}: {invariant:?} instead of {expected:?}"
    );
}

#[test]
fn without_a_rule_of_the_store_people_notice() {
    let all = StoreRules::default();
    let without = StoreRules {
        idempotence: false,
        ..all
    };
    assert_missed("idempotence", |rules| rules.store = without, &["P4"]);
    let without = StoreRules {
        judged_in_append: false,
        ..all
    };
    assert_missed(
        "judging in the append",
        |rules| rules.store = without,
        &["P3"],
    );
}

#[test]
fn without_a_rule_of_the_connections_people_notice() {
    let all = CrowdRules::default();
    let cases = [
        (
            "falling behind",
            CrowdRules {
                falls_behind: false,
                ..all
            },
            "P2",
        ),
        (
            "the place after a failed read",
            CrowdRules {
                keeps_place: false,
                ..all
            },
            "P2",
        ),
        (
            "pages of what is durable",
            CrowdRules {
                reads_durable: false,
                ..all
            },
            "D1 or P2",
        ),
        (
            "the position of who comes back",
            CrowdRules {
                resumes: false,
                ..all
            },
            "P2",
        ),
    ];
    for (what, without, invariant) in cases {
        let invariants: Vec<&str> = invariant.split(" or ").collect();
        assert_missed(what, |rules| rules.crowd = without, &invariants);
    }
}

#[test]
fn without_a_rule_of_the_replica_people_notice() {
    let all = replica::Safeguards::default();
    let cases = [
        (
            "waiting for the snapshot",
            replica::Safeguards {
                wait_for_snapshot: false,
                ..all
            },
        ),
        (
            "replaying since the snapshot",
            replica::Safeguards {
                replay_since_snapshot: false,
                ..all
            },
        ),
        (
            "stays",
            replica::Safeguards {
                filter_by_stays: false,
                ..all
            },
        ),
    ];
    for (what, without) in cases {
        assert_missed(what, |rules| rules.replica = without, &["P2", "P3"]);
    }
}

#[test]
fn without_a_rule_of_the_core_people_notice() {
    let all = Safeguards::default();
    let cases = [
        (
            "hole detection",
            Safeguards {
                hole_detection: false,
                ..all
            },
        ),
        (
            "the store poll",
            Safeguards {
                store_poll: false,
                ..all
            },
        ),
        (
            "the durable rule",
            Safeguards {
                durable_rule: false,
                ..all
            },
        ),
        (
            "the registry",
            Safeguards {
                registry_check: false,
                ..all
            },
        ),
        (
            "the epoch of datagrams",
            Safeguards {
                epoch_check: false,
                ..all
            },
        ),
        (
            "noticing that the store went back",
            Safeguards {
                went_back_check: false,
                ..all
            },
        ),
    ];
    for (what, without) in cases {
        let invariants = ["D1", "P2", "P3", "P5", "L1", "P1"];
        assert_missed(what, |rules| rules.core = without, &invariants);
    }
}
