//! What a node says about itself and its cluster. The node implements [`ClusterView`]; `http` shows it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Map, Value};

/// A node as the asked one sees it.
#[derive(Clone, Debug, Default)]
pub struct NodeStatus {
    /// The process run; another one after a restart.
    pub id: String,
    pub name: String,
    /// Where its bus socket is reached.
    pub addresses: Vec<String>,
    /// Where it serves clients, as far as it is known.
    pub http: Vec<String>,
    /// `self`, `up`, `suspect`, `down`, `unheard` or `left`.
    pub state: String,
    pub version: String,
    /// The last entry it told of.
    pub head: u64,
    pub connections: u64,
    pub users: u64,
    /// Since anything authentic came from it; `None`: never, or the asked node itself.
    pub heard_ms_ago: Option<u64>,
}

/// The cluster as the asked node sees it.
#[derive(Clone, Debug, Default)]
pub struct ClusterStatus {
    /// The id of the asked node, one of `nodes`.
    pub own: String,
    pub degraded: bool,
    /// Why, in words.
    pub reasons: Vec<String>,
    pub nodes: Vec<NodeStatus>,
    /// Counters and gauges of the bus by name.
    pub bus: BTreeMap<String, u64>,
    /// Those of this node's connections and log.
    pub node: BTreeMap<String, u64>,
    /// What is known of the store.
    pub store: Map<String, Value>,
}

/// Whether a node should be sent clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It serves; when degraded, `reasons` say why.
    Ready { reasons: Vec<String> },
    /// It does not: it starts, leaves, or has no store.
    NotReady { reason: String },
}

/// What kind of number a figure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FigureKind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    /// Goes up and down.
    Gauge,
}

/// How much a figure says.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Amount {
    Count(u64),
    Seconds(f64),
}

/// One number about the node, as monitoring reads it.
#[derive(Clone, Debug, PartialEq)]
pub struct Figure {
    /// Lower-case words with underscores; a unit at the end, and no `total`.
    pub name: String,
    pub help: String,
    pub kind: FigureKind,
    pub amount: Amount,
}

impl Figure {
    #[must_use]
    pub fn counter(name: impl Into<String>, help: impl Into<String>, value: u64) -> Figure {
        Figure {
            name: name.into(),
            help: help.into(),
            kind: FigureKind::Counter,
            amount: Amount::Count(value),
        }
    }

    #[must_use]
    pub fn gauge(name: impl Into<String>, help: impl Into<String>, value: u64) -> Figure {
        Figure {
            kind: FigureKind::Gauge,
            ..Figure::counter(name, help, value)
        }
    }

    /// A time that goes up and down.
    #[must_use]
    pub fn seconds(name: impl Into<String>, help: impl Into<String>, value: Duration) -> Figure {
        Figure {
            amount: Amount::Seconds(value.as_secs_f64()),
            ..Figure::gauge(name, help, 0)
        }
    }

    /// A sum of times.
    #[must_use]
    pub fn time_spent(name: impl Into<String>, help: impl Into<String>, value: Duration) -> Figure {
        Figure {
            kind: FigureKind::Counter,
            ..Figure::seconds(name, help, value)
        }
    }
}

/// Whoever knows the state of the node and its cluster.
pub trait ClusterView: Send + Sync {
    /// A picture of this moment. Must be cheap: scrapes and pages ask every few seconds.
    fn status(&self) -> ClusterStatus;
    /// The numbers of this moment that monitoring reads, each name once.
    fn figures(&self) -> Vec<Figure>;
    /// Whether this node should be sent clients.
    fn readiness(&self) -> Readiness;
}
