//! What later entries made of messages, beside what is in their own rows: the reactions on them.
//!
//! Edits and recalls are in the rows already. Whoever shows entries of the past (pages, search) shows them with this.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::model::entry::{Entry, EntryKind};
use crate::model::error::Failure;
use crate::model::ids::Seq;
use crate::store::MessageStore;

pub use crate::store::Reaction;

/// Users named with one emoji; its count counts all.
const USERS_NAMED_MAX: usize = 50;

/// An entry with what became of it.
#[derive(Clone, Debug)]
pub struct Told {
    pub entry: Entry,
    /// In the order in which the emojis came.
    pub reactions: Vec<Reaction>,
}

/// The way to outcomes. Cheap to clone.
#[derive(Clone)]
pub struct Outcomes(Arc<dyn MessageStore>);

impl Outcomes {
    #[must_use]
    pub fn new(messages: Arc<dyn MessageStore>) -> Outcomes {
        Outcomes(messages)
    }

    /// The entries in their order, each with what became of it.
    pub async fn of(&self, entries: Vec<Entry>) -> Result<Vec<Told>, Failure> {
        let messages: Vec<Seq> = entries
            .iter()
            .filter(|entry| entry.kind == EntryKind::Message)
            .map(|entry| entry.seq)
            .collect();
        let mut by_message: BTreeMap<Seq, Vec<Reaction>> = BTreeMap::new();
        for reaction in self.0.reactions(&messages, USERS_NAMED_MAX).await? {
            by_message
                .entry(reaction.target)
                .or_default()
                .push(reaction);
        }
        let told = |entry: Entry| Told {
            reactions: by_message.remove(&entry.seq).unwrap_or_default(),
            entry,
        };
        Ok(entries.into_iter().map(told).collect())
    }
}
