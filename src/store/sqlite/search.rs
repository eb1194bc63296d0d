//! The index of words, and searches by it.
//!
//! A search reads everything in one snapshot; what to read next is `hunt`'s to say. Writes are small transactions that
//! look first whether the index is where their caller believes it to be.

use async_trait::async_trait;
use rusqlite::{Connection, OptionalExtension, params};

use super::Sqlite;
use super::read::{entry, head, intervals, registered_seq};
use super::rows::{self, ENTRY, int};
use super::visible::entitled;
use crate::model::conversation::Conv;
use crate::model::ids::{Epoch, Seq, UserId};
use crate::model::policy::History;
use crate::model::search::Token;
use crate::store::hunt::{Hunt, Step};
use crate::store::postings::{Block, Postings, is_searched};
use crate::store::spans::{self, Span, Standing, cut};
use crate::store::{IndexPlace, IndexState, Result, Search, SearchPage, SearchStore, StoreError};

const POSTINGS: &str = "SELECT postings FROM search_postings
     WHERE generation = ?1 AND block = ?2 AND token = ?3";
const IS_AT: &str = "SELECT 1 FROM search_index WHERE generation = ?1 AND indexed_seq = ?2";

#[async_trait]
impl SearchStore for Sqlite {
    async fn search(&self, user: UserId, wanted: Search) -> Result<SearchPage> {
        let history = self.rules.history;
        self.readers
            .run(move |connection| search(connection, history, user, wanted))
            .await
    }

    async fn index_state(&self) -> Result<IndexState> {
        self.readers
            .run(|connection| index_state(&*connection.transaction()?))
            .await
    }

    async fn block(&self, generation: u64, block: Block) -> Result<Vec<(Token, Postings)>> {
        self.readers
            .run(move |connection| {
                let rows = connection
                    .prepare_cached(
                        "SELECT token, postings FROM search_postings
                         WHERE generation = ?1 AND block = ?2 ORDER BY token",
                    )?
                    .query_map(params![int(generation), int(block.0)], |row| {
                        Ok((row.get(0)?, Postings(row.get(1)?)))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(rows)
            })
            .await
    }

    async fn put_postings(
        &self,
        place: IndexPlace,
        block: Block,
        rows: Vec<(Token, Postings)>,
    ) -> Result<bool> {
        self.writer
            .run(move |connection| put(connection, place, block, &rows))
            .await
    }

    async fn advance(&self, place: IndexPlace, indexed: Seq) -> Result<bool> {
        self.writer
            .run(move |connection| {
                let changed = connection.execute(
                    "UPDATE search_index SET indexed_seq = ?3
                     WHERE generation = ?1 AND indexed_seq = ?2",
                    params![int(place.generation), place.indexed, indexed],
                )?;
                Ok(changed > 0)
            })
            .await
    }

    async fn begin_index(&self, place: IndexPlace, epoch: Epoch, indexed: Seq) -> Result<bool> {
        self.writer
            .run(move |connection| {
                let changed = connection.execute(
                    "UPDATE search_index SET generation = generation + 1, epoch = ?3, indexed_seq = ?4
                     WHERE generation = ?1 AND indexed_seq = ?2",
                    params![int(place.generation), place.indexed, epoch, indexed],
                )?;
                Ok(changed > 0)
            })
            .await
    }

    async fn forget_postings(&self, generation: u64, first: Block) -> Result<bool> {
        self.writer
            .run(move |connection| forget(connection, generation, first))
            .await
    }
}

fn search(
    connection: &mut Connection,
    history: History,
    user: UserId,
    wanted: Search,
) -> Result<SearchPage> {
    let tx = connection.transaction()?;
    let state = index_state(&tx)?;
    let upto = wanted.upto.min(state.log.head);
    let spans = match wanted.conv {
        Some(conv) => entitled(&tx, history, user, conv, upto)?,
        None => all(&tx, history, user, upto)?,
    };
    let query = wanted.query.clone();
    let mut hunt = Hunt::new(wanted, &spans, &state);
    if let Some((after, upto)) = hunt.tail_wanted() {
        tail(&tx, user, &mut hunt, after, upto)?;
    }
    loop {
        match hunt.step() {
            Step::Done => return Ok(hunt.finish()),
            Step::Blocks(from, upto) => {
                let generation = state.place.generation;
                let mut rows = Vec::new();
                for block in (from.0..=upto.0).map(Block) {
                    rows.extend(postings(&tx, generation, block, query.tokens())?);
                }
                hunt.found(from, upto, rows);
            }
            Step::Entries(wanted) => {
                let mut entries = Vec::with_capacity(wanted.len());
                for seq in &wanted {
                    if !is_hidden(&tx, user, *seq)? {
                        entries.extend(entry(&tx, *seq)?);
                    }
                }
                hunt.read(&wanted, entries);
            }
        }
    }
}

/// All spans of the user.
fn all(connection: &Connection, history: History, user: UserId, upto: Seq) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = connection
        .prepare_cached("SELECT conv FROM private_peers WHERE user_id = ?1 AND peer_id <> ?1")?
        .query_map([user], |row| Ok(spans::whole(row.get(0)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let standing = Standing {
        registered: registered_seq(connection, user)?,
        stays: intervals(connection, user)?,
    };
    spans.extend(standing.own(user));
    spans.extend(standing.groups(history).flatten());
    Ok(cut(&spans, Seq(1), upto))
}

/// Whether the user deleted it for himself.
fn is_hidden(connection: &Connection, user: UserId, seq: Seq) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM hidden_entries WHERE user_id = ?1 AND seq = ?2")?
        .exists(params![user, seq])
}

fn tail(
    connection: &Connection,
    user: UserId,
    hunt: &mut Hunt,
    after: Seq,
    upto: Seq,
) -> Result<()> {
    let mut statement = connection.prepare_cached(&format!(
        "SELECT {ENTRY} FROM entries WHERE seq > ?1 AND seq <= ?2 ORDER BY seq DESC"
    ))?;
    let mut found = statement.query(params![after, upto])?;
    while let Some(row) = found.next()? {
        let conv: Conv = row.get(1)?;
        if hunt.concerns(conv) {
            let entry = rows::entry(row)?;
            // What others became is to be known also from an edit that was hidden.
            if !is_searched(entry.kind) || !is_hidden(connection, user, entry.seq)? {
                hunt.tail(entry);
            }
        }
    }
    Ok(())
}

/// What a block has of these tokens: all of them or nothing.
fn postings(
    connection: &Connection,
    generation: u64,
    block: Block,
    tokens: &[Token],
) -> Result<Vec<(Block, Token, Postings)>> {
    let mut statement = connection.prepare_cached(POSTINGS)?;
    let mut rows = Vec::with_capacity(tokens.len());
    for token in tokens {
        let found = statement
            .query_row(params![int(generation), int(block.0), token], |row| {
                row.get(0)
            })
            .optional()?;
        match found {
            Some(postings) => rows.push((block, *token, Postings(postings))),
            None => return Ok(Vec::new()),
        }
    }
    Ok(rows)
}

fn index_state(connection: &Connection) -> Result<IndexState> {
    let log = head(connection)?;
    let place = connection
        .prepare_cached("SELECT epoch, generation, indexed_seq FROM search_index")?
        .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
        .optional()?;
    let (epoch, generation, indexed) = place.ok_or_else(unplaced)?;
    let oldest = connection
        .prepare_cached(
            "SELECT generation, block FROM search_postings ORDER BY generation, block LIMIT 1",
        )?
        .query_row([], |row| {
            Ok((unsigned(row.get(0)?), Block(unsigned(row.get(1)?))))
        })
        .optional()?;
    Ok(IndexState {
        place: IndexPlace {
            generation: unsigned(generation),
            indexed,
        },
        epoch,
        log,
        oldest,
    })
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

fn unplaced() -> StoreError {
    StoreError::Corrupt("search_index has no row: restore the database".to_owned())
}

fn put(
    connection: &mut Connection,
    place: IndexPlace,
    block: Block,
    rows: &[(Token, Postings)],
) -> Result<bool> {
    let tx = connection.transaction()?;
    if !tx
        .prepare_cached(IS_AT)?
        .exists(params![int(place.generation), place.indexed])?
    {
        return Ok(false);
    }
    let mut insert = tx.prepare_cached(
        "REPLACE INTO search_postings (generation, block, token, postings)
         VALUES (?1, ?2, ?3, ?4)",
    )?;
    for (token, postings) in rows {
        insert.execute(params![
            int(place.generation),
            int(block.0),
            token,
            postings.0
        ])?;
    }
    drop(insert);
    tx.commit()?;
    Ok(true)
}

/// One block at a time: some thousand rows that lie together.
fn forget(connection: &mut Connection, generation: u64, first: Block) -> Result<bool> {
    let tx = connection.transaction()?;
    let oldest: Option<(i64, i64)> = tx
        .prepare_cached(
            "SELECT generation, block FROM search_postings
             WHERE generation < ?1 OR (generation = ?1 AND block < ?2)
             ORDER BY generation, block LIMIT 1",
        )?
        .query_row(params![int(generation), int(first.0)], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    let Some(oldest) = oldest else {
        return Ok(false);
    };
    tx.prepare_cached("DELETE FROM search_postings WHERE generation = ?1 AND block = ?2")?
        .execute(oldest)?;
    tx.commit()?;
    Ok(true)
}
