//! What a user may see: the entries of spans of conversations he is entitled to, merged by seq.
//!
//! Entitlement becomes spans first (`spans`); places are then read from one index, conversation by conversation,
//! without touching bodies, and only the entries of the answer are loaded. Everything one answer needs is read in one
//! snapshot.

use rusqlite::{Connection, OptionalExtension, params};

use super::read::{entry, head, intervals, intervals_in, registered_seq};
use super::rows::int;
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};
use crate::model::ids::{Seq, UserId};
use crate::model::policy::History;
use crate::store::spans::{self, Direction, Merge, Piece, Places, Span, Standing, cut};
use crate::store::{ConversationPage, Result, StoreError, VisiblePage, Window};

const PLACES_UP: &str = "SELECT seq, kind FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
     AND NOT EXISTS (SELECT 1 FROM hidden_entries h WHERE h.user_id = ?5 AND h.seq = entries.seq)
     ORDER BY seq LIMIT ?4";
const PLACES_DOWN: &str = "SELECT seq, kind FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
     AND NOT EXISTS (SELECT 1 FROM hidden_entries h WHERE h.user_id = ?5 AND h.seq = entries.seq)
     ORDER BY seq DESC LIMIT ?4";
const UNREAD: &str = "SELECT count(*) FROM (
         SELECT 1 FROM (
             SELECT seq, kind, sender FROM entries WHERE conv = ?1 AND seq BETWEEN ?2 AND ?3
             ORDER BY seq DESC LIMIT ?4) newest
         WHERE kind IN (?5, ?6) AND sender <> ?7
             AND NOT EXISTS (SELECT 1 FROM hidden_entries h WHERE h.user_id = ?7 AND h.seq = newest.seq)
         LIMIT ?8)";
const PEERS_WITH_NEWS: &str =
    "SELECT p.conv FROM private_peers p JOIN conversation_heads h ON h.conv = p.conv
     WHERE p.user_id = ?1 AND p.peer_id <> ?1 AND h.last_seq > ?2";

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
    let found = read(&tx, user, Merge::new(Direction::Up, &spans, limit))?;
    if found.more {
        page.more = true;
        page.position = found.places.last().copied().unwrap_or(after);
    }
    page.entries = load_all(&tx, &found.places)?;
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
    let (below, above) = spans::sides(&spans, window, upto, limit);
    let (below, above) = (read(&tx, user, below)?, read(&tx, user, above)?);
    let mut places = below.places;
    places.reverse();
    places.extend(above.places);
    Ok(ConversationPage {
        entries: load_all(&tx, &places)?,
        more_before: below.more,
        more_after: above.more,
    })
}

/// The last entry of these spans that says something by itself and that the user did not hide.
pub(super) fn last(connection: &Connection, user: UserId, spans: &[Span]) -> Result<Option<Entry>> {
    let found = read(connection, user, Merge::last(spans))?;
    let place = found.places.first();
    place.map(|seq| load(connection, *seq)).transpose()
}

/// What the user may see of one conversation, up to a place. His notes to self include the notices.
pub(super) fn entitled(
    connection: &Connection,
    history: History,
    user: UserId,
    conv: Conv,
    upto: Seq,
) -> Result<Vec<Span>> {
    let mut standing = Standing::default();
    match conv {
        Conv::Private(..) | Conv::Notices => {
            standing.registered = registered_seq(connection, user)?;
        }
        Conv::Group(group) => standing.stays = intervals_in(connection, user, group)?,
        Conv::Account(_) => {}
    }
    Ok(standing.entitled(user, conv, history, upto))
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
        .query_map(params![user, after], |row| Ok(spans::whole(row.get(0)?)))?
        .collect::<rusqlite::Result<_>>()?;
    let standing = Standing {
        registered: registered_seq(connection, user)?,
        stays: intervals(connection, user)?,
    };
    spans.extend(standing.own(user));
    for stays in standing.groups(history) {
        let in_reach = cut(&stays, after.next(), upto);
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

fn load_all(connection: &Connection, places: &[Seq]) -> Result<Vec<Entry>> {
    let entries = places.iter().map(|seq| load(connection, *seq));
    entries.collect()
}

fn load(connection: &Connection, seq: Seq) -> Result<Entry> {
    entry(connection, seq)?.ok_or_else(|| {
        StoreError::Corrupt(format!("the index names entry {seq}, which does not exist"))
    })
}

/// Reads until the merge wants nothing, passing over what the user hid.
fn read(connection: &Connection, user: UserId, mut merge: Merge) -> Result<Places> {
    loop {
        let wanted = merge.wanted();
        if wanted.is_empty() {
            return Ok(merge.finish());
        }
        for piece in wanted {
            let places = read_piece(connection, user, &piece)?;
            merge.found(&piece, &places);
        }
    }
}

fn read_piece(
    connection: &Connection,
    user: UserId,
    piece: &Piece,
) -> rusqlite::Result<Vec<(Seq, EntryKind)>> {
    let sql = match piece.direction {
        Direction::Up => PLACES_UP,
        Direction::Down => PLACES_DOWN,
    };
    let Span { conv, low, high } = piece.span;
    connection
        .prepare_cached(sql)?
        .query_map(
            params![conv, low, high, int(piece.limit as u64), user],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?
        .collect()
}

/// Messages and notices for everybody in these spans that are not the user's own, counted up to `most`, within the last `scanned`.
pub(super) fn count_unread(
    connection: &Connection,
    spans: &[Span],
    user: UserId,
    most: u32,
    scanned: u32,
) -> Result<u32> {
    let mut count = 0;
    for span in spans {
        // Elsewhere a notice tells what became of something, and nobody has to read it.
        let notice = match span.conv {
            Conv::Notices => EntryKind::Notice,
            Conv::Private(..) | Conv::Group(_) | Conv::Account(_) => EntryKind::Message,
        };
        let found: Option<u32> = connection
            .prepare_cached(UNREAD)?
            .query_row(
                params![
                    span.conv,
                    span.low,
                    span.high,
                    scanned,
                    EntryKind::Message,
                    notice,
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
