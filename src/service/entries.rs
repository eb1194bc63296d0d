//! Single entries, by their place: altering them, hiding them from oneself, who has read them.

use std::sync::Arc;

use serde_json::json;

use super::alterations::{AlterRequest, Alteration, Alterations};
use super::outcomes::{Outcomes, Told};
use super::profiles::{Person, Profiles, take};
use super::reads::Reads;
use super::sight::Sight;
use crate::model::conversation::Conv;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Seq, UserId};
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::store::{GroupStore, LogStore, MessageStore};

/// Readers that are named; the total counts all.
const READERS_NAMED_MAX: usize = 200;

/// Who has read an entry.
#[derive(Clone, Debug)]
pub struct Readers {
    /// Some of them, by id.
    pub readers: Vec<Person>,
    pub total: u64,
}

/// What [`Entries`] works with.
pub struct EntryParts {
    pub alterations: Alterations,
    pub log: Arc<dyn LogStore>,
    pub messages: Arc<dyn MessageStore>,
    pub groups: Arc<dyn GroupStore>,
    pub profiles: Profiles,
    pub reads: Reads,
    pub signals: Signals,
}

/// Single entries. Cheap to clone.
#[derive(Clone)]
pub struct Entries {
    parts: Arc<EntryParts>,
    sight: Sight,
    outcomes: Outcomes,
}

impl Entries {
    #[must_use]
    pub fn new(parts: EntryParts) -> Entries {
        Entries {
            sight: Sight::new(Arc::clone(&parts.log)),
            outcomes: Outcomes::new(Arc::clone(&parts.messages)),
            parts: Arc::new(parts),
        }
    }

    /// The way of alterations into the log, for who does not wait for each.
    #[must_use]
    pub fn alterations(&self) -> &Alterations {
        &self.parts.alterations
    }

    /// Takes a message back.
    pub async fn recall(&self, user: UserId, seq: Seq) -> Result<(), Failure> {
        self.alter(user, seq, Alteration::Recall).await
    }

    /// Gives a message another text. The message as it is then.
    pub async fn edit(&self, user: UserId, seq: Seq, content: String) -> Result<Told, Failure> {
        self.alter(user, seq, Alteration::Edit { content }).await?;
        let entry = self.sight.entry(user, seq).await?;
        let told = self.outcomes.of(vec![entry]).await?;
        told.into_iter()
            .next()
            .ok_or_else(|| Failure::new(Code::NotFound))
    }

    /// Puts an emoji on a message or takes it off. What is so already stays so.
    pub async fn react(
        &self,
        user: UserId,
        seq: Seq,
        emoji: String,
        on: bool,
    ) -> Result<(), Failure> {
        let alteration = Alteration::React { emoji, on };
        self.alter(user, seq, alteration).await
    }

    async fn alter(&self, user: UserId, seq: Seq, alteration: Alteration) -> Result<(), Failure> {
        let request = AlterRequest {
            cid: None,
            seq,
            alteration,
        };
        self.parts.alterations.alter(user, &request).await?;
        Ok(())
    }

    /// Hides an entry from the user, and tells his devices. What is hidden already stays hidden.
    pub async fn hide(&self, user: UserId, seq: Seq) -> Result<(), Failure> {
        let entry = match self.sight.entry(user, seq).await {
            Ok(entry) => entry,
            Err(failure) if failure.code == Code::NotFound => {
                let hidden = self.parts.messages.hidden_above(user, seq.prev()).await?;
                return if hidden.first() == Some(&seq) {
                    Ok(())
                } else {
                    Err(failure)
                };
            }
            Err(failure) => return Err(failure),
        };
        self.parts.messages.hide(user, seq).await?;
        self.parts.signals.publish(Signal::Settings {
            conv: entry.conv.to_string(),
            user,
            changed: json!({"hidden_entry": seq}).to_string(),
        });
        Ok(())
    }

    /// Who has read an entry, without its author: of a group those who were members then, for its members; of a private
    /// conversation the other.
    pub async fn readers(&self, user: UserId, seq: Seq) -> Result<Readers, Failure> {
        let entry = self.sight.entry(user, seq).await?;
        let readings = match entry.conv {
            Conv::Group(group) => {
                if self.parts.groups.role(group, user).await?.is_none() {
                    return Err(Failure::new(Code::NotMember));
                }
                self.parts.messages.readings(group, seq).await?
            }
            Conv::Private(low, high) => {
                let mut readings = Vec::new();
                for reader in [low, high] {
                    let position = self.parts.reads.position(reader, entry.conv).await?;
                    readings.push((reader, position));
                }
                readings.dedup();
                readings
            }
            // Nobody counts the readers of what everybody gets.
            Conv::Notices | Conv::Account(_) => return Err(Failure::new(Code::NotAllowed)),
        };
        let others: Vec<(UserId, Seq)> = readings
            .into_iter()
            .filter(|(reader, _)| *reader != entry.from)
            .collect();
        let readers: Vec<UserId> = self
            .parts
            .reads
            .with_pending(entry.conv, others)
            .into_iter()
            .filter(|(_, position)| *position >= seq)
            .map(|(reader, _)| reader)
            .collect();
        let named = &readers[..readers.len().min(READERS_NAMED_MAX)];
        let persons = self.parts.profiles.persons(named).await?;
        Ok(Readers {
            readers: named.iter().map(|reader| take(&persons, *reader)).collect(),
            total: readers.len() as u64,
        })
    }
}
