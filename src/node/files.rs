//! Where files are kept, as configured, and where other nodes reach this one's.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use uuid::Uuid;

use super::Bus;
use crate::cluster::Carrier;
use crate::cluster::core::KeyRing;
use crate::config::{Cluster, Config};
use crate::files::peers::{PURPOSE, PeerKeys, Peers};
use crate::files::{Backend, Bucket, Folder};
use crate::service::clock::Clock;
use crate::service::files::{FileParts, Files};
use crate::store::Stores;

/// Opens the folder, and the bucket where there is one. `listening`: where this node's HTTP is.
pub(super) fn open(
    config: &Config,
    stores: &Stores,
    bus: &Bus,
    keys: PeerKeys,
    listening: Option<SocketAddr>,
) -> anyhow::Result<Files> {
    set_keys(&keys, &config.cluster, &bus.keys);
    let files = &config.files;
    let folder = Folder::open(&files.dir, &Uuid::new_v4().simple().to_string());
    let folder = folder.with_context(|| format!("files.dir {} is no use", files.dir.display()))?;
    let bucket: Option<Arc<dyn Backend>> = if files.s3.bucket.is_empty() {
        None
    } else {
        Some(Arc::new(Bucket::open(&files.s3)?))
    };
    Ok(Files::new(FileParts {
        store: Arc::clone(&stores.files),
        folder,
        bucket,
        peers: Peers::new(keys.clone())?,
        keys,
        node_url: node_url(config, listening, bus.carrier.as_ref()),
        clock: Clock::system(),
        bytes_max: files.max_bytes,
        quota_bytes: files.quota_bytes,
    }))
}

/// The files as a command line tool has them: it reads, and is no node that others could ask.
///
/// # Errors
/// As for a node: a folder, a bucket or keys that are no use.
pub fn for_reading(config: &Config, stores: &Stores) -> anyhow::Result<Files> {
    let bus = Bus {
        keys: super::bus::keys(&config.cluster)?,
        carrier: None,
        servers: None,
    };
    open(config, stores, &bus, PeerKeys::default(), None)
}

/// What nodes prove to each other with.
pub(super) fn set_keys(peers: &PeerKeys, cluster: &Cluster, keys: &KeyRing) {
    peers.set(&keys.derived(&cluster.name, PURPOSE));
}

/// Where this node's HTTP is reached by others; empty without a cluster.
fn node_url(config: &Config, listening: Option<SocketAddr>, carrier: Option<&Carrier>) -> String {
    if !config.files.node_url.is_empty() {
        return config.files.node_url.trim_end_matches('/').to_owned();
    }
    let (Some(listen), Some(carrier)) = (listening, carrier) else {
        return String::new();
    };
    let ip = if listen.ip().is_unspecified() {
        carrier.advertised().ip()
    } else {
        listen.ip()
    };
    format!("http://{}", SocketAddr::new(ip, listen.port()))
}
