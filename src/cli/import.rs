//! `starling import`: brings in what another chat system holds, straight into the store. Running nodes learn of it as
//! of anything another node does. Repeating it is safe; the report says what became of every row.

use std::fs::OpenOptions;
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, anyhow};
use clap::{Args, ValueEnum};

use super::{Failure, block_on, stores};
use crate::config::Config;
use crate::model::policy::StoreRules;
use crate::service::import::{self, ImportError, Plan, Report, System};
use crate::store::foreign::ForeignError;
use crate::store::foreign::redis::MessageLists;
use crate::store::mysql::foreign;

/// Who may read the report: it names people.
const FILE_MODE: u32 = 0o600;
/// The widest offset there is.
const OFFSET_HOURS_MAX: i32 = 14;

#[derive(Clone, Copy, Debug, ValueEnum)]
enum From {
    Ginchat,
    Imooc,
    Shyim,
}

#[derive(Args, Debug)]
pub(super) struct Import {
    /// The system the data comes from
    #[arg(value_enum)]
    system: From,
    /// Its database, as mysql://user:password@host/database
    #[arg(
        long,
        value_name = "URL",
        env = "STARLING_IMPORT_FROM",
        hide_env_values = true
    )]
    from: String,
    /// Redis servers with its msg_* lists, comma-separated; of a cluster all masters (ginchat)
    #[arg(
        long,
        value_name = "URLS",
        env = "STARLING_IMPORT_REDIS",
        hide_env_values = true
    )]
    redis: Option<String>,
    /// The salt of all its passwords (shyim: app.salt of its configuration)
    #[arg(
        long,
        value_name = "TEXT",
        env = "STARLING_IMPORT_SALT",
        hide_env_values = true
    )]
    salt: Option<String>,
    /// Where it served uploads, for addresses stored without a host, such as `https://old.example`
    #[arg(long, value_name = "URL", default_value = "")]
    files_url: String,
    /// How far ahead of UTC its times are, as +08:00
    #[arg(long, value_name = "OFFSET", default_value = "+00:00", allow_hyphen_values = true, value_parser = offset)]
    utc_offset: i32,
    /// Tells several deployments of one system apart
    #[arg(long, value_name = "NAME", default_value = "")]
    label: String,
    /// Write nothing, and report what would be
    #[arg(long)]
    dry_run: bool,
    /// Write each remark into a file, one JSON object a line
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Import {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let salt = match (&self.salt, self.system) {
            (Some(salt), From::Ginchat | From::Imooc | From::Shyim) => salt.clone(),
            (None, From::Ginchat | From::Imooc) => String::new(),
            (None, From::Shyim) => {
                return Err(Failure::Usage(anyhow!(
                    "shyim keeps one salt for all passwords in its configuration (app.salt): give it with --salt"
                )));
            }
        };
        if self.redis.is_some() && !matches!(self.system, From::Ginchat) {
            return Err(Failure::Usage(anyhow!(
                "only ginchat keeps messages in Redis"
            )));
        }
        let all = self.report.as_deref().map(create).transpose()?;
        let mut report = Report::new(all);
        block_on(async {
            let stores = stores::open(config).await?;
            let plan = self.plan(config, salt).await?;
            if self.dry_run {
                writeln!(out, "dry run: nothing is written")?;
            }
            let done = import::run(&stores, plan, &mut report).await;
            report.finish(out)?;
            done.map_err(Failure::from)
        })
    }

    async fn plan(&self, config: &Config, salt: String) -> Result<Plan, Failure> {
        let tables = foreign::open(&self.from, self.utc_offset).await?;
        let mut lists = Vec::new();
        for url in self.redis.iter().flat_map(|urls| urls.split(',')) {
            lists.push(MessageLists::connect(url.trim()).await?);
        }
        Ok(Plan {
            system: match self.system {
                From::Ginchat => System::Ginchat,
                From::Imooc => System::Imooc,
                From::Shyim => System::Shyim,
            },
            label: self.label.clone(),
            tables,
            lists,
            salt,
            files_url: self.files_url.clone(),
            rules: StoreRules {
                strangers: config.chat.strangers,
                history: config.chat.history,
                group_max: config.chat.group_max,
                recall_ms: config.chat.recall_ms(),
                starting_balance: config.chat.starting_balance,
            },
            dry_run: self.dry_run,
        })
    }
}

fn create(path: &Path) -> Result<Box<dyn Write + Send>, Failure> {
    let mut options = OpenOptions::new();
    options
        .write(true)
        .create(true)
        .truncate(true)
        .mode(FILE_MODE);
    let file = options
        .open(path)
        .with_context(|| format!("cannot write {}", path.display()))
        .map_err(Failure::Usage)?;
    Ok(Box::new(BufWriter::new(file)))
}

/// Minutes of `+hh:mm` or `-hh:mm`.
fn offset(text: &str) -> Result<i32, String> {
    let wrong = || "expected an offset as +08:00".to_owned();
    let (sign, rest) = match text.split_at_checked(1) {
        Some(("+", rest)) => (1, rest),
        Some(("-", rest)) => (-1, rest),
        Some(_) | None => return Err(wrong()),
    };
    let (hours, minutes) = rest.split_once(':').ok_or_else(wrong)?;
    let number = |text: &str, max: i32| match text.parse::<i32>() {
        Ok(number) if text.len() == 2 && (0..=max).contains(&number) => Ok(number),
        Ok(_) | Err(_) => Err(wrong()),
    };
    Ok(sign * (number(hours, OFFSET_HOURS_MAX)? * 60 + number(minutes, 59)?))
}

impl std::convert::From<ForeignError> for Failure {
    fn from(error: ForeignError) -> Failure {
        match error {
            ForeignError::Address(_) => Failure::Usage(error.into()),
            ForeignError::Unreachable { .. } | ForeignError::Broken { .. } => {
                Failure::Runtime(error.into())
            }
        }
    }
}

impl std::convert::From<ImportError> for Failure {
    fn from(error: ImportError) -> Failure {
        match error {
            ImportError::Plan(_) => Failure::Usage(error.into()),
            ImportError::Foreign(_) | ImportError::Store(_) | ImportError::Report(_) => {
                let hint = "the import ended early; what was brought stays, and running it again continues";
                Failure::Runtime(anyhow::Error::from(error).context(hint))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_are_hours_and_minutes_with_a_sign() {
        assert_eq!(offset("+08:00"), Ok(480));
        assert_eq!(offset("-03:30"), Ok(-210));
        for wrong in [
            "", "+", "8", "08:00", "+8:00", "+15:00", "+08:60", "+-8:00", "é8:00",
        ] {
            assert!(offset(wrong).is_err(), "{wrong}");
        }
    }
}
