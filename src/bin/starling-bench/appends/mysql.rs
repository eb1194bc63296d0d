//! Both sides on a server: a store in an empty database, and a table of the same form beside it.

use std::fmt::Write as _;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Conn, Opts};
use starling::store::Stores;
use starling::store::mysql::OpenOptions;

use super::{Plain, Row};

/// One connection that inserts rows, all in one statement, which is its own transaction. The statement is text: one
/// prepared for just so many rows is about a fifth faster at 1,000 rows, and different for each number of rows.
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
    const NAME: &str = "one plain INSERT of as many rows, autocommit";

    async fn insert(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        let mut insert = String::from(
            "INSERT INTO plain_entries (seq, conv, sender, at, kind, cid, fingerprint, body) VALUES ",
        );
        for (place, row) in rows.iter().enumerate() {
            let separator = if place == 0 { "" } else { ", " };
            write!(
                insert,
                "{separator}({}, '{}', {}, {}, {}, '{}', {}, '{}')",
                row.seq,
                row.conv,
                row.sender,
                row.at,
                row.kind,
                row.cid,
                row.fingerprint,
                quoted(&row.body)?
            )?;
        }
        self.0.query_drop(insert).await?;
        Ok(())
    }
}

/// The bodies measured with are texts, and hold neither quotes nor backslashes that would have to be told apart.
fn quoted(body: &[u8]) -> anyhow::Result<&str> {
    let text = std::str::from_utf8(body)?;
    anyhow::ensure!(!text.contains(['\'', '\\']), "a body that needs escaping");
    Ok(text)
}
