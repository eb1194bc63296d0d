//! The tasks that look after what is stored while the node runs.

use std::sync::Arc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::error;

use super::services::{Handles, Services};
use super::told_to_stop;
use crate::config::Config;
use crate::model::ids::Incarnation;
use crate::service::clock::Clock;
use crate::service::files::Files;
use crate::service::hooks::delivery::{Delivery, DeliveryParts};
use crate::service::hooks::outgoing::Outgoing;
use crate::service::indexer::{self, Behind};
use crate::service::packets::Expiry;
use crate::service::reads::keep_written;
use crate::service::retention::{Keep, Retention};
use crate::store::Stores;

/// The task that writes what waits in memory, and the word for it to write once more and stop.
pub(super) fn keep_writing(services: &Services) -> (oneshot::Sender<()>, JoinHandle<()>) {
    let (stop, stopped) = oneshot::channel();
    let (reads, sessions) = (services.reads.clone(), services.sessions.clone());
    let writing = keep_written(reads, sessions, told_to_stop(stopped));
    (stop, tokio::spawn(writing))
}

/// The tasks that look after the store.
pub(super) fn keepers(
    config: &Config,
    stores: &Stores,
    incarnation: Incarnation,
    handles: &Handles,
    files: Files,
) -> impl Iterator<Item = JoinHandle<()>> {
    let retention = retention(config, stores, incarnation);
    let indexing = indexing(config, stores, incarnation, &handles.index_behind);
    let expiry = Expiry::new(Arc::clone(&stores.packets), handles.committer.clone());
    let expiry = tokio::spawn(expiry.run(spread(incarnation)));
    let delivery = delivery(config, stores, handles, incarnation);
    let some = retention.into_iter().chain(indexing).chain(delivery);
    some.chain([expiry, tokio::spawn(files.run(spread(incarnation)))])
}

/// The task that prunes, where the deployment bounds its log.
fn retention(config: &Config, stores: &Stores, incarnation: Incarnation) -> Option<JoinHandle<()>> {
    let chat = &config.chat;
    let keep = Keep::new(chat.keep_days, chat.keep_entries, chat.retry_days)?;
    let retention = Retention::new(keep, Arc::clone(&stores.log), Arc::clone(&stores.retention));
    Some(tokio::spawn(retention.run(spread(incarnation))))
}

/// The task that makes messages searchable, where the deployment wants that.
fn indexing(
    config: &Config,
    stores: &Stores,
    incarnation: Incarnation,
    behind: &Behind,
) -> Option<JoinHandle<()>> {
    let (log, search) = (Arc::clone(&stores.log), Arc::clone(&stores.search));
    let run = indexer::run(log, search, behind.clone(), spread(incarnation));
    config.chat.search.then(|| tokio::spawn(run))
}

/// The task that tells outgoing hooks.
fn delivery(
    config: &Config,
    stores: &Stores,
    handles: &Handles,
    incarnation: Incarnation,
) -> Option<JoinHandle<()>> {
    let outgoing = match Outgoing::new(config.hooks.allow_private) {
        Ok(outgoing) => outgoing,
        Err(error) => {
            error!(%error, "this node tells no hooks: its machine's trusted certificates cannot be read");
            return None;
        }
    };
    let delivery = Delivery::new(DeliveryParts {
        hooks: Arc::clone(&stores.hooks),
        outgoing,
        position: handles.position.clone(),
        holder: incarnation,
        clock: Clock::system(),
        tally: handles.told.clone(),
    });
    Some(tokio::spawn(delivery.run(spread(incarnation))))
}

/// Chance that differs from node to node, for tasks that all of them have.
fn spread(incarnation: Incarnation) -> fastrand::Rng {
    let seed = incarnation
        .0
        .iter()
        .fold(0, |seed: u64, byte| seed.rotate_left(8) ^ u64::from(*byte));
    fastrand::Rng::with_seed(seed)
}
