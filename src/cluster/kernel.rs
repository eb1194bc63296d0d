//! What the kernel tells about sockets only through its files: the limit of receive buffers and dropped datagrams.
//!
//! Responsible for reading and parsing `/proc`. Deliberately without judging the numbers. Driven by `socket` at the
//! start and by the driver's housekeeping. Files instead of `getsockopt(SO_MEMINFO)`, which needs unsafe code.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::MetadataExt;

const UDP_TABLE: &str = "/proc/net/udp";
const RECEIVE_BUFFER_MAX: &str = "/proc/sys/net/core/rmem_max";

/// Names one socket among those that share its port: the number of its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SocketId {
    port: u16,
    inode: u64,
}

impl SocketId {
    /// The name of an open socket bound to `port`.
    pub(super) fn of(socket: BorrowedFd<'_>, port: u16) -> io::Result<SocketId> {
        let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
        Ok(SocketId {
            port,
            inode: fs::metadata(link)?.ino(),
        })
    }
}

/// Datagrams the kernel dropped on these sockets since they were opened, mostly because nobody read in time.
pub(super) fn dropped(sockets: &[SocketId]) -> io::Result<u64> {
    let table = fs::read_to_string(UDP_TABLE)?;
    Ok(dropped_in(&table, sockets))
}

/// The largest receive buffer an ordinary process is granted, in bytes.
pub(super) fn receive_buffer_max() -> Option<usize> {
    fs::read_to_string(RECEIVE_BUFFER_MAX)
        .ok()?
        .trim()
        .parse()
        .ok()
}

fn dropped_in(table: &str, sockets: &[SocketId]) -> u64 {
    table
        .lines()
        .skip(1)
        .filter_map(row)
        .filter(|(socket, _)| sockets.contains(socket))
        .map(|(_, drops)| drops)
        .sum()
}

/// `sl local remote st tx:rx tr:when retrnsmt uid timeout inode ref pointer drops`
fn row(line: &str) -> Option<(SocketId, u64)> {
    let mut columns = line.split_ascii_whitespace();
    let (_, port) = columns.nth(1)?.split_once(':')?;
    let socket = SocketId {
        port: u16::from_str_radix(port, 16).ok()?,
        inode: columns.nth(7)?.parse().ok()?,
    };
    Some((socket, columns.next_back()?.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::fd::AsFd;

    use super::*;

    const TABLE: &str = "   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 1035: 00000000:0BB8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 11 2 0000000000000000 5
 1035: 00000000:0BB8 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 12 2 0000000000000000 70
 9999: 0100007F:9C40 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 13 2 0000000000000000 900
torn line
";

    #[test]
    fn drops_are_those_of_our_sockets_and_not_of_others_on_the_same_port() {
        let ours = [
            SocketId {
                port: 3000,
                inode: 12,
            },
            SocketId {
                port: 40_000,
                inode: 13,
            },
        ];
        assert_eq!(dropped_in(TABLE, &ours), 970);
        assert_eq!(dropped_in("", &ours), 0);
    }

    #[test]
    fn an_open_socket_is_found_in_the_kernels_table() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let port = socket.local_addr().unwrap().port();
        let id = SocketId::of(socket.as_fd(), port).unwrap();
        let table = fs::read_to_string(UDP_TABLE).unwrap();
        assert!(
            table
                .lines()
                .filter_map(row)
                .any(|(found, drops)| found == id && drops == 0)
        );
    }
}
