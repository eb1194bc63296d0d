//! The cluster's picture as services are shown it: this node alone.

use std::sync::{Arc, Mutex};

use starling::service::health::{ClusterStatus, ClusterView, Figure, NodeStatus, Readiness};

pub(super) struct Cluster(pub(super) Arc<Mutex<Readiness>>);

impl ClusterView for Cluster {
    fn status(&self) -> ClusterStatus {
        ClusterStatus {
            own: "run-1".to_owned(),
            nodes: vec![NodeStatus {
                id: "run-1".to_owned(),
                name: "anna".to_owned(),
                state: "self".to_owned(),
                addresses: vec!["192.0.2.1:3000".to_owned()],
                ..NodeStatus::default()
            }],
            bus: [("datagrams_in".to_owned(), 7)].into(),
            ..ClusterStatus::default()
        }
    }

    fn figures(&self) -> Vec<Figure> {
        vec![
            Figure::counter("bus_datagrams_in", "Datagrams handed to the core.", 7),
            Figure::gauge("degraded", "1 while something is wrong", 0),
        ]
    }

    fn readiness(&self) -> Readiness {
        self.0.lock().unwrap().clone()
    }
}
