//! `starling migrate`: brings the store to this version's form and says so. Makes it when there is none.

use std::io::Write;

use super::{Failure, block_on};
use crate::config::Config;
use crate::node::storage;

pub(super) fn run(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let version = block_on(async { storage::migrate(config).await.map_err(Failure::Store) })?;
    writeln!(
        out,
        "{} is at schema {}, readable from {} on",
        config.store.url, version.version, version.min_reader
    )?;
    Ok(())
}
