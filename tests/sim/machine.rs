//! The node's side of a run: datagrams and timers in, the core's outputs carried out.
//!
//! Responsible for calling the cores. Deliberately without faults of its own. Driven by `world`.

use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use starling::cluster::core::{Core, Item, Output, Target, WentBack};

use crate::node::{SOCKET_BUFFER, address, index_of};
use crate::oracle::{Violation, violated};
use crate::world::{Event, Request, World};

impl World {
    pub fn arrive(&mut self, to: usize, source: SocketAddr, bytes: Bytes) -> Result<(), Violation> {
        bytes.hash(&mut self.trace);
        let node = &mut self.nodes[to];
        if node.is_paused(self.now) {
            if node.inbox.len() < SOCKET_BUFFER {
                node.inbox.push((source, bytes));
            }
            return Ok(());
        }
        self.with_core(to, |core, now| {
            core.handle_datagram(now, source, &mut bytes.to_vec());
        })
    }

    pub fn timer(&mut self, node: usize, generation: u32, due: Duration) -> Result<(), Violation> {
        let thaws = self.nodes[node].paused_until;
        if self.nodes[node].generation != generation || self.nodes[node].timer_at != Some(due) {
            return Ok(());
        }
        if self.now < thaws {
            self.at(
                thaws,
                Event::Timer {
                    node,
                    generation,
                    due,
                },
            );
            return Ok(());
        }
        self.nodes[node].timer_at = None;
        self.with_core(node, Core::handle_timeout)
    }

    /// Calls the core and carries out what it asks.
    pub fn with_core(
        &mut self,
        node: usize,
        call: impl FnOnce(&mut Core, Duration),
    ) -> Result<(), Violation> {
        let now = self.now;
        if let Some(core) = &mut self.nodes[node].core {
            call(core, now);
        }
        while let Some(output) = self.nodes[node].core.as_mut().and_then(Core::poll_output) {
            self.carry_out(node, output)?;
        }
        let due = self.nodes[node].core.as_ref().and_then(Core::poll_timeout);
        if let Some(due) = due.map(|due| due.max(now))
            && self.nodes[node].timer_at.is_none_or(|at| due < at)
        {
            self.nodes[node].timer_at = Some(due);
            let generation = self.nodes[node].generation;
            self.at(
                due,
                Event::Timer {
                    node,
                    generation,
                    due,
                },
            );
        }
        Ok(())
    }

    pub fn carry_out(&mut self, node: usize, output: Output) -> Result<(), Violation> {
        match output {
            Output::Send { to, datagram } => {
                let to = match to {
                    Target::Broadcast => None,
                    Target::Unicast(address) => Some(index_of(address)),
                };
                self.transmit(node, to, &datagram);
            }
            Output::Deliver(items) => self.deliver(node, &items)?,
            Output::Fetch { after, limit } => self.request(node, Request::Fetch { after, limit }),
            Output::PollHead => self.request(node, Request::Poll),
            Output::Confirm(seq) => self.request(node, Request::Confirm(seq)),
            Output::ReadRegistry => self.request(node, Request::Registry),
            Output::Signal { signal, .. } => {
                self.oracle.signal(self.nodes[node].incarnation, &signal)?;
            }
            // An append that returned very late: the shell looks at the store and finds everything as it was.
            Output::WentBack(WentBack::AppendBelowApplied { .. }) => {
                self.request(node, Request::Verify);
            }
            Output::WentBack(_) if self.store.was_replaced() => {
                self.request(node, Request::Verify);
            }
            Output::WentBack(reason) => {
                return violated("I6", format!("node {node} cried wolf: {reason}"));
            }
            Output::NewIncarnationNeeded => {
                return violated("I3", format!("node {node} wants another incarnation"));
            }
            Output::Beat { .. }
            | Output::PeerUp(_)
            | Output::PeerDown(_)
            | Output::ProbeHeard { .. } => {}
        }
        Ok(())
    }

    pub fn deliver(&mut self, node: usize, items: &[Item]) -> Result<(), Violation> {
        for item in items {
            (node, item.seq.0).hash(&mut self.trace);
            let epoch = self.nodes[node].epoch;
            self.oracle
                .delivered(self.now, &self.store, node, epoch, item)?;
        }
        self.nodes[node]
            .replica
            .apply(items)
            .or_else(|detail| violated("P2", format!("node {node}: {detail}")))?;
        self.upper_delivers(node, items)
    }

    pub fn transmit(&mut self, from: usize, to: Option<usize>, datagram: &Bytes) {
        let source = address(from);
        if self.profile.replay_every.is_some() {
            self.network.record(&mut self.rng, source, datagram);
        }
        for copy in self
            .network
            .carry(&mut self.rng, &self.profile, self.now, from, to)
        {
            self.at(
                copy.at,
                Event::Datagram {
                    to: copy.to,
                    source,
                    bytes: datagram.clone(),
                },
            );
        }
    }
}
