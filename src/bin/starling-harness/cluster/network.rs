//! What goes wrong on the network at a moment: the faults that are in force, and what each node and link has of it.
//!
//! Pure. Said to the nodes' own layer of faults on loopback, and to the switch in namespaces.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::scenario::{Direction, Fault, What};

/// What datagrams meet on one way.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Weather {
    pub(crate) loss: f64,
    pub(crate) duplicate: f64,
    pub(crate) reorder: f64,
    pub(crate) corrupt: f64,
    pub(crate) truncate: f64,
    pub(crate) delay_ms: [f64; 2],
}

/// The faults of the network that are in force.
pub(crate) struct Wires {
    nodes: usize,
    seed: u64,
    active: Mutex<Vec<(usize, Fault)>>,
}

impl Wires {
    pub(super) fn new(nodes: usize, seed: u64) -> Wires {
        Wires {
            nodes,
            seed,
            active: Mutex::new(Vec::new()),
        }
    }

    fn active(&self) -> MutexGuard<'_, Vec<(usize, Fault)>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn begin(&self, id: usize, fault: &Fault) {
        self.active().push((id, fault.clone()));
    }

    pub(crate) fn end(&self, id: usize) {
        self.active().retain(|(active, _)| *active != id);
    }

    pub(crate) fn clear(&self) {
        self.active().clear();
    }

    /// What a node meets in this direction, its partitions apart.
    fn at(&self, node: usize, direction: Direction) -> Weather {
        let mut weather = Weather::default();
        for (_, fault) in self.active().iter() {
            let here = fault
                .nodes
                .as_ref()
                .is_none_or(|nodes| nodes.contains(&node));
            let this_way = fault.direction == Direction::Both || fault.direction == direction;
            if !here || !this_way {
                continue;
            }
            if fault.what == What::Blackout {
                weather.loss = 1.0;
            }
            if fault.what == What::Network {
                weather.loss = weather.loss.max(fault.loss);
                weather.duplicate = weather.duplicate.max(fault.duplicate);
                weather.reorder = weather.reorder.max(fault.reorder);
                weather.corrupt = weather.corrupt.max(fault.corrupt);
                weather.truncate = weather.truncate.max(fault.truncate);
                if fault.delay_ms[1] > weather.delay_ms[1] {
                    weather.delay_ms = fault.delay_ms;
                }
            }
        }
        weather
    }

    /// Whether a split keeps the two apart.
    fn apart(&self, one: usize, other: usize) -> bool {
        self.active()
            .iter()
            .filter(|(_, fault)| fault.what == What::Split)
            .any(|(_, fault)| {
                let part = |node| fault.parts.iter().position(|part| part.contains(&node));
                part(one) != part(other)
            })
    }

    /// What a frame meets from one node to another; `None`: it never arrives.
    pub(crate) fn between(&self, from: usize, to: usize, is_broadcast: bool) -> Option<Weather> {
        let banned = is_broadcast
            && self
                .active()
                .iter()
                .any(|(_, f)| f.what == What::NoBroadcast);
        if banned || self.apart(from, to) {
            return None;
        }
        let (out, into) = (self.at(from, Direction::Out), self.at(to, Direction::In));
        // A fault of both directions at all nodes is one fault on the way, not two.
        let worse = |a: f64, b: f64| a.max(b);
        Some(Weather {
            loss: worse(out.loss, into.loss),
            duplicate: worse(out.duplicate, into.duplicate),
            reorder: worse(out.reorder, into.reorder),
            corrupt: worse(out.corrupt, into.corrupt),
            truncate: worse(out.truncate, into.truncate),
            delay_ms: if out.delay_ms[1] > into.delay_ms[1] {
                out.delay_ms
            } else {
                into.delay_ms
            },
        })
    }

    /// The node's file of faults on loopback: a fault of both directions is drawn once, where a datagram arrives;
    /// what a node alone fails to send, where it leaves.
    pub(super) fn file_for(&self, node: usize, buses: &[SocketAddr]) -> String {
        let into = self.at(node, Direction::In);
        let everywhere =
            |fault: &Fault| fault.nodes.is_none() && fault.direction == Direction::Both;
        let all_global = self.active().iter().all(|(_, fault)| everywhere(fault));
        let drop_out = if all_global {
            0.0
        } else {
            self.at(node, Direction::Out).loss
        };
        let mut file = String::new();
        let mut line = |key: &str, value: f64| {
            if value > 0.0 {
                // Writing to a string cannot fail.
                let _ = writeln!(file, "{key} = {value}");
            }
        };
        line("drop_in", into.loss);
        line("drop_out", drop_out);
        line("duplicate", into.duplicate);
        line("reorder", into.reorder);
        line("corrupt", into.corrupt);
        line("truncate", into.truncate);
        let deaf_to: Vec<String> = (0..self.nodes)
            .filter(|other| *other != node && self.apart(node, *other))
            .filter_map(|other| buses.get(other).map(ToString::to_string))
            .collect();
        if !deaf_to.is_empty() {
            let _ = writeln!(file, "deaf_to = {}", deaf_to.join(" "));
        }
        let _ = writeln!(file, "seed = {}", self.seed.wrapping_add(node as u64));
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_meet_the_nodes_and_ways_they_name_and_end() {
        let wires = Wires::new(3, 1);
        let mut deaf = Fault::new(What::Network, 0.0, 1.0);
        deaf.nodes = Some(vec![1]);
        deaf.direction = Direction::In;
        deaf.loss = 0.5;
        wires.begin(0, &deaf);
        let loss = |from, to| wires.between(from, to, true).map(|w| w.loss);
        assert_eq!(
            (loss(0, 1), loss(1, 0), loss(0, 2)),
            (Some(0.5), Some(0.0), Some(0.0))
        );
        let mut split = Fault::new(What::Split, 0.0, 1.0);
        split.parts = vec![vec![0, 1], vec![2]];
        wires.begin(1, &split);
        assert_eq!(
            (loss(0, 1), loss(0, 2), loss(2, 1)),
            (Some(0.5), None, None)
        );
        let buses: Vec<SocketAddr> = (0..3)
            .map(|n| SocketAddr::from(([127, 0, 0, 1], 9_000 + n)))
            .collect();
        assert_eq!(
            wires.file_for(1, &buses),
            "drop_in = 0.5\ndeaf_to = 127.0.0.1:9002\nseed = 2\n"
        );
        wires.end(0);
        wires.end(1);
        assert_eq!(wires.file_for(1, &buses), "seed = 2\n");
    }
}
