//! The index of words: what a store keeps of it and what it finds by it.
//!
//! What is in a block is decided by [`crate::store::indexing`], which fills it from the log behind the appends.

use async_trait::async_trait;

use super::{LogHead, Result};
use crate::model::conversation::Conv;
use crate::model::entry::Entry;
use crate::model::ids::{Epoch, Seq, UserId};
use crate::model::search::{Query, Token};
use crate::store::postings::{Block, Postings};

/// How far the index has come. Whoever changes it names what he knew, and changes nothing when it is so no longer:
/// nodes that index at the same time do not undo each other's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexPlace {
    /// Which index this is. Begun anew it is another one, and what the former holds is rubbish.
    pub generation: u64,
    /// The end of the last block that is complete; 0 before the first.
    pub indexed: Seq,
}

/// The index beside its log, as one moment knew both.
#[derive(Clone, Copy, Debug)]
pub struct IndexState {
    pub place: IndexPlace,
    /// The log it was made from. Another one's has to be begun anew.
    pub epoch: Epoch,
    pub log: LogHead,
    /// The first block there is anything of, with its generation.
    pub oldest: Option<(u64, Block)>,
}

impl IndexState {
    /// Whether the index is of the log that is there.
    #[must_use]
    pub fn is_current(&self) -> bool {
        self.epoch == self.log.epoch
    }

    /// The end of what can be found by the index.
    #[must_use]
    pub fn indexed(&self) -> Seq {
        if self.is_current() {
            self.place.indexed.min(self.log.head)
        } else {
            Seq::ZERO
        }
    }

    /// How many entries are not in the index yet.
    #[must_use]
    pub fn behind(&self) -> u64 {
        let indexed = self.indexed().max(self.log.floor);
        self.log.head.0.saturating_sub(indexed.0)
    }
}

/// Which messages are looked for.
#[derive(Clone, Debug)]
pub struct Search {
    pub query: Query,
    /// Only in this conversation; `None`: in all of the user's.
    pub conv: Option<Conv>,
    /// Only below this place.
    pub before: Seq,
    /// Nothing above this place, and no news from there.
    pub upto: Seq,
    pub limit: usize,
}

/// What was found, newest first.
#[derive(Clone, Debug)]
pub struct SearchPage {
    pub entries: Vec<Entry>,
    /// Below this place there may be more; `None`: there is not. One search looks at so much and no further, so a
    /// page may be short, or empty, and not the last.
    pub next: Option<Seq>,
}

/// The index of words. It holds no text; a token it does not have may still be there in entries above
/// [`IndexPlace::indexed`].
#[async_trait]
pub trait SearchStore: Send + Sync {
    /// Messages and notices the user may see and did not hide, as in [`super::LogStore::visible`], that hold what is asked for now:
    /// not what they held before an edit, nothing of what was taken back. The newest of those not indexed yet are
    /// looked through. Never looks through the whole log.
    async fn search(&self, user: UserId, search: Search) -> Result<SearchPage>;

    async fn index_state(&self) -> Result<IndexState>;

    /// All rows of a block.
    async fn block(&self, generation: u64, block: Block) -> Result<Vec<(Token, Postings)>>;

    /// Writes rows of a block in place of those with the same tokens. `false`: the index has gone on from `place`, and
    /// nothing was written.
    async fn put_postings(
        &self,
        place: IndexPlace,
        block: Block,
        rows: Vec<(Token, Postings)>,
    ) -> Result<bool>;

    /// Says that everything up to `indexed` is in it. `false`: somebody else has done so.
    async fn advance(&self, place: IndexPlace, indexed: Seq) -> Result<bool>;

    /// Begins anew for this log, behind `indexed`. `false`: somebody else has done so.
    async fn begin_index(&self, place: IndexPlace, epoch: Epoch, indexed: Seq) -> Result<bool>;

    /// Deletes some rows of former generations, or of blocks before `first` of this one. Whether there were any.
    async fn forget_postings(&self, generation: u64, first: Block) -> Result<bool>;
}
