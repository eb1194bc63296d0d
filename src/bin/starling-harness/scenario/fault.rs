//! One line of the timeline: what goes wrong, when, where and for how long.

use serde::{Deserialize, Serialize};

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum What {
    /// Datagrams are lost, repeated, reordered, delayed, damaged or cut, as the other keys say.
    Network,
    /// No datagram passes.
    Blackout,
    /// The nodes of `parts` hear only their own part.
    Split,
    /// Broadcast is dropped on the way; only in namespaces.
    NoBroadcast,
    /// `kill -9`; started again after `for`.
    Kill,
    /// SIGSTOP, SIGCONT after `for`.
    Freeze,
    /// SIGTERM, waited for, and started again after `for`.
    Restart,
    /// The store's server is ended in order and started again after `for`.
    StoreRestart,
    /// The store's server is killed and started again after `for`.
    StoreKill,
    /// The store takes nothing for `for`: its server is stopped, or somebody holds the file's lock.
    StoreFreeze,
    /// A backup taken `for` seconds after `at` is put back in place of the store, with all nodes stopped.
    StoreRestore,
    /// Redis is killed and started again after `for`.
    RedisKill,
    /// `rate` datagrams a second of rubbish on the bus's port.
    Garbage,
    /// What was heard on the bus before is said again, `rate` a second.
    Replay,
    /// A node with another key joins the bus.
    WrongKey,
    /// A stranger's process listens on the bus's port.
    Squatter,
    /// `clients` of the `load.stalled` clients read nothing.
    Stall,
    /// `clients` connections are cut at once.
    Cut,
}

impl What {
    /// Whether it concerns node processes, which are then named or drawn.
    pub(crate) fn is_about_processes(self) -> bool {
        matches!(self, What::Kill | What::Freeze | What::Restart)
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            What::Network => "network",
            What::Blackout => "blackout",
            What::Split => "split",
            What::NoBroadcast => "no-broadcast",
            What::Kill => "kill",
            What::Freeze => "freeze",
            What::Restart => "restart",
            What::StoreRestart => "store-restart",
            What::StoreKill => "store-kill",
            What::StoreFreeze => "store-freeze",
            What::StoreRestore => "store-restore",
            What::RedisKill => "redis-kill",
            What::Garbage => "garbage",
            What::Replay => "replay",
            What::WrongKey => "wrong-key",
            What::Squatter => "squatter",
            What::Stall => "stall",
            What::Cut => "cut",
        }
    }
}

/// Which datagrams of a node are meant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Direction {
    In,
    Out,
    #[default]
    Both,
}

/// One fault. Times are seconds from the start of the load.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Fault {
    pub(crate) at: f64,
    /// How long it lasts.
    #[serde(rename = "for", default = "one_second")]
    pub(crate) lasts: f64,
    /// Repeated so often until the load ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) every: Option<f64>,
    pub(crate) what: What,
    /// The nodes concerned, from 0. Absent: all, or one that is drawn for what concerns a process.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nodes: Option<Vec<usize>>,
    #[serde(default)]
    pub(crate) direction: Direction,
    /// Probabilities of each datagram.
    #[serde(default)]
    pub(crate) loss: f64,
    #[serde(default)]
    pub(crate) duplicate: f64,
    #[serde(default)]
    pub(crate) reorder: f64,
    #[serde(default)]
    pub(crate) corrupt: f64,
    #[serde(default)]
    pub(crate) truncate: f64,
    /// Each datagram is this late, from and to; only in namespaces.
    #[serde(default)]
    pub(crate) delay_ms: [f64; 2],
    /// Of a split.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) parts: Vec<Vec<usize>>,
    /// Datagrams a second.
    #[serde(default)]
    pub(crate) rate: u64,
    /// How many clients.
    #[serde(default)]
    pub(crate) clients: usize,
}

fn one_second() -> f64 {
    1.0
}

impl Fault {
    /// A fault of this kind with everything else as if left out.
    pub(crate) fn new(what: What, at: f64, lasts: f64) -> Fault {
        Fault {
            at,
            lasts,
            every: None,
            what,
            nodes: None,
            direction: Direction::Both,
            loss: 0.0,
            duplicate: 0.0,
            reorder: 0.0,
            corrupt: 0.0,
            truncate: 0.0,
            delay_ms: [0.0; 2],
            parts: Vec::new(),
            rate: 0,
            clients: 0,
        }
    }

    /// In a few words, for people.
    pub(crate) fn words(&self) -> String {
        let mut words = vec![self.what.name().to_owned()];
        if let Some(nodes) = &self.nodes {
            let names: Vec<String> = nodes.iter().map(ToString::to_string).collect();
            words.push(format!("node {}", names.join(",")));
        }
        match self.direction {
            Direction::In => words.push("inbound".to_owned()),
            Direction::Out => words.push("outbound".to_owned()),
            Direction::Both => {}
        }
        let shares = [
            ("lost", self.loss),
            ("repeated", self.duplicate),
            ("reordered", self.reorder),
            ("damaged", self.corrupt),
            ("cut", self.truncate),
        ];
        for (word, share) in shares.into_iter().filter(|(_, share)| *share > 0.0) {
            words.push(format!("{:.0} % {word}", share * 100.0));
        }
        if self.delay_ms[1] > 0.0 {
            words.push(format!("{}-{} ms late", self.delay_ms[0], self.delay_ms[1]));
        }
        if !self.parts.is_empty() {
            words.push(format!("{:?}", self.parts));
        }
        if self.rate > 0 {
            words.push(format!("{}/s", self.rate));
        }
        if self.clients > 0 {
            words.push(format!("{} clients", self.clients));
        }
        words.join(", ")
    }
}
