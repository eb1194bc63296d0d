//! `starling serve`: turns the process into a node: logging, file limit, signals, runtime. The node itself is
//! built elsewhere.

use std::sync::Arc;

use anyhow::Context as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Notify;
use tracing::{info, warn};

use super::Failure;
use crate::config::Config;
use crate::{node, telemetry};

/// Descriptors a node needs besides clients' connections: store, bus, log, peers, uploads under way.
const FILES_BESIDE_CONNECTIONS: u64 = 256;

/// What the operator says to a running node, as signals.
#[derive(Clone, Default)]
pub struct Signals {
    stop: Arc<Notify>,
    reload: Arc<Notify>,
}

impl Signals {
    /// Takes over SIGTERM and SIGINT (stop) and SIGHUP (read the key file again). Within a runtime.
    pub fn listen() -> std::io::Result<Signals> {
        let signals = Signals::default();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hangup = signal(SignalKind::hangup())?;
        let heard = signals.clone();
        tokio::spawn(async move {
            loop {
                tokio::select! {
                    _ = terminate.recv() => heard.stop.notify_one(),
                    _ = interrupt.recv() => heard.stop.notify_one(),
                    _ = hangup.recv() => heard.reload.notify_one(),
                }
            }
        });
        Ok(signals)
    }

    /// Resolves once when the node is to stop.
    pub async fn stopped(&self) {
        self.stop.notified().await;
    }

    /// Notified when the key file is to be read again.
    #[must_use]
    pub fn reload(&self) -> Arc<Notify> {
        Arc::clone(&self.reload)
    }
}

pub(super) fn run(config: Config) -> Result<(), Failure> {
    telemetry::init(&config.log).map_err(|error| Failure::Usage(error.into()))?;
    raise_file_limit(u64::from(config.http.connections_max));
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(error.into()))?
        .block_on(async {
            let signals = Signals::listen()
                .context("cannot listen for signals")
                .map_err(Failure::Runtime)?;
            let stop = signals.clone();
            let stop = async move {
                stop.stopped().await;
                info!("asked to stop");
            };
            node::serve(config, stop, signals.reload())
                .await
                .map_err(Failure::from_node)
        })
}

/// A connection is a file to the system, and its usual limit of 1,024 is for other programs.
fn raise_file_limit(connections_max: u64) {
    let needed = connections_max + FILES_BESIDE_CONNECTIONS;
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(limit) if limit < needed => warn!(
            limit,
            needed,
            "the limit of open files is below http.connections_max + {FILES_BESIDE_CONNECTIONS}: \
             raise it (LimitNOFILE={needed} or ulimit -n {needed}) or lower http.connections_max"
        ),
        Ok(_) => {}
        Err(error) => warn!(%error, needed, "cannot raise the limit of open files"),
    }
}
