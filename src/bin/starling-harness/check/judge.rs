//! Goes through every ledger beside the log and writes down what is wrong.

use std::collections::{BTreeMap, HashMap, HashSet};

use serde::Serialize;

use super::history::around;
use super::pages::{SentAt, sent_at};
use super::{Defect, Finding, Truth};
use crate::client::{Dialect, Got, Ledger, Receipt};

/// Findings kept with their history; all are counted.
const FINDINGS_MAX: usize = 200;

/// What was checked, and what was found.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Verdict {
    pub(crate) clients: usize,
    pub(crate) connections: usize,
    pub(crate) sent: usize,
    pub(crate) acked: usize,
    /// Acks of sends that were repeated and found again.
    pub(crate) found_again: usize,
    pub(crate) refused: usize,
    /// Acknowledged in a log that the run then put back.
    pub(crate) undone: usize,
    pub(crate) put_off: u64,
    pub(crate) resets: usize,
    pub(crate) stored: usize,
    /// Entries that had to reach somebody, and did, once and in order.
    pub(crate) deliveries_ok: usize,
    pub(crate) live: usize,
    pub(crate) caught_up: usize,
    /// What clients of old dialects were told.
    pub(crate) told_old: usize,
    /// Of what was sent: by old pages, which hear no acks.
    pub(crate) said_by_pages: usize,
    /// What old pages said into a connection that broke, and is not stored.
    pub(crate) unread: usize,
    /// What they were not told because it was on its way when a connection broke, or beyond what they are told of an
    /// absence.
    pub(crate) untold: usize,
    /// What they were told once more after one broke.
    pub(crate) told_again: usize,
    /// Files that came to readers as they were sent.
    pub(crate) files: usize,
    pub(crate) counts: BTreeMap<Defect, usize>,
    /// The earliest first.
    pub(crate) findings: Vec<Finding>,
}

impl Verdict {
    pub(crate) fn is_clean(&self) -> bool {
        self.counts.is_empty()
    }

    /// Writes down something that no ledger shows.
    pub(crate) fn add(&mut self, finding: Finding) {
        *self.counts.entry(finding.defect).or_default() += 1;
        self.findings.push(finding);
        self.findings.sort_by(|a, b| a.at.total_cmp(&b.at));
    }
}

/// Judges a finished run. `restored`: the store was put back on the way.
pub(crate) fn judge(ledgers: &[Ledger], truth: &Truth, restored: bool) -> Verdict {
    let mut judge = Judge {
        truth,
        restored,
        sent_at: sent_at(ledgers, truth),
        files: ledgers
            .iter()
            .flat_map(|ledger| &ledger.uploads)
            .map(|(url, digest)| (url.as_str(), digest.as_str()))
            .collect(),
        verdict: Verdict {
            clients: ledgers.len(),
            stored: truth
                .entries
                .values()
                .filter(|entry| entry.is_message)
                .count(),
            ..Verdict::default()
        },
        raw: Vec::new(),
    };
    for (index, ledger) in ledgers.iter().enumerate() {
        judge.ledger(index, ledger);
    }
    judge.raw.sort_by(|a, b| a.at.total_cmp(&b.at));
    judge.verdict.findings = judge
        .raw
        .iter()
        .take(FINDINGS_MAX)
        .map(|raw| {
            let ledger = &ledgers[raw.ledger];
            Finding {
                defect: raw.defect,
                at: raw.at,
                client: format!("{} (user {})", ledger.name, ledger.user),
                what: raw.what.clone(),
                history: around(ledger, raw.at),
            }
        })
        .collect();
    judge.verdict
}

struct Raw {
    defect: Defect,
    at: f64,
    ledger: usize,
    what: String,
}

pub(super) struct Judge<'a> {
    pub(super) truth: &'a Truth,
    restored: bool,
    pub(super) sent_at: SentAt,
    /// Digests by address.
    files: HashMap<&'a str, &'a str>,
    pub(super) verdict: Verdict,
    raw: Vec<Raw>,
}

impl Judge<'_> {
    pub(super) fn found(&mut self, defect: Defect, at: f64, ledger: usize, what: String) {
        *self.verdict.counts.entry(defect).or_default() += 1;
        self.raw.push(Raw {
            defect,
            at,
            ledger,
            what,
        });
    }

    fn ledger(&mut self, index: usize, ledger: &Ledger) {
        let verdict = &mut self.verdict;
        verdict.connections += ledger.sessions.len();
        verdict.sent += ledger.sent.len();
        verdict.acked += ledger.acks.len();
        verdict.found_again += ledger.acks.values().filter(|ack| ack.duplicate).count();
        verdict.refused += ledger.refused.len();
        verdict.put_off += ledger.put_off;
        verdict.resets += ledger.resets.len();
        for (at, what) in &ledger.breaches {
            self.found(Defect::Protocol, *at, index, what.clone());
        }
        if ledger.dialect != Dialect::V1 {
            self.verdict.told_old += ledger.receipts.len();
        }
        if ledger.dialect.is_page() {
            self.verdict.said_by_pages += ledger.sent.len();
            self.page(index, ledger);
            return self.files(index, ledger);
        }
        if !self.restored {
            for reset in &ledger.resets {
                self.found(
                    Defect::Reset,
                    reset.at,
                    index,
                    format!("reset to {}", reset.head),
                );
            }
        }
        self.sends(index, ledger);
        let mut seen = HashSet::new();
        let mut last = ledger.began.unwrap_or_default();
        // After a reset everything begins anew; only what came after the last one is in this log.
        let last_reset = ledger.resets.last().map_or(0, |reset| reset.receipts);
        let mut starts = ledger
            .resets
            .iter()
            .map(|reset| (reset.receipts, reset.head))
            .peekable();
        for (number, receipt) in ledger.receipts.iter().enumerate() {
            while let Some((_, head)) = starts.next_if(|(at, _)| *at <= number) {
                seen.clear();
                last = head;
            }
            self.once_and_in_order(index, receipt, &mut seen, &mut last);
            if number >= last_reset {
                self.as_logged(index, ledger, receipt);
            }
        }
        if starts.next().is_some() {
            seen.clear();
        }
        self.nothing_is_missing(index, ledger, &seen);
        self.files(index, ledger);
    }

    /// Every file that was named came, as it was sent, to whoever was shown the message.
    fn files(&mut self, index: usize, ledger: &Ledger) {
        // What the log forgot, its files may have forgotten.
        let kept = |seq: &u64| !self.restored || self.truth.entries.contains_key(seq);
        let fetches: Vec<_> = ledger.fetches.iter().filter(|(seq, _)| kept(seq)).collect();
        for (seq, fetch) in fetches {
            let was_out = fetch
                .room
                .is_some_and(|room| self.truth.was_ever_out(ledger.user, room));
            let (defect, what) = match &fetch.got {
                Some(Got::Bytes(digest))
                    if self.files.get(fetch.url.as_str()) == Some(&digest.as_str()) =>
                {
                    self.verdict.files += 1;
                    continue;
                }
                // Whoever was put out meanwhile gets nothing any more.
                Some(Got::Refused(_)) if was_out => continue,
                Some(Got::Bytes(_)) => (Defect::Altered, "came with other bytes".to_owned()),
                Some(Got::Refused(status)) => (Defect::Refused, format!("was refused: {status}")),
                None => (Defect::Lost, "never came".to_owned()),
            };
            self.found(
                defect,
                fetch.at,
                index,
                format!("the file of entry {seq} {what}"),
            );
        }
        if ledger.uploading > 0 {
            let what = format!("{} files were never taken by a node", ledger.uploading);
            self.found(Defect::Unanswered, last_moment(ledger), index, what);
        }
    }

    fn sends(&mut self, index: usize, ledger: &Ledger) {
        for (cid, sent) in &ledger.sent {
            let places = self
                .truth
                .by_cid
                .get(&(ledger.user, cid.clone()))
                .cloned()
                .unwrap_or_default();
            if places.len() > 1 {
                self.found(
                    Defect::StoredTwice,
                    sent.last_at,
                    index,
                    format!("{cid} is stored at {places:?}"),
                );
            }
            for seq in &places {
                let logged = &self.truth.entries[seq];
                if logged.room != sent.room || logged.digest != sent.digest {
                    self.found(
                        Defect::Altered,
                        sent.at,
                        index,
                        format!("entry {seq} is not what was sent as {cid}"),
                    );
                }
            }
            match (ledger.acks.get(cid), ledger.refused.get(cid)) {
                (Some(ack), _) if places.contains(&ack.seq) => {}
                // Of the log before it was put back: gone with the operator's will.
                (Some(ack), _) if self.restored && ack.epoch != self.truth.epoch => {
                    self.verdict.undone += 1;
                }
                (Some(ack), _) => {
                    let what = format!(
                        "{cid} was acknowledged as {} and is stored at {places:?}",
                        ack.seq
                    );
                    self.found(Defect::Vanished, ack.at, index, what);
                }
                (None, Some((code, at))) => {
                    self.refusal(index, ledger, cid, code, *at, places.first());
                }
                (None, None) => {
                    let stored = places.first().map_or(String::new(), |seq| {
                        format!(", though it is stored at {seq}")
                    });
                    let what = format!(
                        "{cid} was sent {} times and never answered{stored}",
                        sent.attempts
                    );
                    self.found(Defect::Unanswered, sent.at, index, what);
                }
            }
        }
    }

    fn refusal(
        &mut self,
        index: usize,
        ledger: &Ledger,
        cid: &str,
        code: &str,
        at: f64,
        place: Option<&u64>,
    ) {
        let room = ledger.sent[cid].room;
        if let Some(seq) = place {
            self.found(
                Defect::Refused,
                at,
                index,
                format!("{cid} was refused ({code}) and is stored at {seq}"),
            );
        } else if code != "not_member" || !self.truth.was_ever_out(ledger.user, room) {
            self.found(
                Defect::Refused,
                at,
                index,
                format!("{cid} to {room:?} was refused: {code}"),
            );
        }
    }

    fn once_and_in_order(
        &mut self,
        index: usize,
        receipt: &Receipt,
        seen: &mut HashSet<u64>,
        last: &mut u64,
    ) {
        let seq = receipt.seq;
        if !seen.insert(seq) {
            self.found(
                Defect::Duplicated,
                receipt.at,
                index,
                format!("entry {seq} came again"),
            );
        } else if seq <= *last || seq <= receipt.position {
            let after = (*last).max(receipt.position);
            self.found(
                Defect::OutOfOrder,
                receipt.at,
                index,
                format!("entry {seq} came at position {after}"),
            );
        } else {
            self.verdict.deliveries_ok += 1;
            if receipt.by_sync {
                self.verdict.caught_up += 1;
            } else {
                self.verdict.live += 1;
            }
        }
        *last = (*last).max(seq);
    }

    fn as_logged(&mut self, index: usize, ledger: &Ledger, receipt: &Receipt) {
        let seq = receipt.seq;
        let Some(room) = receipt.room else {
            return self.found(
                Defect::Protocol,
                receipt.at,
                index,
                format!("entry {seq} is in no conversation"),
            );
        };
        let shows_cids = ledger.dialect == Dialect::V1;
        let has_cid = shows_cids && receipt.from == ledger.user;
        if receipt.is_message && receipt.has_cid != has_cid {
            self.found(
                Defect::Forbidden,
                receipt.at,
                index,
                format!("the client id of entry {seq} is for its sender alone"),
            );
        }
        let Some(logged) = self.truth.entries.get(&seq) else {
            return self.found(
                Defect::Vanished,
                receipt.at,
                index,
                format!("entry {seq} was seen and is not in the log"),
            );
        };
        if !self.truth.entitled(ledger.user, logged.room, seq) {
            return self.found(
                Defect::Forbidden,
                receipt.at,
                index,
                format!("entry {seq} of {:?} is not for this user", logged.room),
            );
        }
        // What an old client cannot show is an address in words.
        let same_file = !shows_cids && logged.url.is_some() && logged.url == receipt.url;
        let same_text = !receipt.is_message || logged.digest == receipt.digest || same_file;
        let same = logged.room == room
            && logged.from == receipt.from
            && logged.is_message == receipt.is_message;
        if !(same && same_text) {
            self.found(
                Defect::Altered,
                receipt.at,
                index,
                format!("entry {seq} was seen as {receipt:?} and is {logged:?}"),
            );
        }
    }

    /// Everything in the log between the client's first and last position that is for it was seen; an own message may
    /// have come as its ack alone.
    fn nothing_is_missing(&mut self, index: usize, ledger: &Ledger, seen: &HashSet<u64>) {
        let began = match ledger.resets.last() {
            Some(reset) => reset.head,
            None => match ledger.began {
                Some(began) => began,
                None => {
                    return self.found(Defect::Behind, 0.0, index, "never connected".to_owned());
                }
            },
        };
        let acked: HashSet<u64> = ledger.acks.values().map(|ack| ack.seq).collect();
        let truth = self.truth;
        for (seq, logged) in truth.entries.range(began + 1..) {
            if seen.contains(seq) || !truth.entitled(ledger.user, logged.room, *seq) {
                continue;
            }
            if ledger.dialect == Dialect::Shyim && !logged.is_message {
                continue;
            }
            if logged.from == ledger.user && acked.contains(seq) {
                continue;
            }
            // An entry that this client's own acks show is one it knows of, on whichever connection.
            if *seq > ledger.position {
                let what = format!(
                    "entry {seq} of {:?} from {} never came; the position stayed at {}",
                    logged.room, logged.from, ledger.position
                );
                return self.found(Defect::Behind, last_moment(ledger), index, what);
            }
            let passed = ledger.receipts.iter().find(|receipt| receipt.seq > *seq);
            let at = passed.map_or_else(|| last_moment(ledger), |receipt| receipt.at);
            let what = format!(
                "entry {seq} of {:?} from {} never came; the position is {}",
                logged.room, logged.from, ledger.position
            );
            self.found(Defect::Lost, at, index, what);
        }
    }
}

pub(super) fn last_moment(ledger: &Ledger) -> f64 {
    let received = ledger.receipts.last().map(|receipt| receipt.at);
    let acked = ledger.acks.values().map(|ack| ack.at).reduce(f64::max);
    received.into_iter().chain(acked).fold(0.0, f64::max)
}
