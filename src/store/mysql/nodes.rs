//! The registry of running nodes. Writing a row is also how a node confirms what it has read: each beat is a commit of
//! its own, since `writes` changes even where nothing else does.

use async_trait::async_trait;

use super::{Mysql, rows};
use crate::model::ids::Incarnation;
use crate::store::{NodeRow, NodeStore, Result};

#[async_trait]
impl NodeStore for Mysql {
    async fn beat(&self, row: NodeRow) -> Result<()> {
        let mut link = self.writers.link().await?;
        link.execute(
            "INSERT INTO nodes (incarnation, name, address, version, packet_number, counter, writes)
             VALUES (?, ?, ?, ?, ?, ?, 1)
             ON DUPLICATE KEY UPDATE name = VALUES(name), address = VALUES(address), version = VALUES(version),
                 packet_number = VALUES(packet_number), counter = VALUES(counter), writes = writes + 1",
            (
                &row.incarnation.0[..],
                row.name,
                row.address.to_string(),
                row.version,
                row.packet_number,
                row.counter,
            ),
        )
        .await?;
        Ok(())
    }

    async fn nodes(&self) -> Result<Vec<NodeRow>> {
        let mut link = self.readers.link().await?;
        let found = link
            .rows(
                "SELECT incarnation, name, address, version, packet_number, counter FROM nodes
                 ORDER BY incarnation",
                (),
            )
            .await?;
        let nodes = rows::all(found, |row| {
            let (incarnation, name) = (row.next()?, row.next()?);
            let address: String = row.next()?;
            let version: u32 = row.next()?;
            let (packet_number, counter) = (row.next()?, row.next()?);
            // Nobody can reach a node whose address cannot be read.
            Ok(address.parse().ok().map(|address| NodeRow {
                incarnation,
                name,
                address,
                version: version.try_into().unwrap_or(u16::MAX),
                packet_number,
                counter,
            }))
        })?;
        Ok(nodes.into_iter().flatten().collect())
    }

    async fn forget(&self, rows: &[(Incarnation, u64)]) -> Result<()> {
        if rows.is_empty() {
            return Ok(());
        }
        let mut link = self.writers.link().await?;
        for (incarnation, counter) in rows {
            link.execute(
                "DELETE FROM nodes WHERE incarnation = ? AND counter = ?",
                (&incarnation.0[..], counter),
            )
            .await?;
        }
        Ok(())
    }
}
