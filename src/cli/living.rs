//! Whether nodes run on a store: their rows in the registry move.

use std::time::Duration;

use anyhow::anyhow;
use tokio::time::{Instant, sleep};

use super::Failure;
use crate::store::NodeStore;

/// Longer than two beats of a node, of which one may come late.
const WATCHED_FOR: Duration = Duration::from_secs(12);
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Watches the registry and fails when a node on this store is alive. Nobody registered is known at once.
pub(super) async fn expect_none(nodes: &dyn NodeStore, store: &str) -> Result<(), Failure> {
    let before = nodes.nodes().await?;
    if before.is_empty() {
        return Ok(());
    }
    let watched_until = Instant::now() + WATCHED_FOR;
    while Instant::now() < watched_until {
        sleep(LOOK_EVERY).await;
        let now = nodes.nodes().await?;
        if let Some(alive) = now.iter().find(|row| !before.contains(row)) {
            return Err(Failure::Store(anyhow!(
                "node {} runs on {store}: stop all nodes first",
                alive.name
            )));
        }
    }
    Ok(())
}
