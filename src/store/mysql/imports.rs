//! What was brought in from other systems.

use std::collections::BTreeMap;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::many::{chunks, listed, positional};
use super::rows;
use crate::store::{ImportStore, Result};

/// Ids asked for, or remembered, by one statement.
const IDS_MAX: usize = 512;

#[async_trait]
impl ImportStore for Mysql {
    async fn mapped(
        &self,
        source: &str,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>> {
        let mut mapped = BTreeMap::new();
        if old_ids.is_empty() {
            return Ok(mapped);
        }
        let mut link = self.readers.link().await?;
        for ids in chunks(old_ids, IDS_MAX) {
            let places = listed("?", ids.len());
            let sql = format!(
                "SELECT old_id, new_id FROM imports WHERE source = ? AND kind = ? AND old_id IN ({places})"
            );
            let ids = ids.iter().map(|id| Value::from(id.as_str()));
            let params = positional(
                [Value::from(source), Value::from(kind)]
                    .into_iter()
                    .chain(ids),
            );
            let found = link.rows(&sql, params).await?;
            mapped.extend(rows::all(found, |row| Ok((row.next()?, row.next()?)))?);
        }
        Ok(mapped)
    }

    async fn remember(&self, source: &str, kind: &str, ids: &[(String, u64)]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        let mut link = self.writers.link().await?;
        for ids in chunks(ids, IDS_MAX) {
            let places = listed("(?, ?, ?, ?)", ids.len());
            let sql = format!(
                "INSERT INTO imports (source, kind, old_id, new_id) VALUES {places}
                 ON DUPLICATE KEY UPDATE new_id = imports.new_id"
            );
            let values = ids.iter().flat_map(|(old_id, new_id)| {
                let old_id = old_id.as_str();
                [
                    source.into(),
                    kind.into(),
                    old_id.into(),
                    Value::from(*new_id),
                ]
            });
            link.execute(&sql, positional(values)).await?;
        }
        Ok(())
    }
}
