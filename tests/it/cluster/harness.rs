//! Starts clusters of real node processes for one test and takes everything away afterwards.
//!
//! Responsible for ports, folders, configuration and faults of the bus. Deliberately ignorant of what clients do.

mod node;
mod ports;

use std::fmt::Display;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokio::time::Instant;

use super::client::Http;

pub(crate) use node::Node;
pub(crate) use ports::free_bus_port;

/// How long a node may take to become ready on a busy machine.
pub(crate) const START_DEADLINE: Duration = Duration::from_secs(15);
/// How often a condition outside this process is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// What a test asks for before its cluster starts.
pub(crate) struct Plan {
    nodes: usize,
    /// Not set: a SQLite file in the cluster's folder.
    store: Option<String>,
    settings: Vec<(String, String)>,
}

impl Plan {
    /// So many nodes on one store, with passwords that are cheap to hash and no rate limits.
    pub(crate) fn nodes(nodes: usize) -> Plan {
        let plan = Plan {
            nodes,
            store: None,
            settings: Vec::new(),
        };
        plan.set("auth.scrypt_log_n", 4)
            .set("auth.scrypt_p", 1)
            .set("limits.auth_per_minute", 1_000_000)
            .set("limits.sends_per_second", 1_000_000)
            .set("limits.sends_burst", 1_000_000)
            .set("limits.drain_ms", 1_000)
    }

    /// Another store than a SQLite file of the cluster's own.
    pub(crate) fn store(mut self, url: &str) -> Plan {
        self.store = Some(url.to_owned());
        self
    }

    /// Sets a configuration key, for every node.
    pub(crate) fn set(mut self, key: &str, value: impl Display) -> Plan {
        self.settings.push((key.to_owned(), value.to_string()));
        self
    }

    /// Prepares folders, ports and the key, and starts nothing yet.
    pub(crate) fn prepare(self) -> Cluster {
        let dir = tempfile::Builder::new()
            .prefix("starling-it-")
            .tempdir()
            .unwrap();
        let key: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let bus_port = free_bus_port();
        let name = format!("it-{}-{bus_port}", std::process::id());
        let store = dir.path().join("store").join("starling.db");
        std::fs::create_dir(store.parent().unwrap()).unwrap();
        let url = self.store.clone();
        let url = url.unwrap_or_else(|| format!("sqlite://{}", store.display()));
        let common = [
            ("store.url", url),
            ("cluster.name", name.clone()),
            ("cluster.keys", format!("1:{}", URL_SAFE_NO_PAD.encode(key))),
            ("cluster.listen", format!("0.0.0.0:{bus_port}")),
            ("cluster.targets", format!("127.255.255.255:{bus_port}")),
        ];
        let nodes = (0..self.nodes)
            .map(|index| {
                let mut node = Node::new(dir.path(), &format!("node{index}"));
                for (key, value) in &common {
                    node.set(key, value);
                }
                for (key, value) in &self.settings {
                    node.set(key, value);
                }
                node
            })
            .collect();
        Cluster {
            nodes,
            bus_port,
            store,
            name,
            key,
            dir,
        }
    }

    /// Starts all nodes and waits until each is ready; they may not have heard of each other yet.
    pub(crate) async fn start(self) -> Cluster {
        let mut cluster = self.prepare();
        for node in &mut cluster.nodes {
            node.start();
        }
        for node in &cluster.nodes {
            node.wait_ready().await;
        }
        cluster
    }
}

/// A running cluster of one test. Dropping it kills what still runs and removes its folder; when the test failed, the
/// ends of the nodes' logs are printed first.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) bus_port: u16,
    /// Where the SQLite file is, if that is the store.
    pub(crate) store: PathBuf,
    pub(crate) name: String,
    pub(crate) key: [u8; 32],
    dir: tempfile::TempDir,
}

impl Cluster {
    /// Where clients reach the nodes.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.http).collect()
    }

    /// Writes the same faults of the bus for every node; they are in force within a moment.
    pub(crate) fn bus_faults(&self, lines: &str) {
        for node in &self.nodes {
            node.bus_faults(lines);
        }
    }

    /// Waits until each node has heard all others: from then on signals reach them, too.
    pub(crate) async fn wait_until_all_hear_each_other(&self) {
        for node in &self.nodes {
            let http = Http::new(node.http);
            let what = format!("{} hears all others", node.name);
            until(&what, START_DEADLINE, || async {
                let page = http.try_get("/api/v1/cluster").await;
                let nodes = page.and_then(|page| page.body["nodes"].as_array().cloned());
                let nodes = nodes.unwrap_or_default();
                nodes.len() == self.nodes.len() && nodes.iter().all(|node| node["state"] == "up")
            })
            .await;
        }
    }

    /// The test's own folder.
    pub(crate) fn folder(&self) -> &Path {
        self.dir.path()
    }
}

/// Looks until the condition holds; fails the test with `what` when it does not within the deadline.
pub(crate) async fn until<F>(what: &str, deadline: Duration, mut holds: impl FnMut() -> F)
where
    F: Future<Output = bool>,
{
    let end = Instant::now() + deadline;
    while !holds().await {
        assert!(Instant::now() < end, "not within {deadline:?}: {what}");
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A counter of the bus on the cluster page.
pub(crate) fn bus_counter(page: &Value, name: &str) -> u64 {
    let found = find(page, name).and_then(Value::as_u64);
    found.unwrap_or_else(|| panic!("the cluster page has no {name}: {page}"))
}

fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    let fields = value.as_object()?;
    fields
        .get(name)
        .or_else(|| fields.values().find_map(|inner| find(inner, name)))
}
