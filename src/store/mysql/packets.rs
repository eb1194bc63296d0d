//! Packets and balances as they are, and how a change of them is handed to its procedure.
//!
//! The parameters are described at the head of `routines/packet.sql`.

use std::fmt::Write as _;

use async_trait::async_trait;
use mysql_async::{Params, Value};

use super::Mysql;
use super::packed::{Way, friends_only};
use super::rows::{self, Columns};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::UnixMillis;
use crate::model::ids::{ID_MAX, Seq, UserId};
use crate::model::packet::{Claim, NewPacket, Packet, PacketKind, PacketState, Split};
use crate::model::policy::{History, StoreRules};
use crate::store::{PacketStore, Result, StoreError};

pub(super) const PACKET: &str =
    "CALL starling_packet_1(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";

/// One statement, and so one snapshot: a row for each claim, or one where there is none yet.
const FIND: &str =
    "SELECT p.seq, p.conv, p.sender, p.kind, p.split, p.total, p.shares, p.rest, p.expires_at,
         p.settled, CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED), s.user_id, s.cents, s.at
     FROM packets p LEFT JOIN packet_shares s ON s.packet = p.seq AND s.user_id IS NOT NULL
     WHERE p.seq = ? ORDER BY s.n";
const OVERDUE: &str = "SELECT p.seq, p.conv FROM packets p
     WHERE p.settled = 0 AND p.expires_at <= CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS SIGNED)
     ORDER BY p.expires_at, p.seq LIMIT ?";
const PRUNED: &str = "SELECT p.seq FROM packets p JOIN log_floor f ON f.id = 1
     WHERE p.seq <= f.floor_seq AND p.settled = 1 ORDER BY p.seq LIMIT ?";

/// What a packet is made of; nothing where the change is about one that exists.
#[derive(Default)]
struct Made {
    kind: u8,
    split: u8,
    total: u64,
    life_ms: i64,
    shares: u64,
    amounts: String,
}

impl Made {
    fn of(packet: &NewPacket) -> Made {
        let mut amounts = String::with_capacity(packet.shares.len() * 16);
        for cents in &packet.shares {
            // Writing to a string cannot fail.
            let _ = write!(amounts, "{:016}", (*cents).min(ID_MAX));
        }
        Made {
            kind: packet.kind.code(),
            split: packet.split.code(),
            total: packet.total().min(ID_MAX),
            life_ms: packet.life_ms,
            shares: packet.shares.len() as u64,
            amounts,
        }
    }
}

/// The parameters of [`PACKET`], if the change moves money.
pub(super) fn params(
    draft: &Draft,
    fingerprint: i64,
    past: Option<UnixMillis>,
    rules: &StoreRules,
) -> Option<Params> {
    let (operation, made, about) = movement(&draft.change)?;
    let (way, target) = Way::of(draft).code();
    let (low, high) = match draft.conv {
        Conv::Private(low, high) => (low.0.min(ID_MAX), high.0.min(ID_MAX)),
        Conv::Notices | Conv::Group(_) | Conv::Account(_) => (0, 0),
    };
    let whole_past: u64 = match rules.history {
        History::Joined => 0,
        History::All => 1,
    };
    Some(Params::Positional(vec![
        operation.into(),
        draft.from.0.into(),
        fingerprint.into(),
        draft.kind.code().into(),
        draft.cid.as_str().into(),
        draft.conv.to_string().into(),
        Value::from(&draft.body[..]),
        past.into(),
        way.into(),
        target.into(),
        low.into(),
        high.into(),
        friends_only(rules).into(),
        whole_past.into(),
        rules.starting_balance.into(),
        made.kind.into(),
        made.split.into(),
        made.total.into(),
        made.life_ms.into(),
        made.shares.into(),
        made.amounts.into(),
        about.into(),
    ]))
}

/// Which operation, on what; `None`: the change moves no money.
fn movement(change: &Change) -> Option<(u8, Made, Seq)> {
    if let Change::SendPacket { packet } = change {
        return Some((1, Made::of(packet), Seq::ZERO));
    }
    if let Change::ClaimPacket { packet } = change {
        return Some((2, Made::default(), *packet));
    }
    if let Change::RefundPacket { packet } = change {
        return Some((3, Made::default(), *packet));
    }
    None
}

#[async_trait]
impl PacketStore for Mysql {
    async fn balance(&self, user: UserId) -> Result<u64> {
        let sql = "SELECT b.cents FROM balances b WHERE b.user_id = ?";
        let mut link = self.readers.link().await?;
        let found = rows::one(link.first(sql, (user,)).await?, Columns::next)?;
        Ok(found.unwrap_or(self.rules.starting_balance))
    }

    async fn packet(&self, seq: Seq) -> Result<Option<Packet>> {
        let mut link = self.readers.link().await?;
        let rows = rows::all(link.rows(FIND, (seq,)).await?, |row| {
            let packet = read(row)?;
            let (settled, now): (bool, UnixMillis) = (row.next()?, row.next()?);
            Ok((packet, settled, now, claim(row)?))
        })?;
        let claims = rows.iter().filter_map(|(_, _, _, claim)| *claim).collect();
        Ok(rows
            .into_iter()
            .next()
            .map(|(mut packet, settled, now, _)| {
                packet.claims = claims;
                packet.judge(settled, now);
                packet
            }))
    }

    async fn overdue(&self, limit: usize) -> Result<Vec<(Seq, Conv)>> {
        let mut link = self.readers.link().await?;
        rows::all(link.rows(OVERDUE, (limit,)).await?, |row| {
            Ok((row.next()?, row.next()?))
        })
    }

    /// Row by row and by key: a statement that looked at others would hold up the append that writes them.
    async fn forget_pruned(&self, limit: usize) -> Result<usize> {
        let mut link = self.writers.link().await?;
        let pruned: Vec<Seq> = rows::all(link.rows(PRUNED, (limit,)).await?, Columns::next)?;
        for seq in &pruned {
            let sql = "DELETE FROM packet_shares WHERE packet = ?";
            link.execute(sql, (*seq,)).await?;
            // Last: what is cut short before it is found again.
            let sql = "DELETE FROM packets WHERE seq = ? AND settled = 1";
            link.execute(sql, (*seq,)).await?;
        }
        Ok(pruned.len())
    }
}

/// From the first nine columns of [`FIND`].
fn read(row: &mut Columns) -> Result<Packet> {
    Ok(Packet {
        seq: row.next()?,
        conv: row.next()?,
        sender: row.next()?,
        kind: PacketKind::from_code(row.next()?).ok_or_else(odd)?,
        split: Split::from_code(row.next()?).ok_or_else(odd)?,
        total: row.next()?,
        shares: row.next()?,
        rest: row.next()?,
        expires_at: row.next()?,
        state: PacketState::Open,
        claims: Vec::new(),
    })
}

fn claim(row: &mut Columns) -> Result<Option<Claim>> {
    let claim: (Option<UserId>, Option<u64>, Option<UnixMillis>) =
        (row.next()?, row.next()?, row.next()?);
    Ok(match claim {
        (Some(user), Some(cents), Some(at)) => Some(Claim { user, cents, at }),
        (_, _, _) => None,
    })
}

fn odd() -> StoreError {
    StoreError::Corrupt("a packet of a kind that is not assigned".to_owned())
}
