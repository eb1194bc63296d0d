//! What this node says about itself and its peers, gathered from the driver's last picture and the hub.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::figures;
use crate::cluster::core::{Degraded, PeerState, PeerStatus};
use crate::cluster::driver::{DriverHandle, ShellStatus};
use crate::hub::Hub;
use crate::journal::committer::Committer;
use crate::journal::position::Position;
use crate::model::ids::Incarnation;
use crate::presence::Presence;
use crate::redis::Health;
use crate::service::files::Files;
use crate::service::health::{ClusterStatus, ClusterView, Figure, NodeStatus, Readiness};
use crate::service::hooks::delivery::Tally;
use crate::service::indexer::Behind;

/// Where the picture comes from.
pub(super) struct NodeView {
    pub incarnation: Incarnation,
    pub name: String,
    pub http: Vec<String>,
    pub driver: DriverHandle,
    pub hub: Hub,
    pub presence: Presence,
    pub position: Position,
    pub committer: Committer,
    pub told: Tally,
    pub leaving: watch::Receiver<bool>,
    /// How each use of Redis fares; empty without Redis.
    pub redis: Vec<Health>,
    pub files: Files,
    /// How far the index of words is behind.
    pub index_behind: Behind,
}

impl ClusterView for NodeView {
    fn status(&self) -> ClusterStatus {
        let picture = self.driver.status();
        let picture = picture.borrow();
        let reasons = match picture.as_ref() {
            Some(shell) => self.reasons(shell),
            None => vec!["the node is starting".to_owned()],
        };
        let mut nodes = vec![self.own(picture.as_ref())];
        if let Some(shell) = picture.as_ref() {
            nodes.extend(shell.core.peers.iter().map(peer));
        }
        ClusterStatus {
            own: self.incarnation.to_string(),
            degraded: !reasons.is_empty(),
            reasons,
            nodes,
            bus: picture.as_ref().map(bus_figures).unwrap_or_default(),
            node: self.figures(),
            store: picture
                .as_ref()
                .map(|shell| self.store_figures(shell))
                .unwrap_or_default(),
        }
    }

    fn figures(&self) -> Vec<Figure> {
        let status = self.status();
        let picture = self.driver.status();
        let picture = picture.borrow();
        figures::now(self, &status, picture.as_ref())
    }

    fn readiness(&self) -> Readiness {
        let not_ready = |reason: &str| Readiness::NotReady {
            reason: reason.to_owned(),
        };
        if *self.leaving.borrow() {
            return not_ready("the node is leaving");
        }
        let picture = self.driver.status();
        let picture = picture.borrow();
        let Some(shell) = picture.as_ref() else {
            return not_ready("the node is starting");
        };
        let stopped = shell
            .core
            .degraded
            .iter()
            .find(|reason| keeps_from_serving(reason));
        match stopped {
            Some(reason) => not_ready(&reason.to_string()),
            None => Readiness::Ready {
                reasons: self.reasons(shell),
            },
        }
    }
}

impl NodeView {
    fn own(&self, shell: Option<&ShellStatus>) -> NodeStatus {
        let bus = shell.and_then(|shell| shell.bus.as_ref());
        NodeStatus {
            id: self.incarnation.to_string(),
            name: self.name.clone(),
            addresses: bus.map(|bus| bus.address.to_string()).into_iter().collect(),
            http: self.http.clone(),
            state: "up".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            head: self.position.applied().0,
            connections: self.hub.registry().connections() as u64,
            users: self.presence.local_users() as u64,
            heard_ms_ago: Some(0),
        }
    }

    fn reasons(&self, shell: &ShellStatus) -> Vec<String> {
        let mut reasons: Vec<String> = shell
            .core
            .degraded
            .iter()
            .map(ToString::to_string)
            .collect();
        if shell.recovering {
            reasons
                .push("the log seems to have gone back, the store is being looked at".to_owned());
        }
        if self.committer.is_failing() {
            reasons.push("the store takes no entries".to_owned());
        }
        reasons.extend(self.files.trouble());
        reasons.extend(self.redis.iter().filter_map(Health::reason));
        reasons
    }

    fn figures(&self) -> BTreeMap<String, u64> {
        let stats = self.hub.stats();
        let in_trouble = self.redis.iter().filter(|health| !health.is_well());
        [
            ("redis_uses", self.redis.len() as u64),
            ("redis_uses_in_trouble", in_trouble.count() as u64),
            ("connections", self.hub.registry().connections() as u64),
            ("users_online", self.presence.local_users() as u64),
            ("applied_seq", self.position.applied().0),
            ("hooks_told", self.told.delivered()),
            ("hooks_failed", self.told.failed()),
            ("search_behind_entries", self.index_behind.entries()),
            ("deliveries", stats.delivered.load(Ordering::Relaxed)),
            ("written_bytes", stats.written_bytes.load(Ordering::Relaxed)),
            (
                "connections_fell_behind",
                stats.fell_behind.load(Ordering::Relaxed),
            ),
            (
                "connections_too_slow",
                stats.too_slow.load(Ordering::Relaxed),
            ),
            ("connections_silent", stats.silent.load(Ordering::Relaxed)),
        ]
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
    }

    fn store_figures(&self, shell: &ShellStatus) -> Map<String, Value> {
        let mut figures = Map::new();
        figures.insert("epoch".to_owned(), json!(shell.core.epoch));
        figures.insert("applied".to_owned(), json!(shell.core.applied));
        figures.insert("durable".to_owned(), json!(self.position.durable()));
        figures.insert("failures".to_owned(), json!(shell.store.failures));
        figures.insert(
            "poll_ms".to_owned(),
            json!(shell.store.poll_latency.map(millis)),
        );
        figures
    }
}

/// Without a log that can be read nobody can be served; everything else only costs latency.
fn keeps_from_serving(reason: &Degraded) -> bool {
    match reason {
        Degraded::Stopped(_) | Degraded::StoreUnavailable | Degraded::StoreGap => true,
        Degraded::RegistryUnavailable
        | Degraded::PeerUnheard { .. }
        | Degraded::UnicastFallback { .. }
        | Degraded::NoCommonKey { .. }
        | Degraded::KernelDrops
        | Degraded::SendQueueOverflow
        | Degraded::LoopLate { .. }
        | Degraded::TooManyPeers
        | Degraded::AwaitingIncarnation => false,
    }
}

fn peer(peer: &PeerStatus) -> NodeStatus {
    let state = match peer.state {
        PeerState::Unheard => "unheard",
        PeerState::Up => "up",
        PeerState::Suspect => "suspect",
        PeerState::Down => "down",
        PeerState::Left => "left",
    };
    NodeStatus {
        id: peer.incarnation.to_string(),
        name: peer.name.clone(),
        addresses: vec![peer.address.to_string()],
        http: Vec::new(),
        state: state.to_owned(),
        version: super::bus::version_words(peer.version),
        head: peer.head.0,
        connections: u64::from(peer.info.connections),
        users: u64::from(peer.info.users),
        heard_ms_ago: peer.heard_ago.map(millis),
    }
}

fn bus_figures(shell: &ShellStatus) -> BTreeMap<String, u64> {
    let core = &shell.core;
    let mut figures: BTreeMap<String, u64> = core
        .counters
        .iter()
        .map(|(name, _help, value)| (name.to_owned(), value))
        .collect();
    let gauges = [
        ("holes", core.holes.len() as u64),
        ("reorder_entries", core.reorder_entries as u64),
        ("reorder_bytes", core.reorder_bytes as u64),
        ("window_entries", core.window_entries as u64),
        ("window_bytes", core.window_bytes as u64),
        ("send_queue", core.send_queue as u64),
    ];
    figures.extend(gauges.map(|(name, value)| (name.to_owned(), value)));
    if let Some(bus) = &shell.bus {
        let sockets = [
            ("kernel_drops", bus.kernel_drops),
            ("sends_blocked", bus.sends_blocked),
            ("sends_failed", bus.sends_failed),
            ("receive_buffer_bytes", bus.receive_buffer_bytes as u64),
        ];
        figures.extend(sockets.map(|(name, value)| (name.to_owned(), value)));
    }
    figures
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
