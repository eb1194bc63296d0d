//! The simulated segment: who gets which datagram, when, how often.
//!
//! Responsible for loss, duplicates, delay, partitions, blackout, and for the attacker's recordings. Driven by `world`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use crate::faults::Profile;

/// Recordings kept for replays.
const RECORDED_MAX: usize = 200;

/// The segment's state.
#[derive(Debug)]
pub struct Network {
    nodes: usize,
    /// `blocked[from][to]`: datagrams of this direction are lost.
    blocked: Vec<Vec<bool>>,
    recorded: Vec<(SocketAddr, Bytes)>,
    healed: bool,
}

/// One copy on its way.
#[derive(Debug, Clone)]
pub struct Copy {
    pub to: usize,
    pub at: Duration,
}

impl Network {
    pub fn new(nodes: usize) -> Self {
        Self {
            nodes,
            blocked: vec![vec![false; nodes]; nodes],
            recorded: Vec::new(),
            healed: false,
        }
    }

    /// Copies of one datagram. `to` is one node or everybody, the sender included (it hears itself).
    pub fn carry(
        &mut self,
        rng: &mut fastrand::Rng,
        profile: &Profile,
        now: Duration,
        from: usize,
        to: Option<usize>,
    ) -> Vec<Copy> {
        let mut copies = Vec::new();
        for receiver in 0..self.nodes {
            if to.is_some_and(|only| only != receiver)
                || self.is_lost(rng, profile, from, receiver, to.is_none())
            {
                continue;
            }
            let twice = !self.healed && rng.u32(0..100) < profile.duplicates;
            for _ in 0..=u32::from(twice) {
                copies.push(Copy {
                    to: receiver,
                    at: now + self.delay(rng, profile),
                });
            }
        }
        copies
    }

    fn is_lost(
        &self,
        rng: &mut fastrand::Rng,
        profile: &Profile,
        from: usize,
        to: usize,
        broadcast: bool,
    ) -> bool {
        if self.healed || from == to {
            return false;
        }
        // A stranger's index lies outside: nobody partitions him.
        let blocked = self.blocked.get(from).is_some_and(|row| row[to]);
        profile.blackout
            || (broadcast && profile.no_broadcast)
            || blocked
            || rng.u32(0..100) < profile.loss
    }

    fn delay(&self, rng: &mut fastrand::Rng, profile: &Profile) -> Duration {
        let usual = Duration::from_micros(rng.u64(100..400));
        if !self.healed && rng.u32(0..100) < profile.reorder {
            return usual + Duration::from_nanos(rng.u64(0..=profile.late.as_nanos() as u64));
        }
        usual
    }

    /// Blocks some directions at random, not necessarily both, or frees all.
    pub fn repartition(&mut self, rng: &mut fastrand::Rng) {
        let free = rng.u32(0..3) == 0;
        for from in 0..self.nodes {
            for to in 0..self.nodes {
                self.blocked[from][to] = !free && from != to && rng.u32(0..3) == 0;
            }
        }
    }

    /// From now on everything arrives.
    pub fn heal(&mut self) {
        self.healed = true;
    }

    /// The attacker listens.
    pub fn record(&mut self, rng: &mut fastrand::Rng, source: SocketAddr, datagram: &Bytes) {
        if self.recorded.len() < RECORDED_MAX {
            self.recorded.push((source, datagram.clone()));
        } else {
            let place = rng.usize(0..RECORDED_MAX);
            self.recorded[place] = (source, datagram.clone());
        }
    }

    /// Something recorded earlier.
    pub fn recording(&self, rng: &mut fastrand::Rng) -> Option<(SocketAddr, Bytes)> {
        (!self.recorded.is_empty())
            .then(|| self.recorded[rng.usize(0..self.recorded.len())].clone())
    }
}
