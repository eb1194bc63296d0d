//! Opens the configured store for a command. Commands on accounts never make one: a wrong path would otherwise
//! look like an empty deployment.

use anyhow::anyhow;

use super::Failure;
use crate::config::{Config, StoreLocation};
use crate::model::policy::StoreRules;
use crate::store::Stores;
use crate::store::sqlite::{self, OpenOptions};

/// The store of a deployment that exists.
pub(super) fn open(config: &Config) -> Result<Stores, Failure> {
    let options = OpenOptions {
        create: false,
        rules: StoreRules {
            strangers: config.chat.strangers,
            history: config.chat.history,
            group_max: config.chat.group_max,
        },
        readers: 1,
    };
    match location(config)? {
        StoreLocation::Sqlite(path) => sqlite::open(&path.to_string_lossy(), options)
            .map_err(|error| Failure::Store(error.into())),
        StoreLocation::Mysql(_) => Err(no_mysql()),
    }
}

pub(super) fn location(config: &Config) -> Result<StoreLocation, Failure> {
    let location = config.store.location();
    location.ok_or_else(|| Failure::Usage(anyhow!("store.url: not a store of ours")))
}

pub(super) fn no_mysql() -> Failure {
    Failure::Store(anyhow!("this build has no MySQL store"))
}
