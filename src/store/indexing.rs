//! Fills the index of words from the log, a little at a time, behind the appends.
//!
//! A block is indexed once the log is past its end. What a later entry takes back or rewrites is found through the
//! place of that entry: when the index comes to it, the rows of its target are made anew from what the target says
//! then. Several nodes may do this at once: each write is good only while the index is where its writer believed it
//! to be. Has no clock and does not rest; who drives it does.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use super::postings::{BLOCK_ENTRIES, Block, Postings, altered, changed_rows, rows_of};
use super::{IndexPlace, IndexState, LogStore, Result, SearchStore};
use crate::model::entry::Entry;
use crate::model::ids::{Epoch, Seq};
use crate::model::search::Token;

/// Rows of one write: some milliseconds of what appends may have to wait for. No store must be given more.
pub const ROWS_AT_ONCE: usize = 1_024;
/// Entries of one read.
const ENTRIES_AT_ONCE: usize = 256;

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Indexed {
    /// A part of the work. There is more.
    Some,
    /// Nothing: so many entries are above the index, which is too few for a block.
    Nothing { behind: u64 },
    /// Nothing: somebody else is at it.
    Overtaken,
}

/// What is to be written before the index is at its next place.
struct Work {
    place: IndexPlace,
    upto: Seq,
    /// Entries of earlier blocks to look at again.
    altered: VecDeque<(Block, BTreeSet<Seq>)>,
    writes: VecDeque<(Block, Vec<(Token, Postings)>)>,
}

/// One who fills the index.
pub struct Indexing {
    log: Arc<dyn LogStore>,
    search: Arc<dyn SearchStore>,
    work: Option<Work>,
    behind: u64,
}

impl Indexing {
    #[must_use]
    pub fn new(log: Arc<dyn LogStore>, search: Arc<dyn SearchStore>) -> Indexing {
        Indexing {
            log,
            search,
            work: None,
            behind: 0,
        }
    }

    /// How many entries were not in the index when it was last looked at.
    #[must_use]
    pub fn behind(&self) -> u64 {
        self.behind
    }

    /// Does a small part of what there is to do: at most one write.
    ///
    /// # Errors
    /// The store failed. What was begun is begun anew with the next step, which changes nothing that is done.
    pub async fn step(&mut self) -> Result<Indexed> {
        match self.work.take() {
            Some(work) => self.go_on(work).await,
            None => self.look().await,
        }
    }

    /// Looks for something to do.
    async fn look(&mut self) -> Result<Indexed> {
        let state = self.search.index_state().await?;
        self.behind = state.behind();
        let (place, log) = (state.place, state.log);
        let first = Block::of(log.floor.next());
        // A log that went back has another epoch as well, but perhaps not yet.
        if !state.is_current() || place.indexed > log.head {
            let begun = self
                .search
                .begin_index(place, log.epoch, first.first().prev());
            return Ok(done(begun.await?));
        }
        let rubbish = |(generation, block)| generation < place.generation || block < first;
        if state.oldest.is_some_and(rubbish)
            && self.search.forget_postings(place.generation, first).await?
        {
            return Ok(Indexed::Some);
        }
        if place.indexed < first.first().prev() {
            let advanced = self.search.advance(place, first.first().prev()).await?;
            return Ok(done(advanced));
        }
        if place.indexed.0.saturating_add(BLOCK_ENTRIES) > log.head.0 {
            return Ok(Indexed::Nothing {
                behind: self.behind,
            });
        }
        self.gather(&state).await
    }

    /// Reads the next block and works out its rows.
    async fn gather(&mut self, state: &IndexState) -> Result<Indexed> {
        let block = Block::of(state.place.indexed.next());
        let Some(entries) = self.read(block, state.log.epoch).await? else {
            return Ok(Indexed::Overtaken);
        };
        let mut altered: BTreeMap<Block, BTreeSet<Seq>> = BTreeMap::new();
        for target in entries.iter().filter_map(self::altered) {
            if target > state.log.floor && target < block.first() {
                altered.entry(Block::of(target)).or_default().insert(target);
            }
        }
        self.work = Some(Work {
            place: state.place,
            upto: block.last(),
            altered: altered.into_iter().collect(),
            writes: writes(block, &rows_of(block, &entries)),
        });
        Ok(Indexed::Some)
    }

    /// The entries of a block that are not pruned; `None`: the log is another one now.
    async fn read(&self, block: Block, epoch: Epoch) -> Result<Option<Vec<Entry>>> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut after = block.first().prev();
        while after < block.last() {
            let range = self.log.range(after, ENTRIES_AT_ONCE).await?;
            if range.log.epoch != epoch || range.log.head < block.last() {
                return Ok(None);
            }
            match range.entries.last() {
                Some(last) => after = last.seq,
                None => after = range.log.floor.max(after.next()),
            }
            entries.extend(range.entries);
        }
        entries.retain(|entry| entry.seq <= block.last());
        Ok(Some(entries))
    }

    async fn go_on(&mut self, mut work: Work) -> Result<Indexed> {
        if let Some((block, rows)) = work.writes.pop_front() {
            if !self.search.put_postings(work.place, block, rows).await? {
                return Ok(Indexed::Overtaken);
            }
        } else if let Some((block, targets)) = work.altered.pop_front() {
            let mut entries = BTreeMap::new();
            for target in targets {
                entries.insert(target, self.log.entry(target).await?);
            }
            let rows = self.search.block(work.place.generation, block).await?;
            work.writes = writes(block, &changed_rows(block, rows, &entries));
        } else {
            return Ok(done(self.search.advance(work.place, work.upto).await?));
        }
        self.work = Some(work);
        Ok(Indexed::Some)
    }
}

fn writes(block: Block, rows: &[(Token, Postings)]) -> VecDeque<(Block, Vec<(Token, Postings)>)> {
    let chunks = rows.chunks(ROWS_AT_ONCE);
    chunks.map(|rows| (block, rows.to_vec())).collect()
}

fn done(is_done: bool) -> Indexed {
    if is_done {
        Indexed::Some
    } else {
        Indexed::Overtaken
    }
}
