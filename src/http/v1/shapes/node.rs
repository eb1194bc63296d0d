//! A node and its cluster.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::service::health::{ClusterStatus, NodeStatus};

/// The node answers.
#[derive(Serialize, ToSchema)]
pub struct Alive {
    /// `ok`.
    pub status: &'static str,
}

/// Whether the node should be sent clients.
#[derive(Serialize, ToSchema)]
pub struct Readiness {
    pub ready: bool,
    pub degraded: bool,
    /// Why it is not ready, or degraded, in words.
    pub reasons: Vec<String>,
}

#[derive(Serialize, ToSchema)]
pub struct ClusterNode {
    pub id: String,
    pub name: String,
    /// Where its bus socket is reached.
    pub addresses: Vec<String>,
    /// Where it serves clients, as far as that is known.
    pub http: Vec<String>,
    /// `self`, `up`, `suspect`, `down`, `unheard` or `left`.
    pub state: String,
    pub version: String,
    /// The last entry it told of.
    pub head: u64,
    pub connections: u64,
    pub users: u64,
    /// Null for the asked node, and for one never heard.
    #[schema(required)]
    pub heard_ms_ago: Option<u64>,
}

impl From<NodeStatus> for ClusterNode {
    fn from(node: NodeStatus) -> ClusterNode {
        ClusterNode {
            id: node.id,
            name: node.name,
            addresses: node.addresses,
            http: node.http,
            state: node.state,
            version: node.version,
            head: node.head,
            connections: node.connections,
            users: node.users,
            heard_ms_ago: node.heard_ms_ago,
        }
    }
}

/// The cluster as the asked node sees it.
#[derive(Serialize, ToSchema)]
pub struct Cluster {
    /// The asked node's id.
    #[serde(rename = "self")]
    pub own: String,
    pub degraded: bool,
    pub reasons: Vec<String>,
    pub nodes: Vec<ClusterNode>,
    /// Counters of the bus, by name.
    pub bus: BTreeMap<String, u64>,
    /// Counters of the asked node's connections and log, by name.
    pub node: BTreeMap<String, u64>,
    #[schema(value_type = Object)]
    pub store: Map<String, Value>,
}

impl From<ClusterStatus> for Cluster {
    fn from(status: ClusterStatus) -> Cluster {
        Cluster {
            own: status.own,
            degraded: status.degraded,
            reasons: status.reasons,
            nodes: status.nodes.into_iter().map(ClusterNode::from).collect(),
            bus: status.bus,
            node: status.node,
            store: status.store,
        }
    }
}
