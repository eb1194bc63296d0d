//! How a command fails, and which exit code that is.

use std::fmt;
use std::process::ExitCode;

use crate::redis::InvalidServers;
use crate::store::{StoreError, mysql, sqlite};

/// Why a command did not do what it was asked for. Prints as one line: the sentence, then its causes.
#[derive(Debug)]
pub enum Failure {
    /// Something failed while it ran.
    Runtime(anyhow::Error),
    /// The arguments or the configuration are wrong; nothing was done.
    Usage(anyhow::Error),
    /// The store cannot be opened.
    Store(anyhow::Error),
}

impl Failure {
    /// 1, 2 and 3 in the order of the variants.
    #[must_use]
    pub fn exit_code(&self) -> ExitCode {
        match self {
            Failure::Runtime(_) => ExitCode::from(1),
            Failure::Usage(_) => ExitCode::from(2),
            Failure::Store(_) => ExitCode::from(3),
        }
    }
}

impl Failure {
    /// What stopped a node: a store that cannot be opened or used, addresses that are none, or anything else.
    pub(super) fn from_node(error: anyhow::Error) -> Failure {
        if error.chain().any(|cause| {
            cause.is::<sqlite::OpenError>()
                || cause.is::<mysql::OpenError>()
                || cause.is::<StoreError>()
        }) {
            Failure::Store(error)
        } else if error.is::<InvalidServers>() {
            Failure::Usage(error)
        } else {
            Failure::Runtime(error)
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failure::Runtime(error) | Failure::Usage(error) | Failure::Store(error)) = self;
        let mut said = error.to_string();
        f.write_str(&said)?;
        for cause in error.chain().skip(1) {
            let text = cause.to_string();
            // Many errors repeat their cause in their own sentence.
            if !said.contains(&text) {
                write!(f, ": {text}")?;
                said = text;
            }
        }
        Ok(())
    }
}

impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Failure {
        Failure::Runtime(error.into())
    }
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, anyhow};

    use super::*;

    #[test]
    fn a_failure_is_one_line_with_its_causes_and_no_repetition() {
        let error = Err::<(), _>(anyhow!("no such file"))
            .context("cannot read x: no such file")
            .context("no configuration")
            .unwrap_err();
        assert_eq!(
            Failure::Usage(error).to_string(),
            "no configuration: cannot read x: no such file"
        );
    }
}
