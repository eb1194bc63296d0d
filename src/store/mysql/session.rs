//! How each new connection is set up, and the check that the server took it.
//!
//! A proxy, a privilege or another dialect may drop a setting without a word; what appends and reads depend on is
//! therefore read back.

use std::collections::BTreeMap;

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::fault::Fault;

/// Longest list of values that comes back in one column, in bytes.
const CONCAT_BYTES_MAX: u32 = 64 << 20;
/// How long a statement waits for a row that somebody else holds.
const LOCK_WAIT_S: u32 = 2;
/// How long a statement may run at all, where the server can tell.
const STATEMENT_S: u32 = 5;

/// Which dialect the server speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flavour {
    MariaDb,
    MySql,
}

impl Flavour {
    /// From what `version()` says.
    pub(super) fn of(version: &str) -> Flavour {
        if version.to_ascii_lowercase().contains("mariadb") {
            Flavour::MariaDb
        } else {
            Flavour::MySql
        }
    }
}

/// Sets the connection up and makes sure of it.
pub(super) async fn prepare(connection: &mut Conn) -> Result<(), Fault> {
    let version: Option<String> = connection.query_first("SELECT version()").await?;
    let flavour = Flavour::of(&version.unwrap_or_default());
    connection
        .query_drop("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")
        .await?;
    connection
        .query_drop("SET NAMES utf8mb4 COLLATE utf8mb4_general_ci")
        .await?;
    // Milliseconds in MySQL, and for reading statements alone.
    let limit = match flavour {
        Flavour::MariaDb => format!("max_statement_time = {STATEMENT_S}"),
        Flavour::MySql => format!("max_execution_time = {}", STATEMENT_S * 1_000),
    };
    connection
        .query_drop(format!(
            "SET SESSION autocommit = 1, time_zone = '+00:00', innodb_lock_wait_timeout = {LOCK_WAIT_S}, \
             group_concat_max_len = {CONCAT_BYTES_MAX}, {limit}, \
             sql_mode = 'STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'"
        ))
        .await?;
    verify(connection).await
}

async fn verify(connection: &mut Conn) -> Result<(), Fault> {
    // The isolation level has one of two names, and servers know only theirs.
    let rows: Vec<(String, String)> = connection
        .query(
            "SHOW SESSION VARIABLES WHERE Variable_name IN ('autocommit', 'tx_isolation', 'transaction_isolation', \
             'character_set_client', 'character_set_connection', 'character_set_results', 'time_zone', 'sql_mode', \
             'innodb_lock_wait_timeout')",
        )
        .await?;
    let found: BTreeMap<String, String> = rows
        .into_iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let isolation = found.get("transaction_isolation");
    let isolation = isolation.or(found.get("tx_isolation"));
    let is = |name: &str, wanted: &str| found.get(name).is_some_and(|value| value == wanted);
    let wrong = if !is("autocommit", "ON") {
        "autocommit"
    } else if isolation.is_none_or(|level| level != "READ-COMMITTED") {
        "the isolation level READ COMMITTED"
    } else if !["client", "connection", "results"]
        .iter()
        .all(|place| is(&format!("character_set_{place}"), "utf8mb4"))
    {
        "the character set utf8mb4"
    } else if !is("time_zone", "+00:00") {
        "the time zone +00:00"
    } else if found
        .get("sql_mode")
        .is_none_or(|mode| !mode.contains("STRICT_ALL_TABLES"))
    {
        "the strict SQL mode"
    } else if !is("innodb_lock_wait_timeout", &LOCK_WAIT_S.to_string()) {
        "innodb_lock_wait_timeout"
    } else {
        return Ok(());
    };
    Err(Fault::Unreachable(format!(
        "the database server, or a proxy before it, did not take {wrong} for the connection"
    )))
}
