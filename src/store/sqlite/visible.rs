//! What a user may see: spans of conversations he is entitled to, merged by seq.
//!
//! Entitlement becomes a list of [`Span`]s first; places are then read from one index, conversation by
//! conversation, without touching bodies, and only the entries of the answer are loaded. Everything one answer
//! needs is read in one snapshot.

use std::collections::{BinaryHeap, VecDeque};

use rusqlite::{Connection, OptionalExtension, params};

use super::read::{entry, head, intervals, intervals_in, registered_seq};
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::group::Interval;
use crate::model::ids::{Seq, UserId};
use crate::model::policy::History;
use crate::store::{ConversationPage, Result, StoreError, VisiblePage, Window};

/// Places read at once of one conversation: few at first, since most conversations give a page little.
const PLACES_FIRST: usize = 8;
const PLACES_MORE: usize = 128;

const PLACES_UP: &str = "SELECT seq, kind FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
     ORDER BY seq LIMIT ?4";
const PLACES_DOWN: &str = "SELECT seq, kind FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
     ORDER BY seq DESC LIMIT ?4";
const UNREAD: &str = "SELECT count(*) FROM (
         SELECT 1 FROM (
             SELECT kind, sender FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
             ORDER BY seq DESC LIMIT ?4)
         WHERE kind IN (?5, ?6) AND sender <> ?7 LIMIT ?8)";
const PEERS_WITH_NEWS: &str =
    "SELECT p.conv FROM private_peers p JOIN conversation_heads h ON h.conv = p.conv
     WHERE p.user_id = ?1 AND h.last_seq > ?2";

/// A stretch of one conversation, both ends included.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub conv: Conv,
    pub low: Seq,
    pub high: Seq,
}

impl Span {
    /// The part of it between two places, both included; `None` when there is none.
    fn within(self, low: Seq, high: Seq) -> Option<Span> {
        let cut = Span {
            conv: self.conv,
            low: self.low.max(low),
            high: self.high.min(high),
        };
        (cut.low <= cut.high).then_some(cut)
    }
}

/// Does [`crate::store::LogStore::visible`].
pub(super) fn visible(
    connection: &mut Connection,
    history: History,
    user: UserId,
    after: Seq,
    upto: Seq,
    limit: usize,
) -> Result<VisiblePage> {
    let tx = connection.transaction()?;
    let log = head(&tx)?;
    let upto = upto.min(log.head);
    let mut page = VisiblePage {
        log,
        entries: Vec::new(),
        position: after.max(upto),
        more: false,
    };
    if after >= upto {
        return Ok(page);
    }
    let spans = spans_with_news(&tx, history, user, after, upto)?;
    let mut merge = Merge::new(&tx, Direction::Up, spans)?;
    while page.entries.len() < limit {
        let Some(seq) = merge.next_place()? else {
            break;
        };
        page.entries.push(load(&tx, seq)?);
    }
    if merge.next_place()?.is_some() {
        page.more = true;
        page.position = page.entries.last().map_or(after, |entry| entry.seq);
    }
    Ok(page)
}

/// Does [`crate::store::LogStore::page`].
pub(super) fn page(
    connection: &mut Connection,
    history: History,
    user: UserId,
    conv: Conv,
    window: Window,
    upto: Seq,
    limit: usize,
) -> Result<ConversationPage> {
    let tx = connection.transaction()?;
    let upto = upto.min(head(&tx)?.head);
    let spans = entitled(&tx, history, user, conv, upto)?;
    // How many are wanted below and above the place where the window begins.
    let (place, below, above) = match window {
        Window::Latest => (upto.next(), limit, 0),
        Window::Before(seq) => (seq, limit, 0),
        Window::After(seq) => (seq.next(), 0, limit),
        Window::Around(seq) => (seq, limit / 2, limit - limit / 2),
    };
    let down = cut(&spans, Seq::ZERO, place.prev());
    let up = cut(&spans, place, upto);
    let (mut places, more_before) = take(&tx, Direction::Down, down, below)?;
    places.reverse();
    let (places_above, more_after) = take(&tx, Direction::Up, up, above)?;
    places.extend(places_above);
    let entries = places.into_iter().map(|seq| load(&tx, seq));
    Ok(ConversationPage {
        entries: entries.collect::<Result<_>>()?,
        more_before,
        more_after,
    })
}

/// The last entry of these spans.
pub(super) fn last(connection: &Connection, spans: &[Span]) -> Result<Option<Entry>> {
    let place = Merge::new(connection, Direction::Down, spans.to_vec())?.next_place()?;
    place.map(|seq| load(connection, seq)).transpose()
}

/// What the user may see of one conversation, up to a place. His notes to self include the notices.
pub(super) fn entitled(
    connection: &Connection,
    history: History,
    user: UserId,
    conv: Conv,
    upto: Seq,
) -> Result<Vec<Span>> {
    let whole = Span {
        conv,
        low: Seq(1),
        high: upto,
    };
    let spans = match conv {
        Conv::Private(low, high) if low == user && high == user => {
            let notices = notices_of(connection, user)?;
            std::iter::once(whole).chain(notices).collect()
        }
        Conv::Private(..) if conv.peer_of(user).is_some() => vec![whole],
        Conv::Private(..) | Conv::Account(_) => Vec::new(),
        Conv::Notices => notices_of(connection, user)?.into_iter().collect(),
        Conv::Group(group) => group_spans(&intervals_in(connection, user, group)?, history),
    };
    Ok(cut(&spans, Seq(1), upto))
}

/// All spans of the user that may hold entries above `after`.
fn spans_with_news(
    connection: &Connection,
    history: History,
    user: UserId,
    after: Seq,
    upto: Seq,
) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = connection
        .prepare_cached(PEERS_WITH_NEWS)?
        .query_map(params![user, after], |row| {
            Ok(Span {
                conv: row.get(0)?,
                low: Seq(1),
                high: Seq(u64::MAX),
            })
        })?
        .collect::<rusqlite::Result<_>>()?;
    spans.extend(notices_of(connection, user)?);
    let stays = intervals(connection, user)?;
    for stays in stays.chunk_by(|one, next| one.group == next.group) {
        let in_reach = cut(&group_spans(stays, history), after.next(), upto);
        if let Some(span) = in_reach.first()
            && has_news(connection, span.conv, after)?
        {
            spans.extend(in_reach);
        }
    }
    Ok(cut(&spans, after.next(), upto))
}

fn has_news(connection: &Connection, conv: Conv, after: Seq) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM conversation_heads WHERE conv = ?1 AND last_seq > ?2")?
        .exists(params![conv, after])
}

fn notices_of(connection: &Connection, user: UserId) -> rusqlite::Result<Option<Span>> {
    Ok(registered_seq(connection, user)?.map(|registered| Span {
        conv: Conv::Notices,
        low: registered.next(),
        high: Seq(u64::MAX),
    }))
}

/// The stays of one user in one group as spans.
fn group_spans(stays: &[Interval], history: History) -> Vec<Span> {
    let span = |stay: &Interval| Span {
        conv: Conv::Group(stay.group),
        low: stay.from,
        high: stay.to.unwrap_or(Seq(u64::MAX)),
    };
    let present = stays.iter().find(|stay| stay.to.is_none());
    match (history, present) {
        (History::All, Some(stay)) => vec![Span {
            low: Seq(1),
            ..span(stay)
        }],
        (History::All | History::Joined, _) => stays.iter().map(span).collect(),
    }
}

/// The parts of the spans between two places, both included.
pub(super) fn cut(spans: &[Span], low: Seq, high: Seq) -> Vec<Span> {
    let cut = spans.iter().filter_map(|span| span.within(low, high));
    cut.collect()
}

fn take(
    connection: &Connection,
    direction: Direction,
    spans: Vec<Span>,
    count: usize,
) -> Result<(Vec<Seq>, bool)> {
    let mut merge = Merge::new(connection, direction, spans)?;
    let mut places = Vec::new();
    while places.len() < count {
        match merge.next_place()? {
            Some(seq) => places.push(seq),
            None => return Ok((places, false)),
        }
    }
    let more = merge.next_place()?.is_some();
    Ok((places, more))
}

fn load(connection: &Connection, seq: Seq) -> Result<Entry> {
    entry(connection, seq)?.ok_or_else(|| {
        StoreError::Corrupt(format!("the index names entry {seq}, which does not exist"))
    })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Direction {
    Up,
    Down,
}

/// Places of several spans in one order, read piece by piece.
struct Merge<'c> {
    connection: &'c Connection,
    direction: Direction,
    cursors: Vec<Cursor>,
    /// The next place of each cursor that has one: (rank, place, cursor), the highest rank first.
    next: BinaryHeap<(u64, Seq, usize)>,
}

struct Cursor {
    /// What was not read yet; `None`: nothing.
    rest: Option<Span>,
    found: VecDeque<Seq>,
    pieces: usize,
}

impl<'c> Merge<'c> {
    fn new(connection: &'c Connection, direction: Direction, spans: Vec<Span>) -> Result<Self> {
        let cursors = spans.into_iter().map(|span| Cursor {
            rest: Some(span),
            found: VecDeque::new(),
            pieces: 0,
        });
        let mut merge = Merge {
            connection,
            direction,
            cursors: cursors.collect(),
            next: BinaryHeap::new(),
        };
        for index in 0..merge.cursors.len() {
            merge.line_up(index)?;
        }
        Ok(merge)
    }

    fn next_place(&mut self) -> Result<Option<Seq>> {
        let Some((_, seq, index)) = self.next.pop() else {
            return Ok(None);
        };
        self.line_up(index)?;
        Ok(Some(seq))
    }

    fn line_up(&mut self, index: usize) -> Result<()> {
        let Some(cursor) = self.cursors.get_mut(index) else {
            return Ok(());
        };
        if let Some(seq) = cursor.next(self.connection, self.direction)? {
            let rank = match self.direction {
                Direction::Up => u64::MAX - seq.0,
                Direction::Down => seq.0,
            };
            self.next.push((rank, seq, index));
        }
        Ok(())
    }
}

impl Cursor {
    fn next(&mut self, connection: &Connection, direction: Direction) -> Result<Option<Seq>> {
        loop {
            if let Some(seq) = self.found.pop_front() {
                return Ok(Some(seq));
            }
            let Some(span) = self.rest.take() else {
                return Ok(None);
            };
            self.read(connection, direction, span)?;
        }
    }

    fn read(&mut self, connection: &Connection, direction: Direction, span: Span) -> Result<()> {
        let sql = match direction {
            Direction::Up => PLACES_UP,
            Direction::Down => PLACES_DOWN,
        };
        let asked = if self.pieces == 0 {
            PLACES_FIRST
        } else {
            PLACES_MORE
        };
        self.pieces += 1;
        let mut statement = connection.prepare_cached(sql)?;
        let limit = i64::try_from(asked).unwrap_or(i64::MAX);
        let mut rows = statement.query(params![span.conv, span.low, span.high, limit])?;
        let mut read = 0;
        let mut edge = None;
        while let Some(row) = rows.next()? {
            let seq: Seq = row.get(0)?;
            let kind: EntryKind = row.get(1)?;
            read += 1;
            edge = Some(seq);
            if kind.name().is_some() {
                self.found.push_back(seq);
            }
        }
        self.rest = match (edge, direction) {
            (Some(edge), Direction::Up) if read == asked => span.within(edge.next(), span.high),
            (Some(edge), Direction::Down) if read == asked => span.within(span.low, edge.prev()),
            (Some(_) | None, Direction::Up | Direction::Down) => None,
        };
        Ok(())
    }
}

/// Messages and notices in these spans that are not the user's own, counted up to `most`, within the last `scanned`.
pub(super) fn count_unread(
    connection: &Connection,
    spans: &[Span],
    user: UserId,
    most: u32,
    scanned: u32,
) -> Result<u32> {
    let mut count = 0;
    for span in spans {
        let found: Option<u32> = connection
            .prepare_cached(UNREAD)?
            .query_row(
                params![
                    span.conv,
                    span.low,
                    span.high,
                    scanned,
                    EntryKind::Message,
                    EntryKind::Notice,
                    user,
                    most - count,
                ],
                |row| row.get(0),
            )
            .optional()?;
        count += found.unwrap_or(0);
    }
    Ok(count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::sqlite::{OpenOptions, open};

    #[test]
    fn nothing_is_found_by_scanning_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starling.db");
        let stores = open(path.to_str().unwrap(), OpenOptions::default()).unwrap();
        let connection = Connection::open(&path).unwrap();
        for (sql, expected) in [
            (
                PLACES_UP,
                "SEARCH entries USING COVERING INDEX entries_by_conv",
            ),
            (
                PLACES_DOWN,
                "SEARCH entries USING COVERING INDEX entries_by_conv",
            ),
            (
                UNREAD,
                "SEARCH entries USING COVERING INDEX entries_by_conv",
            ),
            (PEERS_WITH_NEWS, "SEARCH p USING PRIMARY KEY (user_id=?)"),
        ] {
            let mut statement = connection
                .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
                .unwrap();
            let values = vec![1; statement.parameter_count()];
            let plan: Vec<String> = statement
                .query_map(rusqlite::params_from_iter(values), |row| row.get(3))
                .unwrap()
                .collect::<rusqlite::Result<_>>()
                .unwrap();
            let plan = plan.join("; ");
            assert!(plan.contains(expected), "{plan}");
            assert!(!plan.contains("B-TREE"), "sorted by hand: {plan}");
        }
        drop(stores);
    }
}
