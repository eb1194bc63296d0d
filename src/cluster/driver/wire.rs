//! Datagrams in and out: sockets, faults and counters.
//!
//! Responsible for never waiting and for counting what did not leave. Deliberately without knowing what is inside.
//! Driven by the driver.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::net::UdpSocket;
use tracing::warn;

use super::probes::Probes;
use super::status::BusStatus;
use super::warnings::{Trouble, Warnings};
use crate::cluster::core::Target;
use crate::cluster::faults::Faults;
use crate::cluster::socket::Sockets;

/// Longer than any datagram of ours: a stranger's longer one is cut, and refused by the core for its length.
pub(super) const RECEIVE_BYTES: usize = 2_048;

/// The two sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Listening,
    Own,
}

/// Both directions.
#[derive(Debug)]
pub(super) struct Wire {
    /// None: this node runs alone, nothing is sent and nothing arrives.
    pub(super) sockets: Option<Sockets>,
    pub(super) faults: Option<Faults>,
    pub(super) kernel_drops: u64,
    sends_blocked: u64,
    sends_failed: u64,
    sends_held_back: u64,
    receives_failed: u64,
}

impl Wire {
    pub(super) fn new(sockets: Option<Sockets>, faults: Option<Faults>) -> Wire {
        Wire {
            sockets,
            faults,
            kernel_drops: 0,
            sends_blocked: 0,
            sends_failed: 0,
            sends_held_back: 0,
            receives_failed: 0,
        }
    }

    /// Reads one datagram without waiting. None: there is none, or the socket failed.
    pub(super) fn receive(
        &mut self,
        side: Side,
        buffer: &mut [u8],
        now: Duration,
        warnings: &mut Warnings,
    ) -> Option<(usize, SocketAddr)> {
        let sockets = self.sockets.as_ref()?;
        match socket(sockets, side).try_recv_from(buffer) {
            Ok(received) => Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => {
                self.receives_failed += 1;
                if let Some(times) = warnings.occurred(now, Trouble::ReceiveFailed, 1) {
                    warn!(%error, ?side, times, "a bus socket cannot be read");
                }
                None
            }
        }
    }

    /// How often the core is given what was just received: once, except under faults.
    pub(super) fn copies_in(&mut self, source: SocketAddr) -> usize {
        self.faults.as_mut().map_or(1, |faults| faults.copies_in(source))
    }

    /// Leaves what was just received as it is, except under faults; says how much of it there is.
    pub(super) fn spoil(&mut self, datagram: &mut [u8]) -> usize {
        match &mut self.faults {
            Some(faults) => faults.spoil(datagram),
            None => datagram.len(),
        }
    }

    /// Whether what was just received comes later than what follows it: never, except under faults.
    pub(super) fn hold(&mut self, datagram: &[u8], source: SocketAddr) -> bool {
        self.faults
            .as_mut()
            .is_some_and(|faults| faults.hold(datagram, source))
    }

    /// What was held back so far.
    pub(super) fn release(&mut self) -> Option<(Vec<u8>, SocketAddr)> {
        self.faults.as_mut().and_then(Faults::release)
    }

    /// Not sent: nobody could know us yet.
    pub(super) fn hold_back(&mut self) {
        self.sends_held_back += 1;
    }

    /// Sends a datagram; what cannot leave at once is lost, and counted.
    pub(super) fn send(
        &mut self,
        to: Target,
        datagram: &[u8],
        now: Duration,
        warnings: &mut Warnings,
    ) {
        match to {
            Target::Unicast(address) => self.send_to(address, datagram, now, warnings),
            Target::Broadcast => {
                let targets = self.sockets.as_ref().map_or(0, |s| s.targets.len());
                for index in 0..targets {
                    let address = self.sockets.as_ref().map(|s| s.targets[index].address);
                    if let Some(address) = address {
                        self.send_to(address, datagram, now, warnings);
                    }
                }
            }
        }
    }

    /// Sends to one address.
    pub(super) fn send_to(
        &mut self,
        address: SocketAddr,
        datagram: &[u8],
        now: Duration,
        warnings: &mut Warnings,
    ) {
        let copies = self.faults.as_mut().map_or(1, Faults::copies_out);
        let Some(sockets) = &self.sockets else {
            return;
        };
        for _ in 0..copies {
            let Err(error) = sockets.own.try_send_to(datagram, address) else {
                continue;
            };
            let blocked = error.kind() == io::ErrorKind::WouldBlock;
            let trouble = if blocked {
                self.sends_blocked += 1;
                Trouble::SendBlocked
            } else {
                self.sends_failed += 1;
                Trouble::SendFailed(error.kind())
            };
            if let Some(times) = warnings.occurred(now, trouble, 1) {
                warn!(%error, %address, bytes = datagram.len(), times, "datagrams could not be sent");
            }
        }
    }

    pub(super) fn status(&self, probes: &Probes) -> Option<BusStatus> {
        self.sockets.as_ref().map(|sockets| BusStatus {
            listen: sockets.listen,
            address: sockets.advertised(),
            targets: probes.status(),
            datagram_bytes_max: sockets.datagram_bytes_max(),
            receive_buffer_bytes: sockets.receive_buffer_bytes,
            kernel_drops: self.kernel_drops,
            sends_blocked: self.sends_blocked,
            sends_failed: self.sends_failed,
            sends_held_back: self.sends_held_back,
            receives_failed: self.receives_failed,
        })
    }
}

/// Until something can be read; without sockets for ever.
pub(super) async fn readable(sockets: Option<&Sockets>, side: Side) {
    let Some(sockets) = sockets else {
        return std::future::pending().await;
    };
    if socket(sockets, side).readable().await.is_err() {
        // The runtime is going down, and the task with it.
        std::future::pending::<()>().await;
    }
}

fn socket(sockets: &Sockets, side: Side) -> &UdpSocket {
    match side {
        Side::Listening => &sockets.listening,
        Side::Own => &sockets.own,
    }
}
