//! What a user may see, as spans of conversations, and the places in several spans brought into one order.
//!
//! Says which pieces of an index must be read and takes what was found there; reads nothing itself. A store with
//! the data in its own process answers piece by piece, one behind a network many pieces at once.

use std::collections::{BinaryHeap, VecDeque};

use super::Window;
use crate::model::conversation::Conv;
use crate::model::entry::EntryKind;
use crate::model::group::Interval;
use crate::model::ids::{Seq, UserId};
use crate::model::policy::History;

/// Places asked for first in each of several spans: few, since most conversations give a page little.
const PLACES_FIRST: usize = 8;
/// How much larger the next piece of the same span is, and where that ends.
const PLACES_GROWTH: usize = 8;
const PLACES_MAX: usize = 1_024;

/// A stretch of one conversation, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
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

/// The parts of the spans between two places, both included.
pub fn cut(spans: &[Span], low: Seq, high: Seq) -> Vec<Span> {
    let cut = spans.iter().filter_map(|span| span.within(low, high));
    cut.collect()
}

/// Whether a place is in one of the spans.
pub fn is_inside(spans: &[Span], seq: Seq) -> bool {
    let mut spans = spans.iter();
    spans.any(|span| (span.low..=span.high).contains(&seq))
}

/// A private conversation from its beginning on.
pub fn whole(conv: Conv) -> Span {
    Span {
        conv,
        low: Seq(1),
        high: Seq(u64::MAX),
    }
}

/// What decides about a user's rights: when he came, and his stays in groups.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The log's head at his registration; `None`: there is no such user.
    pub registered: Option<Seq>,
    /// By group.
    pub stays: Vec<Interval>,
}

impl Standing {
    /// The notices he may see.
    fn notices(&self) -> Option<Span> {
        self.registered.map(|registered| Span {
            low: registered.next(),
            ..whole(Conv::Notices)
        })
    }

    /// What is his alone: his notes to self and the notices. That there are any notes is nowhere else recorded.
    pub fn own(&self, user: UserId) -> impl Iterator<Item = Span> {
        let notes = self.registered.map(|_| whole(Conv::private(user, user)));
        notes.into_iter().chain(self.notices())
    }

    /// What he may see of his groups, a list for each.
    pub fn groups(&self, history: History) -> impl Iterator<Item = Vec<Span>> {
        let stays = self.stays.chunk_by(|one, next| one.group == next.group);
        stays.map(move |stays| group_spans(stays, history))
    }

    /// What he may see of one conversation, up to a place. His notes to self include the notices.
    pub fn entitled(&self, user: UserId, conv: Conv, history: History, upto: Seq) -> Vec<Span> {
        let spans = match conv {
            Conv::Private(low, high) if low == user && high == user => {
                std::iter::once(whole(conv)).chain(self.notices()).collect()
            }
            Conv::Private(..) if conv.peer_of(user).is_some() => vec![whole(conv)],
            Conv::Private(..) | Conv::Account(_) => Vec::new(),
            Conv::Notices => self.notices().into_iter().collect(),
            Conv::Group(group) => {
                // A list asks for each of the user's groups.
                let begin = self.stays.partition_point(|stay| stay.group < group);
                let end = self.stays.partition_point(|stay| stay.group <= group);
                group_spans(&self.stays[begin..end], history)
            }
        };
        cut(&spans, Seq(1), upto)
    }
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
        (History::All, Some(stay)) => vec![whole(Conv::Group(stay.group))],
        (History::All | History::Joined, _) => stays.iter().map(span).collect(),
    }
}

/// Which way places are put in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
}

/// Something to read: the first places of a span in a direction, with their kinds.
#[derive(Clone, Copy, Debug)]
pub struct Piece {
    pub direction: Direction,
    pub span: Span,
    pub limit: usize,
    cursor: usize,
}

/// The first places of several spans in one order, of entries that are shown to clients.
#[derive(Debug)]
pub struct Merge {
    direction: Direction,
    limit: usize,
    cursors: Vec<Cursor>,
    /// The next place of each cursor that has one, as (rank, cursor); the highest rank comes first.
    next: BinaryHeap<(u64, usize)>,
    /// Cursors of which more must be read before the next place is known.
    dry: Vec<usize>,
    places: Vec<Seq>,
    more: bool,
    /// Which kinds count.
    counts: fn(EntryKind) -> bool,
}

#[derive(Debug)]
struct Cursor {
    /// What was not read yet; `None`: nothing.
    rest: Option<Span>,
    found: VecDeque<Seq>,
    /// How many places to ask for next.
    piece: usize,
}

/// What a [`Merge`] has come to.
#[derive(Debug)]
pub struct Places {
    /// In the direction's order; at most the asked number.
    pub places: Vec<Seq>,
    /// Whether there are others beyond them.
    pub more: bool,
}

impl Merge {
    /// Of at most `limit` places.
    pub fn new(direction: Direction, spans: &[Span], limit: usize) -> Merge {
        // One more than wanted tells whether there is more.
        let wanted = limit.saturating_add(1);
        let share = wanted.div_ceil(spans.len().max(1));
        let piece = share.max(PLACES_FIRST).min(wanted).min(PLACES_MAX);
        let cursor = |span: &Span| Cursor {
            rest: Some(*span),
            found: VecDeque::new(),
            piece,
        };
        Merge {
            direction,
            limit,
            cursors: spans.iter().map(cursor).collect(),
            next: BinaryHeap::new(),
            dry: (0..spans.len()).collect(),
            places: Vec::new(),
            more: false,
            counts: |kind| kind.name().is_some(),
        }
    }

    /// Of the last entry that says something by itself.
    pub fn last(spans: &[Span]) -> Merge {
        Merge {
            counts: EntryKind::stands_alone,
            ..Merge::new(Direction::Down, spans, 1)
        }
    }

    /// What must be read before it can go on; each is to be answered with [`Merge::found`]. Nothing: it is done.
    pub fn wanted(&mut self) -> Vec<Piece> {
        while self.dry.is_empty() && !self.more {
            let Some((_, index)) = self.next.pop() else {
                break;
            };
            if self.places.len() == self.limit {
                self.more = true;
            } else if let Some(seq) = self.cursors[index].found.pop_front() {
                self.places.push(seq);
                self.line_up(index);
            }
        }
        let direction = self.direction;
        let piece = |index: usize| {
            let cursor = &mut self.cursors[index];
            let limit = cursor.piece;
            cursor.piece = limit.saturating_mul(PLACES_GROWTH).min(PLACES_MAX);
            cursor.rest.take().map(|span| Piece {
                direction,
                span,
                limit,
                cursor: index,
            })
        };
        self.dry.drain(..).filter_map(piece).collect()
    }

    /// Takes what is in a piece, in its direction's order.
    pub fn found(&mut self, piece: &Piece, places: &[(Seq, EntryKind)]) {
        let Some(cursor) = self.cursors.get_mut(piece.cursor) else {
            return;
        };
        let span = piece.span;
        cursor.rest = match (places.last(), piece.direction) {
            (Some((edge, _)), Direction::Up) if places.len() == piece.limit => {
                span.within(edge.next(), span.high)
            }
            (Some((edge, _)), Direction::Down) if places.len() == piece.limit => {
                span.within(span.low, edge.prev())
            }
            (Some(_) | None, Direction::Up | Direction::Down) => None,
        };
        let shown = places.iter().filter(|(_, kind)| (self.counts)(*kind));
        cursor.found.extend(shown.map(|(seq, _)| seq));
        self.line_up(piece.cursor);
    }

    /// What it has come to, once nothing is wanted.
    pub fn finish(self) -> Places {
        Places {
            places: self.places,
            more: self.more,
        }
    }

    fn line_up(&mut self, index: usize) {
        let cursor = &self.cursors[index];
        match cursor.found.front() {
            Some(seq) => {
                let rank = match self.direction {
                    Direction::Up => u64::MAX - seq.0,
                    Direction::Down => seq.0,
                };
                self.next.push((rank, index));
            }
            None if cursor.rest.is_some() => self.dry.push(index),
            None => {}
        }
    }
}

/// The two sides of a page of one conversation: what is below the place where its window begins, and what is above.
pub fn sides(spans: &[Span], window: Window, upto: Seq, limit: usize) -> (Merge, Merge) {
    let (place, below, above) = match window {
        Window::Latest => (upto.next(), limit, 0),
        Window::Before(seq) => (seq, limit, 0),
        Window::After(seq) => (seq.next(), 0, limit),
        Window::Around(seq) => (seq, limit / 2, limit - limit / 2),
    };
    let down = cut(spans, Seq::ZERO, place.prev());
    let up = cut(spans, place, upto);
    (
        Merge::new(Direction::Down, &down, below),
        Merge::new(Direction::Up, &up, above),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::GroupId;

    /// The merge of what `log` holds, one line of it per conversation, as a store would read it.
    fn merged(direction: Direction, log: &[Vec<(Seq, EntryKind)>], limit: usize) -> Places {
        let conv = |index: usize| Conv::Group(GroupId(index as u64));
        let spans: Vec<Span> = (0..log.len()).map(|index| whole(conv(index))).collect();
        let mut merge = Merge::new(direction, &spans, limit);
        loop {
            let wanted = merge.wanted();
            if wanted.is_empty() {
                return merge.finish();
            }
            // The answers come in another order than the questions.
            for piece in wanted.iter().rev() {
                let line = (0..log.len()).find(|index| conv(*index) == piece.span.conv);
                let line = log[line.unwrap()].iter().copied();
                let inside =
                    line.filter(|(seq, _)| (piece.span.low..=piece.span.high).contains(seq));
                let mut inside: Vec<_> = inside.collect();
                if direction == Direction::Down {
                    inside.reverse();
                }
                inside.truncate(piece.limit);
                merge.found(piece, &inside);
            }
        }
    }

    #[test]
    fn places_of_many_spans_come_in_order_and_none_is_missed() {
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..300 {
            let mut log = vec![Vec::new(); random.usize(1..6)];
            let mut shown = Vec::new();
            for seq in (1..random.u64(1..400)).map(Seq) {
                let kind = match random.u8(0..4) {
                    0 => EntryKind::Revoked,
                    _ => EntryKind::Message,
                };
                let line = random.usize(0..log.len()) * random.usize(0..2);
                log[line].push((seq, kind));
                if kind == EntryKind::Message {
                    shown.push(seq);
                }
            }
            for direction in [Direction::Up, Direction::Down] {
                let limit = random.usize(0..300);
                let places = merged(direction, &log, limit);
                assert_eq!(places.more, shown.len() > limit);
                let expected: Vec<Seq> = shown.iter().copied().take(limit).collect();
                assert_eq!(places.places, expected);
                shown.reverse();
            }
        }
    }
}
