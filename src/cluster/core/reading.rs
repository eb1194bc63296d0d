//! Reading the store: when to poll, what to fetch, what must be confirmed before it counts.
//!
//! Responsible for the durable rule (I2) and for noticing that the log went back (I6). Deliberately without SQL, without
//! deadlines (the shell has them) and without the bus: all of it works with UDP dead. Driven by `Core`.

use std::time::Duration;

use crate::model::ids::Seq;

use super::Core;
use super::interface::{Fetched, Item, Output, StorePosition, Unavailable, WentBack};
use super::limits::BusLimits;
use super::order::Origin;

/// What was known when a read was asked for. A read that began then must show at least the durable part of it;
/// comparing with what is known when the answer arrives would cry wolf, since appends return meanwhile.
#[derive(Debug, Clone, Copy)]
struct Asked {
    durable: Seq,
    store_head: Seq,
    /// The core was restarted since: the answer belongs to another life.
    outdated: bool,
}

/// Reads on their way and what they brought that may not be used yet.
#[derive(Debug)]
pub(super) struct Reading {
    poll: Option<Asked>,
    fetch: Option<(Asked, Seq, usize)>,
    confirm: Option<Seq>,
    /// Fetched, visible, not yet durable. Kept apart from everything else: only the confirmation that belongs to this
    /// very fetch releases them. A peer's later word about the same seqs does not, because a crash of the store in
    /// between may have put other entries in their place.
    unconfirmed: Vec<Item>,
    store_head: Seq,
    next_poll: Duration,
    blocked_until: Duration,
    pub(super) failing: bool,
    pub(super) gap: bool,
}

impl Reading {
    pub(super) fn new(now: Duration, head: Seq, limits: &BusLimits) -> Self {
        Self {
            poll: None,
            fetch: None,
            confirm: None,
            unconfirmed: Vec::new(),
            store_head: head,
            next_poll: now + limits.store_poll,
            blocked_until: now,
            failing: false,
            gap: false,
        }
    }

    /// Starts anew at `head`. Reads on their way are still answered, but the answers mean nothing.
    pub(super) fn restart(&mut self, now: Duration, head: Seq, limits: &BusLimits) {
        self.unconfirmed.clear();
        self.store_head = head;
        self.next_poll = now + limits.store_poll;
        self.blocked_until = now;
        for asked in self
            .poll
            .iter_mut()
            .chain(self.fetch.iter_mut().map(|(asked, ..)| asked))
        {
            asked.outdated = true;
        }
    }

    /// An own append returned: it told as much as a poll would.
    pub(super) fn store_answered(&mut self, now: Duration, limits: &BusLimits) {
        self.next_poll = now + limits.store_poll;
    }

    /// Something suggests that the store changed: look soon.
    pub(super) fn poll_now(&mut self, now: Duration) {
        self.next_poll = now;
    }

    fn may_fetch(&self) -> bool {
        self.fetch.is_none() && self.confirm.is_none()
    }

    fn failed(&mut self, now: Duration, limits: &BusLimits) {
        self.failing = true;
        self.blocked_until = now + limits.store_retry;
    }
}

impl Core {
    /// Answers [`Output::PollHead`].
    pub fn handle_store_head(&mut self, now: Duration, answer: Result<StorePosition, Unavailable>) {
        let now = self.enter(now);
        if let Some(asked) = self.reading.poll.take() {
            self.reading.next_poll = now + self.config.limits.store_poll;
            match answer {
                Ok(_) if asked.outdated => {}
                Ok(position) => {
                    self.reading.failing = false;
                    self.learn_position(now, asked, position);
                }
                Err(Unavailable) => {
                    self.counters.store_failures += 1;
                    self.reading.failed(now, &self.config.limits);
                }
            }
        }
        self.settle(now);
    }

    /// Answers [`Output::Fetch`].
    pub fn handle_fetched(&mut self, now: Duration, answer: Result<Fetched, Unavailable>) {
        let now = self.enter(now);
        if let Some((asked, after, limit)) = self.reading.fetch.take() {
            match answer {
                Ok(_) if asked.outdated => {}
                Ok(fetched) if is_consecutive(&fetched, after, limit) => {
                    self.reading.failing = false;
                    self.reading.gap = false;
                    self.learn_range(now, asked, fetched);
                }
                Ok(_) => {
                    self.counters.store_gaps += 1;
                    self.reading.gap = true;
                    self.reading.failed(now, &self.config.limits);
                }
                Err(Unavailable) => {
                    self.counters.store_failures += 1;
                    self.reading.failed(now, &self.config.limits);
                }
            }
        }
        self.settle(now);
    }

    /// Answers [`Output::Confirm`]: `Ok` with the seq asked about if the commit succeeded and what the last fetch
    /// showed is surely still what the store has.
    pub fn handle_confirmed(&mut self, now: Duration, answer: Result<Seq, Unavailable>) {
        let now = self.enter(now);
        if let Some(asked) = self.reading.confirm.take() {
            let items = std::mem::take(&mut self.reading.unconfirmed);
            match answer {
                Ok(seq) if seq >= asked => {
                    self.order
                        .raise_durable(items.last().map_or(Seq::ZERO, |last| last.seq));
                    self.take_from_store(now, items);
                }
                Ok(_) | Err(Unavailable) => {
                    self.counters.store_failures += 1;
                    self.reading.failed(now, &self.config.limits);
                }
            }
        }
        self.settle(now);
    }

    /// Asks the store for whatever is due.
    pub(super) fn read_store(&mut self, now: Duration) {
        let asked = Asked {
            durable: self.order.durable(),
            store_head: self.reading.store_head,
            outdated: false,
        };
        if self.config.safeguards.store_poll
            && self.reading.poll.is_none()
            && self.reading.next_poll <= now
        {
            self.reading.poll = Some(asked);
            self.counters.store_polls += 1;
            self.outputs.push_back(Output::PollHead);
        }
        if !self.reading.may_fetch() || self.reading.blocked_until > now {
            return;
        }
        if let Some((from, to)) = self.order.holes.due_span() {
            let span = usize::try_from(to.0 - from.0 + 1).unwrap_or(usize::MAX);
            let limit = span.min(self.config.limits.fetch_entries_max);
            self.reading.fetch = Some((asked, from.prev(), limit));
            self.counters.store_fetches += 1;
            self.outputs.push_back(Output::Fetch {
                after: from.prev(),
                limit,
            });
        }
    }

    /// When [`Core::read_store`] has something to do.
    pub(super) fn read_store_at(&self) -> Option<Duration> {
        let poll = (self.config.safeguards.store_poll && self.reading.poll.is_none())
            .then_some(self.reading.next_poll);
        let fetch = (self.reading.may_fetch() && self.order.holes.due_span().is_some())
            .then_some(self.reading.blocked_until);
        poll.into_iter().chain(fetch).min()
    }

    fn learn_range(&mut self, now: Duration, asked: Asked, fetched: Fetched) {
        let Fetched {
            after,
            floor,
            head,
            epoch,
            items,
        } = fetched;
        if !self.learn_position(now, asked, StorePosition { epoch, floor, head }) {
            return;
        }
        self.reading.store_answered(now, &self.config.limits);
        if items.is_empty() || after < floor {
            // Nothing new for this hole: the next look is not worth hurrying for.
            self.reading.blocked_until = now + self.config.limits.store_retry;
            return;
        }
        let durable = if self.config.safeguards.durable_rule {
            asked.durable
        } else {
            head
        };
        self.order.raise_durable(durable);
        let (vouched, rest): (Vec<Item>, Vec<Item>) =
            items.into_iter().partition(|item| item.seq <= durable);
        self.take_from_store(now, vouched);
        if let Some(last) = rest
            .last()
            .map(|item| item.seq)
            .filter(|&last| last > self.order.applied())
        {
            debug_assert!(
                self.reading.confirm.is_none(),
                "I7: one confirmation at a time"
            );
            self.reading.unconfirmed = rest;
            self.reading.confirm = Some(last);
            self.counters.store_confirms += 1;
            self.outputs.push_back(Output::Confirm(last));
        }
    }

    /// Compares the store's position with ours. Returns whether the log is still the one we follow.
    fn learn_position(&mut self, now: Duration, asked: Asked, store: StorePosition) -> bool {
        if let Some(reason) = self.contradiction(asked, store) {
            if self.config.safeguards.went_back_check {
                self.stop(reason);
                return false;
            }
            return true;
        }
        if store.head < asked.store_head {
            self.counters.store_rows_vanished += self.order.lower_known(store.head);
            self.reading.store_head = store.head;
        } else {
            self.reading.store_head = self.reading.store_head.max(store.head);
        }
        self.miss_up_to(now, self.reading.store_head);
        true
    }

    fn contradiction(&self, asked: Asked, store: StorePosition) -> Option<WentBack> {
        if store.epoch != self.epoch {
            return Some(WentBack::EpochChanged {
                ours: self.epoch,
                store: store.epoch,
            });
        }
        if store.head < asked.durable {
            return Some(WentBack::HeadBelowDurable {
                head: store.head,
                durable: asked.durable,
            });
        }
        let applied = self.order.applied();
        (store.floor > applied).then_some(WentBack::BelowFloor {
            floor: store.floor,
            applied,
        })
    }

    fn take_from_store(&mut self, now: Duration, items: Vec<Item>) {
        for item in items {
            self.take_durable(now, item, Origin::Store);
        }
        self.deliver(now);
    }
}

/// Rows must follow one another from `after + 1` up to the limit or the head. Below the floor there are none.
fn is_consecutive(fetched: &Fetched, after: Seq, limit: usize) -> bool {
    if fetched.after != after {
        return false;
    }
    if after < fetched.floor {
        return true;
    }
    let dense = fetched
        .items
        .iter()
        .zip(after.0 + 1..)
        .all(|(item, seq)| item.seq.0 == seq);
    let reached = Seq(after.0 + fetched.items.len() as u64);
    dense
        && fetched.items.len() <= limit
        && (fetched.items.len() == limit || reached >= fetched.head)
}
