//! What carries datagrams: UDP sockets or channels of Redis, so that the driver works on either.
//!
//! Responsible for one face over both. Deliberately without deciding anything. Used by the driver alone.

use std::io;
use std::net::SocketAddr;

use super::core::DATAGRAM_BYTES_DEFAULT;
use super::kernel::SocketId;
use super::redis::RedisBus;
use super::socket::{BusTarget, Sockets};
use crate::redis::Health;

/// Where datagrams arrive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    /// Where everybody is addressed. Over Redis everything arrives here.
    Listening,
    /// Where this node alone is.
    Own,
}

/// The way to the peers.
#[derive(Debug)]
pub enum Carrier {
    /// Broadcast on a network segment, and unicast.
    Udp(Sockets),
    /// Publish and subscribe.
    Redis(RedisBus),
}

impl From<Sockets> for Carrier {
    fn from(sockets: Sockets) -> Carrier {
        Carrier::Udp(sockets)
    }
}

impl From<RedisBus> for Carrier {
    fn from(bus: RedisBus) -> Carrier {
        Carrier::Redis(bus)
    }
}

impl Carrier {
    /// This node as peers reach it: goes into the registry and into `CoreConfig::address`.
    #[must_use]
    pub fn advertised(&self) -> SocketAddr {
        match self {
            Carrier::Udp(sockets) => sockets.advertised(),
            Carrier::Redis(bus) => bus.advertised(),
        }
    }

    /// The longest datagram that gets through: goes into `CoreConfig::datagram_bytes_max`.
    #[must_use]
    pub fn datagram_bytes_max(&self) -> usize {
        match self {
            Carrier::Udp(sockets) => sockets.datagram_bytes_max(),
            Carrier::Redis(_) => DATAGRAM_BYTES_DEFAULT,
        }
    }

    /// How the way to Redis fares, where there is one.
    #[must_use]
    pub fn health(&self) -> Vec<Health> {
        match self {
            Carrier::Udp(_) => Vec::new(),
            Carrier::Redis(bus) => bus.health().into(),
        }
    }

    pub(super) fn targets(&self) -> &[BusTarget] {
        match self {
            Carrier::Udp(sockets) => &sockets.targets,
            Carrier::Redis(bus) => bus.targets(),
        }
    }

    /// The shared address.
    pub(super) fn listen(&self) -> SocketAddr {
        match self {
            Carrier::Udp(sockets) => sockets.listen,
            Carrier::Redis(bus) => bus.targets()[0].address,
        }
    }

    pub(super) fn receive_buffer_bytes(&self) -> usize {
        match self {
            Carrier::Udp(sockets) => sockets.receive_buffer_bytes,
            Carrier::Redis(bus) => bus.inbox_bytes(),
        }
    }

    /// How many datagrams were dropped because nobody took them in time.
    pub(super) fn drops(&self) -> Drops {
        match self {
            Carrier::Udp(sockets) => Drops::InKernel(sockets.ids.clone()),
            Carrier::Redis(bus) => Drops::Counted(bus.overflowed()),
        }
    }

    /// Datagrams that were taken for sending and not sent.
    pub(super) fn lost(&self) -> u64 {
        match self {
            Carrier::Udp(_) => 0,
            Carrier::Redis(bus) => bus.lost(),
        }
    }

    /// Whether everything that was taken for sending is sent.
    pub(super) fn is_flushed(&self) -> bool {
        match self {
            Carrier::Udp(_) => true,
            Carrier::Redis(bus) => bus.is_flushed(),
        }
    }

    /// Until something can be read.
    pub(super) async fn readable(&self, side: Side) {
        let sockets = match (self, side) {
            (Carrier::Udp(sockets), _) => sockets,
            (Carrier::Redis(bus), Side::Listening) => return bus.readable().await,
            (Carrier::Redis(_), Side::Own) => return std::future::pending().await,
        };
        let socket = match side {
            Side::Listening => &sockets.listening,
            Side::Own => &sockets.own,
        };
        if socket.readable().await.is_err() {
            // The runtime is going down, and the task with it.
            std::future::pending::<()>().await;
        }
    }

    /// Reads one datagram without waiting.
    pub(super) fn try_receive(
        &self,
        side: Side,
        buffer: &mut [u8],
    ) -> io::Result<(usize, SocketAddr)> {
        match (self, side) {
            (Carrier::Udp(sockets), Side::Listening) => sockets.listening.try_recv_from(buffer),
            (Carrier::Udp(sockets), Side::Own) => sockets.own.try_recv_from(buffer),
            (Carrier::Redis(bus), Side::Listening | Side::Own) => bus.try_receive(buffer),
        }
    }

    /// Sends one datagram without waiting.
    pub(super) fn try_send(&self, datagram: &[u8], to: SocketAddr) -> io::Result<()> {
        match self {
            Carrier::Udp(sockets) => sockets.own.try_send_to(datagram, to).map(drop),
            Carrier::Redis(bus) => bus.try_send(datagram, to),
        }
    }
}

/// Where dropped datagrams are counted.
pub(super) enum Drops {
    /// In the kernel's table, under these sockets.
    InKernel(Vec<SocketId>),
    /// So many.
    Counted(u64),
}
