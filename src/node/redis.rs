//! What this node uses Redis for: presence for others to read, counting together, and perhaps the bus.
//!
//! Nothing here waits for Redis, and nothing else in the node does: each use has tasks of its own, and its health says
//! in words when it fares ill.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::warn;

use super::Bus;
use crate::cluster::Carrier;
use crate::config::Config;
use crate::model::ids::Incarnation;
use crate::presence::Presence;
use crate::presence::redis::{OnlineKeys, OnlineSettings};
use crate::redis::{Health, Servers};
use crate::service::clock::system_now;
use crate::service::rate::Senders;
use crate::service::redis::{RedisCounts, SendReporter};
use crate::service::throttle::SharedCounts;

/// Taking the own users away, a write that is under way included.
const LEAVE_WITHIN: Duration = Duration::from_secs(2);

/// The uses besides the bus, while the node is being built; nothing without `redis.url`.
pub(super) struct Uses {
    servers: Option<Servers>,
    cluster_name: String,
    online: Option<OnlineKeys>,
    counts: Option<Arc<RedisCounts>>,
    health: Vec<Health>,
}

impl Uses {
    /// Begins to connect.
    pub(super) fn new(config: &Config, bus: &Bus, own: Incarnation, presence: &Presence) -> Uses {
        let servers = bus.servers.clone();
        let settings = OnlineSettings {
            cluster_name: config.cluster.name.clone(),
            own,
            ttl: Duration::from_secs(config.presence.redis_ttl_s),
        };
        let online = servers
            .clone()
            .map(|servers| OnlineKeys::new(servers, settings, presence.clone(), system_now));
        let cluster_name = config.cluster.name.clone();
        let counts = servers
            .clone()
            .map(|servers| Arc::new(RedisCounts::new(servers, &cluster_name)));
        let bus = bus.carrier.as_ref().map(Carrier::health);
        let mut health = bus.unwrap_or_default();
        health.extend(online.as_ref().map(OnlineKeys::health));
        health.extend(counts.as_ref().map(|counts| counts.health()));
        Uses {
            servers,
            cluster_name,
            online,
            counts,
            health,
        }
    }

    /// Counts of logins that all nodes share.
    pub(super) fn counts(&self) -> Option<Arc<dyn SharedCounts>> {
        let counts = self.counts.clone()?;
        Some(counts)
    }

    /// Starts the tasks. Returns them and how all uses fare.
    pub(super) fn start(self, senders: Senders) -> (Running, Vec<Health>) {
        let mut health = self.health;
        let reporting = self.servers.map(|servers| {
            let reporter = SendReporter::new(servers, &self.cluster_name, senders);
            health.push(reporter.health());
            tokio::spawn(reporter.run())
        });
        let (stop, stopped) = oneshot::channel::<()>();
        let stopped = async {
            // Dropping the sender stops it as well.
            let _ = stopped.await;
        };
        let online = self.online.map(|online| tokio::spawn(online.run(stopped)));
        let running = Running {
            stop,
            online,
            reporting,
        };
        (running, health)
    }
}

/// The running tasks.
pub(super) struct Running {
    stop: oneshot::Sender<()>,
    online: Option<JoinHandle<()>>,
    reporting: Option<JoinHandle<()>>,
}

impl Running {
    /// Takes the own users away from Redis and ends.
    pub(super) async fn leave(self) {
        if let Some(reporting) = self.reporting {
            reporting.abort();
        }
        let _ = self.stop.send(());
        if let Some(online) = self.online
            && timeout(LEAVE_WITHIN, online).await.is_err()
        {
            warn!("Redis may show this node's users online until their entries end");
        }
    }
}
