//! Changes that move play money: packets are sent, claimed and given back.
//!
//! A packet's rest, its shares and the balances change by the same transaction, so that no cent is made or lost.

use rusqlite::{OptionalExtension, params};

use super::membership::role;
use super::{Place, Stop, message};
use crate::model::conversation::Conv;
use crate::model::draft::Refusal;
use crate::model::entry::UnixMillis;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::packet::NewPacket;
use crate::model::policy::History;
use crate::store::sqlite::packets::balance;
use crate::store::sqlite::rows::int;

pub(super) fn send(place: &Place<'_>, packet: &NewPacket) -> Result<(), Stop> {
    let author = place.draft.from;
    if place.draft.conv == Conv::private(author, author) {
        return Err(Refusal::NotAllowed.into());
    }
    message(place)?;
    let total = packet.total();
    if balance(place.tx, place.rules, author)? < total {
        return Err(Refusal::Insufficient.into());
    }
    give(place, author, -int(total))?;
    place
        .tx
        .prepare_cached(
            "INSERT INTO packets (seq, conv, sender, kind, split, total, shares, rest, expires_at, settled)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?6, ?8, 0)",
        )?
        .execute(params![
            place.seq,
            place.draft.conv,
            author,
            packet.kind.code(),
            packet.split.code(),
            int(total),
            int(packet.shares.len() as u64),
            place.at.saturating_add(packet.life_ms),
        ])?;
    let mut insert = place
        .tx
        .prepare_cached("INSERT INTO packet_shares (packet, n, cents) VALUES (?1, ?2, ?3)")?;
    for (n, cents) in (0i64..).zip(&packet.shares) {
        insert.execute(params![place.seq, n, int(*cents)])?;
    }
    Ok(())
}

pub(super) fn claim(place: &Place<'_>, seq: Seq) -> Result<(), Stop> {
    let author = place.draft.from;
    let packet = packet(place, seq)?;
    match place.draft.conv {
        Conv::Group(group) => may_claim_in(place, group, seq)?,
        Conv::Private(..) if place.draft.conv.peer_of(author).is_none() => {
            return Err(Refusal::NotFound.into());
        }
        Conv::Private(..) if packet.sender == author => return Err(Refusal::NotAllowed.into()),
        Conv::Private(..) => {}
        Conv::Notices | Conv::Account(_) => return Err(Refusal::NotFound.into()),
    }
    let has_one = place
        .tx
        .prepare_cached("SELECT 1 FROM packet_shares WHERE packet = ?1 AND user_id = ?2")?
        .exists(params![seq, author])?;
    if has_one {
        return Err(Refusal::AlreadyClaimed.into());
    }
    let next: Option<(i64, i64)> = place
        .tx
        .prepare_cached(
            "SELECT n, cents FROM packet_shares WHERE packet = ?1 AND user_id IS NULL ORDER BY n LIMIT 1",
        )?
        .query_row([seq], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?;
    let Some((n, cents)) = next else {
        return Err(Refusal::PacketEmpty.into());
    };
    if packet.settled || place.at >= packet.expires_at {
        return Err(Refusal::PacketExpired.into());
    }
    place
        .tx
        .prepare_cached(
            "UPDATE packet_shares SET user_id = ?3, at = ?4 WHERE packet = ?1 AND n = ?2",
        )?
        .execute(params![seq, n, author, place.at])?;
    place
        .tx
        .prepare_cached(
            "UPDATE packets SET rest = rest - ?2, settled = (rest = ?2) WHERE seq = ?1",
        )?
        .execute(params![seq, cents])?;
    give(place, author, cents)
}

pub(super) fn refund(place: &Place<'_>, seq: Seq) -> Result<(), Stop> {
    let packet = packet(place, seq)?;
    if place.draft.from != UserId::SYSTEM || place.at < packet.expires_at {
        return Err(Refusal::NotAllowed.into());
    }
    if packet.settled {
        return Err(Refusal::NotFound.into());
    }
    place
        .tx
        .prepare_cached("UPDATE packets SET rest = 0, settled = 1 WHERE seq = ?1")?
        .execute([seq])?;
    give(place, packet.sender, packet.rest)
}

/// What the conditions need of a packet.
struct Row {
    sender: UserId,
    rest: i64,
    expires_at: UnixMillis,
    settled: bool,
}

/// The packet, if it is of the draft's conversation.
fn packet(place: &Place<'_>, seq: Seq) -> Result<Row, Stop> {
    place
        .tx
        .prepare_cached(
            "SELECT sender, rest, expires_at, settled FROM packets WHERE seq = ?1 AND conv = ?2",
        )?
        .query_row(params![seq, place.draft.conv], |row| {
            Ok(Row {
                sender: row.get(0)?,
                rest: row.get(1)?,
                expires_at: row.get(2)?,
                settled: row.get(3)?,
            })
        })
        .optional()?
        .ok_or(Stop::Refused(Refusal::NotFound))
}

/// Whether the author may see what happened at `seq` in the group, and is in it now.
fn may_claim_in(place: &Place<'_>, group: GroupId, seq: Seq) -> Result<(), Stop> {
    let author = place.draft.from;
    let is_in = role(place.tx, group, author)?.is_some();
    let was_there = place
        .tx
        .prepare_cached(
            "SELECT 1 FROM memberships WHERE group_id = ?1 AND user_id = ?2
                 AND from_seq <= ?3 AND (to_seq IS NULL OR to_seq >= ?3)",
        )?
        .exists(params![group, author, seq])?;
    let sees = match place.rules.history {
        History::Joined => was_there,
        History::All => was_there || is_in,
    };
    match (sees, is_in) {
        (false, _) => Err(Refusal::NotFound.into()),
        (true, false) => Err(Refusal::NotMember.into()),
        (true, true) => Ok(()),
    }
}

/// Changes what somebody has, who begins with what everybody begins with.
fn give(place: &Place<'_>, user: UserId, cents: i64) -> Result<(), Stop> {
    place
        .tx
        .prepare_cached(
            "INSERT INTO balances (user_id, cents) VALUES (?1, ?2 + ?3)
             ON CONFLICT (user_id) DO UPDATE SET cents = cents + ?3",
        )?
        .execute(params![user, int(place.rules.starting_balance), cents])?;
    Ok(())
}
