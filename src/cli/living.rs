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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use async_trait::async_trait;

    use super::*;
    use crate::model::ids::Incarnation;
    use crate::store::{NodeRow, Result};

    /// One row, whose counter moves every so many milliseconds.
    struct Registry {
        since: Instant,
        beat_ms: u64,
        looks: AtomicU64,
    }

    #[async_trait]
    impl NodeStore for Registry {
        async fn beat(&self, _: NodeRow) -> Result<()> {
            Ok(())
        }

        async fn nodes(&self) -> Result<Vec<NodeRow>> {
            self.looks.fetch_add(1, Ordering::Relaxed);
            let passed = u64::try_from(self.since.elapsed().as_millis()).unwrap();
            Ok(vec![NodeRow {
                incarnation: Incarnation([7; 16]),
                name: "alder".to_owned(),
                address: "127.0.0.1:3001".parse().unwrap(),
                version: 1,
                packet_number: 0,
                counter: passed / self.beat_ms,
            }])
        }

        async fn forget(&self, _: &[(Incarnation, u64)]) -> Result<()> {
            Ok(())
        }
    }

    async fn watched(beat_ms: u64) -> Result<(), Failure> {
        let registry = Registry {
            since: Instant::now(),
            beat_ms,
            looks: AtomicU64::new(0),
        };
        let outcome = expect_none(&registry, "sqlite://x").await;
        assert!(registry.looks.load(Ordering::Relaxed) > 1);
        outcome
    }

    #[tokio::test(start_paused = true)]
    async fn a_row_that_moves_is_a_node_and_one_that_stays_is_none() {
        let alive = watched(5_000).await.unwrap_err();
        assert_eq!(
            alive.to_string(),
            "node alder runs on sqlite://x: stop all nodes first"
        );
        watched(3_600_000).await.unwrap();
    }
}
