//! Reads the index of conversations for many spans at once, and the entries at given places.
//!
//! Every part of every statement names the index it walks and where it stops: a server that estimates would rather
//! scan the log now and then. Who may see a span is decided elsewhere.

use std::collections::BTreeMap;

use mysql_async::Value;

use super::link::Link;
use super::many::{chunks, listed, positional};
use super::rows::{self, ENTRY};
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::{Epoch, Seq, UserId};
use crate::store::listing::{UNREAD_MAX, UNREAD_SCANNED_MAX};
use crate::store::spans::{Direction, Merge, Piece, Span};
use crate::store::{LogHead, Result, StoreError};

/// Spans of one statement.
const SPANS_MAX: usize = 64;
/// The same where each may mean walking far.
const LONG_SPANS_MAX: usize = 8;
/// How many spans are counted in one statement, and how many entries of each.
const SCANS: [(usize, u32); 3] = [
    (SPANS_MAX, UNREAD_MAX),
    (LONG_SPANS_MAX, 4 * UNREAD_MAX),
    (LONG_SPANS_MAX, UNREAD_SCANNED_MAX),
];
/// So few spans are counted one by one.
const FEW_FROM: usize = 8;
/// Entries that one walk through many spans may come to.
const FEW_MAX: u32 = 2_048;
/// Entries of one statement.
const ENTRIES_MAX: usize = 512;

/// Reads until no merge wants anything, passing over what the user hid.
pub(super) async fn read(link: &mut Link, user: UserId, merges: &mut [Merge]) -> Result<()> {
    loop {
        let mut wanted = Vec::new();
        for (index, merge) in merges.iter_mut().enumerate() {
            wanted.extend(merge.wanted().into_iter().map(|piece| (index, piece)));
        }
        if wanted.is_empty() {
            return Ok(());
        }
        for direction in [Direction::Up, Direction::Down] {
            let one_way: Vec<(usize, Piece)> = wanted
                .iter()
                .filter(|(_, piece)| piece.direction == direction)
                .copied()
                .collect();
            for (asked, chunk) in one_way.chunks(SPANS_MAX).zip(chunks(&one_way, SPANS_MAX)) {
                let found = read_pieces(link, user, direction, &chunk, asked.len()).await?;
                for ((index, piece), places) in asked.iter().zip(found) {
                    if let Some(merge) = merges.get_mut(*index) {
                        merge.found(piece, &places);
                    }
                }
            }
        }
    }
}

/// The places in each of the first `asked` pieces, in its order; what follows them only fills the statement up.
async fn read_pieces(
    link: &mut Link,
    user: UserId,
    direction: Direction,
    pieces: &[(usize, Piece)],
    asked: usize,
) -> Result<Vec<Vec<(Seq, EntryKind)>>> {
    let values = pieces.iter().enumerate().flat_map(|(at, (_, piece))| {
        let limit = if at < asked { piece.limit } else { 0 };
        bounds(&piece.span)
            .into_iter()
            .chain([user.into(), limit.into()])
    });
    let sql = places_sql(direction, pieces.len());
    let rows = link.rows(&sql, positional(values)).await?;
    let rows = rows::all(rows, |row| {
        Ok((row.next::<usize>()?, (row.next()?, row.next()?)))
    })?;
    let mut found: Vec<Vec<(Seq, EntryKind)>> = vec![Vec::new(); asked];
    for (at, place) in rows {
        found.get_mut(at).ok_or_else(unasked)?.push(place);
    }
    // A union promises no order.
    for places in &mut found {
        places.sort_unstable_by_key(|(seq, _)| *seq);
        if direction == Direction::Down {
            places.reverse();
        }
    }
    Ok(found)
}

/// Counting what is hidden is one look by key for each place: for NOT EXISTS MariaDB first makes a table of all that the
/// user hid, for each span.
pub(super) fn places_sql(direction: Direction, spans: usize) -> String {
    let order = match direction {
        Direction::Up => "ASC",
        Direction::Down => "DESC",
    };
    let part = |at: usize| {
        format!(
            "(SELECT {at}, seq, kind FROM entries FORCE INDEX (entries_by_conv)
             WHERE conv = ? AND seq BETWEEN ? AND ?
                 AND (SELECT COUNT(*) FROM hidden_entries h WHERE h.user_id = ? AND h.seq = entries.seq) = 0
             ORDER BY seq {order} LIMIT ?)"
        )
    };
    (0..spans).map(part).collect::<Vec<_>>().join(" UNION ALL ")
}

fn bounds(span: &Span) -> [Value; 3] {
    [span.conv.into(), span.low.into(), span.high.into()]
}

fn unasked() -> StoreError {
    StoreError::Corrupt("the server answers what it was not asked for".to_owned())
}

/// Messages and notices for everybody that are not the user's own in each list of spans, counted up to [`UNREAD_MAX`].
pub(super) async fn count_unread(
    link: &mut Link,
    user: UserId,
    lists: &[Vec<Span>],
) -> Result<Vec<u32>> {
    let mut counts = vec![0_u32; lists.len()];
    let spans: Vec<(usize, Span)> = lists
        .iter()
        .enumerate()
        .flat_map(|(list, spans)| spans.iter().map(move |span| (list, *span)))
        .collect();
    // Most are settled by their newest entries. Only where those are mostly the user's own is it worth going further.
    let mut open = count_few(link, user, spans, &mut counts).await?;
    for (at_once, scanned) in SCANS {
        let found = count(link, user, &open, at_once, scanned).await?;
        let mut further = Vec::new();
        for ((list, span), (walked, unread)) in open.into_iter().zip(found) {
            if walked >= scanned && unread < UNREAD_MAX && scanned < UNREAD_SCANNED_MAX {
                further.push((list, span));
            } else {
                counts[list] = counts[list].saturating_add(unread);
            }
        }
        open = further;
    }
    Ok(counts
        .into_iter()
        .map(|count| count.min(UNREAD_MAX))
        .collect())
}

/// Counts what is in many spans in one walk each time, and returns the spans where that came to too many entries.
async fn count_few(
    link: &mut Link,
    user: UserId,
    spans: Vec<(usize, Span)>,
    counts: &mut [u32],
) -> Result<Vec<(usize, Span)>> {
    if spans.len() < FEW_FROM {
        return Ok(spans);
    }
    let mut many = Vec::new();
    for (asked, chunk) in spans.chunks(SPANS_MAX).zip(chunks(&spans, SPANS_MAX)) {
        let (message, notice) = (EntryKind::Message.code(), EntryKind::Notice.code());
        let values = [message.into(), notice.into(), user.into()]
            .into_iter()
            .chain(chunk.iter().flat_map(|(_, span)| bounds(span)))
            .chain([FEW_MAX.into(), user.into()]);
        let rows = link.rows(&few_sql(chunk.len()), positional(values)).await?;
        let found = rows::all(rows, |row| Ok((row.next()?, row.next()?, row.next()?)))?;
        let walked: u32 = found.iter().map(|(_, walked, _)| walked).sum();
        if walked >= FEW_MAX {
            many.extend_from_slice(asked);
            continue;
        }
        // A conversation is in one list alone, though perhaps in several spans of it.
        let lists: BTreeMap<Conv, usize> = asked
            .iter()
            .map(|(list, span)| (span.conv, *list))
            .collect();
        for (conv, _, unread) in found {
            let list = lists.get(&conv).ok_or_else(unasked)?;
            let count = counts.get_mut(*list).ok_or_else(unasked)?;
            *count = count.saturating_add(unread);
        }
    }
    Ok(many)
}

pub(super) fn few_sql(spans: usize) -> String {
    let ranges = vec!["conv = ? AND seq BETWEEN ? AND ?"; spans].join(" OR ");
    format!(
        "SELECT conv, CAST(COUNT(*) AS UNSIGNED),
             CAST(SUM(kind IN (?, ?) AND sender <> ? AND h.seq IS NULL) AS UNSIGNED)
         FROM (
             SELECT conv, seq, kind, sender FROM entries FORCE INDEX (entries_by_conv) WHERE {ranges} LIMIT ?) walked
         LEFT JOIN hidden_entries h ON h.user_id = ? AND h.seq = walked.seq
         GROUP BY conv"
    )
}

/// How many of the last `scanned` entries of each span there are, and how many of them are unread.
async fn count(
    link: &mut Link,
    user: UserId,
    spans: &[(usize, Span)],
    at_once: usize,
    scanned: u32,
) -> Result<Vec<(u32, u32)>> {
    let mut counts = Vec::with_capacity(spans.len());
    for (asked, chunk) in spans.chunks(at_once).zip(chunks(spans, at_once)) {
        let sql = unread_sql(chunk.len());
        let values = chunk.iter().enumerate().flat_map(|(at, (_, span))| {
            let scanned = if at < asked.len() { scanned } else { 0 };
            std::iter::once(user.into())
                .chain(bounds(span))
                .chain([scanned.into(), user.into()])
        });
        let rows = link.rows(&sql, positional(values)).await?;
        let rows = rows::all(rows, |row| {
            Ok((row.next::<usize>()?, (row.next()?, row.next()?)))
        })?;
        let mut found = vec![(0, 0); chunk.len()];
        for (at, pair) in rows {
            *found.get_mut(at).ok_or_else(unasked)? = pair;
        }
        counts.extend(found.into_iter().take(asked.len()));
    }
    Ok(counts)
}

pub(super) fn unread_sql(spans: usize) -> String {
    let (message, notice) = (EntryKind::Message.code(), EntryKind::Notice.code());
    let part = |at: usize| {
        format!(
            "SELECT {at}, COUNT(*), CAST(COALESCE(
                 SUM((kind = {message} OR kind = {notice} AND conv = 'n') AND sender <> ? AND h.seq IS NULL), 0) AS UNSIGNED)
             FROM (
                 SELECT conv, seq, kind, sender FROM entries FORCE INDEX (entries_by_conv)
                 WHERE conv = ? AND seq BETWEEN ? AND ? ORDER BY seq DESC LIMIT ?) newest
             LEFT JOIN hidden_entries h ON h.user_id = ? AND h.seq = newest.seq"
        )
    };
    (0..spans).map(part).collect::<Vec<_>>().join(" UNION ALL ")
}

/// The entries at these places, ascending, and where the log begins when that was so: what was pruned meanwhile is
/// left out. The head stays the one that bounded the places.
pub(super) async fn entries(
    link: &mut Link,
    log: LogHead,
    places: &[Seq],
) -> Result<(LogHead, Vec<Entry>)> {
    let mut entries: Vec<Entry> = Vec::with_capacity(places.len());
    let mut floor = log.floor;
    // Asked for even when there is no place: there may have been some when the log began earlier.
    let none = [vec![Seq::ZERO]];
    let filled = chunks(places, ENTRIES_MAX);
    let filled = if filled.is_empty() {
        &none[..]
    } else {
        &filled
    };
    for places in filled {
        let sql = entries_sql(places.len());
        let values = places.iter().map(|seq| Value::from(*seq));
        let rows = link.rows(&sql, positional(values)).await?;
        for row in rows {
            let row = &mut rows::Columns::of(row);
            let epoch: Epoch = row.next()?;
            if epoch != log.epoch {
                return Err(StoreError::Unavailable(
                    "the log was replaced while it was read".to_owned(),
                ));
            }
            floor = row.next()?;
            if row.next::<Option<Seq>>()?.is_some() {
                entries.push(rows::entry(row)?);
            }
        }
    }
    entries.sort_unstable_by_key(|entry| entry.seq);
    let missing = places.iter().find(|seq| {
        let at = entries.binary_search_by_key(*seq, |entry| entry.seq);
        **seq > floor && at.is_err()
    });
    match missing {
        Some(seq) => Err(StoreError::Corrupt(format!(
            "the index names entry {seq}, which does not exist"
        ))),
        None => Ok((LogHead { floor, ..log }, entries)),
    }
}

pub(super) fn entries_sql(places: usize) -> String {
    let places = listed("?", places);
    format!(
        "SELECT h.epoch, f.floor_seq, e.seq, {ENTRY}
         FROM log_head h
         JOIN log_floor f ON f.id = h.id
         LEFT JOIN entries e FORCE INDEX (PRIMARY) ON e.seq IN ({places})
         WHERE h.id = 1"
    )
}
