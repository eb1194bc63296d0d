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
use crate::store::spans::{Direction, Merge, Piece, Span, cut};
use crate::store::{LogHead, Result, StoreError};

/// Spans of one statement.
const SPANS_MAX: usize = 64;
/// The same where each may mean walking far.
const LONG_SPANS_MAX: usize = 8;
/// Entries of a span that are looked at first when it is counted: as many as are counted, and some of the user's own
/// among them.
const WALKED_FIRST: u32 = UNREAD_MAX + UNREAD_MAX / 8;
/// How many times as many as before are looked at next, below those.
const WALKED_GROWTH: u32 = 3;
/// Spans of one such walk, and how often it is done again without the longest of them.
const FEW_SPANS_MAX: usize = 64;
const FEW_ATTEMPTS: u32 = 2;
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
    let spans = count_few(link, user, spans, &mut counts).await?;
    let mut open: Vec<Count> = spans.into_iter().map(Count::of).collect();
    // Most are settled by their newest entries. Only where those are mostly the user's own is it worth going further.
    let (mut at_once, mut most) = (SPANS_MAX, WALKED_FIRST);
    while !open.is_empty() {
        walk(link, user, &mut open, at_once, most).await?;
        open.retain(|count| {
            let is_open = count.rest.is_some() && count.unread < UNREAD_MAX;
            if !is_open {
                counts[count.list] = counts[count.list].saturating_add(count.unread);
            }
            is_open
        });
        let walked = open.first().map_or(0, |count| count.walked);
        most = (walked * WALKED_GROWTH).min(UNREAD_SCANNED_MAX - walked);
        at_once = LONG_SPANS_MAX;
    }
    Ok(counts
        .into_iter()
        .map(|count| count.min(UNREAD_MAX))
        .collect())
}

/// How far the counting of a span has come. All that are open have come equally far.
struct Count {
    list: usize,
    /// What is below the entries that were looked at; `None`: nothing, or as many as may be were.
    rest: Option<Span>,
    walked: u32,
    unread: u32,
}

impl Count {
    fn of((list, span): (usize, Span)) -> Count {
        Count {
            list,
            rest: Some(span),
            walked: 0,
            unread: 0,
        }
    }

    /// Takes what is in the newest `most` entries of the rest.
    fn take(&mut self, most: u32, newest: &Newest) {
        self.walked += newest.walked;
        self.unread += newest.unread;
        let goes_on = newest.walked >= most && self.walked < UNREAD_SCANNED_MAX;
        let lowest = newest.lowest.filter(|_| goes_on);
        let below = |span: Span| cut(&[span], span.low, lowest?.prev()).first().copied();
        self.rest = self.rest.and_then(below);
    }
}

/// What is in the newest entries of a span.
#[derive(Default)]
struct Newest {
    walked: u32,
    lowest: Option<Seq>,
    unread: u32,
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
    for asked in spans.chunks(FEW_SPANS_MAX) {
        let mut asked = asked.to_vec();
        for attempt in 0.. {
            let found = walk_few(link, user, &asked).await?;
            let walked: u32 = found.iter().map(|(_, walked, _)| walked).sum();
            if walked < FEW_MAX {
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
                break;
            }
            // Nearly always one long conversation is in the way of the others.
            let longest = found.into_iter().max_by_key(|(_, walked, _)| *walked);
            let longest = longest.map(|(conv, ..)| conv);
            let is_long = |(_, span): &(usize, Span)| {
                attempt == FEW_ATTEMPTS || longest.is_none_or(|longest| span.conv == longest)
            };
            many.extend(asked.extract_if(.., |span| is_long(span)));
            if asked.is_empty() {
                break;
            }
        }
    }
    Ok(many)
}

/// How many entries of each conversation one walk through the spans came to, and what is unread among them.
async fn walk_few(
    link: &mut Link,
    user: UserId,
    spans: &[(usize, Span)],
) -> Result<Vec<(Conv, u32, u32)>> {
    let filled = chunks(spans, FEW_SPANS_MAX).concat();
    let (message, notice) = (EntryKind::Message.code(), EntryKind::Notice.code());
    let values = [message.into(), notice.into(), user.into()]
        .into_iter()
        .chain(filled.iter().flat_map(|(_, span)| bounds(span)))
        .chain([FEW_MAX.into(), user.into()]);
    let rows = link
        .rows(&few_sql(filled.len()), positional(values))
        .await?;
    rows::all(rows, |row| Ok((row.next()?, row.next()?, row.next()?)))
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

/// Counts in the newest `most` entries of what is open of each span.
async fn walk(
    link: &mut Link,
    user: UserId,
    open: &mut [Count],
    at_once: usize,
    most: u32,
) -> Result<()> {
    for counts in open.chunks_mut(at_once) {
        let spans: Vec<Span> = counts.iter().filter_map(|count| count.rest).collect();
        let filled = chunks(&spans, at_once).concat();
        let values = filled.iter().enumerate().flat_map(|(at, span)| {
            let most = if at < spans.len() { most } else { 0 };
            std::iter::once(user.into())
                .chain(bounds(span))
                .chain([most.into(), user.into()])
        });
        let rows = link
            .rows(&unread_sql(filled.len()), positional(values))
            .await?;
        let found = rows::all(rows, |row| {
            let (at, walked, lowest) = (row.next::<usize>()?, row.next()?, row.next()?);
            let unread = row.next()?;
            let newest = Newest {
                walked,
                lowest,
                unread,
            };
            Ok((at, newest))
        })?;
        let mut all: Vec<Newest> = filled.iter().map(|_| Newest::default()).collect();
        for (at, newest) in found {
            *all.get_mut(at).ok_or_else(unasked)? = newest;
        }
        for (count, newest) in counts.iter_mut().zip(&all) {
            count.take(most, newest);
        }
    }
    Ok(())
}

pub(super) fn unread_sql(spans: usize) -> String {
    let (message, notice) = (EntryKind::Message.code(), EntryKind::Notice.code());
    let part = |at: usize| {
        format!(
            "SELECT {at}, COUNT(*), MIN(newest.seq), CAST(COALESCE(
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
