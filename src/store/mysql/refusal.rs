//! Why a store on a server cannot be opened, in words that name the remedy.

use super::fault::Fault;

/// Why the store cannot be opened, for whoever started the program. Nothing was changed, but for migrations that
/// ran before one that failed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error("store.url is no mysql://user:password@host:port/database: {0}")]
    NotAUrl(String),
    #[error("store.url names no database: end it with /NAME")]
    NoDatabase,
    #[error(
        "the database server {server} cannot be reached: {reason}; check host and port in store.url, and that it runs"
    )]
    Unreachable { server: String, reason: String },
    #[error(
        "the database server {server} refuses user {user:?}: check name and password in store.url, and store.tls where the server lets this user in only encrypted ({reason})"
    )]
    Login {
        server: String,
        user: String,
        reason: String,
    },
    #[error(
        "there is no database {database:?} on {server}: create it with CREATE DATABASE `{database}` CHARACTER SET utf8mb4"
    )]
    UnknownDatabase { server: String, database: String },
    #[error(
        "user {user:?} lacks a right on database {database:?}, or there is none of this name: as an administrator, CREATE DATABASE, and GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, INDEX, CREATE ROUTINE, ALTER ROUTINE, EXECUTE ON `{database}`.* to that user ({reason})"
    )]
    Rights {
        user: String,
        database: String,
        reason: String,
    },
    #[error(
        "the database server {0} is read-only: point store.url at the writable one, or turn read_only off"
    )]
    ReadOnly(String),
    #[error(
        "the database server {server} is {version}: Starling needs MariaDB 10.6 or MySQL 8.0.19 at least"
    )]
    TooOld { server: String, version: String },
    #[error(
        "max_allowed_packet of the database server {server} is {found} bytes: set it to {needed} at least, better 64M"
    )]
    PacketTooSmall {
        server: String,
        found: usize,
        needed: usize,
    },
    #[error(
        "the database server {server} has binlog_format = STATEMENT: set it to ROW or MIXED, since transactions here are READ COMMITTED"
    )]
    StatementLog { server: String },
    #[error(
        "table {table} is kept by the storage engine {engine}: ALTER TABLE {table} ENGINE = InnoDB, since others lose what was acknowledged"
    )]
    Engine { table: String, engine: String },
    #[error(
        "the database {database:?} needs a newer version of this program: it asks for schema {needed}, this one knows {known}"
    )]
    TooNew {
        database: String,
        needed: i64,
        known: i64,
    },
    #[error(
        "the database {database:?} has schema {found} and must be brought to {known}, for which user {user:?} lacks a right: run `starling migrate` with a user who may CREATE, ALTER and CREATE ROUTINE ({reason})"
    )]
    Older {
        database: String,
        user: String,
        found: i64,
        known: i64,
        reason: String,
    },
    #[error("the database {0:?} holds tables of another program: give Starling one of its own")]
    Foreign(String),
    #[error(
        "no encrypted connection to {server}: {reason}; check store.tls and store.tls_ca, and that the server has a certificate for this name"
    )]
    Tls { server: String, reason: String },
    #[error(
        "other nodes have been migrating the database {0:?} for too long: wait for them, or look what holds the lock"
    )]
    Migrating(String),
    #[error(
        "the database {0:?} is incomplete: a move from another store was interrupted; repeat it with --force"
    )]
    Incomplete(String),
    #[error("the database {database:?} on {server} cannot be used: {reason}")]
    Unusable {
        server: String,
        database: String,
        reason: String,
    },
}

/// How errors speak of what is opened. Holds no password.
#[derive(Clone, Debug)]
pub(super) struct Server {
    pub address: String,
    pub user: String,
    pub database: String,
}

impl Server {
    /// What a fault while opening means to whoever started the program.
    pub(super) fn explain(&self, fault: &Fault) -> OpenError {
        let server = self.address.clone();
        let (user, database) = (self.user.clone(), self.database.clone());
        match fault {
            Fault::Unreachable(reason) if is_about_tls(reason) => OpenError::Tls {
                server,
                reason: reason.clone(),
            },
            Fault::Unreachable(reason) | Fault::Lost(reason) => OpenError::Unreachable {
                server,
                reason: reason.clone(),
            },
            Fault::Server { code, message } => {
                let reason = message.clone();
                match code {
                    1045 | 1698 | 1862 | 3118 | 4151 => OpenError::Login {
                        server,
                        user,
                        reason,
                    },
                    1049 => OpenError::UnknownDatabase { server, database },
                    1044 | 1142 | 1143 | 1227 | 1370 | 1419 => OpenError::Rights {
                        user,
                        database,
                        reason,
                    },
                    1290 | 1792 | 1836 => OpenError::ReadOnly(server),
                    1665 => OpenError::StatementLog { server },
                    // No secure transport, though the server insists.
                    3159 | 4031 => OpenError::Tls { server, reason },
                    _ => self.unusable(fault),
                }
            }
            Fault::Unsendable(_) | Fault::Damaged(_) => self.unusable(fault),
        }
    }

    pub(super) fn unusable(&self, reason: &dyn std::fmt::Display) -> OpenError {
        OpenError::Unusable {
            server: self.address.clone(),
            database: self.database.clone(),
            reason: reason.to_string(),
        }
    }
}

/// The driver tells these only in words.
fn is_about_tls(reason: &str) -> bool {
    ["TLS", "SSL", "certificate"]
        .iter()
        .any(|word| reason.contains(word))
}
