//! Free ports on loopback, below the range the system hands out by itself.
//!
//! A port from that range could be taken by any outgoing connection before the node binds it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::ops::Range;

const RANGE: Range<u16> = 12_000..32_000;
const TRIES: usize = 200;

/// A port nobody listens on by TCP.
pub(crate) fn free_http_port() -> u16 {
    pick(|port| TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok())
}

/// A port nobody has by UDP.
pub(crate) fn free_bus_port() -> u16 {
    pick(|port| UdpSocket::bind(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).is_ok())
}

fn pick(is_free: impl Fn(u16) -> bool) -> u16 {
    (0..TRIES)
        .map(|_| fastrand::u16(RANGE))
        .find(|port| is_free(*port))
        .expect("a free port below 32768")
}
