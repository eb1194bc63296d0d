//! Looks at the nodes twice a second: memory, processor time, and the counters of the bus on their cluster page.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;
use tokio::time::{MissedTickBehavior, interval};

use crate::client::{RunClock, api};
use crate::cluster::Cluster;
use crate::progress::Progress;
use crate::tally::{Counts, Tally};

const LOOK_EVERY: Duration = Duration::from_millis(500);
const ANSWER_WITHIN: Duration = Duration::from_millis(400);

/// One node at one moment.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct NodeSample {
    pub(crate) name: String,
    pub(crate) running: bool,
    pub(crate) memory_mib: f64,
    /// Of this process so far.
    pub(crate) cpu_seconds: f64,
    /// Counters of the bus and the node; empty when it did not answer in time.
    pub(crate) counters: BTreeMap<String, u64>,
}

/// Everything at one moment.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Sample {
    pub(crate) at: f64,
    pub(crate) counts: Counts,
    pub(crate) nodes: Vec<NodeSample>,
}

/// Looks until it is dropped.
pub(crate) async fn watch(
    cluster: &Cluster,
    token: &str,
    clock: RunClock,
    tally: &Arc<Tally>,
    progress: &Progress,
    clients: usize,
    samples: &mut Vec<Sample>,
) {
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let sample = look(cluster, token, clock, tally).await;
        progress.show(sample.at, sample.counts, clients);
        samples.push(sample);
    }
}

/// Looks once.
pub(crate) async fn look(cluster: &Cluster, token: &str, clock: RunClock, tally: &Tally) -> Sample {
    let looks = cluster.nodes.iter().map(|node| async move {
        let page = tokio::time::timeout(ANSWER_WITHIN, api::cluster(node.http, token)).await;
        NodeSample {
            name: node.name.clone(),
            running: node.is_running(),
            memory_mib: node.resident_mib().unwrap_or_default(),
            cpu_seconds: node.cpu_seconds().unwrap_or_default(),
            counters: page
                .ok()
                .and_then(Result::ok)
                .map(|page| counters(&page))
                .unwrap_or_default(),
        }
    });
    let nodes = futures_util::future::join_all(looks).await;
    Sample {
        at: clock.now(),
        counts: tally.now(),
        nodes,
    }
}

fn counters(page: &Value) -> BTreeMap<String, u64> {
    ["bus", "node"]
        .iter()
        .filter_map(|part| page[*part].as_object())
        .flatten()
        .filter_map(|(name, value)| Some((name.clone(), value.as_u64()?)))
        .collect()
}

/// How much a counter of all nodes together moved between two samples; a node that began anew counts from 0.
pub(crate) fn moved(before: &Sample, after: &Sample, counter: &str) -> u64 {
    before
        .nodes
        .iter()
        .zip(&after.nodes)
        .map(|(before, after)| {
            let then = before.counters.get(counter).copied().unwrap_or_default();
            let now = after.counters.get(counter).copied();
            now.map_or(0, |now| if now >= then { now - then } else { now })
        })
        .sum()
}

/// How much it moved over all samples.
pub(crate) fn moved_in_all(samples: &[Sample], counter: &str) -> u64 {
    let mut total = 0;
    let nodes = samples.first().map_or(0, |sample| sample.nodes.len());
    for node in 0..nodes {
        // A frozen node answers nothing; that is no new start.
        let counts = samples
            .iter()
            .filter_map(|sample| sample.nodes.get(node)?.counters.get(counter));
        let mut last = None;
        for now in counts {
            // What was counted before the first look is not of this run.
            let before = *last.get_or_insert(*now);
            total += if *now >= before { now - before } else { *now };
            last = Some(*now);
        }
    }
    total
}
