//! How long messages took from being sent to being seen.

use std::collections::HashMap;

use serde::Serialize;

use super::Truth;
use crate::client::{Dialect, Ledger};

/// One message seen by one client.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Delivery {
    pub(crate) sent_at: f64,
    pub(crate) seen_at: f64,
    /// From the last attempt to send it, or from the recipient's hello if that was later: what somebody who was there
    /// had to wait.
    pub(crate) seconds: f64,
    /// The sender was on another node.
    pub(crate) crosses: bool,
}

/// Every delivery of a message of the log, to clients that do not stall on purpose.
pub(crate) fn deliveries(ledgers: &[Ledger], truth: &Truth) -> Vec<Delivery> {
    let mut sent_of: HashMap<u64, (f64, f64, &str)> = HashMap::new();
    for ledger in ledgers {
        let node = |session: usize| {
            let session = ledger.sessions.get(session);
            session.map_or("", |session| session.node.as_str())
        };
        for (cid, ack) in &ledger.acks {
            // Old clients know of no epoch.
            let is_of_this_log = ack.epoch == truth.epoch || ledger.dialect != Dialect::V1;
            if let Some(sent) = ledger.sent.get(cid).filter(|_| is_of_this_log) {
                // Acknowledged as found again: an earlier attempt was stored, and may have been seen long ago.
                let from = if ack.duplicate { sent.at } else { sent.last_at };
                sent_of.insert(ack.seq, (sent.at, from, node(ack.session)));
            }
        }
        // Pages hear no acks.
        for sent in ledger.sent.values().filter(|_| ledger.dialect.is_page()) {
            if let Some(seq) = truth.place_of(sent.digest) {
                sent_of.insert(seq, (sent.at, sent.at, node(sent.session)));
            }
        }
    }
    let mut all = Vec::new();
    for ledger in ledgers.iter().filter(|ledger| !ledger.stalls) {
        for receipt in ledger
            .receipts
            .iter()
            .filter(|receipt| receipt.is_message && receipt.from != ledger.user)
        {
            let session = ledger.sessions.get(receipt.session);
            let (Some((sent_at, from, node)), Some(session)) = (sent_of.get(&receipt.seq), session)
            else {
                continue;
            };
            // Behind a proxy only v1 tells which node it is.
            if node.is_empty() || session.node.is_empty() {
                continue;
            }
            all.push(Delivery {
                sent_at: *sent_at,
                seen_at: receipt.at,
                seconds: (receipt.at - from.max(session.hello_at)).max(0.0),
                crosses: *node != session.node,
            });
        }
    }
    all
}

/// How long each client was away: from the end of one connection to having everything on the next.
pub(crate) fn absences(ledgers: &[Ledger]) -> Vec<f64> {
    let mut all = Vec::new();
    for ledger in ledgers.iter().filter(|ledger| !ledger.stalls) {
        for pair in ledger.sessions.windows(2) {
            if let (Some((ended, _)), Some(back)) = (&pair[0].ended, pair[1].caught_up_at) {
                all.push(back - ended);
            }
        }
    }
    all
}

/// In milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(crate) struct Percentiles {
    pub(crate) count: usize,
    pub(crate) p50: f64,
    pub(crate) p90: f64,
    pub(crate) p99: f64,
    pub(crate) max: f64,
}

/// Of a number of times in seconds.
pub(crate) fn percentiles(seconds: impl IntoIterator<Item = f64>) -> Percentiles {
    let mut sorted: Vec<f64> = seconds.into_iter().map(|s| s * 1_000.0).collect();
    sorted.sort_by(f64::total_cmp);
    let at = |share: f64| {
        // The smallest value that so many are not above.
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a length"
        )]
        let rank = (share * sorted.len() as f64).ceil() as usize;
        sorted
            .get(rank.saturating_sub(1))
            .copied()
            .unwrap_or_default()
    };
    Percentiles {
        count: sorted.len(),
        p50: at(0.5),
        p90: at(0.9),
        p99: at(0.99),
        max: at(1.0),
    }
}
