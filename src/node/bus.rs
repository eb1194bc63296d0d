//! The bus as configured: keys, what carries it, and limits for the cluster driver.

use anyhow::Context as _;
use tracing::info;

use crate::cluster::Carrier;
#[cfg(feature = "defects")]
use crate::cluster::core::Safeguards;
use crate::cluster::core::{BusLimits, CoreConfig, KeyRing};
use crate::cluster::redis::RedisBus;
use crate::cluster::socket::{BusSettings, Sockets};
use crate::config::{Cluster, Transport};
use crate::model::entry::Entry;
use crate::model::ids::Incarnation;
use crate::redis::Servers;

/// Version of this software as one number for the registry, for people: 4 bits major, 6 minor, 6 patch.
pub(super) fn software_version() -> u16 {
    let mut parts = env!("CARGO_PKG_VERSION")
        .split('.')
        .map(|part| part.parse().unwrap_or(0));
    let mut next = |most: u16| parts.next().unwrap_or(0).min(most);
    (next(15) << 12) | (next(63) << 6) | next(63)
}

/// The words for [`software_version`] of any node.
pub(super) fn version_words(version: u16) -> String {
    format!("{}.{}.{}", version >> 12, (version >> 6) & 63, version & 63)
}

/// The keys of the configuration and of the key file, which may have changed since the start.
pub(super) fn keys(cluster: &Cluster) -> anyhow::Result<KeyRing> {
    let text = cluster.key_text()?;
    KeyRing::parse(text.expose()).context("cluster.keys and cluster.key_file are not a key ring")
}

/// The way to the peers; none without a key: then nothing is sent or heard.
pub(super) fn carrier(
    cluster: &Cluster,
    servers: Option<&Servers>,
    keys: &KeyRing,
    incarnation: Incarnation,
) -> anyhow::Result<Option<Carrier>> {
    if keys.is_empty() {
        info!("there is no cluster key: this node runs alone");
        return Ok(None);
    }
    match cluster.transport {
        Transport::Udp => {}
        Transport::Redis => {
            let servers = servers.context("cluster.transport = \"redis\" needs redis.url")?;
            let bus = RedisBus::open(servers.clone(), &cluster.name, incarnation);
            return Ok(Some(bus.into()));
        }
    }
    let settings = BusSettings {
        listen: cluster.listen,
        targets: cluster.targets.clone(),
        advertise: cluster.advertise,
        own_port: cluster.own_port,
    };
    let sockets = Sockets::open(&settings).context("cannot join the bus")?;
    Ok(Some(sockets.into()))
}

/// What the core is built with.
pub(super) fn core_config(
    cluster: &Cluster,
    keys: KeyRing,
    incarnation: Incarnation,
    node_name: &str,
    carrier: Option<&Carrier>,
) -> CoreConfig {
    let unreachable = std::net::SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), 0);
    let address = carrier.map_or(unreachable, Carrier::advertised);
    let limits = BusLimits {
        store_poll: std::time::Duration::from_millis(cluster.poll_ms),
        ..BusLimits::default()
    };
    CoreConfig {
        version: software_version(),
        limits,
        check_payload: |payload| Entry::is_encoded(payload),
        #[cfg(feature = "defects")]
        safeguards: Safeguards {
            replay_window: !crate::journal::defects::takes_replays(),
            ..Safeguards::default()
        },
        ..CoreConfig::new(&cluster.name, keys, incarnation, node_name, address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registry_shows_the_version_of_the_package() {
        assert_eq!(version_words(software_version()), env!("CARGO_PKG_VERSION"));
    }
}
