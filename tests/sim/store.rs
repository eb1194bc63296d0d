//! The model of the one thing all nodes share: a log whose rows are visible before they are durable.
//!
//! Responsible for appends with duplicate check, reads, confirmations, the registry, outages and crashes that take
//! back what was not durable. Deliberately without time: `world` says when each step happens.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{Fetched, Item, Registration, StorePosition};
use starling::model::ids::{Epoch, Incarnation, Seq};

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
    pub item: Item,
    /// Not stored before.
    pub new: bool,
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
}

pub const EPOCH: Epoch = Epoch(0xE0);

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
        }
    }

    /// Appends what is not stored yet; visible at once, durable after [`ModelStore::sync`].
    pub fn append(&mut self, batch: &[(Cid, usize)]) -> Vec<Appended> {
        batch
            .iter()
            .map(|&(cid, size)| self.append_one(cid, size))
            .collect()
    }

    fn append_one(&mut self, cid: Cid, size: usize) -> Appended {
        if let Some(&seq) = self.by_cid.get(&cid) {
            let payload = self.rows[seq.0 as usize - 1].payload.clone();
            return Appended {
                cid,
                item: Item { seq, payload },
                new: false,
            };
        }
        self.attempts += 1;
        // An attempt after a vanished one is another entry (another time of day): its bytes differ.
        let mut payload = [cid.to_be_bytes(), self.attempts.to_be_bytes()].concat();
        payload.resize(size.max(16), 0x55);
        let payload = Bytes::from(payload);
        self.rows.push(Row {
            cid,
            payload: payload.clone(),
        });
        let seq = self.head();
        self.by_cid.insert(cid, seq);
        Appended {
            cid,
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
        for row in self.rows.drain(self.durable..) {
            self.by_cid.remove(&row.cid);
            self.vanished += 1;
        }
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
            epoch: EPOCH,
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
            epoch: EPOCH,
            items,
        }
    }

    /// The content of a durable row.
    pub fn durable_row(&self, seq: Seq) -> Option<(Cid, &Bytes)> {
        let row = self.rows[..self.durable].get((seq.0 as usize).checked_sub(1)?)?;
        Some((row.cid, &row.payload))
    }
}
