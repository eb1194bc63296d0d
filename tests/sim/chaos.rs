//! Clients and faults: who sends what where, and what goes wrong.
//!
//! Responsible for acting as the profile says, by the run's random source alone. Driven by `world`.

use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{Core, Item, Output, StorePosition};
use starling::model::ids::Seq;

use crate::committer::Submission;
use crate::node::{address, incarnation};
use crate::oracle::Violation;
use crate::store::Cid;
use crate::world::{Event, Fault, World};

impl World {
    pub fn send(&mut self) {
        if self.healed {
            return;
        }
        let cid = self.next_cid;
        self.next_cid += 1;
        let size = if self.rng.u32(0..100) < self.profile.large {
            3_000
        } else {
            self.rng.usize(16..200)
        };
        if self.crowd.is_some() {
            self.somebody_acts(cid, size);
        }
        self.retry(cid, size);
        let wait = self.around(self.profile.send_every);
        self.after(wait, Event::Send);
    }

    /// The client sends, or sends again, wherever a node is up; now and then even after it was acked (P4).
    pub fn retry(&mut self, cid: Cid, size: usize) {
        if self.crowd.is_some() {
            self.submit(cid, size);
            if self.healed && !self.still_asks(cid) {
                return;
            }
            let wait = Duration::from_millis(400) + self.micros(0, 400_000);
            return self.after(wait, Event::Retry { cid, size });
        }
        if self.oracle.is_acked(cid) && self.rng.u32(0..10) > 0 {
            return;
        }
        let up: Vec<usize> = (0..self.nodes.len())
            .filter(|&node| self.nodes[node].core.is_some())
            .collect();
        if !up.is_empty() {
            let node = up[self.rng.usize(0..up.len())];
            self.nodes[node].committer.send(Submission {
                cid,
                size,
                origin: None,
            });
            self.commit(node);
        }
        let wait = Duration::from_millis(400) + self.micros(0, 400_000);
        self.after(wait, Event::Retry { cid, size });
    }

    pub fn signal(&mut self) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        let wait = self.around(self.profile.signal_every);
        self.after(wait, Event::Signal);
        let node = self.rng.usize(0..self.nodes.len());
        if self.nodes[node].is_paused(self.now) {
            return Ok(());
        }
        self.nodes[node].signals += 1;
        let signal = [
            self.nodes[node].incarnation.0.as_slice(),
            &self.nodes[node].signals.to_be_bytes(),
        ]
        .concat();
        self.with_core(node, |core, now| {
            core.handle_signal(now, Bytes::from(signal));
        })
    }

    pub fn fault(&mut self, fault: Fault) -> Result<(), Violation> {
        if self.healed {
            return Ok(());
        }
        let profile = self.profile.clone();
        let node = self.rng.usize(0..self.nodes.len());
        let every = match fault {
            Fault::Partition => {
                self.network.repartition(&mut self.rng);
                profile.partition_every
            }
            Fault::Crash => {
                self.crash(node);
                profile.crash_every
            }
            Fault::Pause => {
                let length = self.micros(10_000, 1_500_000);
                self.pause(node, length);
                profile.pause_every
            }
            Fault::Outage => {
                self.store.break_connections(self.now);
                let wait = self.micros(50_000, 800_000);
                self.after(wait, Event::StoreUp);
                profile.outage_every
            }
            Fault::StoreCrash => {
                self.store.crash(self.now);
                let wait = self.micros(1_000, 300_000);
                self.after(wait, Event::StoreUp);
                profile.store_crash_every
            }
            Fault::Restore => {
                let durable = self.store.durable().0 as usize;
                let keep = durable - self.rng.usize(0..=durable.min(30));
                self.store.restore(self.now, keep);
                let wait = self.micros(1_000, 300_000);
                self.after(wait, Event::StoreUp);
                profile.restore_every
            }
            Fault::Garbage => {
                self.garbage(node);
                profile.garbage_every
            }
            Fault::Replay => {
                if let Some((source, bytes)) = self.network.recording(&mut self.rng) {
                    let now = self.now;
                    self.at(
                        now,
                        Event::Datagram {
                            to: node,
                            source,
                            bytes,
                        },
                    );
                }
                profile.replay_every
            }
            Fault::Stranger => {
                self.stranger();
                profile.stranger_every
            }
        };
        if let Some(every) = every {
            let wait = self.around(every);
            self.after(wait, Event::Fault(fault));
        }
        Ok(())
    }

    pub fn crash(&mut self, node: usize) {
        if self.nodes[node].core.is_some() {
            let node_run = &self.nodes[node];
            self.dead
                .insert(node_run.incarnation, (node_run.started_at, self.now));
            self.nodes[node].crash(self.now);
            self.upper_dies(node);
            let wait = self.micros(20_000, 1_500_000);
            self.after(wait, Event::Restart { node });
        }
    }

    pub fn pause(&mut self, node: usize, length: Duration) {
        if !self.nodes[node].is_paused(self.now) {
            self.nodes[node].paused_until = self.now + length;
            self.nodes[node].disturbed_at = self.now + length;
            self.after(length, Event::Thaw { node });
        }
    }

    /// The process goes on with what its socket kept for it.
    pub fn thaw(&mut self, node: usize) -> Result<(), Violation> {
        for (source, bytes) in std::mem::take(&mut self.nodes[node].inbox) {
            self.with_core(node, |core, now| {
                core.handle_datagram(now, source, &mut bytes.to_vec());
            })?;
        }
        Ok(())
    }

    /// Random bytes, or a recorded datagram with a few bits changed.
    pub fn garbage(&mut self, node: usize) {
        let mut bytes = match self.network.recording(&mut self.rng) {
            Some((_, bytes)) if self.rng.bool() => bytes.to_vec(),
            Some(_) | None => (0..self.rng.usize(0..200))
                .map(|_| self.rng.u8(..))
                .collect(),
        };
        for _ in 0..self.rng.usize(1..4) {
            if !bytes.is_empty() {
                let place = self.rng.usize(0..bytes.len());
                bytes[place] ^= 1 << self.rng.u32(0..8);
            }
        }
        let now = self.now;
        self.at(
            now,
            Event::Datagram {
                to: node,
                source: address(99),
                bytes: Bytes::from(bytes),
            },
        );
    }

    /// A node with the right key on a copy of the store: same log identity, other entries, not in our registry.
    pub fn stranger(&mut self) {
        self.strangers += 1;
        let start = StorePosition {
            epoch: self.store.epoch(),
            floor: Seq::ZERO,
            head: self.store.durable(),
        };
        let config = self.setup.config(incarnation(150, self.strangers), 150);
        let mut core = Core::new(config, u64::from(self.strangers), self.now, start);
        let payload = Bytes::from_static(b"an entry of another store");
        core.handle_committed(
            self.now,
            vec![Item {
                seq: start.head.next(),
                payload,
            }],
        );
        while let Some(output) = core.poll_output() {
            if let Output::Send { datagram, .. } = output {
                self.transmit(150, None, &datagram);
            }
        }
    }

    /// Paused processes thaw and dead ones restart as they would anyway.
    pub fn heal(&mut self) {
        self.healed = true;
        self.network.heal();
        self.store.up = true;
    }
}
