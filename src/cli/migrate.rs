//! `starling migrate`: brings the store to this version's form and says so, and makes it when there is none; or
//! moves a deployment from one store into another.

use std::io::Write;

use clap::Args;

use super::{Failure, block_on, moving};
use crate::config::Config;
use crate::node::storage;

#[derive(Args, Debug)]
pub(super) struct Migrate {
    /// Move everything from this store, on which no node runs any more
    #[arg(long, value_name = "URL", requires = "to")]
    from: Option<String>,
    /// The store to move to: a new one
    #[arg(long, value_name = "URL", requires = "from")]
    to: Option<String>,
    /// Empty a target that an interrupted move left incomplete, and begin anew
    #[arg(long, requires = "from")]
    force: bool,
}

impl Migrate {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match (&self.from, &self.to) {
            (Some(from), Some(to)) => block_on(moving::run(config, from, to, self.force, out)),
            (Some(_) | None, _) => in_place(config, out),
        }
    }
}

fn in_place(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let version = block_on(async { storage::migrate(config).await.map_err(Failure::Store) })?;
    writeln!(
        out,
        "{} is at schema {}, readable from {} on",
        config.store.url, version.version, version.min_reader
    )?;
    Ok(())
}
