//! The cluster as this node sees it.

use std::sync::Arc;

use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::reply;
use crate::service::health::ClusterView;

pub(in crate::http) fn routes(door: &Door, cluster: &Arc<dyn ClusterView>) -> Vec<Endpoint> {
    vec![endpoint::<__path_show>(
        warp::path::end()
            .and(warp::get())
            .and(door.login())
            .and(with(cluster))
            .then(show),
    )]
}

/// The nodes and what is wrong between them. For everybody, like `/readyz`: the page before the login shows how many
/// nodes there are. Network addresses are told to people who are logged in only.
#[utoipa::path(
    get, path = "/api/v1/cluster", tag = "health", security((), ("bearer" = []), ("cookie" = [])),
    responses((status = 200, body = shapes::Cluster))
)]
async fn show(login: Login, cluster: Arc<dyn ClusterView>) -> Answer {
    let mut status = cluster.status();
    if login.is_err() {
        for node in &mut status.nodes {
            node.addresses.clear();
            node.http.clear();
        }
    }
    reply::ok(&shapes::Cluster::from(status))
}
