//! What a run showed, in figures: everything the reports print and a later run can be repeated from.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use crate::check::{
    Delivery, PROMISES, Percentiles, Truth, Verdict, absences, deliveries, percentiles,
};
use crate::client::Ledger;
use crate::inject::Mark;
use crate::run::Order;
use crate::scenario::{Checks, Form};
use crate::timeline::Timeline;
use crate::watch::{self, Sample};

/// Counters that tell what the bus went through.
pub(crate) const COUNTERS: [&str; 12] = [
    "holes_seen",
    "holes_repaired_bus",
    "holes_repaired_store",
    "dropped_length",
    "dropped_magic",
    "dropped_other_cluster",
    "dropped_forged",
    "dropped_replayed",
    "dropped_unknown_sender",
    "kernel_drops",
    "sends_blocked",
    "connections_slow",
];

/// A figure somebody asked for.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub(crate) name: String,
    pub(crate) wanted: String,
    pub(crate) got: String,
    pub(crate) held: bool,
    /// Whether it counts in this form.
    pub(crate) judged: bool,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Promise {
    pub(crate) id: &'static str,
    pub(crate) text: &'static str,
    pub(crate) broken: usize,
}

/// One stretch of time in the plots.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Bucket {
    pub(crate) at: f64,
    pub(crate) latency: Percentiles,
    pub(crate) sent: f64,
    pub(crate) acked: f64,
    pub(crate) received: f64,
    pub(crate) online: u64,
    pub(crate) holes: f64,
    pub(crate) by_bus: f64,
    pub(crate) by_store: f64,
    pub(crate) memory_mib: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct NodeFigures {
    pub(crate) name: String,
    pub(crate) memory_mib_max: f64,
    /// Processor time over the run, in percent of a core, restarts apart.
    pub(crate) cpu_percent: f64,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) scenario: String,
    pub(crate) about: String,
    pub(crate) form: Form,
    pub(crate) seed: u64,
    pub(crate) version: &'static str,
    pub(crate) command: String,
    /// Milliseconds since 1970 UTC.
    pub(crate) ended_at: u64,
    pub(crate) seconds: f64,
    pub(crate) passed: bool,
    pub(crate) promises: Vec<Promise>,
    pub(crate) checks: Vec<Check>,
    pub(crate) verdict: Verdict,
    /// From send to sight on another node: before the first fault, while faults last, afterwards.
    pub(crate) calm: Percentiles,
    pub(crate) faults: Percentiles,
    pub(crate) after: Percentiles,
    /// On the same node, over the whole run.
    pub(crate) same_node: Percentiles,
    /// Until everything said during the faults was seen, counted from the end of the last one.
    pub(crate) healed_ms: f64,
    /// From losing a connection to having everything on the next.
    pub(crate) absences: Percentiles,
    pub(crate) counters: BTreeMap<&'static str, u64>,
    pub(crate) switch: Vec<(&'static str, u64)>,
    pub(crate) nodes: Vec<NodeFigures>,
    pub(crate) marks: Vec<Mark>,
    pub(crate) buckets: Vec<Bucket>,
    /// The scenario as it ran, for `replay`.
    pub(crate) toml: String,
}

impl Outcome {
    #[expect(
        clippy::too_many_arguments,
        reason = "everything a run leaves behind meets here"
    )]
    pub(crate) fn gather(
        order: &Order<'_>,
        timeline: &Timeline,
        marks: Vec<Mark>,
        samples: &[Sample],
        ledgers: &[Ledger],
        truth: &Truth,
        mut verdict: Verdict,
        switch: Vec<(&'static str, u64)>,
    ) -> Outcome {
        let scenario = order.scenario;
        let seen = deliveries(ledgers, truth);
        let first = timeline.steps.first().map_or(f64::MAX, |step| step.at);
        let last = marks.iter().filter_map(|mark| mark.to).fold(0.0, f64::max);
        let times = |fits: &dyn Fn(&Delivery) -> bool| {
            percentiles(seen.iter().filter(|d| fits(d)).map(|d| d.seconds))
        };
        let calm = times(&|d| d.crosses && d.sent_at < first);
        let faults = times(&|d| d.crosses && d.sent_at >= first && d.sent_at <= last);
        let away = percentiles(absences(ledgers));
        let figures = Figures {
            calm,
            faults,
            away,
            // A message of the last moments of the faults, seen so long after them.
            healed_ms: seen
                .iter()
                .filter(|d| d.sent_at <= last && d.seen_at > last)
                .map(|d| (d.seen_at - last) * 1_000.0)
                .fold(0.0, f64::max),
            extra_cpu: extra_cpu(samples, first, &marks),
            caught_up: verdict.caught_up,
            repeats: order.recorded.is_some(),
            files: (scenario.load.files > 0.0).then_some(verdict.files),
            told_old: scenario.load.speaks_old().then_some(verdict.told_old),
            nodes: node_figures(samples),
            samples,
        };
        let judged = order.form == Form::Long || order.judge_figures;
        let checks = figures.judge(&scenario.checks, judged);
        verdict.findings.truncate(FINDINGS_REPORTED);
        let passed = verdict.is_clean() && checks.iter().all(|check| check.held || !check.judged);
        Outcome {
            scenario: scenario.name.clone(),
            about: scenario.about.clone(),
            form: order.form,
            seed: order.seed,
            version: env!("CARGO_PKG_VERSION"),
            command: std::env::args().collect::<Vec<_>>().join(" "),
            ended_at: unix_millis(),
            seconds: scenario.seconds,
            passed,
            promises: promises(&verdict),
            checks,
            calm,
            faults,
            after: times(&|d| d.crosses && last > 0.0 && d.sent_at > last),
            same_node: times(&|d| !d.crosses),
            healed_ms: figures.healed_ms,
            absences: away,
            counters: COUNTERS
                .iter()
                .map(|name| (*name, watch::moved_in_all(samples, name)))
                .collect(),
            switch,
            nodes: figures.nodes,
            buckets: buckets(&seen, samples),
            marks,
            toml: toml::to_string(scenario).unwrap_or_default(),
            verdict,
        }
    }
}

/// The rest is counted, not told.
const FINDINGS_REPORTED: usize = 20;
/// Points of a plot, about.
const BUCKETS: f64 = 160.0;
const BUCKET_SECONDS_MIN: f64 = 0.5;
/// Nodes are looked at twice a second.
const CPU_SPAN_SECONDS_MIN: f64 = 2.0;

#[expect(
    clippy::disallowed_methods,
    reason = "a report tells people when it was made"
)]
fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| {
        u64::try_from(since.as_millis()).unwrap_or_default()
    })
}

fn promises(verdict: &Verdict) -> Vec<Promise> {
    PROMISES
        .iter()
        .map(|(id, text)| Promise {
            id,
            text,
            broken: verdict
                .counts
                .iter()
                .filter(|(defect, _)| defect.promise() == *id)
                .map(|(_, count)| count)
                .sum(),
        })
        .collect()
}

struct Figures<'a> {
    calm: Percentiles,
    faults: Percentiles,
    away: Percentiles,
    healed_ms: f64,
    extra_cpu: f64,
    caught_up: usize,
    /// What an earlier run heard was said again.
    repeats: bool,
    /// Where files were asked for.
    files: Option<usize>,
    /// Where users of old dialects were asked for.
    told_old: Option<usize>,
    nodes: Vec<NodeFigures>,
    samples: &'a [Sample],
}

impl Figures<'_> {
    fn judge(&self, checks: &Checks, judged: bool) -> Vec<Check> {
        let mut all = Vec::new();
        let mut at_most = |name: &str, unit: &str, limit: Option<f64>, got: f64| {
            if let Some(limit) = limit {
                all.push(Check {
                    name: name.to_owned(),
                    wanted: format!("at most {limit} {unit}"),
                    got: format!("{got:.1} {unit}"),
                    held: got <= limit,
                    judged,
                });
            }
        };
        // A run in which nothing goes wrong is judged as a whole.
        let (name, p99) = match self.faults.count {
            0 => ("p99 to another node", self.calm.p99),
            _ => ("p99 to another node during faults", self.faults.p99),
        };
        at_most(name, "ms", checks.p99_ms, p99);
        let ratio = self.faults.p99 / self.calm.p99.max(1.0);
        at_most(
            "the same beside the calm before",
            "times",
            checks.p99_times_calm,
            ratio,
        );
        at_most(
            "healed after the last fault",
            "ms",
            checks.healed_ms,
            self.healed_ms,
        );
        at_most(
            "back elsewhere with everything",
            "ms",
            checks.back_ms,
            self.away.max,
        );
        let memory = self
            .nodes
            .iter()
            .map(|node| node.memory_mib_max)
            .fold(0.0, f64::max);
        at_most(
            "memory of the largest node",
            "MiB",
            checks.memory_mib,
            memory,
        );
        at_most(
            "extra processor time of the busiest node",
            "%",
            checks.extra_cpu_percent,
            self.extra_cpu,
        );
        all.extend(self.moved(checks));
        all
    }

    /// Without its fault a run proves nothing, however short: these are always judged.
    fn moved(&self, checks: &Checks) -> Vec<Check> {
        let earlier = self.repeats.then_some("dropped_unknown_sender");
        let counters = checks.moved.iter().map(String::as_str).chain(earlier);
        let counters = counters.map(|counter| {
            (
                format!("{counter} moved"),
                watch::moved_in_all(self.samples, counter),
            )
        });
        let behind = checks.caught_up.then(|| {
            (
                "somebody fell behind and caught up".to_owned(),
                self.caught_up as u64,
            )
        });
        let files = self
            .files
            .map(|files| ("files came to their readers".to_owned(), files as u64));
        let told_old = self
            .told_old
            .map(|told| ("users of old dialects were told".to_owned(), told as u64));
        let check = |(name, moved): (String, u64)| Check {
            name,
            wanted: "more than 0".to_owned(),
            got: moved.to_string(),
            held: moved > 0,
            judged: true,
        };
        let all = counters.chain(behind).chain(files).chain(told_old);
        all.map(check).collect()
    }
}

/// Processor time per second between two moments, of each node, in percent of a core.
fn cpu_percent(samples: &[Sample], node: usize, from: f64, to: f64) -> f64 {
    let (mut used, mut time) = (0.0, 0.0);
    for pair in samples
        .windows(2)
        .filter(|pair| pair[0].at >= from && pair[1].at <= to)
    {
        let of = |sample: &Sample| sample.nodes.get(node).map_or(0.0, |node| node.cpu_seconds);
        // Less than before: another process.
        if of(&pair[1]) >= of(&pair[0]) {
            used += of(&pair[1]) - of(&pair[0]);
            time += pair[1].at - pair[0].at;
        }
    }
    if time > 0.0 { used / time * 100.0 } else { 0.0 }
}

/// The most that any node used during any one fault beyond the calm; short ones have too few samples.
fn extra_cpu(samples: &[Sample], first: f64, marks: &[Mark]) -> f64 {
    let nodes = samples.first().map_or(0, |sample| sample.nodes.len());
    let spans: Vec<(f64, f64)> = marks
        .iter()
        .filter_map(|mark| Some((mark.from, mark.to?)))
        .filter(|(from, to)| to - from >= CPU_SPAN_SECONDS_MIN)
        .collect();
    (0..nodes)
        .flat_map(|node| spans.iter().map(move |span| (node, *span)))
        .map(|(node, (from, to))| {
            cpu_percent(samples, node, from, to) - cpu_percent(samples, node, 0.0, first)
        })
        .fold(0.0, f64::max)
}

fn node_figures(samples: &[Sample]) -> Vec<NodeFigures> {
    let first = samples
        .first()
        .map(|sample| sample.nodes.as_slice())
        .unwrap_or_default();
    first
        .iter()
        .enumerate()
        .map(|(index, node)| NodeFigures {
            name: node.name.clone(),
            memory_mib_max: samples
                .iter()
                .filter_map(|s| s.nodes.get(index))
                .map(|n| n.memory_mib)
                .fold(0.0, f64::max),
            cpu_percent: cpu_percent(samples, index, 0.0, f64::MAX),
        })
        .collect()
}

fn buckets(seen: &[Delivery], samples: &[Sample]) -> Vec<Bucket> {
    let end = samples.last().map_or(1.0, |sample| sample.at);
    let width = (end / BUCKETS).max(BUCKET_SECONDS_MIN);
    let mut all = Vec::new();
    let mut from = 0.0;
    while from < end {
        let to = from + width;
        let here = seen.iter().filter(|d| d.seen_at >= from && d.seen_at < to);
        let before = samples
            .iter()
            .rev()
            .find(|sample| sample.at <= from)
            .or(samples.first());
        let after = samples
            .iter()
            .find(|sample| sample.at >= to)
            .or(samples.last());
        if let (Some(before), Some(after)) = (before, after) {
            let time = (after.at - before.at).max(0.001);
            let rate = |now: u64, then: u64| now.saturating_sub(then) as f64 / time;
            let moved = |counter| watch::moved(before, after, counter) as f64 / time;
            all.push(Bucket {
                at: from,
                latency: percentiles(here.map(|d| d.seconds)),
                sent: rate(after.counts.sent, before.counts.sent),
                acked: rate(after.counts.acked, before.counts.acked),
                received: rate(after.counts.received, before.counts.received),
                online: after.counts.online,
                holes: moved("holes_seen"),
                by_bus: moved("holes_repaired_bus"),
                by_store: moved("holes_repaired_store"),
                memory_mib: after
                    .nodes
                    .iter()
                    .map(|node| node.memory_mib)
                    .fold(0.0, f64::max),
            });
        }
        from = to;
    }
    all
}
