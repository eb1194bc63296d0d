//! `starling migrate`: opens the store, which brings it to this version's form, and says so.

use std::io::Write;

use anyhow::anyhow;

use super::Failure;
use crate::config::Config;

pub(super) fn run(config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
    let _ = (config, out);
    Err(Failure::Store(anyhow!("no store is built in")))
}
