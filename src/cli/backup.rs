//! `starling backup`: saves the store into one file while nodes run and write. A server's store is saved by the
//! server's own tool; what to type is printed.

use std::io::Write;
use std::path::PathBuf;

use anyhow::anyhow;
use clap::Args;

use super::{Failure, stores};
use crate::config::{Config, Store, StoreLocation, StoreTls};
use crate::store::sqlite::{self, CopyError, Progress};

/// Told whenever this part of a copy more is done.
const TOLD_EVERY_PERCENT: u32 = 10;

#[derive(Args, Debug)]
pub(super) struct Backup {
    /// The file to save into
    file: Option<PathBuf>,
    /// Overwrite the file if it exists
    #[arg(long)]
    force: bool,
}

impl Backup {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        match stores::location(config)? {
            StoreLocation::Sqlite(path) => {
                let Some(file) = &self.file else {
                    return Err(Failure::Usage(anyhow!(
                        "name the file to save into: starling backup FILE"
                    )));
                };
                let location = path.to_string_lossy();
                let log =
                    sqlite::backup(&location, file, self.force, &mut teller()).map_err(failure)?;
                let (entries, file) = (log.head.0 - log.floor.0, file.display());
                writeln!(
                    out,
                    "{file} holds the store up to entry {} ({entries} entries); starling restore {file} puts it back",
                    log.head
                )?;
                Ok(())
            }
            StoreLocation::Mysql(url) => {
                let server = Server::of(url.expose())?;
                write!(out, "{}", server.commands(&config.store))?;
                match self.file {
                    None => Ok(()),
                    Some(_) => Err(Failure::Usage(anyhow!(
                        "nothing was saved: the store is a server's; use the commands above"
                    ))),
                }
            }
        }
    }
}

/// Tells how far a copy is, on standard error.
pub(super) fn teller() -> impl FnMut(Progress) {
    let mut told = 0;
    move |progress| {
        let percent = progress.done.saturating_mul(100) / progress.total.max(1);
        if percent >= told + TOLD_EVERY_PERCENT {
            told = percent - percent % TOLD_EVERY_PERCENT;
            // The copy matters, not who watches it.
            let _ = writeln!(std::io::stderr(), "{percent} % copied");
        }
    }
}

/// What the failure of a copy means to whoever typed the command.
pub(super) fn failure(error: CopyError) -> Failure {
    match &error {
        CopyError::Exists(_) => Failure::Usage(
            anyhow::Error::from(error).context("nothing was done; --force overwrites"),
        ),
        CopyError::Itself(_) | CopyError::NoStore(_) => Failure::Usage(error.into()),
        CopyError::Open(_) | CopyError::InUse(_) => Failure::Store(error.into()),
        CopyError::Unsound(_)
        | CopyError::Stuck
        | CopyError::File { .. }
        | CopyError::Failed(_) => Failure::Runtime(error.into()),
    }
}

/// Where a database server's tools find the database; the password is not theirs to be told here.
struct Server {
    host: String,
    port: String,
    user: String,
    database: String,
}

impl Server {
    fn of(url: &str) -> Result<Server, Failure> {
        let wrong = || {
            Failure::Usage(anyhow!(
                "store.url is not mysql://user:password@host/database"
            ))
        };
        let rest = url.strip_prefix("mysql://").ok_or_else(wrong)?;
        let rest = rest.split('?').next().unwrap_or(rest);
        let (account, place) = rest.rsplit_once('@').unwrap_or(("root", rest));
        let (address, database) = place.split_once('/').ok_or_else(wrong)?;
        // A colon inside brackets belongs to the address.
        let (host, port) = match address.rsplit_once(':') {
            Some((host, port)) if !port.contains(']') => (host, port),
            Some(_) | None => (address, "3306"),
        };
        if database.is_empty() || host.is_empty() {
            return Err(wrong());
        }
        let user = decoded(account.split(':').next().unwrap_or(account));
        Ok(Server {
            host: quoted(host.trim_matches(['[', ']'])),
            port: quoted(port),
            user: quoted(&user),
            database: quoted(&decoded(database)),
        })
    }

    fn commands(&self, store: &Store) -> String {
        let Server {
            host,
            port,
            user,
            database,
        } = self;
        let account = format!(
            "--host={host} --port={port} --user={user} --password{}",
            encryption(store)
        );
        format!(
            "# Save, while nodes run. The tool asks for the password; mysqldump takes the same options, but --ssl-mode for --ssl.\n\
             mariadb-dump {account} --single-transaction --quick --routines --hex-blob --skip-lock-tables \\\n  \
               --skip-add-locks --skip-add-drop-table --default-character-set=utf8mb4 --result-file=starling.sql {database}\n\
             # Put back into an empty database, with all nodes stopped.\n\
             mariadb {account} --default-character-set=utf8mb4 {database} < starling.sql\n\
             # Then, before any node starts: its log is another one from here on.\n\
             starling restore\n"
        )
    }
}

/// What makes a tool of MariaDB encrypt as a node does; without it the dump would cross the network in clear.
fn encryption(store: &Store) -> String {
    match (store.tls, store.authority()) {
        (StoreTls::Off, _) => String::new(),
        (StoreTls::Unverified, _) => " --ssl".to_owned(),
        (StoreTls::On, None) => " --ssl --ssl-verify-server-cert".to_owned(),
        (StoreTls::On, Some(path)) => format!(
            " --ssl --ssl-verify-server-cert --ssl-ca={}",
            quoted(&path.to_string_lossy())
        ),
    }
}

/// Without percent-encoding; what is no such code stays.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = match (first, others) {
            (b'%', [high, low, ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                std::str::from_utf8(&others[..2])
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
            }
            _ => None,
        };
        bytes.push(code.unwrap_or(*first));
        rest = if code.is_some() { &others[2..] } else { others };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_commands_for_a_server_name_it_and_never_the_password() {
        let commands = Server::of("mysql://star:hunter2@db.lan:3307/chat?require_ssl=true")
            .unwrap()
            .commands(&Store::default());
        assert!(!commands.contains("hunter2"), "{commands}");
        assert!(
            commands.contains(
                "mariadb-dump --host=db.lan --port=3307 --user=star --password --single-transaction"
            ),
            "{commands}"
        );
        assert!(commands.contains("starling.sql chat\n"), "{commands}");
        let encrypted = Store {
            tls: StoreTls::On,
            tls_ca: "/etc/ca.pem".into(),
            ..Store::default()
        };
        let commands = Server::of("mysql://st%40r:x@db.lan/chat")
            .unwrap()
            .commands(&encrypted);
        let options =
            "--user='st@r' --password --ssl --ssl-verify-server-cert --ssl-ca=/etc/ca.pem ";
        assert_eq!(commands.matches(options).count(), 2, "{commands}");
        let other = Server::of("mysql://o'hara:p@ss@[::1]/it's").unwrap();
        assert_eq!((&*other.host, &*other.port), ("::1", "3306"));
        assert_eq!(
            (&*other.user, &*other.database),
            (r"'o'\''hara'", r"'it'\''s'")
        );
        assert!(Server::of("mysql://host").is_err());
    }
}
