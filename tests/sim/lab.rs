//! A few cores on a table: a perfect wire between them, everything else by hand.
//!
//! Responsible for scenarios too exact for chance. The test answers store requests itself. Driven by `scenarios`,
//! `hostile` and `fuzz`.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{
    Core, CoreConfig, Degraded, Item, KeyRing, Output, Registration, StorePosition, Target,
};
use starling::model::ids::{Epoch, Incarnation, Seq};

use crate::node::{address, incarnation, key_ring};

pub const EPOCH: Epoch = Epoch(7);

/// Whether what the first sends to all arrives at the second.
pub type Reach = fn(usize, usize) -> bool;

/// Cores that share a wire.
pub struct Lab {
    pub now: Duration,
    pub cores: Vec<Core>,
    /// What each core asked for, datagrams aside.
    pub asked: Vec<Vec<Output>>,
    /// Every datagram sent: from, where to, bytes.
    pub wire: Vec<(usize, Target, Bytes)>,
    /// Whether a broadcast of `from` reaches `to`.
    pub broadcast: Reach,
    counter: u64,
}

impl Lab {
    /// Cores at head 0 that know each other from the registry and have heard each other's beats.
    pub fn new(count: usize) -> Self {
        Self::with(count, |_| {})
    }

    pub fn with(count: usize, change: impl Fn(&mut CoreConfig)) -> Self {
        let mut lab = Self {
            now: Duration::from_secs(1),
            cores: Vec::new(),
            asked: vec![Vec::new(); count],
            wire: Vec::new(),
            broadcast: |_, _| true,
            counter: 0,
        };
        for index in 0..count {
            let mut config = config(index, key_ring(1));
            change(&mut config);
            lab.cores
                .push(Core::new(config, index as u64, lab.now, start(0)));
        }
        lab.register();
        lab.advance(Duration::from_millis(700));
        for core in &mut lab.cores {
            core.handle_store_head(lab.now, Ok(start(0)));
        }
        lab.clear();
        lab
    }

    /// Writes and reads the registry for everybody.
    pub fn register(&mut self) {
        self.counter += 1;
        let rows: Vec<_> = (0..self.cores.len())
            .map(|index| registration(incarnation(index, 0), index, self.counter))
            .collect();
        for core in &mut self.cores {
            core.handle_registry(self.now, Ok(rows.clone()));
        }
        self.settle();
    }

    /// Forgets what was asked and sent.
    pub fn clear(&mut self) {
        self.asked.iter_mut().for_each(Vec::clear);
        self.wire.clear();
    }

    /// Carries datagrams until nobody has anything to say.
    pub fn settle(&mut self) {
        while let Some((from, output)) = self.next_output() {
            match output {
                Output::Send { to, datagram } => {
                    self.wire.push((from, to, datagram.clone()));
                    self.carry(from, to, &datagram);
                }
                Output::Deliver(_)
                | Output::Fetch { .. }
                | Output::PollHead
                | Output::Confirm(_)
                | Output::ReadRegistry
                | Output::Signal { .. }
                | Output::Beat { .. }
                | Output::PeerUp(_)
                | Output::PeerDown(_)
                | Output::ProbeHeard { .. }
                | Output::WentBack(_)
                | Output::NewIncarnationNeeded => self.asked[from].push(output),
            }
        }
    }

    fn next_output(&mut self) -> Option<(usize, Output)> {
        self.cores
            .iter_mut()
            .enumerate()
            .find_map(|(index, core)| Some((index, core.poll_output()?)))
    }

    fn carry(&mut self, from: usize, to: Target, datagram: &Bytes) {
        for receiver in 0..self.cores.len() {
            let reaches = match to {
                Target::Broadcast => (self.broadcast)(from, receiver),
                Target::Unicast(to) => to == address(receiver),
            };
            if reaches {
                self.cores[receiver].handle_datagram(
                    self.now,
                    address(from),
                    &mut datagram.to_vec(),
                );
            }
        }
    }

    /// Lets time pass, timers included; store requests stay unanswered.
    pub fn advance(&mut self, by: Duration) {
        let end = self.now + by;
        self.settle();
        while let Some(due) = self
            .cores
            .iter()
            .filter_map(Core::poll_timeout)
            .min()
            .filter(|due| *due <= end)
        {
            self.now = self.now.max(due);
            for core in &mut self.cores {
                if core.poll_timeout().is_some_and(|due| due <= self.now) {
                    core.handle_timeout(self.now);
                }
            }
            self.settle();
        }
        self.now = end;
    }

    /// Commits entries at a node; with `heard` the others get them.
    pub fn commit(&mut self, node: usize, seqs: impl IntoIterator<Item = u64>, heard: bool) {
        let items = seqs.into_iter().map(item).collect();
        self.cores[node].handle_committed(self.now, items);
        if heard {
            self.settle();
            return;
        }
        while let Some(output) = self.cores[node].poll_output() {
            if !matches!(output, Output::Send { .. }) {
                self.asked[node].push(output);
            }
        }
    }

    /// Hands a datagram to a node by hand.
    pub fn inject(&mut self, to: usize, source: SocketAddr, bytes: &[u8]) {
        self.cores[to].handle_datagram(self.now, source, &mut bytes.to_vec());
        self.settle();
    }

    /// Seqs delivered at a node since the last `clear`.
    pub fn delivered(&self, node: usize) -> Vec<u64> {
        let mut seqs = Vec::new();
        for output in &self.asked[node] {
            if let Output::Deliver(items) = output {
                seqs.extend(items.iter().map(|item| item.seq.0));
            }
        }
        seqs
    }

    /// Why a node is not at its best, in words.
    pub fn degraded(&self, node: usize) -> Vec<String> {
        let reasons = self.cores[node].status(self.now).degraded;
        reasons.iter().map(Degraded::to_string).collect()
    }

    pub fn was_asked(&self, node: usize, wanted: &Output) -> bool {
        self.asked[node].contains(wanted)
    }
}

pub fn config(index: usize, keys: KeyRing) -> CoreConfig {
    CoreConfig::new(
        "flock",
        keys,
        incarnation(index, 0),
        &format!("node{index}"),
        address(index),
    )
}

pub fn start(head: u64) -> StorePosition {
    StorePosition {
        epoch: EPOCH,
        floor: Seq::ZERO,
        head: Seq(head),
    }
}

pub fn item(seq: u64) -> Item {
    Item {
        seq: Seq(seq),
        payload: Bytes::from(format!("entry {seq}")),
    }
}

pub fn registration(incarnation: Incarnation, index: usize, counter: u64) -> Registration {
    let name = format!("node{index}");
    Registration {
        incarnation,
        name,
        address: address(index),
        version: 1,
        packet_number: 0,
        counter,
    }
}
