//! The model of the one thing all nodes share: a log whose rows are visible before they are durable.
//!
//! Responsible for appends with duplicate check, reads, confirmations, the registry, outages, crashes that take back
//! what was not durable, and for a backup that is put back. Deliberately without time: `world` says when each step
//! happens; and without knowing what is said: that is `people`'s.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{Fetched, Item, Registration, StorePosition};
use starling::model::ids::{ConnId, Epoch, Incarnation, Seq};

use crate::committer::Submission;
use crate::people::{Draft, Story};

/// A client's id of one send.
pub type Cid = u64;

#[derive(Debug, Clone)]
struct Row {
    cid: Cid,
    payload: Bytes,
}

/// One entry's result of an append.
#[derive(Debug, Clone)]
pub struct Appended {
    pub cid: Cid,
    pub origin: Option<ConnId>,
    pub verdict: Verdict,
}

#[derive(Debug, Clone)]
pub enum Verdict {
    /// It is in the log; `new`: since this append.
    Stored { item: Item, new: bool },
    /// The log forbids it where it would have been.
    Refused,
}

/// A log that was replaced by an older backup of itself.
#[derive(Debug)]
struct Replaced {
    epoch: Epoch,
    /// What it durably held.
    rows: Vec<Row>,
    story: Story,
}

/// Rules of the store. The simulation switches off one at a time and must then find a violation.
#[derive(Debug, Clone, Copy)]
pub struct StoreRules {
    /// A client's id is stored once.
    pub idempotence: bool,
    /// What forbids an entry is looked at where the entry gets its place.
    pub judged_in_append: bool,
}

impl Default for StoreRules {
    fn default() -> Self {
        Self {
            idempotence: true,
            judged_in_append: true,
        }
    }
}

/// The store.
#[derive(Debug)]
pub struct ModelStore {
    rows: Vec<Row>,
    by_cid: BTreeMap<Cid, Seq>,
    /// Rows up to here survive a crash.
    durable: usize,
    /// When rows became durable, by index.
    pub durable_at: Vec<Duration>,
    /// Changes whenever connections break.
    pub session: u64,
    pub up: bool,
    pub disturbed_at: Duration,
    pub registry: BTreeMap<Incarnation, Registration>,
    attempts: u64,
    pub vanished: u64,
    epoch: Epoch,
    pub rules: StoreRules,
    /// What the sends of people mean; a send without a meaning is bytes.
    pub drafts: BTreeMap<Cid, Draft>,
    story: Story,
    replaced: Vec<Replaced>,
}

const FIRST_EPOCH: Epoch = Epoch(0xE0);

impl ModelStore {
    pub fn new() -> Self {
        Self {
            rows: Vec::new(),
            by_cid: BTreeMap::new(),
            durable: 0,
            durable_at: Vec::new(),
            session: 1,
            up: true,
            disturbed_at: Duration::ZERO,
            registry: BTreeMap::new(),
            attempts: 0,
            vanished: 0,
            epoch: FIRST_EPOCH,
            rules: StoreRules::default(),
            drafts: BTreeMap::new(),
            story: Story::default(),
            replaced: Vec::new(),
        }
    }

    /// Which log this is.
    pub fn epoch(&self) -> Epoch {
        self.epoch
    }

    /// Appends what is not stored yet; visible at once, durable after [`ModelStore::sync`].
    pub fn append(&mut self, batch: &[Submission]) -> Vec<Appended> {
        batch
            .iter()
            .map(|&Submission { cid, size, origin }| Appended {
                cid,
                origin,
                verdict: self.append_one(cid, size),
            })
            .collect()
    }

    fn append_one(&mut self, cid: Cid, size: usize) -> Verdict {
        if let Some(&seq) = self.by_cid.get(&cid)
            && self.rules.idempotence
        {
            let payload = self.rows[seq.0 as usize - 1].payload.clone();
            return Verdict::Stored {
                item: Item { seq, payload },
                new: false,
            };
        }
        self.attempts += 1;
        let seq = self.head().next();
        let payload = match self.drafts.get(&cid) {
            Some(draft) => {
                if self.rules.judged_in_append && !self.story.allows(draft) {
                    return Verdict::Refused;
                }
                // An attempt after a vanished one is another entry (another time of day): its bytes differ.
                let entry = draft.entry(seq, cid, self.attempts, size);
                self.story.tell(&entry);
                entry.encode()
            }
            None => {
                let mut payload = [cid.to_be_bytes(), self.attempts.to_be_bytes()].concat();
                payload.resize(size.max(16), 0x55);
                Bytes::from(payload)
            }
        };
        self.rows.push(Row {
            cid,
            payload: payload.clone(),
        });
        self.by_cid.insert(cid, seq);
        Verdict::Stored {
            item: Item { seq, payload },
            new: true,
        }
    }

    /// Rows up to `head` reached the disk.
    pub fn sync(&mut self, now: Duration, head: Seq) {
        self.durable = self.durable.max(head.0 as usize);
        self.durable_at.resize(self.durable, now);
    }

    /// A crash takes back what was not durable and breaks all connections.
    pub fn crash(&mut self, now: Duration) {
        let lost = self.take_back(self.durable);
        self.vanished += lost;
        self.break_connections(now);
    }

    fn take_back(&mut self, keep: usize) -> u64 {
        let mut lost = 0;
        for row in self.rows.drain(keep..) {
            self.by_cid.remove(&row.cid);
            lost += 1;
        }
        self.story.forget_above(Seq(keep as u64));
        lost
    }

    /// A backup of the log's first `keep` entries is put in its place, and gets a new name.
    pub fn restore(&mut self, now: Duration, keep: usize) {
        let keep = keep.min(self.durable);
        self.take_back(self.durable);
        self.replaced.push(Replaced {
            epoch: self.epoch,
            rows: self.rows.clone(),
            story: self.story.clone(),
        });
        self.take_back(keep);
        self.durable = keep;
        self.durable_at.truncate(keep);
        self.epoch = Epoch(self.epoch.0 + 1);
        self.break_connections(now);
    }

    /// Unreachable: connections break, nothing is lost.
    pub fn break_connections(&mut self, now: Duration) {
        self.session += 1;
        self.up = false;
        self.disturbed_at = now;
    }

    pub fn head(&self) -> Seq {
        Seq(self.rows.len() as u64)
    }

    pub fn durable(&self) -> Seq {
        Seq(self.durable as u64)
    }

    pub fn position(&self) -> StorePosition {
        StorePosition {
            epoch: self.epoch,
            floor: Seq::ZERO,
            head: self.head(),
        }
    }

    pub fn fetch(&self, after: Seq, limit: usize) -> Fetched {
        let items = self
            .rows
            .iter()
            .zip(1..)
            .skip(after.0 as usize)
            .take(limit)
            .map(|(row, seq)| Item {
                seq: Seq(seq),
                payload: row.payload.clone(),
            })
            .collect();
        Fetched {
            after,
            floor: Seq::ZERO,
            head: self.head(),
            epoch: self.epoch,
            items,
        }
    }

    /// The content of a row that is durable in this log, or was when the log was replaced.
    pub fn durable_row_of(&self, epoch: Epoch, seq: Seq) -> Option<(Cid, &Bytes)> {
        let rows = match self.replaced(epoch) {
            Some(replaced) => &replaced.rows[..],
            None => &self.rows[..self.durable],
        };
        let row = rows.get((seq.0 as usize).checked_sub(1)?)?;
        Some((row.cid, &row.payload))
    }

    /// Whether the next place of the log may hold this send.
    pub fn would_allow(&self, cid: Cid) -> bool {
        self.drafts
            .get(&cid)
            .is_none_or(|draft| self.story.allows(draft))
    }

    pub fn was_replaced(&self) -> bool {
        !self.replaced.is_empty()
    }

    /// How often each client's id is stored durably, if more than once.
    pub fn stored_twice(&self) -> Option<Cid> {
        let mut seen = std::collections::BTreeSet::new();
        let rows = self.rows[..self.durable].iter();
        rows.map(|row| row.cid).find(|cid| !seen.insert(*cid))
    }

    /// What was said in this log.
    pub fn story_of(&self, epoch: Epoch) -> &Story {
        self.replaced(epoch)
            .map_or(&self.story, |replaced| &replaced.story)
    }

    fn replaced(&self, epoch: Epoch) -> Option<&Replaced> {
        self.replaced
            .iter()
            .find(|replaced| replaced.epoch == epoch)
    }
}
