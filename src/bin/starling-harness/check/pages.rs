//! Judges the ledgers of old pages, which hear no acks and keep no position.
//!
//! A message is known by its text or its file's address. On one connection a page is told everything, once and in order;
//! when one broke, what was on its way may be lost and what was told just before may come again, and both are counted.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::judge::{Judge, last_moment};
use super::truth::Logged;
use super::{Defect, Truth};
use crate::client::{Dialect, Ledger, Receipt, Room};

/// What was said so near the end of a connection may have been on its way.
const IN_FLIGHT_SECONDS: f64 = 2.0;
/// Frozen nodes are left after 3 s of silence; what was said to one meanwhile may never be read.
const UNREAD_SECONDS: f64 = 5.0;
/// How far a page was told is written every second, and in a busy store somewhat later.
const TOLD_AGAIN_SECONDS: f64 = 5.0;
/// A page is told the last so many of what it missed.
const MISSED_MAX: usize = 200;

/// What one connection was told, by place.
struct Stretch<'a> {
    opened: f64,
    ended: Option<f64>,
    told: BTreeMap<u64, &'a Receipt>,
}

/// When each message was first sent, by place.
pub(super) type SentAt = HashMap<u64, f64>;

pub(super) fn sent_at(ledgers: &[Ledger], truth: &Truth) -> SentAt {
    let mut all = SentAt::new();
    for ledger in ledgers {
        for (cid, sent) in &ledger.sent {
            let places = if ledger.dialect.is_page() {
                truth.place_of(sent.digest).into_iter().collect()
            } else {
                let key = (ledger.user, cid.clone());
                truth.by_cid.get(&key).cloned().unwrap_or_default()
            };
            all.extend(places.into_iter().map(|seq| (seq, sent.at)));
        }
    }
    all
}

/// Whether everything has come that this ledger is told live; before that nothing is judged.
pub(crate) fn has_everything(ledger: &Ledger, truth: &Truth) -> bool {
    // A position moves with v1's pongs over what is for others.
    if ledger.dialect == Dialect::V1 {
        return ledger.position >= truth.head;
    }
    let is_told = |seq: &u64, logged: &Logged| match ledger.dialect {
        Dialect::Ginchat | Dialect::Imooc => is_for(ledger, truth, *seq, logged),
        Dialect::V1 | Dialect::Shyim => {
            logged.is_message && truth.entitled(ledger.user, logged.room, *seq)
        }
    };
    let last = truth
        .entries
        .iter()
        .rev()
        .find(|(seq, logged)| is_told(seq, logged));
    let is_there = last.is_none_or(|(seq, _)| ledger.position >= *seq);
    let open = ledger.sessions.len().saturating_sub(1);
    let waits = ledger.dialect.is_page()
        && ledger.turned_away.is_empty()
        && ledger
            .sent
            .values()
            .any(|sent| sent.session == open && truth.place_of(sent.digest).is_none());
    is_there && !waits
}

/// Whether the page is told of this entry: its own private messages it shows by itself.
fn is_for(ledger: &Ledger, truth: &Truth, seq: u64, logged: &Logged) -> bool {
    let is_shown_already = logged.from == ledger.user && matches!(logged.room, Room::Pair(..));
    logged.is_message && !is_shown_already && truth.entitled(ledger.user, logged.room, seq)
}

/// Whether the page is also told of it at connect, when it missed it.
fn is_told_late(dialect: Dialect, logged: &Logged) -> bool {
    match dialect {
        Dialect::Ginchat => matches!(logged.room, Room::Group(_)),
        Dialect::V1 | Dialect::Imooc | Dialect::Shyim => true,
    }
}

impl Judge<'_> {
    pub(super) fn page(&mut self, index: usize, ledger: &Ledger) {
        self.said_by(index, ledger);
        let stretches = self.stretches(index, ledger);
        for stretch in &stretches {
            self.without_a_gap(index, ledger, stretch);
        }
        self.over_all(index, ledger, &stretches);
        self.histories(index, ledger);
    }

    /// Everything a page said is in the log once, unless it was told of a refusal or its connection broke.
    fn said_by(&mut self, index: usize, ledger: &Ledger) {
        let mut refusals: BTreeMap<usize, usize> = BTreeMap::new();
        for (_, session) in &ledger.turned_away {
            *refusals.entry(*session).or_default() += 1;
        }
        for (cid, sent) in &ledger.sent {
            let places = self.truth.places_of(sent.digest);
            if places.len() > 1 {
                let what = format!("{cid} is stored at {places:?}");
                self.found(Defect::StoredTwice, sent.at, index, what);
            }
            if let Some(seq) = places.first() {
                let logged = &self.truth.entries[seq];
                if (logged.room, logged.from) != (sent.room, ledger.user) {
                    let what = format!("entry {seq} is not where {cid} was sent to");
                    self.found(Defect::Altered, sent.at, index, what);
                }
                continue;
            }
            let session = ledger.sessions.get(sent.session);
            let ended = session.and_then(|session| session.ended.as_ref());
            let refused = refusals.entry(sent.session).or_default();
            if ended.is_some_and(|(at, _)| at - sent.at < UNREAD_SECONDS) {
                self.verdict.unread += 1;
            } else if *refused > 0 {
                *refused -= 1;
                self.verdict.refused += 1;
            } else {
                let what = format!("{cid} was never stored, and its page was told nothing");
                self.found(Defect::Unanswered, sent.at, index, what);
            }
        }
    }

    /// What each connection was told, in order and without anything twice.
    fn stretches<'a>(&mut self, index: usize, ledger: &'a Ledger) -> Vec<Stretch<'a>> {
        let mut stretches: Vec<Stretch> = ledger
            .sessions
            .iter()
            .map(|session| Stretch {
                opened: session.hello_at,
                ended: session.ended.as_ref().map(|(at, _)| *at),
                told: BTreeMap::new(),
            })
            .collect();
        for receipt in &ledger.receipts {
            let Some(seq) = self.place(index, ledger, receipt) else {
                continue;
            };
            let earlier = stretches[..receipt.session].iter().rev();
            let told_before = earlier
                .filter_map(|stretch| Some((stretch, *stretch.told.get(&seq)?)))
                .next();
            let stretch = &stretches[receipt.session];
            let defect = if stretch.told.contains_key(&seq) {
                Some(Defect::Duplicated)
            } else if stretch
                .told
                .last_key_value()
                .is_some_and(|(last, _)| *last > seq)
            {
                Some(Defect::OutOfOrder)
            } else if let Some((stretch, before)) = told_before {
                self.verdict.told_again += 1;
                let ended = stretch.ended.unwrap_or(receipt.at);
                (ended - before.at > TOLD_AGAIN_SECONDS).then_some(Defect::Duplicated)
            } else {
                self.verdict.deliveries_ok += 1;
                self.verdict.live += 1;
                None
            };
            if let Some(defect) = defect {
                let what = format!("entry {seq} came again, or late");
                self.found(defect, receipt.at, index, what);
            }
            stretches[receipt.session].told.insert(seq, receipt);
        }
        stretches
    }

    /// Where the log has what this receipt shows, if the page may see it and it is as it was said.
    fn place(&mut self, index: usize, ledger: &Ledger, receipt: &Receipt) -> Option<u64> {
        let text = self.truth.place_of(receipt.digest);
        let Some(seq) = receipt
            .url
            .and_then(|url| self.truth.place_of(url))
            .or(text)
        else {
            let what = format!("what was shown as {} is not in the log", receipt.seq);
            self.found(Defect::Vanished, receipt.at, index, what);
            return None;
        };
        let logged = &self.truth.entries[&seq];
        if !self.truth.entitled(ledger.user, logged.room, seq) {
            let what = format!("entry {seq} of {:?} is not for this user", logged.room);
            self.found(Defect::Forbidden, receipt.at, index, what);
            return None;
        }
        if receipt.seq != seq || receipt.room != Some(logged.room) || receipt.from != logged.from {
            let what = format!("entry {seq} was seen as {receipt:?} and is {logged:?}");
            self.found(Defect::Altered, receipt.at, index, what);
        }
        Some(seq)
    }

    /// Nothing is missing between what a connection was told, or of what was said while it was there.
    fn without_a_gap(&mut self, index: usize, ledger: &Ledger, stretch: &Stretch<'_>) {
        let truth = self.truth;
        let Some((last, _)) = stretch.told.last_key_value() else {
            return;
        };
        let last = if stretch.ended.is_some() {
            *last
        } else {
            truth.head
        };
        let is_late = |seq: &&u64| is_told_late(ledger.dialect, &truth.entries[*seq]);
        let first = stretch.told.keys().find(is_late).copied();
        for (seq, logged) in truth.entries.range(..=last) {
            if stretch.told.contains_key(seq) || !is_for(ledger, truth, *seq, logged) {
                continue;
            }
            let follows = first.is_some_and(|first| first < *seq);
            let said_since = self
                .sent_at
                .get(seq)
                .is_some_and(|at| *at >= stretch.opened);
            if said_since || follows && is_told_late(ledger.dialect, logged) {
                let at = stretch.told.range(seq..).next();
                let at = at.map_or_else(|| last_moment(ledger), |(_, receipt)| receipt.at);
                let what = format!(
                    "entry {seq} of {:?} from {} never came",
                    logged.room, logged.from
                );
                self.found(Defect::Lost, at, index, what);
            }
        }
    }

    /// What was said between connections came with the next one.
    fn over_all(&mut self, index: usize, ledger: &Ledger, stretches: &[Stretch<'_>]) {
        let truth = self.truth;
        let Some(began) = stretches.first().map(|stretch| stretch.opened) else {
            return self.found(Defect::Behind, 0.0, index, "never connected".to_owned());
        };
        let seen: BTreeSet<u64> = stretches
            .iter()
            .flat_map(|s| s.told.keys().copied())
            .collect();
        for (seq, logged) in &truth.entries {
            let Some(at) = self.sent_at.get(seq).copied().filter(|at| *at >= began) else {
                continue;
            };
            let wanted =
                is_for(ledger, truth, *seq, logged) && is_told_late(ledger.dialect, logged);
            let there = |s: &Stretch<'_>| s.opened <= at && s.ended.is_none_or(|end| at <= end);
            // The connection of that moment is judged by itself.
            let after_the_last =
                |s: &Stretch<'_>| s.told.last_key_value().is_none_or(|(l, _)| l < seq);
            let is_judged = stretches.iter().any(|s| there(s) && !after_the_last(s));
            if !wanted || seen.contains(seq) || is_judged {
                continue;
            }
            let near = |end: f64| (end - at).abs() <= IN_FLIGHT_SECONDS;
            let was_in_flight = stretches.iter().any(|s| s.ended.is_some_and(near));
            let next = stretches.iter().find(|stretch| stretch.opened > at);
            let was_cut_off = next.is_some_and(|next| self.missed_by(next) >= MISSED_MAX);
            if was_in_flight || was_cut_off {
                self.verdict.untold += 1;
            } else {
                let what = format!(
                    "entry {seq} of {:?} from {} was never told",
                    logged.room, logged.from
                );
                self.found(Defect::Lost, at, index, what);
            }
        }
    }

    /// How much a connection was told of what had been said before it.
    fn missed_by(&self, stretch: &Stretch<'_>) -> usize {
        let before = |seq: &&u64| {
            self.sent_at
                .get(*seq)
                .is_some_and(|at| *at < stretch.opened)
        };
        stretch.told.keys().filter(before).count()
    }

    /// A history shows all of a conversation, in order.
    fn histories(&mut self, index: usize, ledger: &Ledger) {
        let truth = self.truth;
        for (room, told) in &ledger.histories {
            let said = truth
                .entries
                .iter()
                .filter(|(_, logged)| logged.room == *room && logged.is_message);
            let shown = |(seq, logged): (&u64, &Logged), told: &crate::client::Told| {
                let same =
                    logged.digest == told.digest || logged.url.is_some() && logged.url == told.url;
                *seq == told.seq && same
            };
            let count = said.clone().count();
            let wrong = said.zip(told).find(|(said, told)| !shown(*said, told));
            let what = match wrong {
                Some(((seq, _), told)) => format!("shows entry {} in place of {seq}", told.seq),
                None if count != told.len() => format!("shows {} of {count} messages", told.len()),
                None => continue,
            };
            let what = format!("the history of {room:?} {what}");
            self.found(Defect::Lost, last_moment(ledger), index, what);
        }
    }
}
