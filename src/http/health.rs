//! What machines ask a node about itself: alive, ready, and its numbers.

use std::sync::Arc;

use warp::Filter;
use warp::http::header::CONTENT_TYPE;
use warp::http::{HeaderValue, StatusCode};
use warp::reply::Response;

use super::door::with;
use super::endpoint::{Answer, Endpoint, endpoint};
use super::metrics::Metrics;
use super::reply;
use super::v1::shapes;
use crate::model::error::{Code, Failure};
use crate::service::health::{ClusterView, Readiness};

const PROMETHEUS: HeaderValue =
    HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");

pub(super) fn routes(cluster: &Arc<dyn ClusterView>, metrics: &Metrics) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_alive>(warp::path!("healthz").and(warp::get()).then(alive)),
        endpoint::<__path_ready>(
            warp::path!("readyz")
                .and(warp::get())
                .and(with(cluster))
                .then(ready),
        ),
        endpoint::<__path_numbers>(
            warp::path!("metrics")
                .and(warp::get())
                .and(with(metrics))
                .then(numbers),
        ),
    ]
}

/// Whether the process answers at all.
#[utoipa::path(
    get, path = "/healthz", tag = "health", security(()),
    responses((status = 200, body = shapes::Alive, description = "It does"))
)]
async fn alive() -> Answer {
    reply::ok(&shapes::Alive { status: "ok" })
}

/// Whether the node should be sent clients.
#[utoipa::path(
    get, path = "/readyz", tag = "health", security(()),
    responses(
        (status = 200, body = shapes::Readiness, description = "It should; degraded or not"),
        (status = 503, body = shapes::Readiness, description = "It starts, leaves, or has no store"),
    )
)]
async fn ready(cluster: Arc<dyn ClusterView>) -> Answer {
    match cluster.readiness() {
        Readiness::Ready { reasons } => reply::ok(&shapes::Readiness {
            ready: true,
            degraded: !reasons.is_empty(),
            reasons,
        }),
        Readiness::NotReady { reason } => reply::json_with(
            StatusCode::SERVICE_UNAVAILABLE,
            &shapes::Readiness {
                ready: false,
                degraded: true,
                reasons: vec![reason],
            },
        ),
    }
}

/// The node's numbers, for Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "health", security(()),
    responses((status = 200, description = "Prometheus text", content_type = "text/plain"))
)]
async fn numbers(metrics: Metrics) -> Answer {
    prometheus(&metrics)
}

/// The numbers as Prometheus reads them.
pub(super) fn prometheus(metrics: &Metrics) -> Answer {
    let text = metrics
        .encode()
        .map_err(|std::fmt::Error| Failure::new(Code::Internal))?;
    let mut response = Response::new(text.into());
    response.headers_mut().insert(CONTENT_TYPE, PROMETHEUS);
    Ok(response)
}
