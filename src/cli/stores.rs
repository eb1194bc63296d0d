//! Opens the configured store for a command. Commands on accounts never make one: a wrong path would otherwise
//! look like an empty deployment.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::mpsc;

use super::Failure;
use crate::config::{Config, StoreLocation};
use crate::journal::committer::Committer;
use crate::journal::position::Position;
use crate::node::storage;
use crate::service::audit::Audit;
use crate::service::clock::Clock;
use crate::service::operator::Operator;
use crate::service::passwords::{HashingSettings, Passwords};
use crate::service::sessions::Sessions;
use crate::store::Stores;

/// The store of a deployment that exists.
pub(super) async fn open(config: &Config) -> Result<Stores, Failure> {
    storage::open(config, false, 1)
        .await
        .map_err(Failure::Store)
}

/// A store to write another one's rows into, made when there is none.
pub(super) async fn open_to_fill(config: &Config) -> Result<Stores, Failure> {
    storage::open_to_fill(config).await.map_err(Failure::Store)
}

pub(super) fn location(config: &Config) -> Result<StoreLocation, Failure> {
    let location = config.store.location();
    location.ok_or_else(|| Failure::Usage(anyhow!("store.url is of no kind this version knows")))
}

/// The operator's hand on an open store. Within a runtime.
pub(super) async fn operator(config: &Config, stores: &Stores) -> Result<Operator, Failure> {
    let log = stores.log.head().await?;
    // Nobody here takes what was committed: nodes read it from the store.
    let (committed, _) = mpsc::channel(1);
    let position = Position::new(log.epoch, log.head);
    let (committer, gatherer) = Committer::new(Arc::clone(&stores.log), position, committed);
    tokio::spawn(gatherer.run());
    let sessions = Sessions::new(
        Arc::clone(&stores.sessions),
        Arc::clone(&stores.users),
        committer,
        Clock::system(),
        config.auth.session_days,
    );
    let passwords = Passwords::new(HashingSettings {
        scrypt_log_n: config.auth.scrypt_log_n,
        scrypt_r: config.auth.scrypt_r,
        scrypt_p: config.auth.scrypt_p,
        hashing_parallel: 1,
    });
    let passwords = passwords.map_err(|error| Failure::Usage(error.into()))?;
    Ok(Operator::new(
        Arc::clone(&stores.users),
        sessions,
        passwords,
        Audit::new(Arc::clone(&stores.audit)),
    ))
}
