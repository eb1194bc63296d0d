//! What must hold, by the names of the design: P1-P5, the durable rule D1, signals S1, no false alarm I6.
//!
//! Responsible for judging what nodes and clients report. Deliberately knows the model store's truth, never a node's
//! inside. Driven by `world`; the first violation ends a run.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use starling::cluster::core::Item;
use starling::model::entry::Entry;
use starling::model::ids::{Epoch, Incarnation, Seq};

use crate::store::{Cid, ModelStore};

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The invariant's id.
    pub invariant: &'static str,
    /// The counter-example.
    pub detail: String,
}

pub fn violated<T>(invariant: &'static str, detail: String) -> Result<T, Violation> {
    Err(Violation { invariant, detail })
}

/// The judge of one run.
#[derive(Debug, Default)]
pub struct Oracle {
    acked: BTreeMap<Cid, (Epoch, Seq)>,
    signals: BTreeSet<(Incarnation, Vec<u8>)>,
    /// Delivery latencies at nodes that did not write the entry themselves, since it was durable.
    pub latencies: Vec<Duration>,
    pub deliveries: u64,
}

impl Oracle {
    /// P1: what is acknowledged is durable. P4: always with the same seq, unless the log was replaced.
    pub fn acked(
        &mut self,
        store: &ModelStore,
        epoch: Epoch,
        cid: Cid,
        seq: Seq,
    ) -> Result<(), Violation> {
        let stored = store.durable_row_of(epoch, seq).map(|(cid, _)| cid);
        if stored != Some(cid) {
            return violated(
                "P1",
                format!("send {cid} was acked as {seq}, the store durably has {stored:?} there"),
            );
        }
        match self.acked.insert(cid, (epoch, seq)) {
            Some((same, first)) if same == epoch && first != seq => violated(
                "P4",
                format!("send {cid} was acked as {first}, then as {seq}"),
            ),
            Some(_) | None => Ok(()),
        }
    }

    pub fn is_acked(&self, cid: Cid) -> bool {
        self.acked.contains_key(&cid)
    }

    /// P3 and D1: what is delivered is exactly what the store durably has at that place; so it is the same everywhere
    /// and can never vanish. Order and once (P2) is checked by the replica.
    pub fn delivered(
        &mut self,
        now: Duration,
        store: &ModelStore,
        node: usize,
        epoch: Epoch,
        item: &Item,
    ) -> Result<(), Violation> {
        self.deliveries += 1;
        match store.durable_row_of(epoch, item.seq) {
            Some((_, payload)) if *payload == item.payload => {
                // An entry of a log that was replaced has no time any more.
                let since = store.durable_at.get(item.seq.0 as usize - 1);
                self.latencies
                    .extend(since.map(|since| now.saturating_sub(*since)));
                Ok(())
            }
            Some(_) => violated(
                "P3",
                format!(
                    "node {node} was given another entry than the log's at {}",
                    item.seq
                ),
            ),
            None => violated(
                "D1",
                format!("node {node} was given {} before it was durable", item.seq),
            ),
        }
    }

    /// S1: a signal is heard at most once by each run of a node.
    pub fn signal(&mut self, listener: Incarnation, signal: &[u8]) -> Result<(), Violation> {
        if self.signals.insert((listener, signal.to_vec())) {
            return Ok(());
        }
        violated(
            "S1",
            format!("{listener} heard the signal {signal:?} twice"),
        )
    }

    /// P1 at the end: nothing acknowledged was lost. P3 and P4: nobody wrote where he was not, nothing is there twice.
    pub fn finally(&self, store: &ModelStore) -> Result<(), Violation> {
        for (&cid, &(epoch, seq)) in &self.acked {
            if store.durable_row_of(epoch, seq).map(|(stored, _)| stored) != Some(cid) {
                return violated("P1", format!("send {cid}, acked as {seq}, is lost"));
            }
        }
        if let Some(cid) = store.stored_twice() {
            return violated("P4", format!("send {cid} is stored twice"));
        }
        if let Some(entry) = store.story_of(store.epoch()).trespass(store.durable()) {
            let Entry {
                seq, from, conv, ..
            } = &**entry;
            return violated("P3", format!("{seq} is by {from}, who was not in {conv}"));
        }
        Ok(())
    }
}
