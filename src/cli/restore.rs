//! `starling restore`: puts a saved file in the store's place, or declares a store that was put back by other means
//! to be another log. A command of its own and not a flag of `backup`, so that no slip of the hand turns saving into
//! overwriting.
//!
//! Either way the log gets a new epoch, by which nodes and clients notice that places they know mean nothing now.

use std::io::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::backup::{failure, teller};
use super::living::expect_none;
use super::{Failure, block_on, stores};
use crate::config::{Config, StoreLocation};
use crate::store::LogHead;
use crate::store::sqlite;

#[derive(Args, Debug)]
pub(super) struct Restore {
    /// The file that `starling backup` made; without it the store in place only gets a new epoch
    file: Option<PathBuf>,
    /// Overwrite the store if there is one
    #[arg(long)]
    force: bool,
}

impl Restore {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match stores::location(config)? {
            StoreLocation::Sqlite(path) => {
                let location = path.to_string_lossy();
                let log = match &self.file {
                    Some(file) => sqlite::restore(file, &location, self.force, &mut teller()),
                    None => sqlite::renew(&location),
                };
                tell(config, log.map_err(failure)?, out)
            }
            StoreLocation::Mysql(_) if self.file.is_some() => Err(Failure::Usage(anyhow!(
                "a server's store is put back by the server's own tool; `starling backup` prints how"
            ))),
            StoreLocation::Mysql(_) => tell(config, block_on(renew(config))?, out),
        }
    }
}

/// Another epoch for a server's log, of which only the registry tells who uses it.
async fn renew(config: &Config) -> Result<LogHead, Failure> {
    let stores = stores::open(config).await?;
    expect_none(stores.nodes.as_ref(), &config.store.url.to_string()).await?;
    let before = stores.log.head().await?;
    stores.log.renew_epoch(before.epoch).await?;
    Ok(stores.log.head().await?)
}

fn tell(config: &Config, log: LogHead, out: &mut dyn Write) -> Result<(), Failure> {
    writeln!(
        out,
        "{} holds entries up to {} as a log of its own (epoch {}); clients load anew",
        config.store.url, log.head, log.epoch.0
    )?;
    Ok(())
}
