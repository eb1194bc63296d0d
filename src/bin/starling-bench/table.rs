//! The result: rows of figures with their baselines, and the machine they belong to.

use std::fmt;
use std::time::Duration;

/// One figure.
struct Row {
    what: String,
    value: f64,
    unit: &'static str,
    /// What it is compared with: a name and a value of the same unit.
    baseline: Option<(&'static str, f64)>,
}

#[derive(Default)]
pub(crate) struct Table(Vec<Row>);

impl Table {
    pub(crate) fn add(&mut self, what: impl Into<String>, value: f64, unit: &'static str) {
        self.compare(what, value, unit, None);
    }

    /// Adds a figure beside its baseline.
    pub(crate) fn compare(
        &mut self,
        what: impl Into<String>,
        value: f64,
        unit: &'static str,
        baseline: Option<(&'static str, f64)>,
    ) {
        let what = what.into();
        eprintln!("  {what}: {value:.2} {unit}");
        self.0.push(Row {
            what,
            value,
            unit,
            baseline,
        });
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", machine())?;
        writeln!(f, "| what | measured | baseline of the same run | ratio |")?;
        writeln!(f, "|---|---:|---|---:|")?;
        for row in &self.0 {
            let measured = format!("{} {}", number(row.value), row.unit);
            let (baseline, ratio) = match row.baseline {
                Some((name, value)) => (
                    format!("{name}: {} {}", number(value), row.unit),
                    format!("{:.2}", row.value / value),
                ),
                None => (String::new(), String::new()),
            };
            writeln!(f, "| {} | {measured} | {baseline} | {ratio} |", row.what)?;
        }
        Ok(())
    }
}

/// Two digits behind the point for small numbers, thousands apart for large ones.
fn number(value: f64) -> String {
    if value < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let groups: Vec<&str> = digits
        .as_bytes()
        .rchunks(3)
        .rev()
        .filter_map(|group| std::str::from_utf8(group).ok())
        .collect();
    groups.join(",")
}

fn machine() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = info
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("unknown processor", |(_, model)| model);
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    format!(
        "{cores} cores, {model}, Linux {}; clients and servers share the machine\n",
        kernel.trim()
    )
}

/// The value at this fraction of sorted measurements, in milliseconds.
pub(crate) fn quantile_ms(measured: &mut [Duration], fraction: f64) -> f64 {
    measured.sort_unstable();
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index below the number of measurements"
    )]
    let index = (measured.len() as f64 * fraction) as usize;
    measured
        .get(index.min(measured.len().saturating_sub(1)))
        .map_or(f64::NAN, |duration| duration.as_secs_f64() * 1_000.0)
}
