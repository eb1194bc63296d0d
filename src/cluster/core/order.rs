//! The one order: what was delivered, what is durable, what waits behind a hole.
//!
//! Responsible for delivering consecutive durable entries, each once (I1, I2). Deliberately without datagrams, store
//! and timers; holes have their own file. Driven by `receive` and `reading`, which only hand in durable entries.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;

use crate::model::ids::Seq;

use super::counters::Counters;
use super::holes::Holes;
use super::interface::Item;
use super::limits::BusLimits;
use super::window::{Kept, Window};

/// Who brought an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An own append.
    Own,
    /// A peer's datagram.
    Bus,
    /// A range read.
    Store,
}

/// An own append returned this about an entry that was delivered before with other content.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Contradiction;

#[derive(Debug)]
struct Held {
    payload: Bytes,
    origin: Origin,
}

/// The order as this node knows it.
#[derive(Debug)]
pub(super) struct Order {
    applied: Seq,
    /// Nothing at or below this can vanish.
    durable: Seq,
    /// The highest entry known to exist, durable or not.
    known: Seq,
    /// The highest entry an own append returned.
    own: Seq,
    /// Durable entries above a hole.
    waiting: BTreeMap<Seq, Held>,
    waiting_bytes: usize,
    pub(super) holes: Holes,
    pub(super) window: Window,
}

impl Order {
    pub(super) fn starting_at(head: Seq) -> Self {
        Self {
            applied: head,
            durable: head,
            known: head,
            own: head,
            waiting: BTreeMap::new(),
            waiting_bytes: 0,
            holes: Holes::default(),
            window: Window::starting_at(head),
        }
    }

    pub(super) fn applied(&self) -> Seq {
        self.applied
    }

    pub(super) fn durable(&self) -> Seq {
        self.durable
    }

    /// What this node vouches for by its own knowledge: delivered here or returned by an own append. Hearsay is left
    /// out, so that after a store went back the nodes do not keep telling each other a head that is gone.
    pub(super) fn vouched(&self) -> Seq {
        self.applied.max(self.own)
    }

    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.waiting.len(), self.waiting_bytes)
    }

    /// Somebody trustworthy says that everything up to `head` is durable.
    pub(super) fn raise_durable(&mut self, head: Seq) {
        self.durable = self.durable.max(head);
    }

    /// Entries up to `head` exist: those not here are missing. Returns whether there is a new hole.
    pub(super) fn raise_known(
        &mut self,
        now: Duration,
        head: Seq,
        wait: Duration,
        limits: &BusLimits,
    ) -> bool {
        if head <= self.known {
            return false;
        }
        self.holes.add(now, self.known.next(), head, wait, limits);
        self.known = head;
        true
    }

    /// The store does not show anything above `head` (any more). Returns how many entries vanished.
    pub(super) fn lower_known(&mut self, head: Seq) -> u64 {
        let head = head.max(self.durable);
        let vanished = self.known.0.saturating_sub(head.0);
        if vanished > 0 {
            self.known = head;
            self.holes.truncate_above(head);
        }
        vanished
    }

    /// Takes one durable entry. Returns whether it was news.
    pub(super) fn insert(
        &mut self,
        now: Duration,
        item: Item,
        origin: Origin,
        wait: Duration,
        limits: &BusLimits,
        counters: &mut Counters,
    ) -> bool {
        let Item { seq, payload } = item;
        debug_assert!(
            seq <= self.durable,
            "I2: only durable entries are handed in"
        );
        if seq <= self.applied {
            return false;
        }
        if let Some(held) = self.waiting.get_mut(&seq) {
            if origin == Origin::Own {
                held.origin = Origin::Own;
            }
            return false;
        }
        if let Some(missing) = self.holes.fill(now, seq) {
            counters.hole_repair_micros += u64::try_from(missing.as_micros()).unwrap_or(u64::MAX);
            match origin {
                Origin::Own | Origin::Bus => counters.holes_repaired_bus += 1,
                Origin::Store => counters.holes_repaired_store += 1,
            }
        }
        if seq > self.known.next() {
            counters.holes_seen += 1;
            self.holes
                .add(now, self.known.next(), seq.prev(), wait, limits);
        }
        self.known = self.known.max(seq);
        self.waiting_bytes += payload.len();
        self.waiting.insert(seq, Held { payload, origin });
        true
    }

    /// Takes an entry an own append returned. Returns whether it was news.
    ///
    /// # Errors
    /// The entry was delivered before, with other content (or so long ago that nobody can tell): the log went back.
    pub(super) fn check_own(&mut self, item: &Item) -> Result<(), Contradiction> {
        self.own = self.own.max(item.seq);
        if item.seq > self.applied {
            return Ok(());
        }
        match self.window.get(item.seq) {
            Some((Kept::Payload(payload), _)) if *payload != item.payload => Err(Contradiction),
            Some((Kept::Payload(_) | Kept::Withdrawn, _)) => {
                self.window.mark_own(item.seq);
                Ok(())
            }
            None => Err(Contradiction),
        }
    }

    /// What can be delivered now, in order.
    pub(super) fn drain(&mut self, limits: &BusLimits, counters: &mut Counters) -> Vec<Item> {
        let mut ready = Vec::new();
        while let Some(held) = self.waiting.remove(&self.applied.next()) {
            let seq = self.applied.next();
            debug_assert!(
                seq <= self.durable,
                "I2: only durable entries are delivered"
            );
            self.applied = seq;
            self.waiting_bytes -= held.payload.len();
            counters.entries_delivered += 1;
            match held.origin {
                Origin::Own => counters.entries_delivered_own += 1,
                Origin::Bus => counters.entries_delivered_bus += 1,
                Origin::Store => counters.entries_delivered_store += 1,
            }
            let own = held.origin == Origin::Own;
            self.window.push(
                held.payload.clone(),
                own,
                limits.window_entries_max,
                limits.window_bytes_max,
            );
            ready.push(Item {
                seq,
                payload: held.payload,
            });
        }
        debug_assert!(
            self.known == self.applied || self.holes.first() == Some(self.applied.next()),
            "I5: what is known to exist and not delivered begins with a hole"
        );
        ready
    }

    /// Drops the farthest waiting entries beyond the bounds (of entries, bytes and holes between them); the store brings
    /// them when it is their turn.
    pub(super) fn shed(&mut self, now: Duration, limits: &BusLimits, counters: &mut Counters) {
        while self.waiting.len() > limits.reorder_entries_max
            || self.waiting_bytes > limits.reorder_bytes_max
            || self.holes.len() > limits.holes_max
        {
            let Some((seq, held)) = self.waiting.pop_last() else {
                break;
            };
            self.waiting_bytes -= held.payload.len();
            self.holes.reopen(now, seq);
            counters.entries_overflowed += 1;
        }
    }

    /// What may be told to a peer about `seq`, if it is an own entry still at hand.
    pub(super) fn own_entry(&self, seq: Seq) -> Option<Kept> {
        if let Some((kept, own)) = self.window.get(seq) {
            return own.then(|| kept.clone());
        }
        let held = self
            .waiting
            .get(&seq)
            .filter(|held| held.origin == Origin::Own)?;
        Some(Kept::Payload(held.payload.clone()))
    }

    /// Bounds of the seqs [`Order::own_entry`] could know.
    pub(super) fn kept_span(&self) -> (Seq, Seq) {
        (
            self.window.first(),
            self.waiting
                .last_key_value()
                .map_or(self.applied, |(&seq, _)| seq),
        )
    }

    /// Forgets everything that was not delivered; it will be learnt anew.
    pub(super) fn forget_undelivered(&mut self) {
        self.durable = self.applied;
        self.known = self.applied;
        self.own = self.applied;
        self.waiting.clear();
        self.waiting_bytes = 0;
        self.holes.clear();
    }
}
