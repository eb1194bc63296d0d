//! `starling check`: prints the configuration in effect. That it loaded means it is valid.

use std::io::Write;

use super::Failure;
use crate::config::{Config, Origins};

pub(super) fn run(config: &Config, origins: &Origins, out: &mut dyn Write) -> Result<(), Failure> {
    out.write_all(config.render(origins).as_bytes())?;
    Ok(())
}
