//! From bytes on a socket to what they mean: the checks in their order, then the frames.
//!
//! Responsible for dropping everything that is not a fresh, authentic datagram of a peer, each class counted (I4), and
//! for acting on frames. Deliberately without sending. Driven by the shell through `Core::handle_datagram`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::model::ids::{Incarnation, Seq};

use super::Core;
use super::interface::{BeatInfo, Item, Output};
use super::order::Origin;
use super::replay::ReplayWindow;
use super::seal::Header;
use super::status::DropReason;
use super::wire::{self, Beat, Frame, Preamble};

/// The last drop of one class.
#[derive(Debug, Clone, Copy)]
pub(super) struct LastDrop {
    pub(super) source: SocketAddr,
    pub(super) at: Duration,
}

impl Core {
    /// A datagram arrived on either socket; it is opened in place. Whatever it is, nothing fails: what is not fresh,
    /// authentic and from a peer is dropped and counted.
    pub fn handle_datagram(&mut self, now: Duration, source: SocketAddr, datagram: &mut [u8]) {
        let now = self.enter(now);
        self.counters.datagrams_in += 1;
        self.counters.bytes_in += datagram.len() as u64;
        match self.open(now, source, datagram) {
            Ok((sender, plain)) => self.read_frames(now, source, sender, &plain),
            Err(reason) => self.dropped(now, source, reason),
        }
        self.settle(now);
    }

    /// The checks of PROTOCOL.md section 1, in that order. Nothing of ours changes before the seal is verified.
    fn open(
        &mut self,
        now: Duration,
        source: SocketAddr,
        datagram: &mut [u8],
    ) -> Result<(Incarnation, Bytes), DropReason> {
        let header = self.keys.parse_header(datagram)?;
        if header.incarnation == self.config.incarnation {
            return self.open_own(header, datagram);
        }
        if !self.config.safeguards.registry_check
            && self.peers.get_mut(header.incarnation).is_none()
        {
            self.peers.adopt(now, header.incarnation, source);
        }
        let Some(peer) = self.peers.get_mut(header.incarnation) else {
            self.keys.open(header, datagram, None)?;
            if self.peers.len() >= self.config.limits.peers_max {
                return Err(DropReason::TooManyPeers);
            }
            self.registry.want();
            return Err(DropReason::UnknownSender);
        };
        let plain = self.keys.open(header, datagram, Some(&mut peer.subkeys))?;
        if self.config.safeguards.replay_window {
            check_and_mark(&mut peer.window, header)?;
        }
        Ok((header.incarnation, Bytes::copy_from_slice(plain)))
    }

    fn open_own(
        &mut self,
        header: Header,
        datagram: &mut [u8],
    ) -> Result<(Incarnation, Bytes), DropReason> {
        let plain = self
            .keys
            .open(header, datagram, Some(&mut self.own_subkeys))?;
        if self.config.safeguards.replay_window {
            check_and_mark(&mut self.own_window, header)?;
        }
        if let Ok((_, frames)) = wire::read(&Bytes::copy_from_slice(plain)) {
            for frame in frames {
                if let Ok(Frame::Probe { token }) = frame {
                    self.outputs.push_back(Output::ProbeHeard { token });
                }
            }
        }
        Err(DropReason::Own)
    }

    fn read_frames(&mut self, now: Duration, source: SocketAddr, from: Incarnation, plain: &Bytes) {
        let Ok((preamble, frames)) = wire::read(plain) else {
            self.dropped(now, source, DropReason::Malformed);
            return;
        };
        let same_log = self.note_sender(now, from, preamble);
        for frame in frames {
            match frame {
                Ok(frame) => self.act(now, source, from, frame, same_log),
                Err(wire::Malformed) => self.dropped(now, source, DropReason::Malformed),
            }
        }
        if same_log && self.stopped.is_none() {
            self.order.raise_durable(preamble.head);
            self.miss_up_to(now, preamble.head);
        }
    }

    /// Marks the sender as heard. Returns whether it speaks of our log.
    fn note_sender(&mut self, now: Duration, from: Incarnation, preamble: Preamble) -> bool {
        let Some(peer) = self.peers.get_mut(from) else {
            return false;
        };
        let came_up = peer.heard(now, preamble.route);
        let same_log = preamble.epoch == self.epoch;
        if same_log {
            peer.head = peer.head.max(preamble.head);
        }
        let first_of_epoch = peer.epoch.replace(preamble.epoch) != Some(preamble.epoch);
        if came_up {
            self.counters.peers_up += 1;
            self.outputs
                .extend(self.peers.identity(from).map(Output::PeerUp));
        }
        if !same_log {
            self.counters.ignored_other_epoch += 1;
            if first_of_epoch {
                // One of us is on an old log; the store knows who.
                self.reading.poll_now(now);
            }
        }
        same_log || !self.config.safeguards.epoch_check
    }

    fn act(
        &mut self,
        now: Duration,
        source: SocketAddr,
        from: Incarnation,
        frame: Frame,
        same_log: bool,
    ) {
        let follows = same_log && self.stopped.is_none();
        match frame {
            Frame::Entries(entries) if follows => self.take_entries(now, entries),
            Frame::Announce { from, to } if follows && from <= to && from > Seq::ZERO => {
                self.order.raise_durable(to);
                self.miss_up_to(now, to);
                self.order
                    .holes
                    .give_to_store(from, to, &self.config.limits);
            }
            Frame::Nack(ranges) if follows => {
                self.counters.nacks_in += 1;
                self.answer_nack(now, source, from, &ranges);
            }
            Frame::Entries(_) | Frame::Announce { .. } | Frame::Nack(_) => {}
            Frame::Beat(beat) => self.take_beat(from, beat),
            Frame::Signals { first, signals } => self.take_signals(from, first, signals),
            Frame::Leave => {
                if self
                    .peers
                    .get_mut(from)
                    .is_some_and(super::peers::Peer::leave)
                {
                    self.peer_down(from);
                }
            }
            Frame::Probe { .. } => {}
            Frame::Unknown => self.counters.frames_unknown += 1,
        }
    }

    fn take_entries(&mut self, now: Duration, entries: Vec<(Seq, Bytes)>) {
        for (seq, payload) in entries {
            if !(self.config.check_payload)(&payload) {
                self.counters.entries_refused += 1;
                continue;
            }
            // Committed by the sender before it was sent, hence durable.
            self.order.raise_durable(seq);
            if !self.take_durable(now, Item { seq, payload }, Origin::Bus) {
                self.counters.entries_duplicate += 1;
            }
        }
        self.deliver(now);
    }

    /// A signal comes once, although a node reached over two routes gets two datagrams with it.
    fn take_signals(&mut self, from: Incarnation, first: u64, signals: Vec<Bytes>) {
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        for (signal, number) in signals.into_iter().zip(first..) {
            if self.config.safeguards.signal_numbers && !peer.signals.is_fresh(number) {
                continue;
            }
            peer.signals.mark(number);
            self.counters.signals_in += 1;
            self.outputs.push_back(Output::Signal { from, signal });
        }
    }

    fn take_beat(&mut self, from: Incarnation, beat: Beat) {
        let Some(peer) = self.peers.get_mut(from) else {
            return;
        };
        let info = BeatInfo {
            connections: beat.connections,
            users: beat.users,
            load: beat.load,
            digest: beat.digest,
        };
        peer.key_ids = beat.key_ids;
        peer.info = info.clone();
        if peer.name.is_empty() {
            peer.name = beat.name;
        }
        self.outputs.push_back(Output::Beat { from, info });
    }

    fn answer_nack(
        &mut self,
        now: Duration,
        source: SocketAddr,
        asker: Incarnation,
        ranges: &[(Seq, Seq)],
    ) {
        let (first, last) = self.order.kept_span();
        let mut looked_at = 0;
        for &(from, to) in ranges {
            for seq in (from.max(first).0..=to.min(last).0).map(Seq) {
                looked_at += 1;
                if looked_at > self.config.limits.nack_entries_max {
                    return;
                }
                let Some(kept) = self.order.own_entry(seq) else {
                    continue;
                };
                let guarded = self.config.safeguards.repair_guard;
                if !guarded
                    || self.egress.may_repair(
                        now,
                        asker,
                        seq,
                        &self.config.limits,
                        &mut self.counters,
                    )
                {
                    self.egress.repair(source, seq, kept);
                }
            }
        }
    }

    fn dropped(&mut self, now: Duration, source: SocketAddr, reason: DropReason) {
        *self.counters.drop_class(reason) += 1;
        self.last_drops.insert(reason, LastDrop { source, at: now });
    }
}

fn check_and_mark(window: &mut ReplayWindow, header: Header) -> Result<(), DropReason> {
    if !window.is_fresh(header.packet_number) {
        return Err(DropReason::Replayed);
    }
    window.mark(header.packet_number);
    Ok(())
}
