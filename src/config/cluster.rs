//! `[cluster]`: the bus between nodes. Without a key a node runs alone.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::layers::ConfigError;
use super::redis::Redis;
use super::secret::Secret;

/// Most keys of a ring: two rotations that overlap.
const KEYS_MAX: usize = 4;

/// What carries the sealed datagrams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Transport {
    /// UDP broadcast, and unicast to peers it does not reach.
    #[default]
    Udp,
    /// Redis publish/subscribe, for nodes that share no network segment.
    Redis,
}

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cluster {
    /// Deployments with the same key but other names do not hear each other. 1-64 bytes.
    pub name: String,
    /// Keys as `starling keygen` prints them, at most 4; the newest all live nodes have seals.
    pub keys: Vec<Secret>,
    /// A file with more keys, one a line; read again on SIGHUP. Empty: none.
    pub key_file: PathBuf,
    /// Where broadcast datagrams are received; nodes of one machine may share it.
    pub listen: SocketAddr,
    /// Where datagrams are sent; empty: the directed broadcast address of each interface.
    /// `127.255.255.255:PORT` for several nodes on one machine.
    pub targets: Vec<SocketAddr>,
    /// What carries the bus: `udp` or `redis`.
    pub transport: Transport,
    /// The address peers reach this node's own socket at; empty: found out.
    #[serde(with = "super::optional")]
    pub advertise: Option<IpAddr>,
    /// The port of this node's own socket; 0: a free one.
    pub own_port: u16,
    /// How often the store's head is read, in case the bus is silent.
    pub poll_ms: u64,
}

impl Default for Cluster {
    fn default() -> Self {
        Cluster {
            name: "starling".to_owned(),
            keys: Vec::new(),
            key_file: PathBuf::new(),
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 3000),
            targets: Vec::new(),
            transport: Transport::Udp,
            advertise: None,
            own_port: 0,
            poll_ms: 250,
        }
    }
}

impl Cluster {
    /// Whether a key is configured, so that there is a bus at all.
    #[must_use]
    pub fn has_key(&self) -> bool {
        !self.keys.is_empty() || !self.key_file.as_os_str().is_empty()
    }

    /// The texts of all keys, those of the key file read now. What they hold is the key ring's to judge.
    pub fn key_text(&self) -> Result<Secret, ConfigError> {
        let mut text = String::new();
        for key in &self.keys {
            text.push_str(key.expose());
            text.push('\n');
        }
        if !self.key_file.as_os_str().is_empty() {
            let read = std::fs::read_to_string(&self.key_file);
            text.push_str(&read.map_err(|source| ConfigError::Unreadable {
                path: self.key_file.clone(),
                source,
            })?);
        }
        Ok(Secret::from(text.as_str()))
    }

    pub(super) fn check(&self, redis: &Redis, checks: &mut Checks) {
        checks.that(
            "cluster.name",
            (1..=64).contains(&self.name.len()),
            "a name has 1 to 64 bytes",
        );
        checks.that(
            "cluster.keys",
            self.keys.len() <= KEYS_MAX && self.keys.iter().all(|key| !key.is_empty()),
            "a ring holds at most 4 keys, none of them empty",
        );
        checks.that(
            "cluster.targets",
            self.targets.iter().all(|target| target.port() != 0),
            "a target needs a port",
        );
        checks.that(
            "cluster.transport",
            self.transport != Transport::Redis || !redis.url.is_empty(),
            "the transport redis needs redis.url",
        );
        checks.within("cluster.poll_ms", self.poll_ms, 10..=60_000);
    }
}
