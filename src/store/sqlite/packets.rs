//! Packets and balances as they are. They change in `changes`.

use async_trait::async_trait;
use rusqlite::types::Type;
use rusqlite::{Connection, Error, OptionalExtension, Row, params};

use super::rows::int;
use super::{Sqlite, now};
use crate::model::conversation::Conv;
use crate::model::entry::UnixMillis;
use crate::model::ids::{Seq, UserId};
use crate::model::packet::{Claim, Packet, PacketKind, PacketState, Split};
use crate::model::policy::StoreRules;
use crate::store::{PacketStore, Result};

#[async_trait]
impl PacketStore for Sqlite {
    async fn balance(&self, user: UserId) -> Result<u64> {
        let rules = self.rules;
        self.readers
            .run(move |connection| Ok(balance(connection, &rules, user)?))
            .await
    }

    async fn packet(&self, seq: Seq) -> Result<Option<Packet>> {
        self.readers
            .run(move |connection| {
                let tx = connection.transaction()?;
                Ok(packet(&tx, seq, now())?)
            })
            .await
    }

    async fn overdue(&self, limit: usize) -> Result<Vec<(Seq, Conv)>> {
        self.readers
            .run(move |connection| {
                let found = connection
                    .prepare_cached(
                        "SELECT seq, conv FROM packets WHERE settled = 0 AND expires_at <= ?1
                         ORDER BY expires_at, seq LIMIT ?2",
                    )?
                    .query_map(params![now(), int(limit as u64)], |row| {
                        Ok((row.get(0)?, row.get(1)?))
                    })?
                    .collect::<rusqlite::Result<_>>()?;
                Ok(found)
            })
            .await
    }

    async fn forget_pruned(&self, limit: usize) -> Result<usize> {
        self.writer
            .run(move |connection| forget_pruned(connection, limit))
            .await
    }
}

/// What the user has, in cents.
pub(super) fn balance(
    connection: &Connection,
    rules: &StoreRules,
    user: UserId,
) -> rusqlite::Result<u64> {
    let cents: Option<i64> = connection
        .prepare_cached("SELECT cents FROM balances WHERE user_id = ?1")?
        .query_row([user], |row| row.get(0))
        .optional()?;
    match cents {
        Some(cents) => unsigned(0, cents),
        None => Ok(rules.starting_balance),
    }
}

fn packet(connection: &Connection, seq: Seq, now: UnixMillis) -> rusqlite::Result<Option<Packet>> {
    let found = connection
        .prepare_cached(
            "SELECT seq, conv, sender, kind, split, total, shares, rest, expires_at, settled
             FROM packets WHERE seq = ?1",
        )?
        .query_row([seq], |row| Ok((read(row)?, row.get::<_, bool>(9)?)))
        .optional()?;
    let Some((mut packet, settled)) = found else {
        return Ok(None);
    };
    packet.claims = connection
        .prepare_cached(
            "SELECT user_id, cents, at FROM packet_shares
             WHERE packet = ?1 AND user_id IS NOT NULL ORDER BY n",
        )?
        .query_map([seq], |row| {
            Ok(Claim {
                user: row.get(0)?,
                cents: cents(row, 1)?,
                at: row.get(2)?,
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    packet.judge(settled, now);
    Ok(Some(packet))
}

fn read(row: &Row<'_>) -> rusqlite::Result<Packet> {
    Ok(Packet {
        seq: row.get(0)?,
        conv: row.get(1)?,
        sender: row.get(2)?,
        kind: PacketKind::from_code(row.get(3)?).ok_or(odd(3))?,
        split: Split::from_code(row.get(4)?).ok_or(odd(4))?,
        total: cents(row, 5)?,
        shares: cents(row, 6)?,
        rest: cents(row, 7)?,
        expires_at: row.get(8)?,
        state: PacketState::Open,
        claims: Vec::new(),
    })
}

fn cents(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    unsigned(column, row.get(column)?)
}

fn unsigned(column: usize, number: i64) -> rusqlite::Result<u64> {
    u64::try_from(number).map_err(|_| Error::IntegralValueOutOfRange(column, number))
}

fn odd(column: usize) -> Error {
    Error::FromSqlConversionFailure(column, Type::Integer, "not assigned".into())
}

fn forget_pruned(connection: &mut Connection, limit: usize) -> Result<usize> {
    let tx = connection.transaction()?;
    let pruned: Vec<Seq> = tx
        .prepare_cached(
            "SELECT seq FROM packets
             WHERE seq <= (SELECT floor_seq FROM log_head) AND settled = 1 ORDER BY seq LIMIT ?1",
        )?
        .query_map([int(limit as u64)], |row| row.get(0))?
        .collect::<rusqlite::Result<_>>()?;
    for seq in &pruned {
        tx.prepare_cached("DELETE FROM packet_shares WHERE packet = ?1")?
            .execute([seq])?;
        tx.prepare_cached("DELETE FROM packets WHERE seq = ?1")?
            .execute([seq])?;
    }
    tx.commit()?;
    Ok(pruned.len())
}
