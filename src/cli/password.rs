//! How a command is given a password: from a file or standard input, never as an argument, which every process
//! of the machine could read. Without either one is drawn.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clap::Args;
use ring::rand::{SecureRandom as _, SystemRandom};

use super::Failure;

/// Entropy of a drawn password: 16 characters, beyond guessing even from its hash.
const DRAWN_BYTES: usize = 12;

#[derive(Args, Debug)]
pub(super) struct Given {
    /// Read the password from the first line of a file, or of standard input (-); without it one is drawn and shown
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

pub(super) struct Password {
    pub(super) text: String,
    /// Nobody knows it yet.
    pub(super) drawn: bool,
}

impl Given {
    pub(super) fn read(&self) -> Result<Password, Failure> {
        let Some(path) = &self.password_file else {
            return draw();
        };
        let text = if path == Path::new("-") {
            let mut text = String::new();
            std::io::stdin().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(path)
        };
        let text = text
            .with_context(|| format!("cannot read a password from {}", path.display()))
            .map_err(Failure::Usage)?;
        Ok(Password {
            text: text.lines().next().unwrap_or_default().to_owned(),
            drawn: false,
        })
    }
}

fn draw() -> Result<Password, Failure> {
    let mut bytes = [0; DRAWN_BYTES];
    SystemRandom::new()
        .fill(&mut bytes)
        .map_err(|_| Failure::Runtime(anyhow!("the system gives no random bytes")))?;
    Ok(Password {
        text: URL_SAFE_NO_PAD.encode(bytes),
        drawn: true,
    })
}
