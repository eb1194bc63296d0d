//! What waits to be sent, and packing it into datagrams within the sending budget.
//!
//! Responsible for bounds, priorities and the layout of one datagram. Deliberately without sealing and without targets:
//! `sending` does that. Never blocks anybody: what does not fit in time becomes an `Announce` or is dropped.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::model::ids::{Incarnation, Seq};

use super::bucket::Bucket;
use super::counters::Counters;
use super::limits::BusLimits;
use super::seal::{HEADER_BYTES, SEAL_BYTES};
use super::window::Kept;
use super::wire::{
    ENTRY_HEAD_BYTES, FRAME_HEAD_BYTES, Kind, PREAMBLE_BYTES, RANGE_BYTES, SIGNAL_HEAD_BYTES,
    SIGNALS_HEAD_BYTES, Writer, push_entry, push_signal, ranges_body,
};

/// Signals accepted at once after silence.
const SIGNAL_BURST: u32 = 256;

/// Queues of one node.
#[derive(Debug)]
pub(super) struct Egress {
    datagram_bytes_max: usize,
    budget: Bucket,
    signal_budget: Bucket,
    repair_budget: Bucket,
    entries: VecDeque<(Seq, Bytes)>,
    announce: Option<(Seq, Seq)>,
    nack: Vec<(Seq, Seq)>,
    beat: Option<Vec<u8>>,
    tail_beat: bool,
    leave: bool,
    signals: VecDeque<Bytes>,
    /// Number of the next signal put into a datagram, from 1.
    next_signal: u64,
    repairs: VecDeque<(SocketAddr, Seq, Kept)>,
    guards: BTreeMap<(Incarnation, Seq), Duration>,
}

/// Frames of one datagram, with room for header and preamble before them.
pub(super) struct Packed {
    pub(super) bytes: Vec<u8>,
    /// A repair goes to one asker; everything else to all.
    pub(super) only_to: Option<SocketAddr>,
}

impl Egress {
    pub(super) fn new(limits: &BusLimits, datagram_bytes_max: usize, now: Duration) -> Self {
        Self {
            datagram_bytes_max,
            budget: Bucket::new(limits.send_rate, limits.send_burst, now),
            signal_budget: Bucket::new(limits.signal_rate, SIGNAL_BURST, now),
            repair_budget: Bucket::new(limits.repair_rate, limits.send_burst, now),
            entries: VecDeque::new(),
            announce: None,
            nack: Vec::new(),
            beat: None,
            tail_beat: false,
            leave: false,
            signals: VecDeque::new(),
            next_signal: 1,
            repairs: VecDeque::new(),
            guards: BTreeMap::new(),
        }
    }

    /// Room for the body of the only frame of a datagram.
    pub(super) fn body_room(&self) -> usize {
        self.datagram_bytes_max - HEADER_BYTES - SEAL_BYTES - PREAMBLE_BYTES - FRAME_HEAD_BYTES
    }

    pub(super) fn writer(&self) -> Writer {
        Writer::new(
            HEADER_BYTES + PREAMBLE_BYTES,
            self.datagram_bytes_max - SEAL_BYTES,
        )
    }

    /// Queues an own entry; one too large for a datagram is announced, receivers read it from the store.
    pub(super) fn entry(&mut self, seq: Seq, payload: Bytes, counters: &mut Counters) {
        if payload.len() + ENTRY_HEAD_BYTES > self.body_room() {
            counters.entries_announced += 1;
            self.announce(seq, seq);
        } else {
            self.entries.push_back((seq, payload));
        }
    }

    fn announce(&mut self, from: Seq, to: Seq) {
        let (low, high) = self.announce.unwrap_or((from, to));
        self.announce = Some((low.min(from), high.max(to)));
    }

    /// Recalled before it was sent: only its existence is told.
    pub(super) fn withdraw(&mut self, seq: Seq) {
        let before = self.entries.len();
        self.entries.retain(|(queued, _)| *queued != seq);
        if self.entries.len() < before {
            self.announce(seq, seq);
        }
        for (_, repaired, kept) in &mut self.repairs {
            if *repaired == seq {
                *kept = Kept::Withdrawn;
            }
        }
    }

    /// The log went back: what waits may not exist any more.
    pub(super) fn forget_entries(&mut self) {
        self.entries.clear();
        self.announce = None;
        self.nack.clear();
        self.repairs.clear();
    }

    /// Too much waits: all entries become one announcement.
    pub(super) fn shed(&mut self, entries_max: usize, counters: &mut Counters) -> bool {
        if self.entries.len() <= entries_max {
            return false;
        }
        counters.send_queue_overflows += 1;
        counters.entries_announced += self.entries.len() as u64;
        for (seq, _) in std::mem::take(&mut self.entries) {
            self.announce(seq, seq);
        }
        true
    }

    pub(super) fn nack(&mut self, ranges: Vec<(Seq, Seq)>) {
        self.nack.extend(ranges);
        self.nack.truncate(self.body_room() / RANGE_BYTES);
    }

    pub(super) fn beat(&mut self, body: Vec<u8>) {
        self.beat = Some(body);
    }

    pub(super) fn tail_beat(&mut self) {
        self.tail_beat = true;
    }

    pub(super) fn leave(&mut self) {
        self.leave = true;
    }

    /// Queues a signal within the signal budget.
    pub(super) fn signal(
        &mut self,
        now: Duration,
        signal: Bytes,
        limits: &BusLimits,
        counters: &mut Counters,
    ) {
        let fits = SIGNALS_HEAD_BYTES + SIGNAL_HEAD_BYTES + signal.len() <= self.body_room();
        if !fits || !self.signal_budget.take(now, 1) {
            counters.signals_dropped += 1;
            return;
        }
        if self.signals.len() >= limits.signal_queue_max {
            self.signals.pop_front();
            counters.signals_dropped += 1;
        }
        counters.signals_out += 1;
        self.signals.push_back(signal);
    }

    /// Whether a repair of `seq` for `asker` may be queued: not while the same one is on its way, not beyond bounds.
    pub(super) fn may_repair(
        &mut self,
        now: Duration,
        asker: Incarnation,
        seq: Seq,
        limits: &BusLimits,
        counters: &mut Counters,
    ) -> bool {
        if self
            .guards
            .get(&(asker, seq))
            .is_some_and(|&until| now < until)
        {
            counters.repairs_guarded += 1;
            return false;
        }
        if self.guards.len() >= limits.repair_guards_max {
            self.guards.retain(|_, until| *until > now);
        }
        if self.guards.len() >= limits.repair_guards_max
            || self.repairs.len() >= limits.repair_queue_max
        {
            counters.repairs_refused += 1;
            return false;
        }
        self.guards.insert((asker, seq), now + limits.repair_guard);
        true
    }

    pub(super) fn repair(&mut self, to: SocketAddr, seq: Seq, kept: Kept) {
        self.repairs.push_back((to, seq, kept));
    }

    /// The head told must not run ahead of entries that still wait here: nobody can have them yet.
    pub(super) fn head_limit(&self) -> Option<Seq> {
        self.entries.front().map(|(seq, _)| seq.prev())
    }

    pub(super) fn waiting(&self) -> usize {
        self.entries.len()
    }

    /// When the next datagram may leave, if there is one.
    pub(super) fn ready_at(&self) -> Option<Duration> {
        if self.has_broadcast() {
            Some(self.budget.ready_at())
        } else if self.repairs.is_empty() {
            None
        } else {
            Some(self.budget.ready_at().max(self.repair_budget.ready_at()))
        }
    }

    /// The next datagram within the budget; `copies` is how many are sent of what goes to all.
    pub(super) fn next(
        &mut self,
        now: Duration,
        copies: u32,
        counters: &mut Counters,
    ) -> Option<Packed> {
        if self.has_broadcast() {
            return self.budget.take(now, copies).then(|| self.pack(counters));
        }
        let &(to, ..) = self.repairs.front()?;
        if !self.repair_budget.take(now, 1) || !self.budget.take(now, 1) {
            return None;
        }
        Some(self.pack_repair(to, counters))
    }

    fn has_broadcast(&self) -> bool {
        !self.entries.is_empty()
            || self.announce.is_some()
            || !self.nack.is_empty()
            || self.beat.is_some()
            || self.tail_beat
            || self.leave
            || !self.signals.is_empty()
    }

    /// As much as fits, the urgent first. A datagram without frames is a tail beat: its preamble says it all.
    fn pack(&mut self, counters: &mut Counters) -> Packed {
        let mut writer = self.writer();
        if let Some(range) = self.announce.take() {
            writer.frame(Kind::Announce, &ranges_body(&[range]));
        }
        self.pack_nack(&mut writer, counters);
        self.pack_entries(&mut writer);
        if self
            .beat
            .as_ref()
            .is_some_and(|body| writer.frame(Kind::Beat, body))
        {
            self.beat = None;
            counters.beats_out += 1;
        }
        self.pack_signals(&mut writer);
        if self.leave && self.entries.is_empty() && writer.frame(Kind::Leave, &[]) {
            self.leave = false;
        }
        if std::mem::take(&mut self.tail_beat) && writer.is_empty() {
            counters.tail_beats_out += 1;
        }
        Packed {
            bytes: writer.into_bytes(),
            only_to: None,
        }
    }

    fn pack_nack(&mut self, writer: &mut Writer, counters: &mut Counters) {
        if !self.nack.is_empty() && writer.frame(Kind::Nack, &ranges_body(&self.nack)) {
            self.nack.clear();
            counters.nacks_out += 1;
        }
    }

    fn pack_entries(&mut self, writer: &mut Writer) {
        let (mut body, room) = (Vec::new(), writer.room());
        while let Some((seq, payload)) = self.entries.front()
            && push_entry(&mut body, room, *seq, payload)
        {
            self.entries.pop_front();
        }
        if !body.is_empty() {
            writer.frame(Kind::Entries, &body);
        }
    }

    fn pack_signals(&mut self, writer: &mut Writer) {
        let (mut body, room) = (self.next_signal.to_be_bytes().to_vec(), writer.room());
        while let Some(signal) = self.signals.front()
            && push_signal(&mut body, room, signal)
        {
            self.signals.pop_front();
            self.next_signal += 1;
        }
        if body.len() > SIGNALS_HEAD_BYTES {
            writer.frame(Kind::Signals, &body);
        }
    }

    fn pack_repair(&mut self, to: SocketAddr, counters: &mut Counters) -> Packed {
        let mut writer = self.writer();
        let (mut body, mut announced) = (Vec::new(), None);
        let room = writer.room();
        while let Some((asker, seq, kept)) = self.repairs.front()
            && *asker == to
            && announced.is_none()
        {
            let fits = match kept {
                Kept::Payload(payload) if payload.len() + ENTRY_HEAD_BYTES <= room => {
                    push_entry(&mut body, room, *seq, payload)
                }
                Kept::Payload(_) | Kept::Withdrawn => {
                    let fits =
                        body.is_empty() || body.len() + FRAME_HEAD_BYTES + RANGE_BYTES <= room;
                    announced = fits.then_some((*seq, *seq));
                    fits
                }
            };
            if !fits {
                break;
            }
            self.repairs.pop_front();
        }
        if !body.is_empty() {
            writer.frame(Kind::Entries, &body);
        }
        if let Some(range) = announced {
            writer.frame(Kind::Announce, &ranges_body(&[range]));
        }
        counters.repairs_out += 1;
        Packed {
            bytes: writer.into_bytes(),
            only_to: Some(to),
        }
    }
}
