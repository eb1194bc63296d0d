//! Free ports below the range the system hands out by itself: one from that range could be taken by any outgoing
//! connection before its owner binds it.

use std::net::{Ipv4Addr, TcpListener, UdpSocket};

const RANGE: std::ops::Range<u16> = 12_000..32_000;
const TRIES: usize = 300;

pub(super) fn free_tcp() -> anyhow::Result<u16> {
    pick(|port| TcpListener::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
}

pub(super) fn free_udp() -> anyhow::Result<u16> {
    pick(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())
}

fn pick(is_free: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
    // Not from the run's seed: two runs of one seed at the same time must not meet.
    (0..TRIES)
        .map(|_| fastrand::u16(RANGE))
        .find(|port| is_free(*port))
        .ok_or_else(|| anyhow::anyhow!("no free port between {} and {}", RANGE.start, RANGE.end))
}
