//! The database as tables of rows, for moving to and from another kind of store.
//!
//! What this schema derives from other columns is made here: `present`, and the 1 or NULL of `open`.

use async_trait::async_trait;
use mysql_async::{Params, Value};

use super::Mysql;
use super::link::Fault;
use crate::model::ids::{Epoch, Seq};
use crate::store::tables::{Cell, INCOMPLETE, Kind, LogRecord, TABLES, Table, TableStore};
use crate::store::{LogHead, Result};

/// Rows deleted by one statement, which the server lets run for seconds only.
const DELETED_AT_ONCE: u64 = 2_000;
/// Random, below 2^53 for JSON readers.
const FINISH: &str = "UPDATE log_head SET head = ?, last_at = ?, writes = writes + 1,
         epoch = 1 + CAST(CONV(LEFT(MD5(CONCAT(UUID(), RAND())), 13), 16, 10) AS UNSIGNED)
     WHERE id = 1";
const LOG: &str = "SELECT h.epoch, f.floor_seq, h.head, h.last_at
     FROM log_head h JOIN log_floor f ON f.id = h.id WHERE h.id = 1";

#[async_trait]
impl TableStore for Mysql {
    async fn record(&self) -> Result<LogRecord> {
        Ok(self.log_row().await?.1)
    }

    async fn rows(
        &self,
        table: &'static Table,
        after: Option<Vec<Cell>>,
        limit: usize,
    ) -> Result<Vec<Vec<Cell>>> {
        let columns = names(table, table.columns.len());
        let key = names(table, table.key);
        let (beyond, mut values) = match after {
            Some(place) => (format!("WHERE {}", beyond(table)), places(&place)),
            None => (String::new(), Vec::new()),
        };
        values.push(Value::UInt(limit as u64));
        let sql = format!(
            "SELECT {columns} FROM `{}` {beyond} ORDER BY {key} LIMIT ?",
            table.name
        );
        let mut link = self.readers.link().await?;
        let rows = link.rows(&sql, Params::Positional(values)).await?;
        let rows = rows.into_iter().map(|row| {
            let cells = row.unwrap().into_iter().zip(table.columns);
            let cells = cells.map(|(value, (name, kind))| {
                let value = match (table.name, *name, value) {
                    ("friend_requests", "open", Value::NULL) => Value::Int(0),
                    (_, _, value) => value,
                };
                cell(value, *kind).ok_or_else(|| {
                    Fault::Damaged(format!("{}.{name} is not what it should be", table.name))
                })
            });
            cells.collect::<Result<Vec<Cell>, Fault>>()
        });
        Ok(rows.collect::<Result<_, Fault>>()?)
    }

    async fn put(&self, table: &'static Table, rows: Vec<Vec<Cell>>) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut columns = names(table, table.columns.len());
        let mut width = table.columns.len();
        if table.name == "memberships" {
            columns.push_str(", `present`");
            width += 1;
        }
        let holes = format!("({})", vec!["?"; width].join(", "));
        let holes = vec![holes; rows.len()].join(", ");
        let sql = format!("REPLACE INTO `{}` ({columns}) VALUES {holes}", table.name);
        let values = rows.into_iter().flat_map(|row| stored(table, row));
        let values = Params::Positional(values.collect());
        self.writers.link().await?.execute(&sql, values).await?;
        Ok(())
    }

    async fn clear(&self) -> Result<()> {
        let mut link = self.writers.link().await?;
        link.execute("UPDATE log_head SET epoch = ?", (INCOMPLETE.0,))
            .await?;
        for table in TABLES {
            let sql = format!("DELETE FROM `{}` LIMIT {DELETED_AT_ONCE}", table.name);
            while link.execute(&sql, ()).await?.affected > 0 {}
        }
        Ok(())
    }

    async fn finish(&self, record: LogRecord) -> Result<LogHead> {
        let mut link = self.writers.link().await?;
        link.execute(
            "UPDATE log_floor SET floor_seq = ? WHERE id = 1",
            (record.floor.0,),
        )
        .await?;
        // Last, since the epoch makes the store complete.
        link.execute(FINISH, (record.head.0, record.last_at))
            .await?;
        drop(link);
        let (epoch, record) = self.log_row().await?;
        Ok(LogHead {
            epoch,
            floor: record.floor,
            head: record.head,
        })
    }
}

impl Mysql {
    pub(super) async fn log_row(&self) -> Result<(Epoch, LogRecord), Fault> {
        let row = self.readers.link().await?.first(LOG, ()).await?;
        let row = row.ok_or_else(|| Fault::Damaged("the log has no head".to_owned()))?;
        let (epoch, floor, head, last_at) = mysql_async::from_row_opt(row)?;
        let record = LogRecord {
            floor: Seq(floor),
            head: Seq(head),
            last_at,
        };
        Ok((Epoch(epoch), record))
    }
}

/// "Above this key", in the form that the server finds by the key's index: `a > ? OR a = ? AND b > ?`.
fn beyond(table: &Table) -> String {
    let steps = (0..table.key).map(|last| {
        let key = table.columns.iter().take(last + 1).enumerate();
        let parts = key.map(|(index, (name, _))| {
            let sign = if index == last { ">" } else { "=" };
            format!("`{name}` {sign} ?")
        });
        parts.collect::<Vec<_>>().join(" AND ")
    });
    steps.collect::<Vec<_>>().join(" OR ")
}

/// The values for [`beyond`].
fn places(key: &[Cell]) -> Vec<Value> {
    let steps = (0..key.len()).flat_map(|last| key.iter().take(last + 1));
    steps.cloned().map(value).collect()
}

/// A row as this schema has it.
fn stored(table: &Table, row: Vec<Cell>) -> Vec<Value> {
    let present = table
        .columns
        .iter()
        .zip(&row)
        .find_map(|((name, _), cell)| {
            let ends = table.name == "memberships" && *name == "to_seq";
            ends.then_some(match cell {
                Cell::Null => Value::Int(1),
                Cell::Number(_) | Cell::Text(_) | Cell::Bytes(_) => Value::NULL,
            })
        });
    let values =
        table
            .columns
            .iter()
            .zip(row)
            .map(|((name, _), cell)| match (table.name, *name, cell) {
                ("friend_requests", "open", Cell::Number(0)) => Value::NULL,
                (_, _, cell) => value(cell),
            });
    values.chain(present).collect()
}

fn value(cell: Cell) -> Value {
    match cell {
        Cell::Null => Value::NULL,
        Cell::Number(number) => Value::Int(number),
        Cell::Text(text) => Value::Bytes(text.into_bytes()),
        Cell::Bytes(bytes) => Value::Bytes(bytes),
    }
}

/// `None`: not of this kind.
fn cell(value: Value, kind: Kind) -> Option<Cell> {
    match (value, kind) {
        (Value::NULL, Kind::Number | Kind::Text | Kind::Bytes) => Some(Cell::Null),
        (Value::Int(number), Kind::Number) => Some(Cell::Number(number)),
        (Value::UInt(number), Kind::Number) => Some(Cell::Number(i64::try_from(number).ok()?)),
        (Value::Bytes(text), Kind::Text) => Some(Cell::Text(String::from_utf8(text).ok()?)),
        (Value::Bytes(bytes), Kind::Bytes) => Some(Cell::Bytes(bytes)),
        _ => None,
    }
}

fn names(table: &Table, count: usize) -> String {
    let names = table.columns.iter().take(count);
    let names = names.map(|(name, _)| format!("`{name}`"));
    names.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
