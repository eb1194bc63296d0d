//! A search, from the newest entry back: what must be read, what of it may be there, and what is.
//!
//! Says which blocks of the index and which entries it wants and takes what was found there; reads nothing itself. A
//! store answers each step as it can. What the index names is a guess: only an entry that its reader may see and that
//! holds what is asked for now is found.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use super::postings::{Block, Postings, altered, conversation_hash, is_searched};
use super::spans::Span;
use super::{IndexState, Search, SearchPage};
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::Seq;
use crate::model::search::Token;

/// Entries above the index that are looked through, the newest ones: twice what is there while the index keeps up.
pub const TAIL_MAX: u64 = 4_096;
/// Blocks of the first step: most often the newest ones have a whole page.
const BLOCKS_FIRST: u64 = 4;
/// How much larger the next step is, and where that ends.
const BLOCKS_GROWTH: u64 = 8;
const BLOCKS_AT_ONCE: u64 = 256;
/// Blocks of one search: eight million entries, read in some tens of milliseconds.
const BLOCKS_MAX: u64 = 4_096;
/// Entries of one search that are looked at because the index names them.
const ENTRIES_MAX: usize = 2_048;
/// Entries of one step, at least and at most.
const ENTRIES_AT_ONCE_MIN: usize = 16;
const ENTRIES_AT_ONCE: usize = 256;

/// What a [`Hunt`] wants next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The rows of all its tokens in blocks from the first to the second: [`Hunt::found`].
    Blocks(Block, Block),
    /// These entries, descending: [`Hunt::read`].
    Entries(Vec<Seq>),
    /// Nothing: [`Hunt::finish`].
    Done,
}

/// What the user may see, by conversation and by the conversation's hash.
struct Rights {
    by_conv: HashMap<Conv, Vec<Span>>,
    by_hash: HashMap<u32, Vec<Span>>,
}

impl Rights {
    fn of(spans: &[Span]) -> Rights {
        let mut rights = Rights {
            by_conv: HashMap::new(),
            by_hash: HashMap::new(),
        };
        for span in spans {
            rights.by_conv.entry(span.conv).or_default().push(*span);
            let hash = conversation_hash(span.conv);
            rights.by_hash.entry(hash).or_default().push(*span);
        }
        rights
    }

    fn allow(&self, conv: Conv, seq: Seq) -> bool {
        within(self.by_conv.get(&conv), seq)
    }

    fn may_allow(&self, hash: u32, seq: Seq) -> bool {
        within(self.by_hash.get(&hash), seq)
    }
}

fn within(spans: Option<&Vec<Span>>, seq: Seq) -> bool {
    let mut spans = spans.into_iter().flatten();
    spans.any(|span| (span.low..=span.high).contains(&seq))
}

/// See the module.
pub struct Hunt {
    search: Search,
    rights: Rights,
    /// What the index holds is at and below it.
    indexed: Seq,
    /// Where the entries above the index are looked through from.
    tail_after: Seq,
    /// Blocks not looked into yet: up to the first one, down to the second.
    blocks: Option<(Block, Block)>,
    at_once: u64,
    blocks_left: u64,
    entries_left: usize,
    /// Messages that were given other words since the index was made.
    altered: BTreeSet<Seq>,
    /// To be looked at, descending.
    named: VecDeque<Seq>,
    /// Descending; at most one more than asked for.
    entries: Vec<Entry>,
    /// Whatever was to be found at or above it was.
    position: Seq,
}

impl Hunt {
    /// Of a user who may see these spans.
    pub fn new(search: Search, spans: &[Span], state: &IndexState) -> Hunt {
        let upto = search.upto.min(state.log.head);
        let indexed = state.indexed();
        let low = spans.iter().map(|span| span.low).min();
        let lowest = low.map(|low| low.max(state.log.floor.next()));
        let top = search.before.prev().min(upto).min(indexed);
        let blocks = lowest.filter(|low| *low <= top);
        let named = !search.query.tokens().is_empty();
        let floor = state.log.floor;
        Hunt {
            rights: Rights::of(spans),
            indexed,
            tail_after: indexed.max(floor).max(Seq(upto.0.saturating_sub(TAIL_MAX))),
            blocks: blocks
                .filter(|_| named)
                .map(|low| (Block::of(top), Block::of(low))),
            at_once: BLOCKS_FIRST,
            blocks_left: BLOCKS_MAX,
            entries_left: ENTRIES_MAX,
            altered: BTreeSet::new(),
            named: VecDeque::new(),
            entries: Vec::new(),
            position: search.before.min(upto.next()),
            search: Search { upto, ..search },
        }
    }

    /// Above which place, and up to which, the entries are wanted that are not in the index: [`Hunt::tail`].
    pub fn tail_wanted(&self) -> Option<(Seq, Seq)> {
        let wanted = !self.rights.by_conv.is_empty() && self.tail_after < self.search.upto;
        wanted.then_some((self.tail_after, self.search.upto))
    }

    /// Whether an entry of this conversation may be one of those that are wanted at all.
    pub fn concerns(&self, conv: Conv) -> bool {
        self.rights.by_conv.contains_key(&conv)
    }

    /// Takes one entry of the tail; descending.
    pub fn tail(&mut self, entry: Entry) {
        if let Some(target) = altered(&entry) {
            if target <= self.tail_after
                && target < self.search.before
                && self.rights.allow(entry.conv, target)
            {
                self.altered.insert(target);
            }
        } else if self.entries.len() <= self.search.limit {
            self.look_at(entry);
        }
    }

    /// What it wants next.
    pub fn step(&mut self) -> Step {
        if self.entries.len() > self.search.limit {
            return Step::Done;
        }
        if self.named.is_empty() {
            // Above the index nothing but what was altered is known to be there.
            let above = self.altered.split_off(&self.indexed.next());
            self.named.extend(above.into_iter().rev());
        }
        if !self.named.is_empty() {
            let lacking = self.search.limit + 1 - self.entries.len();
            let most = lacking.clamp(ENTRIES_AT_ONCE_MIN, ENTRIES_AT_ONCE);
            let count = most.min(self.named.len()).min(self.entries_left);
            return match count {
                0 => Step::Done,
                count => Step::Entries(self.named.iter().take(count).copied().collect()),
            };
        }
        match self.blocks {
            Some((high, low)) if self.blocks_left > 0 => {
                let count = self.at_once.min(self.blocks_left);
                let from = Block(high.0.saturating_sub(count - 1)).max(low);
                Step::Blocks(from, high)
            }
            Some(_) | None => Step::Done,
        }
    }

    /// Takes the rows of the wanted blocks, whatever their order. A block that lacks a token can be left out.
    pub fn found(&mut self, from: Block, upto: Block, rows: Vec<(Block, Token, Postings)>) {
        let mut by_block: BTreeMap<Block, Vec<Postings>> = BTreeMap::new();
        for (block, _, postings) in rows {
            by_block.entry(block).or_default().push(postings);
        }
        let tokens = self.search.query.tokens().len();
        let mut places = BTreeSet::new();
        for (block, rows) in by_block {
            if rows.len() == tokens {
                places.extend(self.common(block, rows));
            }
        }
        let kept = self.altered.split_off(&from.first());
        places.extend(kept);
        places.retain(|seq| *seq < self.search.before && *seq <= self.search.upto);
        self.named.extend(places.into_iter().rev());
        let count = upto.0 - from.0 + 1;
        self.blocks_left = self.blocks_left.saturating_sub(count);
        self.at_once = (self.at_once * BLOCKS_GROWTH).min(BLOCKS_AT_ONCE);
        self.blocks = match self.blocks {
            Some((_, low)) if from > low => Some((Block(from.0 - 1), low)),
            Some(_) | None => None,
        };
    }

    /// The places that all rows have and that the user may see, as far as can be told.
    fn common(&self, block: Block, mut rows: Vec<Postings>) -> BTreeSet<Seq> {
        rows.sort_unstable_by_key(|postings| postings.0.len());
        let mut rows = rows.into_iter();
        let first = rows.next().unwrap_or_default();
        let first = first.places(block);
        let mut places: BTreeSet<Seq> = first
            .filter(|(seq, conv)| self.rights.may_allow(*conv, *seq))
            .map(|(seq, _)| seq)
            .collect();
        for postings in rows {
            if places.is_empty() {
                break;
            }
            let others: BTreeSet<Seq> = postings.places(block).map(|(seq, _)| seq).collect();
            places.retain(|seq| others.contains(seq));
        }
        places
    }

    /// Takes the wanted entries, whatever their order; those that are gone are left out.
    pub fn read(&mut self, wanted: &[Seq], entries: Vec<Entry>) {
        let mut entries: BTreeMap<Seq, Entry> = entries
            .into_iter()
            .map(|entry| (entry.seq, entry))
            .collect();
        for seq in wanted {
            if self.entries.len() > self.search.limit {
                return;
            }
            self.named.pop_front();
            self.entries_left = self.entries_left.saturating_sub(1);
            if let Some(entry) = entries.remove(seq) {
                self.look_at(entry);
            }
            self.position = *seq;
        }
    }

    fn look_at(&mut self, entry: Entry) {
        let seq = entry.seq;
        if seq < self.search.before
            && seq <= self.search.upto
            && is_searched(entry.kind)
            && self.rights.allow(entry.conv, seq)
            && self.search.query.find(&entry.body).is_some()
        {
            self.entries.push(entry);
        }
    }

    /// What it has come to, once nothing is wanted.
    pub fn finish(mut self) -> SearchPage {
        let more = self.entries.len() > self.search.limit;
        self.entries.truncate(self.search.limit);
        let next = match (self.entries.last(), self.blocks) {
            (Some(last), _) if more => Some(last.seq),
            (_, _) if !self.named.is_empty() => Some(self.position),
            (_, Some((high, _))) => Some(high.last().next()),
            (_, None) => None,
        };
        SearchPage {
            entries: self.entries,
            next,
        }
    }
}
