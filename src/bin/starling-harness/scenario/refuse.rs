//! Refuses a scenario that cannot mean what its author wanted, and says in which line.

use std::path::{Path, PathBuf};

use super::{Fault, Network, Scenario, Shares, StoreKind, What};
use crate::client::Dialect;

const NODES_MAX: usize = 16;
/// What a client here takes in one answer is larger.
const FILE_BYTES_MAX: usize = 8 << 20;
const SECONDS_MAX: f64 = 86_400.0;

/// Why a file is not a scenario. Prints as `file:line: what`.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ScenarioError {
    #[error("{}: {source}", path.display())]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("{}:{line}: {what}", path.display())]
    Refused {
        path: PathBuf,
        line: usize,
        what: String,
    },
}

/// From what the TOML reader says.
pub(super) fn unreadable(text: &str, path: &Path, error: &toml::de::Error) -> ScenarioError {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    ScenarioError::Refused {
        path: path.to_owned(),
        line: text[..at].matches('\n').count() + 1,
        what: error.message().to_owned(),
    }
}

/// The line of a key: in the `index`th table of this header, or the header's own line when the key is not there.
fn line_of(text: &str, header: &str, index: usize, key: &str) -> usize {
    let mut tables = 0;
    let mut inside = header.is_empty();
    let mut found = 1;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            inside = line == header && tables == index;
            if line == header {
                tables += 1;
            }
            if inside {
                found = number + 1;
            }
        } else if inside && line.split('=').next().is_some_and(|k| k.trim() == key) {
            return number + 1;
        }
    }
    found
}

/// A finding: header, which table of it, key, what is wrong.
type Finding = (&'static str, usize, &'static str, String);

pub(super) fn check(scenario: &Scenario, text: &str, path: &Path) -> Result<(), ScenarioError> {
    let mut findings = Vec::new();
    top(scenario, &mut findings);
    load(scenario, &mut findings);
    for (index, fault) in scenario.faults.iter().enumerate() {
        judge("[[faults]]", index, fault, scenario, &mut findings);
    }
    for (index, fault) in scenario.long.faults.iter().flatten().enumerate() {
        judge("[[long.faults]]", index, fault, scenario, &mut findings);
    }
    let Some((header, index, key, what)) = findings.into_iter().next() else {
        return Ok(());
    };
    Err(ScenarioError::Refused {
        path: path.to_owned(),
        line: line_of(text, header, index, key),
        what: format!("{key}: {what}"),
    })
}

fn top(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let mut refuse = |bad: bool, header, key, what: String| {
        if bad {
            findings.push((header, 0, key, what));
        }
    };
    let bad_name = scenario.name.is_empty()
        || !scenario
            .name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || c == '-');
    refuse(
        bad_name,
        "",
        "name",
        "letters, digits and hyphens".to_owned(),
    );
    let bad_time = |seconds: f64| !(1.0..=SECONDS_MAX).contains(&seconds);
    let what = format!("1 to {SECONDS_MAX}");
    refuse(bad_time(scenario.seconds), "", "seconds", what.clone());
    refuse(
        bad_time(scenario.settle_seconds),
        "",
        "settle_seconds",
        what.clone(),
    );
    refuse(
        scenario.long.seconds.is_some_and(bad_time),
        "[long]",
        "seconds",
        what,
    );
    let nodes = scenario.cluster.nodes;
    let bad_nodes = !(1..=NODES_MAX).contains(&nodes);
    refuse(
        bad_nodes,
        "[cluster]",
        "nodes",
        format!("1 to {NODES_MAX}, not {nodes}"),
    );
}

fn load(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let load = &scenario.load;
    let mut refuse = |bad: bool, key, what: String| {
        if bad {
            findings.push(("[load]", 0, key, what));
        }
    };
    let users = load.users;
    refuse(
        users < 2,
        "users",
        "two at least, or nobody hears anybody".to_owned(),
    );
    let too_large = load.groups.iter().find(|size| **size > users || **size < 2);
    if let Some(size) = too_large {
        refuse(
            true,
            "groups",
            format!("a group of {size} among {users} users"),
        );
    }
    refuse(
        load.groups.is_empty() && load.pairs == 0,
        "groups",
        "nobody has anybody to talk to".to_owned(),
    );
    refuse(
        !(1..=16).contains(&load.devices),
        "devices",
        "1 to 16".to_owned(),
    );
    refuse(
        !(0.1..=100_000.0).contains(&load.rate),
        "rate",
        "0.1 to 100000 a second".to_owned(),
    );
    let [least, most] = load.text_bytes;
    refuse(
        least > most || most > 16_384,
        "text_bytes",
        "shortest and longest, at most 16384".to_owned(),
    );
    refuse(
        !(0.0..=1.0).contains(&load.files),
        "files",
        "a share, 0 to 1".to_owned(),
    );
    let [smallest, largest] = load.file_bytes;
    refuse(
        smallest > largest || largest > FILE_BYTES_MAX,
        "file_bytes",
        format!("smallest and largest, at most {FILE_BYTES_MAX}"),
    );
    refuse(
        load.stalled >= users,
        "stalled",
        "somebody must read".to_owned(),
    );
    dialects(scenario, findings);
}

/// What old clients do not do.
fn dialects(scenario: &Scenario, findings: &mut Vec<Finding>) {
    let load = &scenario.load;
    let Shares {
        ginchat,
        imooc,
        shyim,
    } = load.dialects;
    let mut refuse = |bad: bool, header, key, what: &str| {
        if bad {
            findings.push((header, 0, key, what.to_owned()));
        }
    };
    let shares = [("ginchat", ginchat), ("imooc", imooc), ("shyim", shyim)];
    for (key, share) in shares {
        let bad = !(0.0..=1.0).contains(&share);
        refuse(bad, "[load.dialects]", key, "a share, 0 to 1");
    }
    let old = load.spoken().iter().filter(|d| **d != Dialect::V1).count();
    refuse(
        old >= load.users || old + load.stalled > load.users,
        "[load.dialects]",
        "",
        "somebody must speak v1, and those who stall do",
    );
    let pages = ginchat + imooc > 0.0;
    refuse(
        pages && load.devices > 1,
        "[load]",
        "devices",
        "the nodes remember one place for all of a user's old pages",
    );
    refuse(
        old > 0 && scenario.restores(),
        "[load.dialects]",
        "",
        "old clients are not told that the store was put back",
    );
}

fn judge(
    header: &'static str,
    index: usize,
    fault: &Fault,
    scenario: &Scenario,
    findings: &mut Vec<Finding>,
) {
    let mut refuse = |bad: bool, key, what: String| {
        if bad {
            findings.push((header, index, key, what));
        }
    };
    let cluster = &scenario.cluster;
    let seconds = if header.contains("long") {
        scenario.long.seconds.unwrap_or(scenario.seconds)
    } else {
        scenario.seconds
    };
    refuse(
        !(0.0..=seconds).contains(&fault.at),
        "at",
        format!("0 to {seconds}, the length of the run"),
    );
    refuse(
        !(0.0..=SECONDS_MAX).contains(&fault.lasts),
        "for",
        "not below 0".to_owned(),
    );
    refuse(
        fault.every.is_some_and(|every| every < 0.5),
        "every",
        "not more often than every 0.5 s".to_owned(),
    );
    let named = fault
        .nodes
        .iter()
        .flatten()
        .chain(fault.parts.iter().flatten());
    if let Some(node) = named.into_iter().find(|node| **node >= cluster.nodes) {
        let key = if fault.nodes.is_some() {
            "nodes"
        } else {
            "parts"
        };
        refuse(
            true,
            key,
            format!("there is no node {node} among {}", cluster.nodes),
        );
    }
    judge_datagrams(header, index, fault, scenario, findings);
    judge_surroundings(header, index, fault, scenario, findings);
}

/// What the keys about datagrams mean for this fault.
fn judge_datagrams(
    header: &'static str,
    index: usize,
    fault: &Fault,
    scenario: &Scenario,
    findings: &mut Vec<Finding>,
) {
    let mut refuse = |bad: bool, key, what: String| {
        if bad {
            findings.push((header, index, key, what));
        }
    };
    let name = fault.what.name();
    let shares = [
        ("loss", fault.loss),
        ("duplicate", fault.duplicate),
        ("reorder", fault.reorder),
        ("corrupt", fault.corrupt),
        ("truncate", fault.truncate),
    ];
    for (key, share) in shares {
        refuse(
            !(0.0..=1.0).contains(&share),
            key,
            "a probability, 0 to 1".to_owned(),
        );
        refuse(
            share > 0.0 && fault.what != What::Network,
            key,
            format!("means nothing for {name}"),
        );
    }
    let namespaces = scenario.cluster.network == Network::Namespaces;
    refuse(
        fault.delay_ms[1] > 0.0 && !namespaces,
        "delay_ms",
        "needs network = \"namespaces\"".to_owned(),
    );
    refuse(
        fault.delay_ms[0] > fault.delay_ms[1],
        "delay_ms",
        "from, then to".to_owned(),
    );
    refuse(
        fault.what == What::NoBroadcast && !namespaces,
        "what",
        "no-broadcast needs network = \"namespaces\"; on loopback set cluster.broadcast = false"
            .to_owned(),
    );
    refuse(
        fault.what == What::Split && fault.parts.len() < 2,
        "parts",
        "a split needs two parts at least".to_owned(),
    );
}

/// Whether what it hits is there.
fn judge_surroundings(
    header: &'static str,
    index: usize,
    fault: &Fault,
    scenario: &Scenario,
    findings: &mut Vec<Finding>,
) {
    let mut refuse = |bad: bool, key, what: String| {
        if bad {
            findings.push((header, index, key, what));
        }
    };
    let cluster = &scenario.cluster;
    let name = fault.what.name();
    let namespaces = cluster.network == Network::Namespaces;
    let on_server = matches!(fault.what, What::StoreRestart | What::StoreKill);
    refuse(
        on_server && cluster.store == StoreKind::Sqlite,
        "what",
        format!("{name} needs store = \"mysql\": SQLite has no server"),
    );
    refuse(
        fault.what == What::StoreRestore && cluster.store == StoreKind::Mysql,
        "what",
        "store-restore is for SQLite".to_owned(),
    );
    refuse(
        fault.what == What::RedisKill && !cluster.redis,
        "what",
        "redis-kill needs cluster.redis = true".to_owned(),
    );
    let needs_rate = matches!(fault.what, What::Garbage | What::Replay);
    refuse(
        needs_rate && fault.rate == 0,
        "rate",
        format!("{name} needs a rate"),
    );
    let stalled = scenario.load.stalled;
    let too_many = fault.what == What::Stall && fault.clients > stalled;
    refuse(
        too_many,
        "clients",
        format!("only {stalled} clients can stall (load.stalled)"),
    );
    let on_loopback = matches!(fault.what, What::WrongKey | What::Squatter);
    refuse(
        on_loopback && namespaces,
        "what",
        format!("{name} needs network = \"loopback\""),
    );
    let needs_clients = matches!(fault.what, What::Stall | What::Cut);
    refuse(
        needs_clients && fault.clients == 0,
        "clients",
        format!("{name} needs a number of clients"),
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "name = \"x\"\nabout = \"y\"\nseconds = 5\n\n[load]\nusers = 4\ngroups = [3]\n";

    fn said(text: &str) -> String {
        match Scenario::parse(text, Path::new("f.toml")) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_short_file_is_a_scenario() {
        assert_eq!(said(GOOD), "");
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_its_line() {
        let with = |more: &str| said(&format!("{GOOD}{more}"));
        let cases = [
            (
                said("name = \"x\"\nabout = 3\nseconds = 5\n"),
                "f.toml:2: invalid type",
            ),
            (with("colour = 1\n"), "f.toml:8: unknown field `colour`"),
            (
                said(&GOOD.replace("[3]", "[9]")),
                "f.toml:7: groups: a group of 9 among 4 users",
            ),
            (
                with("[[faults]]\nat = 9\nwhat = \"kill\"\n"),
                "f.toml:9: at: 0 to 5",
            ),
            (
                with(
                    "[[faults]]\nat = 1\nwhat = \"kill\"\n[[faults]]\nat = 1\nwhat = \"kill\"\nloss = 0.1\n",
                ),
                "f.toml:14: loss: means nothing for kill",
            ),
            (
                with("[[faults]]\nat = 1\nwhat = \"store-kill\"\n"),
                "f.toml:10: what: store-kill needs store",
            ),
            (
                with("[[faults]]\nat = 1\nwhat = \"kill\"\nnodes = [3]\n"),
                "f.toml:11: nodes: there is no node 3",
            ),
            (
                with("[[faults]]\nat = 1\nwhat = \"garbage\"\n"),
                "f.toml:8: rate: garbage needs a rate",
            ),
            (
                with("[[faults]]\nat = 1\nwhat = \"earthquake\"\n"),
                "f.toml:10: unknown variant `earthquake`",
            ),
        ];
        for (said, expected) in cases {
            assert!(
                said.starts_with(expected),
                "{said:?} instead of {expected:?}"
            );
        }
    }
}
