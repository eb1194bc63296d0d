//! The index of words, and searches by it.
//!
//! A search takes several statements: how far the index has come is read first, with what the user may see, and
//! everything after it is bounded by that; what becomes of an entry meanwhile, it is judged by what it holds when it is
//! read. What to read next is `hunt`'s to say. Each write is one statement that looks at the place of the index itself,
//! and holds it while it writes.

use std::fmt::Write as _;

use async_trait::async_trait;
use mysql_async::Value;

use super::Mysql;
use super::link::Link;
use super::many::{chunks, listed, positional};
use super::rows::{self, ENTRY};
use super::visible::Scope;
use crate::model::entry::Entry;
use crate::model::ids::{Epoch, Seq, UserId};
use crate::model::search::Token;
use crate::store::hunt::{Hunt, Step};
use crate::store::postings::{Block, Postings};
use crate::store::{IndexPlace, IndexState, Result, Search, SearchPage, SearchStore, StoreError};

/// Rows deleted by one statement.
const FORGOTTEN_AT_ONCE: u64 = 2_000;
/// Entries of one statement: of the tail with what they say, and by their places.
const TAIL_AT_ONCE: u64 = 512;
const ENTRIES_MAX: usize = 512;

pub(super) const STATE: &str = "SELECT i.epoch, i.generation, i.indexed_seq, h.epoch, f.floor_seq, h.head
     FROM search_index i JOIN log_head h ON h.id = i.id JOIN log_floor f ON f.id = i.id WHERE i.id = 1";
const OLDEST: &str =
    "SELECT generation, block FROM search_postings ORDER BY generation, block LIMIT 1";
/// A message or notice that the user deleted for himself. What others became is to be known also from an edit that he
/// hid.
const HIDDEN: &str = "kind IN (1, 9) AND EXISTS (
         SELECT 1 FROM hidden_entries h WHERE h.user_id = ? AND h.seq = entries.seq)";
/// Each record says which token a row is of, and where its postings are in the second value, which is in hexadecimal
/// digits. The place of the index is locked against whoever would move it.
const PUT: &str = "INSERT INTO search_postings (generation, block, token, postings)
     SELECT i.generation, ?, SUBSTRING(v.r, n * 25 + 1, 10),
         UNHEX(SUBSTRING(v.t, SUBSTRING(v.r, n * 25 + 11, 8), SUBSTRING(v.r, n * 25 + 19, 7)))
     FROM search_index i JOIN (SELECT ? AS r, ? AS t) v JOIN numbers
     WHERE i.id = 1 AND i.generation = ? AND i.indexed_seq = ? AND n < ?
     LOCK IN SHARE MODE
     ON DUPLICATE KEY UPDATE postings = VALUES(postings)";

#[async_trait]
impl SearchStore for Mysql {
    async fn search(&self, user: UserId, search: Search) -> Result<SearchPage> {
        let mut link = self.readers.link().await?;
        let state = state(&mut link).await?;
        let upto = search.upto.min(state.log.head);
        let history = self.rules.history;
        let spans = match search.conv {
            Some(conv) => {
                let scope = Scope::of(&mut link, user, conv).await?;
                scope.standing.entitled(user, conv, history, upto)
            }
            None => {
                let scope = Scope::rights(&mut link, user).await?;
                scope.spans(user, history, Seq(1), upto)
            }
        };
        let tokens = search.query.tokens().to_vec();
        let mut hunt = Hunt::new(search, &spans, &state);
        if let Some((after, upto)) = hunt.tail_wanted() {
            tail(&mut link, user, &mut hunt, after, upto).await?;
        }
        loop {
            match hunt.step() {
                Step::Done => return Ok(hunt.finish()),
                Step::Blocks(from, upto) => {
                    let generation = state.place.generation;
                    let rows = postings(&mut link, generation, from, upto, &tokens).await?;
                    hunt.found(from, upto, rows);
                }
                Step::Entries(wanted) => {
                    let entries = entries(&mut link, user, &wanted).await?;
                    hunt.read(&wanted, entries);
                }
            }
        }
    }

    async fn index_state(&self) -> Result<IndexState> {
        let mut link = self.readers.link().await?;
        let state = state(&mut link).await?;
        let oldest = link.first(OLDEST, ()).await?;
        let oldest = rows::one(oldest, |row| Ok((row.next()?, Block(row.next()?))))?;
        Ok(IndexState { oldest, ..state })
    }

    async fn block(&self, generation: u64, block: Block) -> Result<Vec<(Token, Postings)>> {
        let mut link = self.readers.link().await?;
        let found = link
            .rows(
                "SELECT token, postings FROM search_postings WHERE generation = ? AND block = ?",
                (generation, block.0),
            )
            .await?;
        rows::all(found, |row| Ok((row.next()?, Postings(row.next()?))))
    }

    async fn put_postings(
        &self,
        place: IndexPlace,
        block: Block,
        rows: Vec<(Token, Postings)>,
    ) -> Result<bool> {
        let (records, digits) = packed(&rows);
        let values: [Value; 6] = [
            block.0.into(),
            records.into(),
            digits.into(),
            place.generation.into(),
            place.indexed.into(),
            rows.len().into(),
        ];
        let mut link = self.writers.link().await?;
        if link.execute(PUT, positional(values)).await?.affected > 0 {
            return Ok(true);
        }
        // Rows that are there already as they are count for nothing.
        Ok(state(&mut link).await?.place == place)
    }

    async fn advance(&self, place: IndexPlace, indexed: Seq) -> Result<bool> {
        let mut link = self.writers.link().await?;
        let done = link
            .execute(
                "UPDATE search_index SET indexed_seq = ?
                 WHERE id = 1 AND generation = ? AND indexed_seq = ?",
                (indexed.0, place.generation, place.indexed.0),
            )
            .await?;
        Ok(done.affected > 0)
    }

    async fn begin_index(&self, place: IndexPlace, epoch: Epoch, indexed: Seq) -> Result<bool> {
        let mut link = self.writers.link().await?;
        let done = link
            .execute(
                "UPDATE search_index SET generation = generation + 1, epoch = ?, indexed_seq = ?
                 WHERE id = 1 AND generation = ? AND indexed_seq = ?",
                (epoch.0, indexed.0, place.generation, place.indexed.0),
            )
            .await?;
        Ok(done.affected > 0)
    }

    async fn forget_postings(&self, generation: u64, first: Block) -> Result<bool> {
        let mut link = self.writers.link().await?;
        let former = link
            .execute(
                "DELETE FROM search_postings WHERE generation < ? LIMIT ?",
                (generation, FORGOTTEN_AT_ONCE),
            )
            .await?;
        if former.affected > 0 {
            return Ok(true);
        }
        let pruned = link
            .execute(
                "DELETE FROM search_postings WHERE generation = ? AND block < ? LIMIT ?",
                (generation, first.0, FORGOTTEN_AT_ONCE),
            )
            .await?;
        Ok(pruned.affected > 0)
    }
}

/// Without the oldest block, which no search asks for.
async fn state(link: &mut Link) -> Result<IndexState> {
    let row = link.first(STATE, ()).await?;
    let state = rows::one(row, |row| {
        Ok(IndexState {
            epoch: row.next()?,
            place: IndexPlace {
                generation: row.next()?,
                indexed: row.next()?,
            },
            log: rows::log_head(row)?,
            oldest: None,
        })
    })?;
    state.ok_or_else(|| {
        StoreError::Corrupt("search_index has no row: restore the database".to_owned())
    })
}

/// The values of [`PUT`]: ten digits for a token, eight for a place, seven for a length.
fn packed(rows: &[(Token, Postings)]) -> (String, String) {
    let (mut records, mut digits) = (String::new(), String::new());
    for (token, postings) in rows {
        let (place, length) = (digits.len() + 1, postings.0.len() * 2);
        // Writing to a string cannot fail.
        let _ = write!(records, "{token:010}{place:08}{length:07}");
        for byte in &postings.0 {
            let _ = write!(digits, "{byte:02x}");
        }
    }
    (records, digits)
}

async fn tail(link: &mut Link, user: UserId, hunt: &mut Hunt, after: Seq, upto: Seq) -> Result<()> {
    let sql = format!(
        "SELECT {ENTRY} FROM entries WHERE seq > ? AND seq <= ? AND NOT ({HIDDEN})
         ORDER BY seq DESC LIMIT {TAIL_AT_ONCE}"
    );
    let mut upto = upto;
    while after < upto {
        let rows = link.rows(&sql, (after.0, upto.0, user.0)).await?;
        let entries = rows::all(rows, rows::entry)?;
        let Some(last) = entries.last() else {
            break;
        };
        upto = last.seq.prev();
        for entry in entries {
            if hunt.concerns(entry.conv) {
                hunt.tail(entry);
            }
        }
    }
    Ok(())
}

/// What these blocks have of the tokens.
async fn postings(
    link: &mut Link,
    generation: u64,
    from: Block,
    upto: Block,
    tokens: &[Token],
) -> Result<Vec<(Block, Token, Postings)>> {
    let bounds = [from.0, upto.0 - from.0 + 1].map(Value::from);
    let values = tokens.iter().map(|token| Value::from(*token));
    let [from, count] = bounds;
    let values = values.chain([generation.into(), from, count]);
    let found = link
        .rows(&postings_sql(tokens.len()), positional(values))
        .await?;
    rows::all(found, |row| {
        Ok((Block(row.next()?), row.next()?, Postings(row.next()?)))
    })
}

/// Each token in each block is one row of the key: nothing is searched for.
pub(super) fn postings_sql(tokens: usize) -> String {
    let tokens = vec!["SELECT CAST(? AS UNSIGNED) AS token"; tokens].join(" UNION ALL ");
    format!(
        "SELECT STRAIGHT_JOIN p.block, p.token, p.postings
         FROM numbers b JOIN ({tokens}) t
         JOIN search_postings p FORCE INDEX (PRIMARY)
             ON p.generation = ? AND p.block = ? + b.n AND p.token = t.token
         WHERE b.n < ?"
    )
}

/// Those of these entries that are there.
async fn entries(link: &mut Link, user: UserId, places: &[Seq]) -> Result<Vec<Entry>> {
    let mut entries = Vec::with_capacity(places.len());
    for places in chunks(places, ENTRIES_MAX) {
        let sql = format!(
            "SELECT {ENTRY} FROM entries FORCE INDEX (PRIMARY) WHERE seq IN ({}) AND NOT ({HIDDEN})",
            listed("?", places.len())
        );
        let values = places.iter().map(|seq| Value::from(*seq));
        let values = values.chain([user.into()]);
        let found = link.rows(&sql, positional(values)).await?;
        entries.extend(rows::all(found, rows::entry)?);
    }
    Ok(entries)
}
