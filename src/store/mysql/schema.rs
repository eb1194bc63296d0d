//! The schema: embedded migrations, and which program may work with which version.
//!
//! Migrations only add, so that old and new nodes share the database during an upgrade. Run by the first node to start;
//! a lock of the server's lets one after the other, with a bounded wait.

use std::time::Duration;

use mysql_async::prelude::Queryable;
use mysql_async::{Conn, Opts, Params};
use tokio::time::timeout;

use super::fault::Fault;
use super::refusal::{OpenError, Server};
use super::routines::{self, Changed};
use crate::store::SchemaVersion;

mod embedded {
    refinery::embed_migrations!("src/store/migrations/mysql");
}

/// How long to wait for the nodes that started at the same moment: so often, for so long. Each time below what a session
/// lets a statement run, or the server would end the wait as one that takes too long.
const LOCK_TRIES: u32 = 8;
const LOCK_WAIT_S: u32 = 4;
/// How long migrations may take in all. Each only adds, but adding to a large table can copy it.
const MIGRATION_WAIT: Duration = Duration::from_secs(600);

/// Applies what is missing, makes the procedures, and checks that this program can work with the result.
pub(super) async fn prepare(
    opts: &Opts,
    connection: &mut Conn,
    server: &Server,
    changed: Changed,
) -> Result<SchemaVersion, OpenError> {
    let words = |error: mysql_async::Error| server.explain(&Fault::from(error));
    // A lock's name holds for the whole server, and is at most 64 characters long.
    let lock = format!("starling {:.48}", server.database);
    connection
        .query_drop("SET SESSION group_concat_max_len = 1048576")
        .await
        .map_err(words)?;
    let mut is_mine = false;
    for _ in 0..LOCK_TRIES {
        let got: Option<Option<i64>> = connection
            .exec_first("SELECT GET_LOCK(?, ?)", (&lock, LOCK_WAIT_S))
            .await
            .map_err(words)?;
        is_mine = got.flatten() == Some(1);
        if is_mine {
            break;
        }
    }
    if !is_mine {
        return Err(OpenError::Migrating(server.database.clone()));
    }
    // The lock ends with its connection at the latest.
    let prepared = locked(opts, connection, server, changed).await;
    let _ = connection
        .exec_drop("SELECT RELEASE_LOCK(?)", (&lock,))
        .await;
    prepared
}

async fn locked(
    opts: &Opts,
    connection: &mut Conn,
    server: &Server,
    changed: Changed,
) -> Result<SchemaVersion, OpenError> {
    let words = |error: mysql_async::Error| server.explain(&Fault::from(error));
    let runner = embedded::migrations::runner().set_abort_missing(false);
    let versions = runner
        .get_migrations()
        .iter()
        .map(|migration| i64::from(migration.version()));
    let known = versions.max().unwrap_or(0);
    let mut found = current(connection).await.map_err(words)?;
    if found.is_none() && is_foreign(connection).await.map_err(words)? {
        return Err(OpenError::Foreign(server.database.clone()));
    }
    if found.is_none_or(|schema| schema.version < known) {
        let older = found;
        run(opts, server, &runner)
            .await
            .map_err(|error| older_schema(error, older, known))?;
        found = current(connection).await.map_err(words)?;
    }
    let Some(schema) = found else {
        return Err(server.unusable(&"its schema has no version"));
    };
    if schema.min_reader > known {
        return Err(OpenError::TooNew {
            database: server.database.clone(),
            needed: schema.min_reader,
            known,
        });
    }
    check_engines(connection, server).await?;
    routines::ensure(connection, changed)
        .await
        .map_err(|fault| server.explain(&fault))?;
    Ok(schema)
}

/// The migrations take a pool of the driver's, whose connections are not set up as ours: they may take long.
async fn run(opts: &Opts, server: &Server, runner: &refinery::Runner) -> Result<(), OpenError> {
    let mut pool = mysql_async::Pool::new(opts.clone());
    let done = timeout(MIGRATION_WAIT, runner.run_async(&mut pool)).await;
    let _ = timeout(Duration::from_secs(1), pool.disconnect()).await;
    match done {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(explain(server, &error)),
        Err(_) => Err(server.unusable(&format!(
            "its migration did not end within {} s",
            MIGRATION_WAIT.as_secs()
        ))),
    }
}

fn explain(server: &Server, error: &refinery::Error) -> OpenError {
    // Refinery wraps the driver's error.
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        if let Some(mysql_async::Error::Server(answer)) = inner.downcast_ref() {
            let fault = Fault::from(mysql_async::Error::Server(answer.clone()));
            return server.explain(&fault);
        }
        cause = inner.source();
    }
    server.unusable(error)
}

/// A lacking right on a database that is there already: somebody else has to bring it up to date.
fn older_schema(error: OpenError, found: Option<SchemaVersion>, known: i64) -> OpenError {
    match (error, found) {
        (
            OpenError::Rights {
                user,
                database,
                reason,
            },
            Some(schema),
        ) => OpenError::Older {
            database,
            user,
            found: schema.version,
            known,
            reason,
        },
        (error, _) => error,
    }
}

async fn current(connection: &mut Conn) -> mysql_async::Result<Option<SchemaVersion>> {
    if !has_table(connection, "schema_info").await? {
        return Ok(None);
    }
    let row: Option<(i64, i64)> = connection
        .query_first("SELECT version, min_reader FROM schema_info WHERE id = 1")
        .await?;
    Ok(row.map(|(version, min_reader)| SchemaVersion {
        version,
        min_reader,
    }))
}

/// Whether somebody else keeps tables in it; the migrations' own history is the first of ours.
async fn is_foreign(connection: &mut Conn) -> mysql_async::Result<bool> {
    let tables: Option<u64> = connection
        .query_first(
            "SELECT count(*) FROM information_schema.tables WHERE table_schema = DATABASE()",
        )
        .await?;
    Ok(tables.unwrap_or(0) > 0 && !has_table(connection, "refinery_schema_history").await?)
}

async fn has_table(connection: &mut Conn, name: &str) -> mysql_async::Result<bool> {
    let found: Option<u64> = connection
        .exec_first(
            "SELECT count(*) FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_name = ?",
            (name,),
        )
        .await?;
    Ok(found.unwrap_or(0) > 0)
}

async fn check_engines(connection: &mut Conn, server: &Server) -> Result<(), OpenError> {
    let other: Option<(String, String)> = connection
        .exec_first(
            "SELECT table_name, engine FROM information_schema.tables
             WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE' AND engine <> 'InnoDB'
                 AND table_name <> 'refinery_schema_history'",
            Params::Empty,
        )
        .await
        .map_err(|error| server.explain(&Fault::from(error)))?;
    match other {
        Some((table, engine)) => Err(OpenError::Engine { table, engine }),
        None => Ok(()),
    }
}
