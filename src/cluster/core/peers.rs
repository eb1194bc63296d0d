//! The other nodes: who is known, who is heard, over which way.
//!
//! Responsible for the peer table, liveness, unicast targets and the common key. Deliberately without influence on what
//! is delivered: a peer being down costs presence, never a message. Driven by `receive` and by `Core`'s tick.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use crate::model::ids::{Epoch, Incarnation, Seq};

use super::interface::{BeatInfo, PeerIdentity, Registration};
use super::limits::BusLimits;
use super::registry::Registry;
use super::replay::ReplayWindow;
use super::seal::{ClusterKeys, SubkeyCache};
use super::status::{PeerState, PeerStatus, Via};
use super::wire::Route;

/// One other node.
#[derive(Debug)]
pub(super) struct Peer {
    pub(super) name: String,
    pub(super) address: SocketAddr,
    pub(super) version: u16,
    pub(super) window: ReplayWindow,
    /// Numbers of its signals.
    pub(super) signals: ReplayWindow,
    pub(super) subkeys: SubkeyCache,
    pub(super) head: Seq,
    /// The log it last spoke of.
    pub(super) epoch: Option<Epoch>,
    pub(super) info: BeatInfo,
    pub(super) key_ids: Vec<u8>,
    known_since: Duration,
    heard_at: Option<Duration>,
    heard_broadcast_at: Option<Duration>,
    /// It sent us copies because it does not hear our broadcasts.
    deaf_to_us_at: Option<Duration>,
    up: bool,
    left: bool,
}

/// All peers.
#[derive(Debug, Default)]
pub(super) struct Peers {
    table: BTreeMap<Incarnation, Peer>,
    /// Some were left out for want of room.
    pub(super) too_many: bool,
}

/// A peer to which copies are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct UnicastTarget {
    pub(super) address: SocketAddr,
    /// We do not hear its broadcasts.
    pub(super) deaf: bool,
}

impl Peer {
    fn new(now: Duration, row: &Registration) -> Self {
        Self {
            name: row.name.clone(),
            address: row.address,
            version: row.version,
            window: ReplayWindow::starting_after(row.packet_number),
            signals: ReplayWindow::starting_after(0),
            subkeys: SubkeyCache::default(),
            head: Seq::ZERO,
            epoch: None,
            info: BeatInfo::default(),
            key_ids: Vec::new(),
            known_since: now,
            heard_at: None,
            heard_broadcast_at: None,
            deaf_to_us_at: None,
            up: false,
            left: false,
        }
    }

    /// Something authentic was heard. Returns whether the peer came up by it.
    pub(super) fn heard(&mut self, now: Duration, route: Route) -> bool {
        self.heard_at = Some(now);
        match route {
            Route::Broadcast => self.heard_broadcast_at = Some(now),
            Route::Unicast => {}
            Route::UnicastFromDeaf => self.deaf_to_us_at = Some(now),
        }
        let came_up = !self.up && !self.left;
        self.up |= came_up;
        came_up
    }

    /// It said goodbye. Returns whether it was up.
    pub(super) fn leave(&mut self) -> bool {
        self.left = true;
        std::mem::take(&mut self.up)
    }

    fn silent_for(&self, now: Duration) -> Duration {
        now.saturating_sub(self.heard_at.unwrap_or(self.known_since))
    }

    fn is_deaf_target(&self, now: Duration, patience: Duration) -> bool {
        now.saturating_sub(self.heard_broadcast_at.unwrap_or(self.known_since)) > patience
    }

    fn is_unicast_target(&self, now: Duration, patience: Duration) -> bool {
        let asked_for = self
            .deaf_to_us_at
            .is_some_and(|at| now.saturating_sub(at) <= patience);
        !self.left && (asked_for || self.is_deaf_target(now, patience))
    }

    fn state(&self, now: Duration, limits: &BusLimits, factor: u32) -> PeerState {
        if self.left {
            PeerState::Left
        } else if self.heard_at.is_none() {
            PeerState::Unheard
        } else if !self.up {
            PeerState::Down
        } else if self.silent_for(now) > limits.peer_suspect * factor {
            PeerState::Suspect
        } else {
            PeerState::Up
        }
    }
}

impl Peers {
    pub(super) fn get_mut(&mut self, incarnation: Incarnation) -> Option<&mut Peer> {
        self.table.get_mut(&incarnation)
    }

    /// The keys changed: derived subkeys may belong to another key of the same id.
    pub(super) fn forget_subkeys(&mut self) {
        for peer in self.table.values_mut() {
            peer.subkeys = SubkeyCache::default();
        }
    }

    /// Whether some peer is up: somebody might answer.
    pub(super) fn any_up(&self) -> bool {
        self.table.values().any(|peer| peer.up)
    }

    /// The registry was read: those alive there become peers, all others stop being peers at once, even if something
    /// is still heard in their name: recordings may be, and who cannot reach the store commits nothing anyway.
    /// Returns peers that went down by it.
    pub(super) fn follow(
        &mut self,
        now: Duration,
        registry: &Registry,
        limits: &BusLimits,
    ) -> Vec<Incarnation> {
        let strangers = self.table.extract_if(.., |incarnation, _| {
            !registry.is_alive(now, *incarnation, limits)
        });
        let gone = strangers
            .filter(|(_, peer)| peer.up)
            .map(|(incarnation, _)| incarnation)
            .collect();
        self.too_many = false;
        for row in registry.alive(now, limits) {
            let room = self.table.len() < limits.peers_max;
            match self.table.get_mut(&row.incarnation) {
                Some(peer) => {
                    peer.name.clone_from(&row.name);
                    peer.address = row.address;
                    peer.version = row.version;
                }
                None if room => {
                    self.table.insert(row.incarnation, Peer::new(now, row));
                }
                None => self.too_many = true,
            }
        }
        gone
    }

    /// Takes a stranger as a peer without asking the registry (a protection switched off in tests).
    pub(super) fn adopt(&mut self, now: Duration, incarnation: Incarnation, address: SocketAddr) {
        let row = Registration {
            incarnation,
            name: String::new(),
            address,
            version: 0,
            packet_number: 0,
            counter: 0,
        };
        self.table.insert(incarnation, Peer::new(now, &row));
    }

    /// Time passed: silent peers go down, those that are neither alive in the registry nor heard are forgotten.
    /// Returns those that went down.
    pub(super) fn expire(
        &mut self,
        now: Duration,
        registry: &Registry,
        limits: &BusLimits,
        factor: u32,
    ) -> Vec<Incarnation> {
        let mut down = Vec::new();
        self.table.retain(|&incarnation, peer| {
            let silent = peer.silent_for(now) > limits.peer_dead * factor;
            if silent && std::mem::take(&mut peer.up) {
                down.push(incarnation);
            }
            !silent || registry.is_alive(now, incarnation, limits)
        });
        down
    }

    /// Those to whom copies are sent: we do not hear their broadcasts, or they do not hear ours.
    pub(super) fn unicast_targets(
        &self,
        now: Duration,
        registry: &Registry,
        limits: &BusLimits,
        factor: u32,
    ) -> Vec<UnicastTarget> {
        let patience = limits.peer_suspect * factor;
        self.table
            .iter()
            .filter(|(incarnation, peer)| {
                peer.up || registry.surely_lives(now, **incarnation, limits)
            })
            .filter(|(_, peer)| peer.is_unicast_target(now, patience))
            .map(|(_, peer)| UnicastTarget {
                address: peer.address,
                deaf: peer.is_deaf_target(now, patience),
            })
            .collect()
    }

    /// The newest key that all peers that are up announced; without peers, or without a common one, see below.
    /// The second value is the peer that ruled out the last key.
    pub(super) fn common_key(&self, keys: &ClusterKeys) -> (Option<u8>, Option<&str>) {
        let mut common: Vec<u8> = keys.ids().collect();
        for peer in self
            .table
            .values()
            .filter(|peer| peer.up && !peer.key_ids.is_empty())
        {
            common.retain(|id| peer.key_ids.contains(id));
            if common.is_empty() {
                // The oldest key is what a node that was forgotten in the rotation most likely has.
                return (keys.ids().next(), Some(&peer.name));
            }
        }
        (common.last().copied(), None)
    }

    /// Whether a peer has been silent for longer than a living one would be.
    pub(super) fn is_overdue(
        &self,
        now: Duration,
        incarnation: Incarnation,
        limits: &BusLimits,
    ) -> bool {
        self.table
            .get(&incarnation)
            .is_some_and(|peer| peer.silent_for(now) > limits.peer_suspect)
    }

    pub(super) fn identity(&self, incarnation: Incarnation) -> Option<PeerIdentity> {
        let peer = self.table.get(&incarnation)?;
        Some(PeerIdentity {
            incarnation,
            name: peer.name.clone(),
            address: peer.address,
        })
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// Every peer for the status page, with whether it surely lives by the registry. The former run of a node that is
    /// back is none: its row stays in the registry for a while, and the node would be there twice.
    pub(super) fn statuses(
        &self,
        now: Duration,
        own_name: &str,
        registry: &Registry,
        limits: &BusLimits,
        factor: u32,
    ) -> Vec<(PeerStatus, bool)> {
        let patience = limits.peer_suspect * factor;
        let mut statuses = Vec::with_capacity(self.table.len());
        for (&incarnation, peer) in &self.table {
            let lives = registry.surely_lives(now, incarnation, limits);
            let state = peer.state(now, limits, factor);
            let last_sign = peer.heard_at.max(registry.moved_at(incarnation));
            if state != PeerState::Up && self.is_back(peer, last_sign, own_name) {
                continue;
            }
            let unicast = (peer.up || lives) && peer.is_unicast_target(now, patience);
            let status = PeerStatus {
                incarnation,
                name: peer.name.clone(),
                address: peer.address,
                version: peer.version,
                head: peer.head,
                heard_ago: peer.heard_at.map(|at| now.saturating_sub(at)),
                state,
                via: if unicast {
                    Via::Unicast
                } else {
                    Via::Broadcast
                },
                info: peer.info.clone(),
                key_ids: peer.key_ids.clone(),
            };
            statuses.push((status, lives));
        }
        statuses
    }

    /// Whether a silent peer seems to run again as somebody else: as us, who have no sign of it at all, or as a peer of
    /// its name that came after its last sign. Another machine of the same name, which was there before, is not it.
    fn is_back(&self, silent: &Peer, last_sign: Option<Duration>, own_name: &str) -> bool {
        let follows = |peer: &Peer| last_sign.is_none_or(|last| last <= peer.known_since);
        let as_us = last_sign.is_none() && silent.name == own_name;
        let mut peers = self.table.values();
        as_us || peers.any(|peer| peer.up && peer.name == silent.name && follows(peer))
    }
}
