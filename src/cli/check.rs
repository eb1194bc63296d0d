//! `starling check`: prints the configuration in effect. That it loaded means its values are valid; the key ring
//! and the addresses of Redis are looked at here, as a node does it.

use std::io::Write;

use anyhow::Context as _;

use super::Failure;
use crate::cluster::core::KeyRing;
use crate::config::{Config, Origins};
use crate::redis::Servers;

pub(super) fn run(config: &Config, origins: &Origins, out: &mut dyn Write) -> Result<(), Failure> {
    config
        .cluster
        .key_text()
        .map_err(anyhow::Error::from)
        .and_then(|text| KeyRing::parse(text.expose()).context("cluster.keys and cluster.key_file"))
        .map_err(Failure::Usage)?;
    Servers::parse(&config.redis.url).map_err(|invalid| Failure::Usage(invalid.into()))?;
    out.write_all(config.render(origins).as_bytes())?;
    Ok(())
}
