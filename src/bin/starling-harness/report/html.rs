//! One page that needs nothing else: no script, no request, readable in light and dark and on a phone.

use std::fmt::Write as _;

use super::plot::{Plot, Series};
use super::table::files_and_old_clients;
use crate::check::Percentiles;
use crate::outcome::{Bucket, Outcome};
use crate::scenario::Form;

const STYLE: &str = include_str!("page.css");
/// Faults listed one by one; a churn of hundreds is told by its plot.
const MARKS_LISTED: usize = 40;

pub(super) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}

pub(super) fn page(outcome: &Outcome) -> String {
    let mut body = String::new();
    head(&mut body, outcome);
    promises(&mut body, outcome);
    evidence(&mut body, outcome);
    body.push_str("<section><h2>Over time</h2><p class=\"note\">Shaded: a fault is in force.</p>");
    for plot in plots(outcome) {
        body.push_str(&plot.draw(&outcome.marks));
    }
    body.push_str("</section>");
    figures(&mut body, outcome);
    timeline(&mut body, outcome);
    let toml = escape(&outcome.toml);
    let _ = write!(
        body,
        "<section><h2>The scenario</h2><details><summary>As it ran</summary><pre>{toml}</pre></details></section>"
    );
    format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><meta name=\"color-scheme\" content=\"light dark\">\
         <title>{} – starling-harness</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>\n",
        escape(&outcome.scenario)
    )
}

fn head(body: &mut String, outcome: &Outcome) {
    let (class, word) = if outcome.passed {
        ("good", "All promises held")
    } else {
        ("bad", "Failed")
    };
    let form = match outcome.form {
        Form::Short => "short form",
        Form::Long => "long form",
    };
    let verdict = &outcome.verdict;
    // Writing to a string cannot fail.
    let _ = write!(
        body,
        "<header class=\"{class}\"><p class=\"verdict\">{word}</p><h1>{}</h1><p>{}</p><p class=\"note\">{form}, {} s, seed {}, Starling {}</p></header>",
        escape(&outcome.scenario),
        escape(&outcome.about),
        outcome.seconds,
        outcome.seed,
        outcome.version
    );
    let tiles = [
        ("sent", verdict.sent.to_string()),
        ("deliveries checked", verdict.deliveries_ok.to_string()),
        ("connections", verdict.connections.to_string()),
        ("p99 in the calm", milliseconds(outcome.calm)),
        ("p99 during faults", milliseconds(outcome.faults)),
        (
            "longest absence",
            if outcome.absences.count == 0 {
                "–".to_owned()
            } else {
                format!("{:.0} ms", outcome.absences.max)
            },
        ),
    ];
    body.push_str("<section class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(body, "<div><b>{value}</b><span>{name}</span></div>");
    }
    body.push_str("</section>");
}

fn milliseconds(p: Percentiles) -> String {
    if p.count == 0 {
        "–".to_owned()
    } else {
        format!("{:.1} ms", p.p99)
    }
}

fn promises(body: &mut String, outcome: &Outcome) {
    body.push_str("<section><h2>Promises</h2><table><tbody>");
    for promise in &outcome.promises {
        let (class, state) = if promise.broken == 0 {
            ("good", "held".to_owned())
        } else {
            ("bad", format!("broken {} times", promise.broken))
        };
        let _ = write!(
            body,
            "<tr><th>{}</th><td>{}</td><td class=\"{class}\">{state}</td></tr>",
            promise.id, promise.text
        );
    }
    for check in &outcome.checks {
        let (class, state) = match (check.held, check.judged) {
            (true, _) => ("good", "held"),
            (false, true) => ("bad", "missed"),
            (false, false) => ("dim", "missed, not judged in this form"),
        };
        let _ = write!(
            body,
            "<tr><th></th><td>{}: {} <span class=\"dim\">(wanted {})</span></td><td class=\"{class}\">{state}</td></tr>",
            escape(&check.name),
            escape(&check.got),
            escape(&check.wanted)
        );
    }
    body.push_str("</tbody></table></section>");
}

/// The first counter-example in full, the others in a line each.
fn evidence(body: &mut String, outcome: &Outcome) {
    let Some(first) = outcome.verdict.findings.first() else {
        return;
    };
    let _ = write!(
        body,
        "<section><h2>First counter-example</h2><p><b class=\"bad\">{}: {}</b> at {:.3} s, {}</p><p>{}</p><pre>{}</pre>",
        first.defect.promise(),
        first.defect.name(),
        first.at,
        escape(&first.client),
        escape(&first.what),
        escape(&first.history.join("\n"))
    );
    for finding in &outcome.verdict.findings[1..] {
        let _ = write!(
            body,
            "<p class=\"note\">{:.3} s  {}: {} ({})</p>",
            finding.at,
            finding.defect.name(),
            escape(&finding.what),
            escape(&finding.client)
        );
    }
    body.push_str("</section>");
}

#[expect(
    clippy::too_many_lines,
    reason = "a list of plots, one after the other"
)]
fn plots(outcome: &Outcome) -> Vec<Plot<'static>> {
    let buckets = &outcome.buckets;
    let end = buckets
        .last()
        .map_or(1.0, |bucket| bucket.at)
        .max(outcome.seconds);
    let series = |name, class, value: &dyn Fn(&Bucket) -> Option<f64>| Series {
        name,
        class,
        points: buckets
            .iter()
            .map(|bucket| (bucket.at, value(bucket)))
            .collect(),
    };
    let single = |name, value: &dyn Fn(&Bucket) -> Option<f64>| vec![series(name, "a", value)];
    let seen = |value: fn(&Percentiles) -> f64| {
        move |bucket: &Bucket| (bucket.latency.count > 0).then(|| value(&bucket.latency))
    };
    let plot = |title, unit, logarithmic, series| Plot {
        title,
        unit,
        logarithmic,
        end,
        series,
    };
    vec![
        plot(
            "From send to sight",
            "ms, logarithmic",
            true,
            vec![
                series("max", "c", &seen(|p| p.max)),
                series("p99", "b", &seen(|p| p.p99)),
                series("p50", "a", &seen(|p| p.p50)),
            ],
        ),
        plot(
            "Messages",
            "per second",
            false,
            vec![
                series("sent", "b", &|b| Some(b.sent)),
                series("acknowledged", "a", &|b| Some(b.acked)),
            ],
        ),
        plot(
            "Deliveries",
            "per second",
            false,
            single("received", &|b| Some(b.received)),
        ),
        plot(
            "Holes and repairs",
            "per second",
            false,
            vec![
                series("seen", "c", &|b| Some(b.holes)),
                series("by the bus", "a", &|b| Some(b.by_bus)),
                series("by the store", "b", &|b| Some(b.by_store)),
            ],
        ),
        plot(
            "Clients online",
            "",
            false,
            single("online", &|b| Some(b.online as f64)),
        ),
        plot(
            "Memory of the largest node",
            "MiB",
            false,
            single("resident", &|b| Some(b.memory_mib)),
        ),
    ]
}

fn figures(body: &mut String, outcome: &Outcome) {
    body.push_str("<section><h2>Figures</h2><div class=\"wide\"><table><thead><tr><th>milliseconds</th><th>p50</th><th>p90</th><th>p99</th><th>max</th><th>count</th></tr></thead><tbody>");
    let rows = [
        ("to another node, calm", outcome.calm),
        ("to another node, during faults", outcome.faults),
        ("to another node, afterwards", outcome.after),
        ("on the same node", outcome.same_node),
        ("away until everything was there", outcome.absences),
    ];
    for (name, p) in rows.into_iter().filter(|(_, p)| p.count > 0) {
        let _ = write!(
            body,
            "<tr><td>{name}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{:.1}</td><td>{}</td></tr>",
            p.p50, p.p90, p.p99, p.max, p.count
        );
    }
    body.push_str("</tbody></table></div><table><tbody>");
    let verdict = &outcome.verdict;
    let mut row = |name: &str, value: String| {
        let _ = write!(
            body,
            "<tr><td>{}</td><td class=\"number\">{value}</td></tr>",
            escape(name)
        );
    };
    row("sent", verdict.sent.to_string());
    row("acknowledged", verdict.acked.to_string());
    row("stored", verdict.stored.to_string());
    row("put off and repeated", verdict.put_off.to_string());
    row("repetitions found again", verdict.found_again.to_string());
    row("seen live", verdict.live.to_string());
    row("seen catching up", verdict.caught_up.to_string());
    for (name, value) in files_and_old_clients(outcome) {
        row(name, value);
    }
    for (name, count) in outcome.counters.iter().filter(|(_, count)| **count > 0) {
        row(&name.replace('_', " "), count.to_string());
    }
    for (name, count) in &outcome.switch {
        row(&format!("switch: {name}"), count.to_string());
    }
    for node in &outcome.nodes {
        row(
            &node.name,
            format!(
                "{:.0} MiB, {:.0} % of a core",
                node.memory_mib_max, node.cpu_percent
            ),
        );
    }
    body.push_str("</tbody></table></section>");
}

fn timeline(body: &mut String, outcome: &Outcome) {
    if outcome.marks.is_empty() {
        return;
    }
    body.push_str("<section><h2>What went wrong on purpose</h2><table><thead><tr><th>from</th><th>to</th><th>what</th></tr></thead><tbody>");
    for mark in outcome.marks.iter().take(MARKS_LISTED) {
        let to = mark.to.map_or(String::new(), |to| format!("{to:.1} s"));
        let _ = write!(
            body,
            "<tr><td class=\"number\">{:.1} s</td><td class=\"number\">{to}</td><td>{}</td></tr>",
            mark.from,
            escape(&mark.what)
        );
    }
    body.push_str("</tbody></table>");
    if outcome.marks.len() > MARKS_LISTED {
        let _ = write!(
            body,
            "<p class=\"note\">and {} more</p>",
            outcome.marks.len() - MARKS_LISTED
        );
    }
    body.push_str("</section>");
}
