//! From queues to sealed datagrams, and the beats.
//!
//! Responsible for preamble, key, routes and copies of every datagram that leaves. Deliberately without sockets and
//! without deciding what is said (`egress`). Driven by `Core` at the end of every call.

use std::time::Duration;

use bytes::Bytes;

use super::Core;
use super::egress::Packed;
use super::interface::{BeatInfo, DIGEST_BYTES_MAX, NAME_BYTES_MAX, Output, Target};
use super::seal::{HEADER_BYTES, WIRE_VERSION, WIRE_VERSION_MIN};
use super::wire::{Kind, PREAMBLE_BYTES, Preamble, Route, WireBeat};

impl Core {
    /// A sealed probe to be sent to one target; `None` without a key. When this node hears it back on its listening
    /// socket, [`Output::ProbeHeard`] tells the token: that target works.
    pub fn probe(&mut self, token: u64) -> Option<Bytes> {
        let mut writer = self.egress.writer();
        writer.frame(Kind::Probe, &token.to_be_bytes());
        self.seal(writer.into_bytes(), Route::Broadcast)
    }

    /// The last packet number used: goes into the own registry row.
    pub fn packet_number(&self) -> u64 {
        self.sealer.last_number()
    }

    /// Sends as much as the budget allows.
    pub(super) fn flush(&mut self, now: Duration) {
        if self.keys.is_empty() || self.awaiting_incarnation {
            return;
        }
        let copies = u32::try_from(1 + self.unicast_targets.len()).unwrap_or(u32::MAX);
        while let Some(packed) = self.egress.next(now, copies, &mut self.counters) {
            self.send(packed);
        }
        if self
            .egress
            .shed(self.config.limits.send_queue_max, &mut self.counters)
        {
            self.overflowed_at = Some(now);
        }
    }

    /// When [`Core::flush`] has something to do.
    pub(super) fn flush_at(&self) -> Option<Duration> {
        if self.keys.is_empty() || self.awaiting_incarnation {
            None
        } else {
            self.egress.ready_at()
        }
    }

    /// Queues the beat.
    pub(super) fn queue_beat(&mut self) {
        if self.left {
            return;
        }
        let mut body = self.encode_beat(&self.beat_info);
        if body.len() > self.egress.body_room() {
            body = self.encode_beat(&BeatInfo {
                digest: Bytes::new(),
                ..self.beat_info.clone()
            });
        }
        self.egress.beat(body);
    }

    /// Queues a tail beat when its time has come: a datagram without frames, whose preamble tells the head.
    pub(super) fn beat_tail(&mut self, now: Duration) {
        while let Some((stage, since)) = self.tail
            && since + self.config.limits.tail_beats[stage] <= now
        {
            self.egress.tail_beat();
            self.tail = Some((stage + 1, since))
                .filter(|(next, _)| *next < self.config.limits.tail_beats.len());
        }
    }

    fn encode_beat(&self, info: &BeatInfo) -> Vec<u8> {
        let key_ids: Vec<u8> = self.keys.ids().collect();
        let beat = WireBeat {
            name: cut(&self.config.node_name),
            address: self.config.address,
            version: self.config.version,
            wire_version_min: WIRE_VERSION_MIN,
            wire_version: WIRE_VERSION,
            key_ids: &key_ids,
            connections: info.connections,
            users: info.users,
            load: info.load,
            health_factor: u8::try_from(self.health.factor()).unwrap_or(u8::MAX),
            digest: if info.digest.len() > DIGEST_BYTES_MAX {
                &[]
            } else {
                &info.digest
            },
        };
        let encoded = postcard::to_stdvec(&beat);
        debug_assert!(encoded.is_ok(), "plain data always encodes");
        encoded.unwrap_or_default()
    }

    /// Seals once for each route in use: copies to the same kind of receiver share the bytes.
    fn send(&mut self, packed: Packed) {
        if let Some(to) = packed.only_to {
            if let Some(datagram) = self.seal(packed.bytes, Route::Unicast) {
                self.emit(Target::Unicast(to), datagram);
            }
            return;
        }
        for (route, deaf) in [(Route::Unicast, false), (Route::UnicastFromDeaf, true)] {
            let targets: Vec<_> = self
                .unicast_targets
                .iter()
                .filter(|target| target.deaf == deaf)
                .map(|target| target.address)
                .collect();
            if targets.is_empty() {
                continue;
            }
            if let Some(datagram) = self.seal(packed.bytes.clone(), route) {
                for address in targets {
                    self.emit(Target::Unicast(address), datagram.clone());
                }
            }
        }
        if let Some(datagram) = self.seal(packed.bytes, Route::Broadcast) {
            self.emit(Target::Broadcast, datagram);
        }
    }

    fn emit(&mut self, to: Target, datagram: Bytes) {
        debug_assert!(
            datagram.len() <= self.datagram_bytes_max,
            "I8: never longer than the path allows"
        );
        self.counters.datagrams_out += 1;
        self.counters.bytes_out += datagram.len() as u64;
        self.outputs.push_back(Output::Send { to, datagram });
    }

    fn seal(&mut self, mut bytes: Vec<u8>, route: Route) -> Option<Bytes> {
        if self.awaiting_incarnation {
            return None;
        }
        let head = self
            .egress
            .head_limit()
            .map_or(self.order.vouched(), |limit| {
                limit.min(self.order.vouched())
            });
        let mut preamble = Vec::with_capacity(PREAMBLE_BYTES);
        Preamble {
            epoch: self.epoch,
            head,
            route,
        }
        .write(&mut preamble);
        bytes
            .get_mut(HEADER_BYTES..HEADER_BYTES + PREAMBLE_BYTES)?
            .copy_from_slice(&preamble);
        self.sealer
            .seal(&self.keys, self.key_id?, bytes)
            .map(Bytes::from)
    }
}

fn cut(name: &str) -> &str {
    &name[..name.floor_char_boundary(NAME_BYTES_MAX)]
}
