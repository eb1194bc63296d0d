//! What the terminal shows at the end.

use std::fmt::Write as _;

use crate::check::Percentiles;
use crate::outcome::Outcome;

/// The first counter-example with its history; nothing when there is none.
pub(crate) fn counter_example(outcome: &Outcome) -> Option<String> {
    let finding = outcome.verdict.findings.first()?;
    let mut text = format!(
        "COUNTER-EXAMPLE to {}: {} at {:.3} s, {}\n  {}\n",
        finding.defect.promise(),
        finding.defect.name(),
        finding.at,
        finding.client,
        finding.what
    );
    for line in &finding.history {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "    {line}");
    }
    Some(text)
}

/// Everything else.
pub(crate) fn table(outcome: &Outcome) -> String {
    let mut text = String::new();
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<42} {value}");
    };
    let verdict = &outcome.verdict;
    line(
        "clients, connections",
        format!("{}, {}", verdict.clients, verdict.connections),
    );
    line(
        "sent, acknowledged, refused",
        format!("{}, {}, {}", verdict.sent, verdict.acked, verdict.refused),
    );
    line("stored", verdict.stored.to_string());
    line(
        "deliveries, live, catching up",
        format!(
            "{}, {}, {}",
            verdict.deliveries_ok, verdict.live, verdict.caught_up
        ),
    );
    line(
        "put off, found again, undone, resets",
        format!(
            "{}, {}, {}, {}",
            verdict.put_off, verdict.found_again, verdict.undone, verdict.resets
        ),
    );
    for (name, value) in files_and_old_clients(outcome) {
        line(name, value);
    }
    line("to another node: calm", latency(outcome.calm));
    line("to another node: during faults", latency(outcome.faults));
    line("to another node: afterwards", latency(outcome.after));
    line("away until everything was there", latency(outcome.absences));
    for (name, count) in outcome.counters.iter().filter(|(_, count)| **count > 0) {
        line(name, count.to_string());
    }
    for (name, count) in &outcome.switch {
        line(&format!("switch: {name}"), count.to_string());
    }
    for node in &outcome.nodes {
        line(
            &node.name,
            format!(
                "{:.0} MiB at most, {:.0} % of a core",
                node.memory_mib_max, node.cpu_percent
            ),
        );
    }
    judgements(&mut text, outcome);
    text
}

/// Where the load had any.
pub(super) fn files_and_old_clients(outcome: &Outcome) -> Vec<(&'static str, String)> {
    let verdict = &outcome.verdict;
    let mut lines = Vec::new();
    if verdict.files > 0 {
        lines.push((
            "files that came as they were sent",
            verdict.files.to_string(),
        ));
    }
    if verdict.told_old > 0 {
        let broken = (verdict.unread, verdict.untold, verdict.told_again);
        lines.extend([
            (
                "said by old pages, which hear no acks",
                verdict.said_by_pages.to_string(),
            ),
            ("told to old dialects", verdict.told_old.to_string()),
            (
                "old pages: unread, untold, told again",
                format!("{}, {}, {}", broken.0, broken.1, broken.2),
            ),
        ]);
    }
    lines
}

/// What was promised and asked for, and whether it held.
fn judgements(text: &mut String, outcome: &Outcome) {
    let mut line = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<52} {value}");
    };
    for promise in &outcome.promises {
        let state = if promise.broken == 0 {
            "held".to_owned()
        } else {
            format!("BROKEN {} times", promise.broken)
        };
        line(&format!("{} {}", promise.id, promise.text), state);
    }
    for (defect, count) in &outcome.verdict.counts {
        line(&format!("found: {}", defect.name()), count.to_string());
    }
    for check in &outcome.checks {
        let state = match (check.held, check.judged) {
            (true, _) => "held",
            (false, true) => "MISSED",
            (false, false) => "missed (not judged in this form)",
        };
        line(
            &check.name,
            format!("{}, wanted {}: {state}", check.got, check.wanted),
        );
    }
}

fn latency(p: Percentiles) -> String {
    if p.count == 0 {
        return "-".to_owned();
    }
    format!(
        "p50 {:.1}  p90 {:.1}  p99 {:.1}  max {:.1} ms  ({})",
        p.p50, p.p90, p.p99, p.max, p.count
    )
}
