//! Composition root: builds the parts of a node, runs them, and drains them in order.

use std::sync::Arc;

use tokio::sync::Notify;

use crate::config::Config;

/// Runs a node until `stop` resolves, then drains it. Each notification of `reload` rereads the key file.
pub async fn serve(
    config: Config,
    stop: impl Future<Output = ()>,
    reload: Arc<Notify>,
) -> anyhow::Result<()> {
    let _ = (config, stop, reload);
    anyhow::bail!("the node is not assembled yet")
}
