//! The cluster under test: real node processes, their store and what else stands around them.
//!
//! Responsible for folders, ports, configuration and processes. Deliberately without knowing what clients do or when
//! something breaks: the load and the faults drive it.

pub(crate) mod namespaces;
pub(crate) mod network;
mod nginx;
mod node;
mod ports;
mod servers;
mod switch;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;

use crate::recording::Bus;
use crate::run::Order;
use crate::scenario::{Network, StoreKind};
use namespaces::Lan;
use network::Wires;
use nginx::Nginx;
pub(crate) use node::Node;
pub(crate) use servers::Mariadb;
use servers::Redis;
pub(crate) use switch::Stranger;

/// Something this machine lacks. Ends with exit code 3.
#[derive(Debug, thiserror::Error)]
#[error("{lacks}\n  remedy: {remedy}")]
pub(crate) struct Environment {
    pub(crate) lacks: String,
    pub(crate) remedy: String,
}

impl Environment {
    pub(crate) fn error(lacks: impl Into<String>, remedy: impl Into<String>) -> anyhow::Error {
        let (lacks, remedy) = (lacks.into(), remedy.into());
        Environment { lacks, remedy }.into()
    }
}

/// Limits off, cheap passwords, short drains: what is tested is not the node's patience with one test machine.
const SETTINGS: [(&str, &str); 9] = [
    ("auth.scrypt_log_n", "2"),
    ("auth.scrypt_p", "1"),
    ("limits.auth_per_minute", "1000000"),
    ("limits.sends_per_second", "1000000"),
    ("limits.sends_burst", "1000000"),
    ("limits.drain_ms", "1000"),
    ("http.connections_max", "20000"),
    ("chat.group_max", "5000"),
    ("log.filter", "info"),
];

/// Everything that runs. Dropping it ends all processes; the folder goes too unless it is to be kept.
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    pub(crate) wires: Wires,
    pub(crate) store: Store,
    pub(crate) redis: Option<Redis>,
    pub(crate) bus_port: u16,
    pub(crate) bus: Bus,
    pub(crate) folder: Folder,
    nginx: Option<Nginx>,
    lan: Option<Lan>,
    server: PathBuf,
    older: Option<PathBuf>,
    common: Vec<(String, String)>,
}

/// Where the log is kept.
pub(crate) enum Store {
    Sqlite(PathBuf),
    Mysql(Mariadb),
}

impl Store {
    pub(crate) fn url(&self) -> String {
        match self {
            Store::Sqlite(path) => format!("sqlite://{}", path.display()),
            Store::Mysql(server) => server.url(),
        }
    }
}

impl Cluster {
    /// Starts everything and waits until each node is ready.
    pub(crate) async fn start(order: &Order<'_>) -> anyhow::Result<Cluster> {
        let Order { scenario, seed, .. } = *order;
        let plan = &scenario.cluster;
        let folder = Folder::new(&scenario.name, order.keep)?;
        let mut rng = fastrand::Rng::with_seed(seed ^ 0x6b65_7973);
        let lan = match plan.network {
            Network::Loopback => None,
            Network::Namespaces => Some(Lan::build(plan.nodes, seed)?),
        };
        let bind = lan.as_ref().map_or(Ipv4Addr::LOCALHOST, Lan::host);
        let store = match plan.store {
            StoreKind::Sqlite => {
                let home = folder.path().join("store");
                std::fs::create_dir(&home)?;
                Store::Sqlite(home.join("starling.db"))
            }
            StoreKind::Mysql => Store::Mysql(Mariadb::start(folder.path(), bind).await?),
        };
        let redis = match plan.redis {
            true => Some(Redis::start(folder.path(), bind).await?),
            false => None,
        };
        let bus_port = ports::free_udp()?;
        // What an earlier run heard is only on its own bus more than noise.
        let earlier = order.recorded.map(|recording| recording.bus.clone());
        let bus = earlier.unwrap_or_else(|| Bus::draw(bus_port, &mut rng));
        let broadcast = lan
            .as_ref()
            .map_or(Ipv4Addr::new(127, 255, 255, 255), Lan::broadcast);
        // Where broadcast leads nowhere, nobody listens on the port it is sent to.
        let target_port = if plan.broadcast {
            bus_port
        } else {
            ports::free_udp()?
        };
        let mut common: Vec<(String, String)> =
            SETTINGS.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
        let mut set = |key: &str, value: String| common.push((key.to_owned(), value));
        set("store.url", store.url());
        set("cluster.name", bus.name.clone());
        set("cluster.keys", bus.key.clone());
        set("cluster.listen", format!("0.0.0.0:{bus_port}"));
        set("cluster.targets", format!("{broadcast}:{target_port}"));
        if let Some(redis) = &redis {
            set("redis.url", redis.url());
        }
        for (key, value) in &plan.settings {
            set(key, value.clone());
        }
        let mut cluster = Cluster {
            nodes: Vec::new(),
            wires: Wires::new(plan.nodes, seed),
            store,
            redis,
            bus_port,
            bus,
            folder,
            nginx: None,
            lan,
            server: order.server.to_owned(),
            older: order.older.map(Path::to_owned),
            common,
        };
        cluster.start_nodes(plan.nodes).await?;
        if plan.nginx {
            cluster.nginx = Some(Nginx::start(cluster.folder.path(), &cluster.addresses()).await?);
        }
        cluster.apply_network()?;
        Ok(cluster)
    }

    async fn start_nodes(&mut self, count: usize) -> anyhow::Result<()> {
        for index in 0..count {
            let node = self.new_node(index)?;
            node.start()?;
            // One after the other: the first makes the store.
            node.wait_ready().await?;
            self.nodes.push(node);
        }
        Ok(())
    }

    fn new_node(&self, index: usize) -> anyhow::Result<Node> {
        let first = self.older.as_ref().unwrap_or(&self.server);
        let mut node = Node::new(self.folder.path(), index, first)?;
        for (key, value) in &self.common {
            node.set(key, value);
        }
        let own_port = ports::free_udp()?;
        node.set("cluster.own_port", &own_port.to_string());
        match &self.lan {
            Some(lan) => {
                node.in_namespace(
                    lan.namespace(index),
                    SocketAddr::from((lan.management(index), 8_080)),
                );
                node.set("cluster.advertise", &lan.bus(index).to_string());
                node.bus = SocketAddr::from((lan.bus(index), own_port));
            }
            None => node.bus = SocketAddr::from((Ipv4Addr::LOCALHOST, own_port)),
        }
        Ok(node)
    }

    /// From its next start on the node runs the server under test, whatever it ran before.
    pub(crate) fn upgrade(&self, node: usize) {
        self.nodes[node].upgrade(&self.server);
    }

    /// A node with the cluster's configuration and something else instead of part of it; not one of its nodes.
    pub(crate) fn stranger(
        &self,
        number: usize,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<Node> {
        let mut node = Node::new(self.folder.path(), 100 + number, &self.server)?;
        for (key, value) in &self.common {
            node.set(key, value);
        }
        let store = self.folder.path().join(format!("stranger{number}.db"));
        node.set("store.url", &format!("sqlite://{}", store.display()));
        for (key, value) in settings {
            node.set(key, value);
        }
        Ok(node)
    }

    /// Where the nodes serve clients.
    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.nodes.iter().map(|node| node.http).collect()
    }

    /// Where clients are told to go: nginx, or the nodes themselves.
    pub(crate) fn doors(&self) -> Vec<SocketAddr> {
        match &self.nginx {
            Some(nginx) => vec![nginx.address],
            None => self.addresses(),
        }
    }

    /// Somebody on the bus who is no node, where the bus is a network of its own.
    pub(crate) fn stranger_on_the_bus(&self) -> Option<Stranger> {
        self.lan.as_ref().map(|lan| lan.stranger(self.bus_port))
    }

    /// Puts what goes wrong on the network now into force.
    pub(crate) fn apply_network(&self) -> anyhow::Result<()> {
        match &self.lan {
            Some(lan) => lan.obey(&self.wires),
            None => {
                let buses: Vec<SocketAddr> = self.nodes.iter().map(|node| node.bus).collect();
                for node in &self.nodes {
                    node.write_bus_faults(&self.wires.file_for(node.index, &buses))?;
                }
            }
        }
        Ok(())
    }

    /// What the switch of the namespaces did, by name.
    pub(crate) fn switched(&self) -> Vec<(&'static str, u64)> {
        self.lan.as_ref().map(Lan::counters).unwrap_or_default()
    }
}

/// A folder that goes away with its owner unless it is to be kept.
pub(crate) struct Folder {
    path: PathBuf,
    keep: bool,
}

impl Folder {
    fn new(name: &str, keep: bool) -> anyhow::Result<Folder> {
        let unique = uuid::Uuid::now_v7().simple().to_string();
        // Short: the socket of a database server has a path of at most 107 bytes.
        let path = std::env::temp_dir().join(format!("starling-{name}-{}", &unique[20..]));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Folder { path, keep })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

impl Cluster {
    /// Saves the store while nodes run, as an operator does.
    pub(crate) async fn backup(&self) -> anyhow::Result<()> {
        self.command(&["backup", "--force"]).await
    }

    /// Puts the saved store in place, with no node running, as an operator does.
    pub(crate) async fn restore(&self) -> anyhow::Result<()> {
        self.command(&["restore", "--force"]).await
    }

    async fn command(&self, arguments: &[&str]) -> anyhow::Result<()> {
        let mut command = std::process::Command::new(&self.server);
        let saved = self.folder.path().join("saved.db");
        command
            .args(arguments)
            .arg(saved)
            .env("STARLING__STORE__URL", self.store.url())
            .current_dir(self.folder.path());
        let done = tokio::task::spawn_blocking(move || command.output()).await??;
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        anyhow::ensure!(done.status.success(), "starling {}: {said}", arguments[0]);
        Ok(())
    }
}
