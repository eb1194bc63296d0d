//! The faults of one run in order: every repetition spelled out, every victim drawn from the seed.
//!
//! Pure: the same scenario and seed give the same timeline. Also draws whole timelines for `random`.

use serde::Serialize;

use crate::scenario::{Checks, ClusterPlan, Direction, Fault, Load, Long, Scenario, What};

/// A process needs so long to be ready again; it is no victim before.
const RECOVERY_SECONDS: f64 = 2.0;
const REPETITIONS_MAX: usize = 10_000;

/// One beginning or end.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Step {
    pub(crate) at: f64,
    /// Which of the run's faults.
    pub(crate) fault: usize,
    pub(crate) begins: bool,
}

/// All faults of a run.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Timeline {
    /// Each happens once, its nodes named.
    pub(crate) faults: Vec<Fault>,
    /// Ascending by time.
    pub(crate) steps: Vec<Step>,
}

impl Timeline {
    pub(crate) fn of(scenario: &Scenario, seed: u64) -> Timeline {
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x7469_6d65);
        let mut faults = repeated(scenario);
        let nodes = scenario.cluster.nodes;
        let mut busy_until = vec![0.0_f64; nodes];
        for fault in &mut faults {
            if !fault.what.is_about_processes() {
                continue;
            }
            let end = fault.at + fault.lasts + RECOVERY_SECONDS;
            if fault.nodes.is_none() {
                let free: Vec<usize> = (0..nodes).filter(|n| busy_until[*n] <= fault.at).collect();
                // One node stays up, so that there is somebody to serve the clients.
                fault.nodes = Some(if free.len() > 1 || nodes == 1 {
                    rng.choice(free).into_iter().collect()
                } else {
                    Vec::new()
                });
            }
            for node in fault.nodes.iter().flatten() {
                busy_until[*node] = busy_until[*node].max(end);
            }
        }
        faults.retain(|fault| {
            !fault.what.is_about_processes() || fault.nodes.as_ref().is_some_and(|n| !n.is_empty())
        });
        let mut steps = Vec::new();
        for (index, fault) in faults.iter().enumerate() {
            let step = |at: f64, begins| Step {
                at: at.min(scenario.seconds),
                fault: index,
                begins,
            };
            steps.push(step(fault.at, true));
            steps.push(step(fault.at + fault.lasts, false));
        }
        steps.sort_by(|a, b| a.at.total_cmp(&b.at));
        Timeline { faults, steps }
    }
}

/// The scenario's faults with each repetition, by time.
fn repeated(scenario: &Scenario) -> Vec<Fault> {
    let mut all = Vec::new();
    for fault in &scenario.faults {
        let mut at = fault.at;
        while at < scenario.seconds && all.len() < REPETITIONS_MAX {
            all.push(Fault {
                at,
                every: None,
                ..fault.clone()
            });
            let Some(every) = fault.every else { break };
            at += every;
        }
    }
    all.sort_by(|a, b| a.at.total_cmp(&b.at));
    all
}

/// A scenario drawn from a seed: some load, and a few faults that may overlap.
pub(crate) fn random(seed: u64, seconds: f64) -> Scenario {
    let mut rng = fastrand::Rng::with_seed(seed);
    let users = rng.usize(8..40);
    let nodes = rng.usize(2..=4);
    let load = Load {
        users,
        devices: rng.usize(1..=2),
        groups: (0..rng.usize(1..4)).map(|_| rng.usize(2..=users)).collect(),
        pairs: rng.usize(0..users),
        rate: 20.0 + 80.0 * rng.f64(),
        text_bytes: [1, rng.usize(10..2_000)],
        churn: if rng.bool() { 120.0 * rng.f64() } else { 0.0 },
        comings: if rng.bool() { 60.0 * rng.f64() } else { 0.0 },
        ..Load::default()
    };
    let faults = (0..rng.usize(2..6))
        .map(|_| draw(&mut rng, nodes, seconds))
        .collect();
    Scenario {
        name: format!("random-{seed}"),
        about: format!("drawn from seed {seed}"),
        seconds,
        settle_seconds: 30.0,
        cluster: ClusterPlan {
            nodes,
            ..ClusterPlan::default()
        },
        load,
        faults,
        checks: Checks::default(),
        long: Long::default(),
    }
}

fn draw(rng: &mut fastrand::Rng, nodes: usize, seconds: f64) -> Fault {
    let at = (seconds * 0.8 * rng.f64() * 10.0).round() / 10.0;
    let lasts = (1.0 + seconds * 0.3 * rng.f64()).round();
    let mut fault = Fault::new(What::Network, at, lasts);
    if rng.bool() {
        fault.nodes = Some(vec![rng.usize(..nodes)]);
    }
    match rng.u8(..10) {
        0..=3 => {
            fault.loss = (40.0 * rng.f64()).round() / 100.0;
            fault.duplicate = (20.0 * rng.f64()).round() / 100.0;
            fault.reorder = (20.0 * rng.f64()).round() / 100.0;
            fault.corrupt = (5.0 * rng.f64()).round() / 100.0;
            fault.direction = *rng
                .choice(&[Direction::In, Direction::Out, Direction::Both])
                .unwrap_or(&Direction::Both);
        }
        4 => fault.what = What::Blackout,
        5 => {
            fault.what = What::Split;
            fault.nodes = None;
            let cut = rng.usize(1..nodes);
            fault.parts = vec![(0..cut).collect(), (cut..nodes).collect()];
        }
        6 => fault.what = What::Kill,
        7 => fault.what = What::Restart,
        8 => {
            fault.what = What::Garbage;
            fault.nodes = None;
            fault.rate = rng.u64(100..5_000);
        }
        _ => {
            fault.what = What::Cut;
            fault.nodes = None;
            fault.clients = rng.usize(1..8);
            fault.every = Some(1.0);
        }
    }
    fault
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    fn scenario(faults: &str) -> Scenario {
        let text = format!("name=\"x\"\nabout=\"y\"\nseconds=20\n{faults}");
        Scenario::parse(&text, Path::new("x")).unwrap()
    }

    #[test]
    fn a_repeated_kill_never_takes_the_last_node_and_is_the_same_for_the_same_seed() {
        let scenario = scenario("[[faults]]\nat=1\nfor=2\nevery=1\nwhat=\"kill\"\n");
        let timeline = Timeline::of(&scenario, 7);
        assert!(timeline.faults.len() > 5);
        let mut down = std::collections::BTreeSet::new();
        for step in &timeline.steps {
            let nodes = timeline.faults[step.fault].nodes.clone().unwrap();
            for node in nodes {
                let changed = if step.begins {
                    down.insert(node)
                } else {
                    down.remove(&node)
                };
                assert!(changed, "node {node} at {}", step.at);
            }
            assert!(down.len() < 3);
        }
        let again = serde_json::to_string(&Timeline::of(&scenario, 7)).unwrap();
        assert_eq!(serde_json::to_string(&timeline).unwrap(), again);
        assert_ne!(
            serde_json::to_string(&Timeline::of(&scenario, 8)).unwrap(),
            again
        );
    }

    #[test]
    fn what_is_drawn_is_a_scenario_and_the_same_for_the_same_seed() {
        for seed in 0..200 {
            let drawn = toml::to_string(&random(seed, 20.0)).unwrap();
            Scenario::parse(&drawn, Path::new("drawn")).unwrap();
            assert_eq!(drawn, toml::to_string(&random(seed, 20.0)).unwrap());
        }
    }
}
