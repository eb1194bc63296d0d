//! Many seeds, kept seeds, one seed again.
//!
//! Responsible for how many runs there are and for telling how to replay a failing one.

use std::collections::BTreeMap;
use std::sync::Mutex;

use starling::cluster::core::Safeguards;

use crate::faults::Profile;
use crate::oracle::Violation;
use crate::world::{Report, World};

/// Runs of the default test.
const SEEDS_DEFAULT: u64 = 2_000;

/// Runs of the long form.
const SEEDS_LONG: u64 = 10_000;

/// Threads: the machines that run the tests have at least two cores.
const THREADS: usize = 2;

/// A run of many seeds ends after so many counter-examples.
const FAILURES_SHOWN: usize = 8;

/// Seeds that once failed, run first.
const REGRESSIONS: &str = include_str!("regressions.txt");

/// One whole run of one seed.
pub fn run(seed: u64, safeguards: Safeguards) -> Result<Report, Violation> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let profile = Profile::draw(&mut rng);
    World::new(rng.u64(..), profile, safeguards).run()
}

/// The counter-example in words, with the command that shows it again.
fn counter_example(seed: u64) -> Option<String> {
    let violation = run(seed, Safeguards::default()).err()?;
    let profile = Profile::draw(&mut fastrand::Rng::with_seed(seed));
    Some(format!(
        "seed {seed} breaks {}: {}\n  replay: STARLING_SIM_SEED={seed} cargo nextest run --test sim all_invariants\n  {profile:?}",
        violation.invariant, violation.detail
    ))
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name)
        .ok()
        .map(|text| text.parse().expect("a number"))
}

/// How many seeds: as the environment says, many in the long form.
pub fn wanted(short: u64) -> u64 {
    let long = std::env::var_os("STARLING_LONG").map(|_| SEEDS_LONG);
    number("STARLING_SIM_SEEDS").or(long).unwrap_or(short)
}

/// Tries all seeds and fails with the first few counter-examples; only one if the environment names it.
pub fn search(seeds: impl Iterator<Item = u64>, example: impl Fn(u64) -> Option<String> + Sync) {
    let seeds: Vec<u64> = match number("STARLING_SIM_SEED") {
        Some(seed) => vec![seed],
        None => seeds.collect(),
    };
    let found = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let mine = seeds.iter().skip(thread).step_by(THREADS);
            scope.spawn(|| {
                for &seed in mine {
                    found.lock().unwrap().extend(example(seed));
                    if found.lock().unwrap().len() >= FAILURES_SHOWN {
                        break;
                    }
                }
            });
        }
    });
    println!("{} seeds", seeds.len());
    let found = found.into_inner().unwrap();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn all_invariants_hold_for_every_seed() {
    search(
        kept(REGRESSIONS).chain(0..wanted(SEEDS_DEFAULT)),
        counter_example,
    );
}

/// The seeds of a file that keeps those that once failed.
pub fn kept(file: &'static str) -> impl Iterator<Item = u64> {
    let lines = file
        .lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim());
    lines
        .filter(|line| !line.is_empty())
        .map(|line| line.parse().expect("regressions.txt holds seeds"))
}

#[test]
fn the_same_seed_gives_the_same_trace() {
    for seed in 0..20 {
        assert_eq!(
            run(seed, Safeguards::default()),
            run(seed, Safeguards::default()),
            "seed {seed}"
        );
    }
    let traces: Vec<u64> = (0..20)
        .filter_map(|seed| run(seed, Safeguards::default()).ok())
        .map(|r| r.trace)
        .collect();
    assert!(
        traces.windows(2).all(|pair| pair[0] != pair[1]),
        "different seeds, different runs"
    );
}

/// What the runs must have met, lest they prove nothing.
const MET: &[&str] = &[
    "committed_known",
    "dropped_forged",
    "dropped_length",
    "dropped_magic",
    "dropped_own",
    "dropped_replayed",
    "dropped_unknown_sender",
    "entries_announced",
    "entries_delivered_bus",
    "entries_delivered_own",
    "entries_delivered_store",
    "entries_duplicate",
    "entries_overflowed",
    "holes_repaired_bus",
    "holes_repaired_store",
    "loop_late",
    "nacks_in",
    "peers_down",
    "registry_failures",
    "repairs_guarded",
    "repairs_out",
    "repairs_refused",
    "send_queue_overflows",
    "signals_in",
    "store_confirms",
    "store_failures",
    "tail_beats_out",
];

#[test]
fn the_runs_meet_every_trouble_they_are_about() {
    let mut met = BTreeMap::new();
    for seed in 0..300 {
        let report = run(seed, Safeguards::default()).expect("proved above");
        for (name, value) in report.counters {
            *met.entry(name).or_insert(0) += value;
        }
    }
    let unmet: Vec<_> = MET
        .iter()
        .filter(|name| met.get(*name).is_none_or(|&count| count == 0))
        .collect();
    assert!(unmet.is_empty(), "{unmet:?} never happened");
}
