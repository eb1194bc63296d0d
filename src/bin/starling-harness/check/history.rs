//! What a client did and heard around a moment, in words: the evidence beside a finding.

use crate::client::{Ledger, Receipt};

const LINES_BEFORE: usize = 14;
const LINES_AFTER: usize = 10;

/// The lines of this ledger around the time, ascending.
pub(super) fn around(ledger: &Ledger, at: f64) -> Vec<String> {
    let mut lines: Vec<(f64, String)> = Vec::new();
    for (index, session) in ledger.sessions.iter().enumerate() {
        let caught_up = session.caught_up_at.filter(|at| *at > session.hello_at);
        lines.push((
            session.hello_at,
            format!(
                "connection {index}: hello from {}, position {}, log {:x}",
                session.node, session.from, session.epoch
            ),
        ));
        lines.extend(caught_up.map(|at| (at, format!("connection {index}: has everything"))));
        lines.extend(
            session
                .ended
                .as_ref()
                .map(|(at, why)| (*at, format!("connection {index}: {why}"))),
        );
    }
    for reset in &ledger.resets {
        lines.push((reset.at, format!("reset to {}", reset.head)));
    }
    for (cid, sent) in &ledger.sent {
        lines.push((sent.at, format!("sends {cid} to {:?}", sent.room)));
        if sent.attempts > 1 {
            lines.push((
                sent.last_at,
                format!("sends {cid} for the {}th time", sent.attempts),
            ));
        }
    }
    for (cid, ack) in &ledger.acks {
        let again = if ack.duplicate { ", found again" } else { "" };
        lines.push((ack.at, format!("ack {} for {cid}{again}", ack.seq)));
    }
    for (cid, (code, at)) in &ledger.refused {
        lines.push((*at, format!("{cid} is refused: {code}")));
    }
    lines.extend(
        ledger
            .receipts
            .iter()
            .map(|receipt| (receipt.at, in_words(receipt))),
    );
    lines.extend(ledger.breaches.iter().cloned());
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    let middle = lines.partition_point(|line| line.0 <= at);
    let from = middle.saturating_sub(LINES_BEFORE);
    let to = (middle + LINES_AFTER).min(lines.len());
    lines[from..to]
        .iter()
        .map(|(at, what)| format!("{at:>9.3} s  {what}"))
        .collect()
}

fn in_words(receipt: &Receipt) -> String {
    let how = if receipt.by_sync {
        "catching up"
    } else {
        "live"
    };
    let kind = if receipt.is_message {
        "message"
    } else {
        "entry"
    };
    format!(
        "{kind} {} from {} in {:?}, {how}, at position {}",
        receipt.seq, receipt.from, receipt.room, receipt.position
    )
}
