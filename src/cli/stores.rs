//! Opens the configured store for a command. Commands on accounts never make one: a wrong path would otherwise
//! look like an empty deployment.

use std::sync::Arc;

use anyhow::anyhow;
use tokio::sync::mpsc;

use super::Failure;
use crate::config::{Config, StoreLocation};
use crate::journal::committer::Committer;
use crate::journal::position::Position;
use crate::model::policy::StoreRules;
use crate::service::clock::Clock;
use crate::service::operator::Operator;
use crate::service::passwords::{HashingSettings, Passwords};
use crate::service::sessions::Sessions;
use crate::store::{Stores, mysql, sqlite};

/// The store of a deployment that exists.
pub(super) async fn open(config: &Config) -> Result<Stores, Failure> {
    let opening = Opening {
        create: false,
        incomplete: false,
        rules: StoreRules {
            strangers: config.chat.strangers,
            history: config.chat.history,
            group_max: config.chat.group_max,
        },
    };
    open_at(&location(config)?, opening).await
}

/// A store to read from, under whatever rules: that of a deployment that exists.
pub(super) async fn existing(location: &StoreLocation) -> Result<Stores, Failure> {
    open_at(location, Opening::default()).await
}

/// A store to write another one's rows into, made when there is none.
pub(super) async fn to_be_filled(location: &StoreLocation) -> Result<Stores, Failure> {
    let opening = Opening {
        create: true,
        incomplete: true,
        ..Opening::default()
    };
    open_at(location, opening).await
}

/// What of opening is alike for all kinds of stores.
#[derive(Default)]
struct Opening {
    create: bool,
    incomplete: bool,
    rules: StoreRules,
}

async fn open_at(location: &StoreLocation, opening: Opening) -> Result<Stores, Failure> {
    let Opening {
        create,
        incomplete,
        rules,
    } = opening;
    match location {
        StoreLocation::Sqlite(path) => {
            let options = sqlite::OpenOptions {
                create,
                rules,
                incomplete,
                ..sqlite::OpenOptions::default()
            };
            sqlite::open(&path.to_string_lossy(), options)
                .map_err(|error| Failure::Store(error.into()))
        }
        StoreLocation::Mysql(url) => {
            let options = mysql::OpenOptions {
                rules,
                incomplete,
                ..mysql::OpenOptions::default()
            };
            mysql::open(url.expose(), options)
                .await
                .map_err(|error| Failure::Store(error.into()))
        }
    }
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
    ))
}

pub(super) fn location(config: &Config) -> Result<StoreLocation, Failure> {
    let location = config.store.location();
    location.ok_or_else(|| Failure::Usage(anyhow!("store.url: not a store of ours")))
}
