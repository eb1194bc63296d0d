//! What is counted about requests, and the text that Prometheus reads.
//!
//! Labels are the described paths, never the requested ones, so that nobody can make up new series.

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::{ConstGauge, Gauge};
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use tokio::time::Instant;
use warp::Filter;
use warp::http::{Method, StatusCode};
use warp::reply::Response;

use super::endpoint::Template;
use crate::model::error::Code;
use crate::service::health::{Amount, ClusterView, Figure, FigureKind};

/// Upper bounds of the latency buckets, in seconds: from a cached read to a request that gave up on the store.
const LATENCY_BUCKETS: [f64; 13] = [
    0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 3.0, 10.0,
];
/// The label of what no described path answered: pages, files, the WebSocket's handshake.
pub(super) const UNDESCRIBED: &str = "other";

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: &'static str,
    route: String,
    status: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Timed {
    route: String,
    /// The class of it: `2xx`.
    status: &'static str,
}

/// A frame on a WebSocket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Framed {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    /// `http` or `ws`.
    over: &'static str,
    code: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Build {
    version: &'static str,
}

/// Counters of the HTTP side and the registry they are in. Cheap to clone.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<RwLock<Registry>>,
    requests: Family<Answered, Counter>,
    latency: Family<Timed, Histogram>,
    frames: Family<Framed, Counter>,
    errors: Family<Refused, Counter>,
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl Metrics {
    #[must_use]
    pub fn new() -> Metrics {
        let mut registry = Registry::with_prefix("starling");
        let requests = Family::<Answered, Counter>::default();
        let latency =
            Family::<Timed, Histogram>::new_with_constructor(|| Histogram::new(LATENCY_BUCKETS));
        let frames = Family::<Framed, Counter>::default();
        let errors = Family::<Refused, Counter>::default();
        let build = Family::<Build, Gauge>::default();
        let version = env!("CARGO_PKG_VERSION");
        build.get_or_create(&Build { version }).set(1);
        registry.register("build_info", "What runs here: always 1", build);
        registry.register("http_requests", "Requests answered", requests.clone());
        registry.register(
            "http_request_seconds",
            "Time from a request's head to its answer",
            latency.clone(),
        );
        registry.register(
            "ws_frames",
            "Frames received on WebSockets that were understood, by type",
            frames.clone(),
        );
        registry.register(
            "errors",
            "Refusals told to clients, by their code; throttled logins among them",
            errors.clone(),
        );
        Metrics {
            registry: Arc::new(RwLock::new(registry)),
            requests,
            latency,
            frames,
            errors,
        }
    }

    /// A frame of this type came in.
    pub(super) fn framed(&self, kind: &'static str) {
        self.frames.get_or_create(&Framed { kind }).inc();
    }

    /// A client on a WebSocket was told so.
    pub(super) fn refused_frame(&self, code: Code) {
        self.refused("ws", code);
    }

    fn refused(&self, over: &'static str, code: Code) {
        let code = code.name();
        self.errors.get_or_create(&Refused { over, code }).inc();
    }

    /// Adds what else the node counts.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self
            .registry
            .write()
            .unwrap_or_else(PoisonError::into_inner));
    }

    /// Adds the numbers of the cluster's picture, taken anew at each scrape.
    pub fn watch(&self, cluster: Arc<dyn ClusterView>) {
        self.register(|registry| registry.register_collector(Box::new(Picture(cluster))));
    }

    /// Everything, in Prometheus' text format 0.0.4, which every scraper reads.
    pub(super) fn encode(&self) -> Result<String, fmt::Error> {
        let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)?;
        Ok(as_prometheus_text(&text))
    }

    fn count(&self, method: &Method, began: Instant, response: &Response) {
        let template = response.extensions().get::<Template>();
        let route = template
            .map_or(UNDESCRIBED, |template| &*template.0)
            .to_owned();
        let seconds = began.elapsed().as_secs_f64();
        let timed = Timed {
            route: route.clone(),
            status: class(response.status()),
        };
        self.latency.get_or_create(&timed).observe(seconds);
        let answered = Answered {
            method: label(method),
            route,
            status: response.status().as_u16(),
        };
        self.requests.get_or_create(&answered).inc();
        if let Some(code) = response.extensions().get::<Code>() {
            self.refused("http", *code);
        }
    }
}

/// Counts what a filter answers.
pub(super) fn observed(
    filter: impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
    metrics: Metrics,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::any()
        .map(Instant::now)
        .and(warp::method())
        .and(filter)
        .map(move |began: Instant, method: Method, response: Response| {
            metrics.count(&method, began, &response);
            response
        })
}

fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

fn class(status: StatusCode) -> &'static str {
    match status.as_u16() {
        ..200 => "1xx",
        200..300 => "2xx",
        300..400 => "3xx",
        400..500 => "4xx",
        500.. => "5xx",
    }
}

struct Picture(Arc<dyn ClusterView>);

impl fmt::Debug for Picture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Picture")
    }
}

impl Collector for Picture {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for figure in self.0.figures() {
            let Figure { name, help, .. } = &figure;
            let kind = match figure.kind {
                FigureKind::Counter => MetricType::Counter,
                FigureKind::Gauge => MetricType::Gauge,
            };
            let metric = encoder.encode_descriptor(name, help, None, kind)?;
            match (figure.kind, figure.amount) {
                (FigureKind::Counter, Amount::Count(count)) => {
                    ConstCounter::new(count).encode(metric)?;
                }
                (FigureKind::Counter, Amount::Seconds(seconds)) => {
                    ConstCounter::new(seconds).encode(metric)?;
                }
                (FigureKind::Gauge, Amount::Count(count)) => {
                    let count = i64::try_from(count).unwrap_or(i64::MAX);
                    ConstGauge::new(count).encode(metric)?;
                }
                (FigureKind::Gauge, Amount::Seconds(seconds)) => {
                    ConstGauge::new(seconds).encode(metric)?;
                }
            }
        }
        Ok(())
    }
}

/// OpenMetrics describes a counter by its family, `x`, and its sample as `x_total`; the older format describes the
/// sample. Units and the end mark are not part of it.
fn as_prometheus_text(openmetrics: &str) -> String {
    let counters: BTreeSet<&str> = openmetrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.strip_suffix(" counter"))
        .collect();
    let mut text = String::with_capacity(openmetrics.len());
    for line in openmetrics.lines() {
        let described = ["# HELP ", "# TYPE "].into_iter().find_map(|mark| {
            let (name, rest) = line.strip_prefix(mark)?.split_once(' ')?;
            counters
                .contains(name)
                .then(|| format!("{mark}{name}_total {rest}\n"))
        });
        match described {
            Some(described) => text.push_str(&described),
            None if line == "# EOF" || line.starts_with("# UNIT ") => {}
            None => {
                text.push_str(line);
                text.push('\n');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_described_by_their_samples_and_nothing_of_the_newer_format_is_left() {
        let openmetrics = "# HELP a Requests.\n# TYPE a counter\na_total 3\n# HELP b Level.\n# TYPE b gauge\n# UNIT b bytes\nb 1\n# EOF\n";
        let text = "# HELP a_total Requests.\n# TYPE a_total counter\na_total 3\n# HELP b Level.\n# TYPE b gauge\nb 1\n";
        assert_eq!(as_prometheus_text(openmetrics), text);
    }
}
