//! `starling user`: what an operator does to accounts without logging in, straight on the store.

use std::io::Write;

use anyhow::anyhow;
use clap::Subcommand;

use super::Failure;
use crate::config::Config;

#[derive(Debug, Subcommand)]
pub(super) enum User {
    /// Show all accounts
    List,
}

impl User {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let _ = (config, out);
        Err(Failure::Store(anyhow!("no store is built in")))
    }
}
