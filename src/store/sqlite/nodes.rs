//! The registry of running nodes. Writing a row is also how a node confirms what it has read.

use async_trait::async_trait;
use rusqlite::params;

use super::{Sqlite, rows};
use crate::model::ids::Incarnation;
use crate::store::{NodeRow, NodeStore, Result};

#[async_trait]
impl NodeStore for Sqlite {
    async fn beat(&self, row: NodeRow) -> Result<()> {
        self.writer
            .run(move |connection| {
                connection
                    .prepare_cached(
                        "REPLACE INTO nodes (incarnation, name, address, version, packet_number, counter)
                         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                    )?
                    .execute(params![
                        row.incarnation,
                        row.name,
                        row.address.to_string(),
                        row.version,
                        row.packet_number.cast_signed(),
                        row.counter.cast_signed(),
                    ])?;
                Ok(())
            })
            .await
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>> {
        self.readers
            .run(|connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT incarnation, name, address, version, packet_number, counter FROM nodes
                     ORDER BY incarnation",
                )?;
                let rows = statement.query_map([], rows::node)?;
                Ok(rows
                    .filter_map(Result::transpose)
                    .collect::<rusqlite::Result<_>>()?)
            })
            .await
    }

    async fn forget(&self, rows: &[(Incarnation, u64)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let rows = rows.to_vec();
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                for (incarnation, counter) in rows {
                    tx.prepare_cached("DELETE FROM nodes WHERE incarnation = ?1 AND counter = ?2")?
                        .execute(params![incarnation, counter.cast_signed()])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }
}
