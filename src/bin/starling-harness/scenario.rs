//! What a run is: the cluster, the load, the faults on a timeline and the checks, as a TOML file says it.
//!
//! Responsible for the file's form, its defaults, and for refusing what makes no sense with the line it stands in.
//! Deliberately without drawing anything: who is killed and when is the timeline's.

mod fault;
mod refuse;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::client::Dialect;

pub(crate) use fault::{Direction, Fault, What};
pub(crate) use refuse::ScenarioError;

/// One scenario file.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    /// One sentence for people.
    pub(crate) about: String,
    /// How long the load and the faults last in the short form.
    pub(crate) seconds: f64,
    /// How long everything may take to settle afterwards.
    #[serde(default = "settle_seconds")]
    pub(crate) settle_seconds: f64,
    #[serde(default)]
    pub(crate) cluster: ClusterPlan,
    #[serde(default)]
    pub(crate) load: Load,
    #[serde(default)]
    pub(crate) faults: Vec<Fault>,
    #[serde(default)]
    pub(crate) checks: Checks,
    #[serde(default)]
    pub(crate) long: Long,
}

fn settle_seconds() -> f64 {
    20.0
}

/// What the long form changes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Long {
    pub(crate) seconds: Option<f64>,
    /// Messages per second.
    pub(crate) rate: Option<f64>,
    pub(crate) users: Option<usize>,
    /// In place of the short form's groups.
    pub(crate) groups: Option<Vec<usize>>,
    pub(crate) churn: Option<f64>,
    /// In place of the short form's faults.
    pub(crate) faults: Option<Vec<Fault>>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum StoreKind {
    /// One file, shared by all nodes.
    #[default]
    Sqlite,
    /// A MariaDB server of the run's own.
    Mysql,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Network {
    /// All nodes on 127.0.0.1; faults by the nodes' own layer.
    #[default]
    Loopback,
    /// Each node in a network namespace of its own, joined by a switch that decides every frame. Needs root.
    Namespaces,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ClusterPlan {
    pub(crate) nodes: usize,
    pub(crate) store: StoreKind,
    /// A Redis server of the run's own.
    pub(crate) redis: bool,
    /// Clients come through nginx, with the shipped configuration.
    pub(crate) nginx: bool,
    pub(crate) network: Network,
    /// Broadcast leads nowhere, as in most clouds: nodes find each other by the registry.
    pub(crate) broadcast: bool,
    /// Configuration keys for every node, such as "limits.queue_frames".
    pub(crate) settings: BTreeMap<String, String>,
}

impl Default for ClusterPlan {
    fn default() -> ClusterPlan {
        ClusterPlan {
            nodes: 3,
            store: StoreKind::Sqlite,
            redis: false,
            nginx: false,
            network: Network::Loopback,
            broadcast: true,
            settings: BTreeMap::new(),
        }
    }
}

#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Load {
    pub(crate) users: usize,
    /// Connections of each user, spread over the nodes.
    pub(crate) devices: usize,
    /// Sizes of the groups; members are drawn.
    pub(crate) groups: Vec<usize>,
    /// Private conversations; who with whom is drawn.
    pub(crate) pairs: usize,
    /// Messages per second, all together.
    pub(crate) rate: f64,
    /// Shortest and longest text.
    pub(crate) text_bytes: [usize; 2],
    /// Which share of the messages brings a file: given to the sender's node, fetched from each reader's.
    pub(crate) files: f64,
    /// Smallest and largest file.
    pub(crate) file_bytes: [usize; 2],
    /// Connections cut per minute; the client comes back at another node.
    pub(crate) churn: f64,
    /// How often per minute a member of the first group is put out or let in again.
    pub(crate) comings: f64,
    /// Clients with small buffers, for the fault `stall`; how fast they are served counts for nothing.
    pub(crate) stalled: usize,
    /// Which users have old clients; all others speak v1.
    pub(crate) dialects: Shares,
}

/// Shares of the users.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Shares {
    pub(crate) ginchat: f64,
    pub(crate) imooc: f64,
    pub(crate) shyim: f64,
}

impl Load {
    pub(crate) fn speaks_old(&self) -> bool {
        self.spoken().iter().any(|dialect| *dialect != Dialect::V1)
    }

    /// What each user speaks; the first ones v1.
    pub(crate) fn spoken(&self) -> Vec<Dialect> {
        let Shares {
            ginchat,
            imooc,
            shyim,
        } = self.dialects;
        let mut spoken = Vec::new();
        for (dialect, share) in [
            (Dialect::Ginchat, ginchat),
            (Dialect::Imooc, imooc),
            (Dialect::Shyim, shyim),
        ] {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a number of users"
            )]
            let count = (share * self.users as f64).round() as usize;
            spoken.extend(std::iter::repeat_n(dialect, count));
        }
        spoken.resize(self.users, Dialect::V1);
        spoken.reverse();
        spoken
    }
}

impl Default for Load {
    fn default() -> Load {
        Load {
            users: 24,
            devices: 1,
            groups: vec![12, 6],
            pairs: 10,
            rate: 100.0,
            text_bytes: [10, 200],
            files: 0.0,
            file_bytes: [1_000, 200_000],
            churn: 0.0,
            comings: 0.0,
            stalled: 0,
            dialects: Shares::default(),
        }
    }
}

/// What is asked beyond correctness, which is always checked. Figures are judged in the long form, or when asked for.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Checks {
    /// From send to sight on another node, while faults last.
    pub(crate) p99_ms: Option<f64>,
    /// The same as a multiple of the calm before the first fault.
    pub(crate) p99_times_calm: Option<f64>,
    /// Until everything said during the faults was seen, counted from the end of the last one.
    pub(crate) healed_ms: Option<f64>,
    /// Until a client that lost its node is elsewhere and has everything.
    pub(crate) back_ms: Option<f64>,
    /// Memory of each node.
    pub(crate) memory_mib: Option<f64>,
    /// Processor time of the busiest node beyond the calm before the first fault, in percent of a core.
    pub(crate) extra_cpu_percent: Option<f64>,
    /// Whether somebody must have fallen behind and caught up, so that a run without slow readers does not pass.
    pub(crate) caught_up: bool,
    /// Counters of a node's cluster page that must have moved, so that a run without its fault does not pass.
    pub(crate) moved: Vec<String>,
}

/// Which form of a scenario runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Form {
    Short,
    Long,
}

impl Scenario {
    /// Reads and judges a file.
    pub(crate) fn read(path: &Path) -> Result<Scenario, ScenarioError> {
        let text = std::fs::read_to_string(path).map_err(|source| ScenarioError::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        Scenario::parse(&text, path)
    }

    /// Judges a text; `path` is for the message.
    pub(crate) fn parse(text: &str, path: &Path) -> Result<Scenario, ScenarioError> {
        let scenario: Scenario =
            toml::from_str(text).map_err(|error| refuse::unreadable(text, path, &error))?;
        refuse::check(&scenario, text, path)?;
        Ok(scenario)
    }

    /// This form as a plain scenario without another one in it.
    pub(crate) fn in_form(mut self, form: Form) -> Scenario {
        let long = std::mem::take(&mut self.long);
        if form == Form::Long {
            self.seconds = long.seconds.unwrap_or(self.seconds);
            self.load.rate = long.rate.unwrap_or(self.load.rate);
            self.load.users = long.users.unwrap_or(self.load.users);
            self.load.churn = long.churn.unwrap_or(self.load.churn);
            self.load.groups = long.groups.unwrap_or(self.load.groups);
            self.faults = long.faults.unwrap_or(self.faults);
        }
        self
    }

    /// Whether the store is put back on the way, so that acknowledged messages are lost with the operator's will.
    pub(crate) fn restores(&self) -> bool {
        self.faults.iter().any(|f| f.what == What::StoreRestore)
    }
}

/// The scenario files of a folder, by name.
pub(crate) fn all_in(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "toml")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}
