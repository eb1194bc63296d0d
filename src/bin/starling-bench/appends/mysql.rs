//! Both sides on a server: a store in an empty database, and a table of the same form beside it.

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts, Params, Value};
use starling::store::Stores;
use starling::store::mysql::OpenOptions;

use super::{Plain, Row};

/// Columns of a row.
const COLUMNS: usize = 8;
/// Most rows of one statement: a server takes 65,535 values.
const ROWS_MAX: usize = 8_000;

/// One connection that inserts rows, as many as there are in one prepared statement, which is its own transaction.
pub(super) struct Table(Conn);

/// A store in the empty database that `url` names, and the table beside it.
pub(super) async fn open(url: &str) -> anyhow::Result<(Stores, Table)> {
    let stores = starling::store::mysql::open(url, OpenOptions::default()).await?;
    Ok((stores, Table::create(url).await?))
}

impl Table {
    async fn create(url: &str) -> anyhow::Result<Table> {
        let mut connection = Conn::new(Opts::from_url(url)?).await?;
        connection
            .query_drop(
                "CREATE TABLE plain_entries (
                     seq BIGINT UNSIGNED NOT NULL PRIMARY KEY,
                     conv VARBINARY(64) NOT NULL,
                     sender BIGINT UNSIGNED NOT NULL,
                     at BIGINT NOT NULL,
                     kind TINYINT UNSIGNED NOT NULL,
                     cid VARBINARY(64) NOT NULL,
                     fingerprint BIGINT NOT NULL,
                     body MEDIUMBLOB NOT NULL,
                     UNIQUE KEY plain_by_cid (sender, cid),
                     KEY plain_by_conv (conv, seq, kind, sender)
                 ) ENGINE=InnoDB DEFAULT CHARSET=utf8mb4",
            )
            .await?;
        Ok(Table(connection))
    }
}

impl Plain for Table {
    const NAME: &str = "one prepared INSERT of as many rows, autocommit";

    async fn insert(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        anyhow::ensure!(rows.len() <= ROWS_MAX, "too many rows for a statement");
        let mut values: Vec<Value> = Vec::with_capacity(rows.len() * COLUMNS);
        for row in rows {
            values.push(row.seq.into());
            values.push(row.conv.as_str().into());
            values.push(row.sender.into());
            values.push(row.at.into());
            values.push(row.kind.into());
            values.push(row.cid.as_str().into());
            values.push(row.fingerprint.into());
            values.push(row.body.as_slice().into());
        }
        let places = vec!["(?, ?, ?, ?, ?, ?, ?, ?)"; rows.len()].join(", ");
        let insert = format!(
            "INSERT INTO plain_entries (seq, conv, sender, at, kind, cid, fingerprint, body) VALUES {places}"
        );
        self.0.exec_drop(insert, Params::Positional(values)).await?;
        Ok(())
    }
}
