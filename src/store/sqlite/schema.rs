//! The schema: embedded migrations, and which program may work with which version.
//!
//! Migrations only add, so that old and new nodes share the file during an upgrade. Run by the first node to
//! start; several that start at once may race, and all but one find the work done.
#![expect(
    clippy::disallowed_methods,
    reason = "waiting for nodes that migrate at the same moment takes a clock and a thread that may sleep"
)]

use std::path::Path;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::open::{OpenError, explain, unusable};
use crate::store::SchemaVersion;

mod embedded {
    refinery::embed_migrations!("src/store/migrations/sqlite");
}

/// How long to wait for the nodes that started at the same moment.
const MIGRATION_WAIT: Duration = Duration::from_secs(10);
const MIGRATION_LOOK: Duration = Duration::from_millis(5);

/// Applies what is missing and checks that this program can work with the result.
pub(super) fn prepare(
    path: &Path,
    connection: &mut Connection,
) -> Result<SchemaVersion, OpenError> {
    let runner = embedded::migrations::runner()
        .set_grouped(true)
        .set_abort_missing(false);
    let known = known(&runner);
    let started = Instant::now();
    loop {
        match current(connection).map_err(|error| explain(path, &error))? {
            Some(schema) if schema.version >= known => return accept(path, schema, known),
            Some(_) => {}
            None if is_foreign(connection).map_err(|error| explain(path, &error))? => {
                return Err(OpenError::Foreign(path.to_owned()));
            }
            None => {}
        }
        // Refinery looks and applies in separate transactions: whoever comes second fails as a whole, and finds
        // the work done at the next look.
        match runner.run(connection) {
            Ok(_) => {}
            Err(error) if started.elapsed() > MIGRATION_WAIT => {
                return Err(unusable(path, &error));
            }
            Err(_) => std::thread::sleep(MIGRATION_LOOK),
        }
    }
}

/// Checks that this program can work with the database as it is.
pub(super) fn check(path: &Path, connection: &Connection) -> Result<(), OpenError> {
    let known = known(&embedded::migrations::runner());
    match current(connection).map_err(|error| explain(path, &error))? {
        Some(schema) if schema.version < known => {
            Err(unusable(path, &"its schema is older than this program's"))
        }
        Some(schema) => accept(path, schema, known).map(|_| ()),
        None => Err(unusable(path, &"it is empty or of another program")),
    }
}

/// Whether there is a schema of ours in it, of any version.
pub(super) fn is_ours(connection: &Connection) -> rusqlite::Result<bool> {
    Ok(current(connection)?.is_some())
}

fn known(runner: &refinery::Runner) -> i64 {
    let versions = runner
        .get_migrations()
        .iter()
        .map(|m| i64::from(m.version()));
    versions.max().unwrap_or(0)
}

fn accept(path: &Path, schema: SchemaVersion, known: i64) -> Result<SchemaVersion, OpenError> {
    if schema.min_reader > known {
        return Err(OpenError::TooNew {
            path: path.to_owned(),
            needed: schema.min_reader,
            known,
        });
    }
    Ok(schema)
}

fn current(connection: &Connection) -> rusqlite::Result<Option<SchemaVersion>> {
    if !has_table(connection, "schema_info")? {
        return Ok(None);
    }
    connection
        .query_row("SELECT version, min_reader FROM schema_info", [], |row| {
            Ok(SchemaVersion {
                version: row.get(0)?,
                min_reader: row.get(1)?,
            })
        })
        .map(Some)
}

/// Whether somebody else keeps tables in it; the migrations' own history is the first of ours.
fn is_foreign(connection: &Connection) -> rusqlite::Result<bool> {
    let empty: bool =
        connection.query_row("SELECT count(*) = 0 FROM sqlite_master", [], |row| {
            row.get(0)
        })?;
    Ok(!empty && !has_table(connection, "refinery_schema_history")?)
}

fn has_table(connection: &Connection, name: &str) -> rusqlite::Result<bool> {
    connection.query_row(
        "SELECT count(*) > 0 FROM sqlite_master WHERE type = 'table' AND name = ?1",
        [name],
        |row| row.get(0),
    )
}
