//! `starling migrate`: brings the store to this version's form and says so. Makes it when there is none.

use std::io::Write;

use super::{Failure, stores};
use crate::config::{Config, StoreLocation};
use crate::store::sqlite;

pub(super) fn run(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let version = match stores::location(config)? {
        StoreLocation::Sqlite(path) => sqlite::migrate(&path.to_string_lossy(), true)
            .map_err(|error| Failure::Store(error.into()))?,
        StoreLocation::Mysql(_) => return Err(stores::no_mysql()),
    };
    writeln!(
        out,
        "{} is at schema {}, readable from {} on",
        config.store.url, version.version, version.min_reader
    )?;
    Ok(())
}
