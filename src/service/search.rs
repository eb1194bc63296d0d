//! Searching one's messages.
//!
//! Bounds what may be asked and how often; who sees what is the store's to tell, and what a query means
//! [`crate::model::search`]'s.

use std::sync::Arc;

use tokio::time::Instant;

use super::conversations::Conversations;
use super::outcomes::{Outcomes, Told};
use super::rate::SendRate;
use crate::journal::position::Position;
use crate::model::conversation::Address;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Seq, UserId};
use crate::model::search::{Has, QUERY_CHARS_MAX, Query, Stretch};
use crate::store::{Search, SearchStore};

/// Searches of one user in a second, on average and at once: somebody who types, each letter of his a search.
const SEARCHES_PER_SECOND: u32 = 10;
const SEARCHES_BURST: u32 = 40;

/// A message that was found.
#[derive(Clone, Debug)]
pub struct Hit {
    pub told: Told,
    /// Where in its `content`; empty when what was asked for is elsewhere in it.
    pub highlights: Vec<Stretch>,
}

/// Some of what was found, newest first.
#[derive(Clone, Debug)]
pub struct Hits {
    pub hits: Vec<Hit>,
    /// There may be more below this place.
    pub next: Option<Seq>,
}

/// The use case. Cheap to clone.
#[derive(Clone)]
pub struct Searches {
    /// `None`: this deployment does not search.
    store: Option<Arc<dyn SearchStore>>,
    conversations: Conversations,
    outcomes: Outcomes,
    position: Position,
    rate: Arc<SendRate>,
}

impl Searches {
    #[must_use]
    pub fn new(
        store: Option<Arc<dyn SearchStore>>,
        conversations: Conversations,
        outcomes: Outcomes,
        position: Position,
    ) -> Searches {
        Searches {
            store,
            conversations,
            outcomes,
            position,
            rate: Arc::new(SendRate::new(SEARCHES_PER_SECOND, SEARCHES_BURST)),
        }
    }

    /// Messages and notices below `before` that the user may see and that have all of `query` and what `has` names, in
    /// one conversation or in all of his. A query without a word or a sign in it finds nothing, unless `has` is given.
    pub async fn find(
        &self,
        user: UserId,
        query: &str,
        has: Option<Has>,
        conv: Option<Address>,
        before: Option<Seq>,
        limit: usize,
    ) -> Result<Hits, Failure> {
        let Some(store) = &self.store else {
            return Err(Failure::new(Code::NotFound));
        };
        if query.chars().count() > QUERY_CHARS_MAX {
            return Err(Failure::field(Code::BadRequest, "q"));
        }
        self.rate.admit(user, Instant::now())?;
        if let Some(address) = conv {
            self.conversations.may_look_into(user, address).await?;
        }
        let query = match has {
            Some(has) => Query::parse(query).having(has),
            None => Query::parse(query),
        };
        if query.is_empty() {
            return Ok(Hits {
                hits: Vec::new(),
                next: None,
            });
        }
        let search = Search {
            query: query.clone(),
            conv: conv.map(|address| address.conv_of(user)),
            before: before.unwrap_or(Seq(u64::MAX)),
            upto: self.position.durable(),
            limit,
        };
        let page = store.search(user, search).await?;
        let told = self.outcomes.of(page.entries).await?;
        let hits = told.into_iter().map(|told| Hit {
            highlights: query.find(&told.entry.body).unwrap_or_default(),
            told,
        });
        Ok(Hits {
            hits: hits.collect(),
            next: page.next,
        })
    }
}
