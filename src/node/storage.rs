//! Opens the store that the configuration names, whichever kind it is: for the node and for commands alike.

use std::path::Path;

use anyhow::bail;

use crate::config::{Config, StoreLocation, StoreTls};
use crate::model::policy::StoreRules;
use crate::store::{SchemaVersion, Stores, mysql, sqlite};

/// Opens the configured store and brings it up to date. With `create` a file that is missing is made; a database on a
/// server is made by whoever runs the server.
///
/// # Errors
/// What stands in the way, in words that name the remedy: [`sqlite::OpenError`] or [`mysql::OpenError`].
pub async fn open(config: &Config, create: bool, readers: usize) -> anyhow::Result<Stores> {
    open_as(config, create, readers, false).await
}

/// Opens the configured store to write another one's rows into it, and makes the file when there is none. It may have
/// been left incomplete before.
///
/// # Errors
/// As [`open`].
pub async fn open_to_fill(config: &Config) -> anyhow::Result<Stores> {
    open_as(config, true, 1, true).await
}

async fn open_as(
    config: &Config,
    create: bool,
    readers: usize,
    incomplete: bool,
) -> anyhow::Result<Stores> {
    let rules = StoreRules {
        strangers: config.chat.strangers,
        history: config.chat.history,
        group_max: config.chat.group_max,
        recall_ms: config.chat.recall_ms(),
        starting_balance: config.chat.starting_balance,
    };
    match config.store.location() {
        Some(StoreLocation::Sqlite(path)) => {
            let options = sqlite::OpenOptions {
                create,
                rules,
                readers,
                incomplete,
            };
            Ok(sqlite::open(&path.to_string_lossy(), options)?)
        }
        Some(StoreLocation::Mysql(url)) => {
            let options = mysql::OpenOptions {
                rules,
                readers,
                tls: tls(config),
                incomplete,
            };
            Ok(mysql::open(url.expose(), options).await?)
        }
        None => bail!("store.url is of no kind this version knows"),
    }
}

/// Brings the configured store to this version's form. Makes the file when there is none.
///
/// # Errors
/// As [`open`].
pub async fn migrate(config: &Config) -> anyhow::Result<SchemaVersion> {
    match config.store.location() {
        Some(StoreLocation::Sqlite(path)) => Ok(sqlite::migrate(&path.to_string_lossy(), true)?),
        Some(StoreLocation::Mysql(url)) => Ok(mysql::migrate(url.expose(), &tls(config)).await?),
        None => bail!("store.url is of no kind this version knows"),
    }
}

fn tls(config: &Config) -> mysql::Tls {
    match config.store.tls {
        StoreTls::Off => mysql::Tls::Off,
        StoreTls::On => mysql::Tls::On {
            ca: config.store.authority().map(Path::to_owned),
        },
        StoreTls::Unverified => mysql::Tls::Unverified,
    }
}
