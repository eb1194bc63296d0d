//! Datagrams in and out: what carries them, faults and counters.
//!
//! Responsible for never waiting and for counting what did not leave. Deliberately without knowing what is inside.
//! Driven by the driver.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tracing::warn;

use super::probes::Probes;
use super::status::BusStatus;
use super::warnings::{Trouble, Warnings};
use crate::cluster::carrier::{Carrier, Side};
use crate::cluster::core::Target;
use crate::cluster::faults::Faults;

/// Longer than any datagram of ours: a stranger's longer one is cut, and refused by the core for its length.
pub(super) const RECEIVE_BYTES: usize = 2_048;

/// Both directions.
#[derive(Debug)]
pub(super) struct Wire {
    /// None: this node runs alone, nothing is sent and nothing arrives.
    pub(super) carrier: Option<Carrier>,
    pub(super) faults: Option<Faults>,
    pub(super) kernel_drops: u64,
    sends_blocked: u64,
    sends_failed: u64,
    sends_held_back: u64,
    receives_failed: u64,
}

impl Wire {
    pub(super) fn new(carrier: Option<Carrier>, faults: Option<Faults>) -> Wire {
        Wire {
            carrier,
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
        let carrier = self.carrier.as_ref()?;
        match carrier.try_receive(side, buffer) {
            Ok(received) => Some(received),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            Err(error) => {
                self.receives_failed += 1;
                if let Some(times) = warnings.occurred(now, Trouble::ReceiveFailed, 1) {
                    warn!(%error, ?side, times, "the bus cannot be read");
                }
                None
            }
        }
    }

    /// How often the core is given what was just received: once, except under faults.
    pub(super) fn copies_in(&mut self) -> usize {
        self.faults.as_mut().map_or(1, Faults::copies_in)
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
                let targets = self.carrier.as_ref().map_or(0, |c| c.targets().len());
                for index in 0..targets {
                    let address = self.carrier.as_ref().map(|c| c.targets()[index].address);
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
        let Some(carrier) = &self.carrier else {
            return;
        };
        for _ in 0..copies {
            let Err(error) = carrier.try_send(datagram, address) else {
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

    /// Whether everything has left that was not lost.
    pub(super) fn is_flushed(&self) -> bool {
        self.carrier.as_ref().is_none_or(Carrier::is_flushed)
    }

    pub(super) fn status(&self, probes: &Probes) -> Option<BusStatus> {
        self.carrier.as_ref().map(|carrier| BusStatus {
            listen: carrier.listen(),
            address: carrier.advertised(),
            targets: probes.status(),
            datagram_bytes_max: carrier.datagram_bytes_max(),
            receive_buffer_bytes: carrier.receive_buffer_bytes(),
            kernel_drops: self.kernel_drops,
            sends_blocked: self.sends_blocked,
            sends_failed: self.sends_failed + carrier.lost(),
            sends_held_back: self.sends_held_back,
            receives_failed: self.receives_failed,
        })
    }
}

/// Until something can be read; without a bus for ever.
pub(super) async fn readable(carrier: Option<&Carrier>, side: Side) {
    match carrier {
        Some(carrier) => carrier.readable(side).await,
        None => std::future::pending().await,
    }
}
