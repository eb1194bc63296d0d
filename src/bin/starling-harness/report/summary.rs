//! Several runs as the rows of one table, in Markdown: what docs/reliability.md shows.

use std::fmt::Write as _;

use crate::outcome::Outcome;

const HEAD: &str = "\
| scenario | verdict | sent | deliveries | p99 calm | p99 faults | times | healed | away | MiB | |
|---|---|--:|--:|--:|--:|--:|--:|--:|--:|---|
";

/// One row each; times are in milliseconds.
pub(super) fn table(outcomes: &[Outcome]) -> String {
    let mut text = HEAD.to_owned();
    for outcome in outcomes {
        let verdict = &outcome.verdict;
        let (calm, faults) = (outcome.calm, outcome.faults);
        let figure = |is_there: bool, value: f64, digits: usize| match is_there {
            true => format!("{value:.digits$}"),
            false => "–".to_owned(),
        };
        let memory = outcome.nodes.iter().map(|node| node.memory_mib_max);
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "| `{}` | {} | {} | {} | {} | {} | {} | {} | {} | {:.0} | {} |",
            outcome.scenario,
            if outcome.passed { "passed" } else { "FAILED" },
            verdict.sent,
            verdict.deliveries_ok,
            figure(calm.count > 0, calm.p99, 1),
            figure(faults.count > 0, faults.p99, 1),
            figure(calm.count > 0 && faults.count > 0, faults.p99 / calm.p99, 1),
            figure(outcome.healed_ms > 0.0, outcome.healed_ms, 1),
            figure(outcome.absences.count > 0, outcome.absences.max, 0),
            memory.fold(0.0, f64::max),
            remarks(outcome),
        );
    }
    text
}

/// What is wrong, and what else the run went through.
fn remarks(outcome: &Outcome) -> String {
    let mut all = Vec::new();
    let found = outcome.verdict.counts.iter();
    all.extend(found.map(|(defect, count)| format!("**{count} {}**", defect.name())));
    let missed = outcome.checks.iter().filter(|c| c.judged && !c.held);
    all.extend(missed.map(|c| format!("**{}: {}, wanted {}**", c.name, c.got, c.wanted)));
    let counter = |name: &str| outcome.counters.get(name).copied().unwrap_or_default();
    all.push(format!(
        "{} repairs by the bus, {} by the store",
        counter("holes_repaired_bus"),
        counter("holes_repaired_store")
    ));
    let verdict = &outcome.verdict;
    let counts = [
        (verdict.caught_up as u64, "entries caught up"),
        (verdict.undone as u64, "messages undone by backups"),
        (verdict.files as u64, "files"),
        (verdict.told_old as u64, "told to old dialects"),
        (counter("dropped_replayed"), "replays refused"),
        (counter("dropped_unknown_sender"), "of unknown senders"),
        (
            counter("dropped_magic") + counter("dropped_other_cluster") + counter("dropped_length"),
            "of rubbish",
        ),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    all.extend(counts.map(|(count, what)| format!("{count} {what}")));
    all.join("; ")
}
