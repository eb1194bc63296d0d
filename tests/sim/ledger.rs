//! What one client was told, judged at once against the log: P2 once and without a gap, P3 in order and only what its
//! user may see, P6 across connections to different nodes.
//!
//! Responsible for one device's position and for its unanswered sends. Deliberately knows nothing of nodes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use starling::model::entry::Entry;
use starling::model::ids::{Epoch, Seq, UserId};

use crate::oracle::{Violation, violated};
use crate::people::Story;
use crate::store::Cid;

#[derive(Debug, Clone)]
pub struct Ledger {
    pub user: UserId,
    /// Everything up to here was seen or is none of its business; none before the first connection.
    pub position: Option<Seq>,
    /// The log the position belongs to.
    pub epoch: Option<Epoch>,
    /// Sends without an answer, by their size.
    pub pending: BTreeMap<Cid, usize>,
    /// All it ever sent: an ack may stand for the entry.
    pub sent: BTreeSet<Cid>,
    pub received: u64,
}

impl Ledger {
    pub fn new(user: UserId) -> Self {
        Self {
            user,
            position: None,
            epoch: None,
            pending: BTreeMap::new(),
            sent: BTreeSet::new(),
            received: 0,
        }
    }

    /// A connection begins, in this log, behind this place.
    pub fn hello(&mut self, epoch: Epoch, after: Seq) {
        self.position.get_or_insert(after);
        self.epoch.get_or_insert(epoch);
    }

    /// What was known is void; it goes on from here.
    pub fn reset(&mut self, epoch: Epoch, head: Seq) {
        self.position = Some(head);
        self.epoch = Some(epoch);
    }

    /// An entry arrived.
    pub fn entry(&mut self, epoch: Epoch, story: &Story, entry: &Entry) -> Result<(), Violation> {
        let (user, seq) = (self.user, entry.seq);
        let position = self.position.unwrap_or_default();
        if seq <= position {
            return violated(
                "P2",
                format!("{user} got {seq} again or late, it was at {position}"),
            );
        }
        self.no_gap(story, position, seq.prev())?;
        if !story.may_see(user, entry) {
            return violated("P3", format!("{user} got {seq} of {}", entry.conv));
        }
        if story.entry(seq).is_none_or(|stored| **stored != *entry) {
            return violated("P3", format!("{user} got another {seq} than the log's"));
        }
        self.received += 1;
        self.position = Some(seq);
        self.epoch = Some(epoch);
        Ok(())
    }

    pub fn page(
        &mut self,
        epoch: Epoch,
        story: &Story,
        entries: &[Arc<Entry>],
        position: Seq,
    ) -> Result<(), Violation> {
        for entry in entries {
            self.entry(epoch, story, entry)?;
        }
        self.moved(epoch, story, position)
    }

    /// A node says that everything up to here was given.
    pub fn moved(&mut self, epoch: Epoch, story: &Story, to: Seq) -> Result<(), Violation> {
        let position = self.position.unwrap_or_default();
        if to < position {
            let user = self.user;
            return violated(
                "P2",
                format!("the position of {user} went back from {position} to {to}"),
            );
        }
        self.no_gap(story, position, to)?;
        self.position = Some(to);
        self.epoch = Some(epoch);
        Ok(())
    }

    /// Nothing between the two was left out but what an ack stands for.
    fn no_gap(&self, story: &Story, after: Seq, upto: Seq) -> Result<(), Violation> {
        let mut visible = story.visible(self.user, after, upto);
        let missed = visible.find(|entry| !self.has_sent(entry));
        match missed {
            Some(entry) => violated(
                "P2",
                format!(
                    "{} was at {after}, then at {upto}, and never got {} of {}",
                    self.user, entry.seq, entry.conv
                ),
            ),
            None => Ok(()),
        }
    }

    fn has_sent(&self, entry: &Entry) -> bool {
        let cid = entry.cid.as_str().parse();
        entry.from == self.user && cid.is_ok_and(|cid| self.sent.contains(&cid))
    }
}
