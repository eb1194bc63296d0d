//! One entry as a user may see it: within his conversations and stays, and not hidden by him.
//!
//! What he may not see does not exist for him.

use std::sync::Arc;

use crate::model::entry::Entry;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Seq, UserId};
use crate::store::{LogStore, Window};

/// The way to single entries. Cheap to clone.
#[derive(Clone)]
pub(super) struct Sight(Arc<dyn LogStore>);

impl Sight {
    pub(super) fn new(log: Arc<dyn LogStore>) -> Sight {
        Sight(log)
    }

    /// The entry at this place; `not_found` where there is none for this user.
    pub(super) async fn entry(&self, user: UserId, seq: Seq) -> Result<Entry, Failure> {
        let gone = || Failure::new(Code::NotFound);
        let Some(entry) = self.0.entry(seq).await? else {
            return Err(gone());
        };
        // The same rule as for pages, on a page of one.
        let after = Window::After(seq.prev());
        let page = self.0.page(user, entry.conv, after, seq, 1).await?;
        page.entries
            .into_iter()
            .find(|entry| entry.seq == seq)
            .ok_or_else(gone)
    }
}
