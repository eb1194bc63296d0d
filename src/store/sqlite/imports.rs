//! What was brought in from other systems.

use std::collections::BTreeMap;

use async_trait::async_trait;
use rusqlite::{OptionalExtension, params};

use super::Sqlite;
use super::rows::int;
use crate::store::{ImportStore, Result};

#[async_trait]
impl ImportStore for Sqlite {
    async fn mapped(
        &self,
        source: &str,
        kind: &str,
        old_ids: &[String],
    ) -> Result<BTreeMap<String, u64>> {
        let (source, kind, old_ids) = (source.to_owned(), kind.to_owned(), old_ids.to_vec());
        self.readers
            .run(move |connection| {
                let mut statement = connection.prepare_cached(
                    "SELECT new_id FROM imports WHERE source = ?1 AND kind = ?2 AND old_id = ?3",
                )?;
                let mut mapped = BTreeMap::new();
                for old_id in old_ids {
                    let new_id: Option<i64> = statement
                        .query_row(params![source, kind, old_id], |row| row.get(0))
                        .optional()?;
                    mapped.extend(new_id.map(|new_id| (old_id, new_id.unsigned_abs())));
                }
                Ok(mapped)
            })
            .await
    }

    async fn remember(&self, source: &str, kind: &str, ids: &[(String, u64)]) -> Result<()> {
        let (source, kind, ids) = (source.to_owned(), kind.to_owned(), ids.to_vec());
        self.writer
            .run(move |connection| {
                let tx = connection.transaction()?;
                for (old_id, new_id) in ids {
                    tx.prepare_cached(
                        "INSERT INTO imports (source, kind, old_id, new_id) VALUES (?1, ?2, ?3, ?4)
                         ON CONFLICT (source, kind, old_id) DO NOTHING",
                    )?
                    .execute(params![source, kind, old_id, int(new_id)])?;
                }
                Ok(tx.commit()?)
            })
            .await
    }
}
