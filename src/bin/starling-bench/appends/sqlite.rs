//! Both sides in SQLite: a store, and a table of the same form in a file of its own.

use rusqlite::{Connection, TransactionBehavior, params};
use starling::store::Stores;
use starling::store::sqlite::OpenOptions;

use super::{Plain, Row};
use crate::node::Folder;

/// One connection that inserts prepared rows.
pub(super) struct Table(Connection);

/// An empty store and an empty table, in a folder that goes away with the last of the three.
pub(super) fn open() -> anyhow::Result<(Stores, Table, Folder)> {
    let folder = Folder::new()?;
    let path = folder.0.join("starling.db");
    let stores = starling::store::sqlite::open(&path.to_string_lossy(), OpenOptions::default())?;
    let db = Connection::open(folder.0.join("plain.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         CREATE TABLE entries (
             seq INTEGER PRIMARY KEY,
             conv TEXT NOT NULL,
             sender INTEGER NOT NULL,
             at INTEGER NOT NULL,
             kind INTEGER NOT NULL,
             cid TEXT NOT NULL COLLATE BINARY,
             fingerprint INTEGER NOT NULL,
             body BLOB NOT NULL
         );
         CREATE UNIQUE INDEX entries_by_cid ON entries (sender, cid);
         CREATE INDEX entries_by_conv ON entries (conv, seq, kind, sender);",
    )?;
    Ok((stores, Table(db), folder))
}

impl Plain for Table {
    const NAME: &str = "prepared inserts, one commit";

    async fn insert(&mut self, rows: &[Row]) -> anyhow::Result<()> {
        let tx = self
            .0
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut insert = tx.prepare_cached(
            "INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        )?;
        for row in rows {
            insert.execute(params![
                i64::try_from(row.seq)?,
                row.conv,
                i64::try_from(row.sender)?,
                row.at,
                row.kind,
                row.cid,
                row.fingerprint,
                row.body,
            ])?;
        }
        drop(insert);
        Ok(tx.commit()?)
    }
}
