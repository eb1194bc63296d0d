//! `starling cluster`: a table of the nodes as one running node sees them.

use std::io::Write;

use anyhow::anyhow;
use clap::Args;
use serde::Deserialize;

use super::{Failure, fetch};
use crate::config::Config;

/// How to ask a running node.
#[derive(Args, Debug)]
pub(super) struct Asked {
    /// The node to ask; the one of this configuration unless given
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The token of a login
    #[arg(
        long,
        value_name = "TOKEN",
        env = "STARLING_TOKEN",
        hide_env_values = true
    )]
    token: Option<String>,
}

#[derive(Args, Debug)]
pub(super) struct Cluster {
    #[command(flatten)]
    asked: Asked,
}

/// What `/api/v1/cluster` answers, as far as it is shown here.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    #[serde(default)]
    degraded: bool,
    #[serde(default)]
    reasons: Vec<String>,
    pub(super) nodes: Vec<NodeReport>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NodeReport {
    pub(super) name: String,
    pub(super) state: String,
    #[serde(default)]
    version: String,
    #[serde(default)]
    head: u64,
    #[serde(default)]
    connections: u64,
    #[serde(default)]
    users: u64,
    #[serde(default)]
    heard_ms_ago: Option<u64>,
    /// Where it serves clients.
    #[serde(default)]
    pub(super) http: Vec<String>,
}

impl Asked {
    pub(super) fn report(&self, config: &Config) -> Result<Report, Failure> {
        let url = match &self.url {
            Some(url) => url.clone(),
            None => fetch::own_url(config)
                .ok_or_else(|| Failure::Usage(anyhow!("no node to ask: give --url")))?,
        };
        fetch::json(&url, "/api/v1/cluster", self.token.as_deref()).map_err(Failure::Runtime)
    }
}

impl Cluster {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let report = self.asked.report(config)?;
        out.write_all(table(&report).as_bytes())?;
        Ok(())
    }
}

const HEADINGS: [&str; 8] = [
    "node", "state", "version", "head", "conns", "users", "heard", "http",
];

fn table(report: &Report) -> String {
    let mut rows = vec![HEADINGS.map(str::to_owned)];
    for node in &report.nodes {
        rows.push([
            node.name.clone(),
            node.state.clone(),
            node.version.clone(),
            node.head.to_string(),
            node.connections.to_string(),
            node.users.to_string(),
            node.heard_ms_ago
                .map_or_else(String::new, |ms| format!("{ms} ms")),
            node.http.join(" "),
        ]);
    }
    let widths: Vec<usize> = (0..HEADINGS.len())
        .map(|column| {
            rows.iter()
                .map(|row| row[column].chars().count())
                .max()
                .unwrap_or(0)
        })
        .collect();
    let mut text = String::new();
    for row in &rows {
        let cells: Vec<String> = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:<width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    if report.degraded {
        text.push_str(&format!("degraded: {}\n", report.reasons.join("; ")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up_and_says_what_is_degraded() {
        let report: Report = serde_json::from_str(
            r#"{"self": "x", "degraded": true, "reasons": ["no datagram from b"], "bus": {},
                "nodes": [
                  {"name": "a", "state": "self", "version": "0.1.0", "head": 12, "connections": 3, "users": 2, "http": ["127.0.0.1:8081"]},
                  {"name": "birch", "state": "alive", "head": 12, "heard_ms_ago": 310}
                ]}"#,
        )
        .unwrap();
        assert_eq!(
            table(&report),
            "node   state  version  head  conns  users  heard   http\n\
             a      self   0.1.0    12    3      2              127.0.0.1:8081\n\
             birch  alive           12    0      0      310 ms\n\
             degraded: no datagram from b\n"
        );
    }
}
