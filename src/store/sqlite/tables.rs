//! The file as tables of rows, for moving to and from another kind of store.
//!
//! What this schema derives from other tables is made here: the last entry of each conversation.

use async_trait::async_trait;
use rusqlite::types::{ToSql, ToSqlOutput, Value, ValueRef};
use rusqlite::{Connection, params, params_from_iter};

use super::rows::int;
use super::{Sqlite, read};
use crate::store::tables::{Cell, INCOMPLETE, Kind, LogRecord, TABLES, Table, TableStore};
use crate::store::{LogHead, Result, StoreError};

/// The last entry of each conversation.
const DERIVED: &str = "conversation_heads";
const DERIVE: &str = "REPLACE INTO conversation_heads (conv, last_seq)
     SELECT conv, MAX(seq) FROM entries GROUP BY conv";

#[async_trait]
impl TableStore for Sqlite {
    async fn record(&self) -> Result<LogRecord> {
        self.readers
            .run(|connection| {
                Ok(connection.query_row(
                    "SELECT floor_seq, head, last_at FROM log_head",
                    [],
                    |row| {
                        Ok(LogRecord {
                            floor: row.get(0)?,
                            head: row.get(1)?,
                            last_at: row.get(2)?,
                        })
                    },
                )?)
            })
            .await
    }

    async fn rows(
        &self,
        table: &'static Table,
        after: Option<Vec<Cell>>,
        limit: usize,
    ) -> Result<Vec<Vec<Cell>>> {
        self.readers
            .run(move |connection| rows(connection, table, after, limit))
            .await
    }

    async fn put(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<()> {
        self.writer
            .run(move |connection| put(connection, table, &rows))
            .await
    }

    async fn clear(&self) -> Result<()> {
        self.writer
            .run(|connection| {
                let tx = connection.transaction()?;
                tx.execute("UPDATE log_head SET epoch = ?1", [INCOMPLETE])?;
                let moved = TABLES.iter().map(|table| table.name);
                for table in moved.chain([DERIVED]) {
                    tx.execute(&format!("DELETE FROM {table}"), [])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }

    async fn finish(&self, record: LogRecord) -> Result<LogHead> {
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                tx.execute(DERIVE, [])?;
                tx.execute(
                    "UPDATE log_head SET floor_seq = ?1, head = ?2, last_at = ?3,
                         epoch = abs(random() % 9007199254740991) + 1",
                    params![record.floor, record.head, record.last_at],
                )?;
                let log = read::head(&tx)?;
                tx.commit()?;
                Ok(log)
            })
            .await
    }
}

impl ToSql for Cell {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Cell::Null => ToSqlOutput::Owned(Value::Null),
            Cell::Number(number) => ToSqlOutput::Owned(Value::Integer(*number)),
            Cell::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Cell::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn rows(
    connection: &Connection,
    table: &'static Table,
    after: Option<Vec<Cell>>,
    limit: usize,
) -> Result<Vec<Vec<Cell>>> {
    let columns = names(table, table.columns.len());
    let key = names(table, table.key);
    let holes = vec!["?"; table.key].join(", ");
    let beyond = match after {
        Some(_) => format!("WHERE ({key}) > ({holes})"),
        None => String::new(),
    };
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {columns} FROM {} {beyond} ORDER BY {key} LIMIT ?",
        table.name
    ))?;
    let mut values = after.unwrap_or_default();
    values.push(Cell::Number(int(limit as u64)));
    let mut found = statement.query(params_from_iter(values))?;
    let mut rows = Vec::new();
    while let Some(row) = found.next()? {
        let cells = table
            .columns
            .iter()
            .enumerate()
            .map(|(index, (name, kind))| {
                cell(row.get_ref(index)?, *kind).ok_or_else(|| {
                    StoreError::Corrupt(format!("{}.{name} is not what it should be", table.name))
                })
            });
        rows.push(cells.collect::<Result<_>>()?);
    }
    Ok(rows)
}

/// `None`: not of this kind.
fn cell(value: ValueRef<'_>, kind: Kind) -> Option<Cell> {
    match (value, kind) {
        (ValueRef::Null, Kind::Number | Kind::Text | Kind::Bytes) => Some(Cell::Null),
        (ValueRef::Integer(number), Kind::Number) => Some(Cell::Number(number)),
        (ValueRef::Text(text), Kind::Text) => {
            Some(Cell::Text(String::from_utf8(text.to_vec()).ok()?))
        }
        (ValueRef::Blob(bytes), Kind::Bytes) => Some(Cell::Bytes(bytes.to_vec())),
        _ => None,
    }
}

fn put(connection: &mut Connection, table: &'static Table, rows: &[Vec<Cell>]) -> Result<()> {
    let columns = names(table, table.columns.len());
    let holes = vec!["?"; table.columns.len()].join(", ");
    let tx = connection.transaction()?;
    {
        let mut insert = tx.prepare_cached(&format!(
            "REPLACE INTO {} ({columns}) VALUES ({holes})",
            table.name
        ))?;
        for row in rows {
            insert.execute(params_from_iter(row))?;
        }
    }
    Ok(tx.commit()?)
}

fn names(table: &Table, count: usize) -> String {
    let names = table.columns.iter().take(count).map(|(name, _)| *name);
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::store::sqlite::migrate;

    /// Each belongs to one store alone, is derived, or travels in another way.
    const NOT_MOVED: &[&str] = &[
        "schema_info",
        "log_head",
        "nodes",
        "search_index",
        "search_postings",
        DERIVED,
    ];

    #[test]
    fn every_table_and_column_of_the_schema_is_moved() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starling.db");
        migrate(path.to_str().unwrap(), true).unwrap();
        let connection = Connection::open(&path).unwrap();
        let mut statement = connection
            .prepare(
                "SELECT t.name, c.name FROM sqlite_master t JOIN pragma_table_info(t.name) c
                 WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite_%' AND t.name NOT LIKE 'refinery_%'",
            )
            .unwrap();
        let found = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)));
        let mut found: BTreeSet<(String, String)> =
            found.unwrap().collect::<rusqlite::Result<_>>().unwrap();
        found.retain(|(table, _)| !NOT_MOVED.contains(&table.as_str()));
        let named = TABLES.iter().flat_map(|table| {
            let columns = table.columns.iter();
            columns.map(|(column, _)| (table.name.to_owned(), (*column).to_owned()))
        });
        assert_eq!(found, named.collect());
    }
}
