//! `starling keygen`: prints a cluster key. Keeps nothing.

use std::io::Write;

use anyhow::anyhow;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::Failure;
use crate::cluster::core::generate_key_text;

/// Bytes of a cluster key.
const KEY_BYTES: usize = 32;

#[derive(Args, Debug)]
pub(super) struct Keygen {
    /// The key's number; the highest that all live nodes have is used, so count up when rotating
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u8).range(1..))]
    id: u8,
}

impl Keygen {
    pub(super) fn run(&self, out: &mut dyn Write) -> Result<(), Failure> {
        let mut key = [0; KEY_BYTES];
        SystemRandom::new()
            .fill(&mut key)
            .map_err(|_| Failure::Runtime(anyhow!("the system gives no random bytes")))?;
        writeln!(out, "{}", generate_key_text(self.id, key))?;
        Ok(())
    }
}
