//! The numbers a node gives to monitoring: what is measured where it happens, and what is looked up when asked.

use std::sync::atomic::Ordering;
use std::time::Duration;

use prometheus_client::metrics::histogram::Histogram;

use super::status::NodeView;
use crate::cluster::driver::ShellStatus;
use crate::http::metrics::Metrics;
use crate::journal::committer::Committer;
use crate::service::health::{ClusterStatus, Figure};
use crate::store::Stores;

/// Upper bounds of the buckets for handing one entry to the clients here, in seconds.
const DISPATCH_BUCKETS: [f64; 9] = [
    0.000_002, 0.000_005, 0.000_01, 0.000_025, 0.000_1, 0.000_5, 0.002, 0.01, 0.1,
];

/// The node's registry with everything that is measured where it happens. The histogram is the dispatch's to fill.
pub(super) fn metered(stores: &Stores, committer: &Committer) -> (Metrics, Histogram) {
    let metrics = Metrics::new();
    let dispatched = Histogram::new(DISPATCH_BUCKETS);
    let times = committer.times().clone();
    metrics.register(|registry| {
        registry.register(
            "ack_seconds",
            "From an entry's being put in line to its being durable: what a sender waits for",
            times.acks,
        );
        registry.register(
            "append_seconds",
            "One append of a batch, as the store answered it",
            times.appends,
        );
        registry.register(
            "append_entries",
            "Entries that went together in one append",
            times.batches,
        );
        registry.register(
            "dispatch_seconds",
            "Handing one entry to the connections here that are entitled to it",
            dispatched.clone(),
        );
        registry.register(
            "store_call_seconds",
            "Calls of the store, by purpose",
            stores.calls.family(),
        );
    });
    (metrics, dispatched)
}

/// What is looked up now.
pub(super) fn now(
    view: &NodeView,
    status: &ClusterStatus,
    shell: Option<&ShellStatus>,
) -> Vec<Figure> {
    let up = status.nodes.iter().filter(|node| node.state == "up");
    let mut figures = vec![
        Figure::gauge(
            "cluster_nodes",
            "Nodes this node sees working, itself included",
            up.count() as u64,
        ),
        Figure::gauge(
            "degraded",
            "1 while something is not as it should be; /readyz says what",
            u64::from(status.degraded),
        ),
    ];
    figures.extend(node(view));
    if let Some(shell) = shell {
        figures.extend(bus(shell));
        figures.extend(store(shell));
    }
    figures
}

fn node(view: &NodeView) -> Vec<Figure> {
    let stats = view.hub.stats();
    let in_trouble = view.redis.iter().filter(|health| !health.is_well());
    vec![
        Figure::gauge(
            "node_connections",
            "WebSocket connections of clients",
            view.hub.registry().connections() as u64,
        ),
        Figure::gauge(
            "node_users_online",
            "Users with a connection here",
            view.presence.local_users() as u64,
        ),
        Figure::gauge(
            "node_applied_seq",
            "The last entry of the log applied here",
            view.position.applied().0,
        ),
        Figure::counter(
            "node_deliveries",
            "Entries handed to connections, each connection counted",
            stats.delivered.load(Ordering::Relaxed),
        ),
        Figure::counter(
            "node_written_bytes",
            "Bytes written to clients on WebSockets",
            stats.written_bytes.load(Ordering::Relaxed),
        ),
        Figure::counter(
            "node_connections_fell_behind",
            "Times a connection fell behind and was caught up from the log",
            stats.fell_behind.load(Ordering::Relaxed),
        ),
        Figure::counter(
            "node_connections_too_slow",
            "Connections closed because they took nothing for too long",
            stats.too_slow.load(Ordering::Relaxed),
        ),
        Figure::counter(
            "node_connections_silent",
            "Connections closed because nothing came from them for too long",
            stats.silent.load(Ordering::Relaxed),
        ),
        Figure::gauge(
            "node_redis_uses",
            "What this node uses Redis for",
            view.redis.len() as u64,
        ),
        Figure::gauge(
            "node_redis_uses_in_trouble",
            "Those of them that fail now",
            in_trouble.count() as u64,
        ),
    ]
}

fn bus(shell: &ShellStatus) -> Vec<Figure> {
    let core = &shell.core;
    let mut figures: Vec<Figure> = core.counters.iter().map(counted).collect();
    figures.extend([
        Figure::gauge(
            "bus_holes",
            "Holes in the sequence that are not closed yet",
            core.holes.len() as u64,
        ),
        Figure::gauge(
            "bus_reorder_entries",
            "Entries that wait for those before them",
            core.reorder_entries as u64,
        ),
        Figure::gauge("bus_reorder_bytes", "Their size", core.reorder_bytes as u64),
        Figure::gauge(
            "bus_window_entries",
            "Recent entries kept for repairs and for clients that catch up",
            core.window_entries as u64,
        ),
        Figure::gauge("bus_window_bytes", "Their size", core.window_bytes as u64),
        Figure::gauge(
            "bus_send_queue_datagrams",
            "Datagrams that wait for the sending budget",
            core.send_queue as u64,
        ),
    ]);
    if let Some(bus) = &shell.bus {
        figures.extend([
            Figure::counter(
                "bus_sends_blocked",
                "Datagrams that could not be sent at once",
                bus.sends_blocked,
            ),
            Figure::counter(
                "bus_sends_failed",
                "Datagrams that could not be sent",
                bus.sends_failed,
            ),
            Figure::gauge(
                "bus_receive_buffer_bytes",
                "What the kernel granted for datagrams that wait",
                bus.receive_buffer_bytes as u64,
            ),
        ]);
    }
    figures
}

/// A counter of the core under a name that ends in its unit.
fn counted((name, help, value): (&'static str, &'static str, u64)) -> Figure {
    match name {
        "hole_repair_micros" => Figure::time_spent(
            "bus_hole_repair_seconds",
            "Sum of the times that missing entries were missing.",
            Duration::from_micros(value),
        ),
        "bytes_in" => Figure::counter("bus_in_bytes", help, value),
        "bytes_out" => Figure::counter("bus_out_bytes", help, value),
        name => Figure::counter(format!("bus_{name}"), help, value),
    }
}

fn store(shell: &ShellStatus) -> Vec<Figure> {
    let mut figures = vec![Figure::counter(
        "store_failures",
        "Reads and writes of the bus's part that failed or took too long",
        shell.store.failures,
    )];
    figures.extend(shell.store.poll_latency.map(|latency| {
        Figure::seconds(
            "store_poll_seconds",
            "How long the last look at the log's head took",
            latency,
        )
    }));
    figures
}
