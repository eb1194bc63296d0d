//! The two sockets of a node on the bus and the addresses around them.
//!
//! Responsible for opening them right (who may share the port, no fragments, a large receive buffer), for where
//! datagrams go by default and for how long they may be. Deliberately without reading or sending: the driver does that.
//! Opened by the node before it starts the driver.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::os::fd::AsFd;

use rustix::net::sockopt::{Ipv4PathMtuDiscovery, set_ip_mtu_discover};
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::UdpSocket;
use tracing::{info, warn};

use super::core::DATAGRAM_BYTES_DEFAULT;
use super::interfaces::{self, Interface};
use super::kernel::{self, SocketId};

/// Asked for on both sockets: 3,600 full datagrams survive while the process is not scheduled. Linux's default holds 92.
const RECEIVE_BUFFER_BYTES: usize = 4 << 20;

/// Asked for on the sending socket: a burst to several targets must fit at once, since sending never waits.
const SEND_BUFFER_BYTES: usize = 1 << 20;

/// Where the bus is, as configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BusSettings {
    /// The shared address all nodes listen on, IPv4. `0.0.0.0` hears broadcasts; a node's own address does not.
    pub listen: SocketAddr,
    /// Where everything is sent. Empty: the directed broadcast address of the first interface that has one.
    pub targets: Vec<SocketAddr>,
    /// The address peers reach this node at; none: that of the interface the targets are behind.
    pub advertise: Option<IpAddr>,
    /// The port of the node's own socket; 0: any.
    pub own_port: u16,
}

/// Why a node cannot take part in the bus. Nothing was opened.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("the bus speaks IPv4 only, and {0} is not an IPv4 address")]
    NotIpv4(IpAddr),
    #[error("the port of target {0} is 0, where nobody listens")]
    NoTargetPort(SocketAddr),
    #[error("cluster.listen {0} needs a port: all nodes listen on the same one")]
    NoListenPort(SocketAddr),
    #[error("the network interfaces cannot be listed: {0}")]
    Interfaces(#[source] io::Error),
    #[error(
        "no network interface that can broadcast was found: connect one, or name cluster.targets (127.255.255.255 for several nodes on one machine)"
    )]
    NoInterface,
    #[error(
        "port {port} is in use by a process of another user, or by a program that does not share it; all nodes on one machine must run as the same user"
    )]
    ListenPortInUse {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error(
        "cluster.own_port {port} is in use: it belongs to one node alone and differs from the port of cluster.listen"
    )]
    OwnPortInUse {
        port: u16,
        #[source]
        source: io::Error,
    },
    #[error("{address} is not an address of this machine")]
    NotOurs {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
    #[error("a socket for {address} cannot be opened: {source}")]
    Socket {
        address: SocketAddr,
        #[source]
        source: io::Error,
    },
}

/// One place everything is sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BusTarget {
    /// Where.
    pub address: SocketAddr,
    /// Heard by all, this node included: a probe sent there comes back. Others cannot be probed.
    pub broadcast: bool,
}

/// The open sockets.
#[derive(Debug)]
pub struct Sockets {
    /// Shared by all nodes on this machine; only broadcasts arrive at all of them.
    pub(super) listening: UdpSocket,
    /// This node's alone: everything leaves from it, so that answers come back to it.
    pub(super) own: UdpSocket,
    pub(super) targets: Vec<BusTarget>,
    pub(super) listen: SocketAddr,
    pub(super) ids: Vec<SocketId>,
    pub(super) receive_buffer_bytes: usize,
    advertised: SocketAddr,
    datagram_bytes_max: usize,
}

impl Sockets {
    /// Opens both sockets. Called within a tokio runtime.
    pub fn open(settings: &BusSettings) -> Result<Sockets, BusError> {
        let interfaces = interfaces::all().map_err(BusError::Interfaces)?;
        let listen = ipv4(settings.listen)?;
        if listen.port() == 0 {
            return Err(BusError::NoListenPort(settings.listen));
        }
        let targets = targets(settings, listen.port(), &interfaces)?;
        let own_address = own_address(listen, settings.own_port, &interfaces);

        let listening = bind_shared(listen)?;
        let own = bind_own(own_address)?;
        let receive_buffer_bytes = [&listening, &own]
            .iter()
            .map(|socket| grow_receive_buffer(socket))
            .min()
            .unwrap_or(0);
        tell_receive_buffer(receive_buffer_bytes);

        let listening = into_tokio(listening, listen)?;
        let own = into_tokio(own, own_address)?;
        let own_port = own.local_addr().map_err(failed(own_address))?.port();
        let ids = [(&listening, listen.port()), (&own, own_port)]
            .into_iter()
            .filter_map(|(socket, port)| SocketId::of(socket.as_fd(), port).ok())
            .collect();
        let advertised = SocketAddr::new(advertised_ip(settings, &targets, &interfaces)?, own_port);
        let sockets = Sockets {
            listening,
            own,
            listen: listen.into(),
            ids,
            receive_buffer_bytes,
            advertised,
            datagram_bytes_max: datagram_bytes_max(&targets, &interfaces),
            targets,
        };
        info!(
            listen = %sockets.listen,
            address = %sockets.advertised,
            targets = ?sockets.targets.iter().map(|target| target.address).collect::<Vec<_>>(),
            receive_buffer_bytes,
            datagram_bytes_max = sockets.datagram_bytes_max,
            "bus sockets are open"
        );
        Ok(sockets)
    }

    /// The own socket as peers reach it: goes into the registry and into `CoreConfig::address`.
    #[must_use]
    pub fn advertised(&self) -> SocketAddr {
        self.advertised
    }

    /// The longest datagram that leaves in one piece on every way: goes into `CoreConfig::datagram_bytes_max`.
    #[must_use]
    pub fn datagram_bytes_max(&self) -> usize {
        self.datagram_bytes_max
    }
}

fn ipv4(address: SocketAddr) -> Result<SocketAddrV4, BusError> {
    match address {
        SocketAddr::V4(v4) => Ok(v4),
        SocketAddr::V6(v6) => Err(BusError::NotIpv4(v6.ip().to_owned().into())),
    }
}

fn targets(
    settings: &BusSettings,
    port: u16,
    interfaces: &[Interface],
) -> Result<Vec<BusTarget>, BusError> {
    let named = settings
        .targets
        .iter()
        .map(|target| ipv4(*target))
        .collect::<Result<Vec<_>, _>>()?;
    if let Some(nowhere) = named.iter().find(|target| target.port() == 0) {
        return Err(BusError::NoTargetPort((*nowhere).into()));
    }
    let addresses = if named.is_empty() {
        let derived = interfaces::default_one(interfaces)
            .and_then(Interface::directed_broadcast)
            .ok_or(BusError::NoInterface)?;
        vec![SocketAddrV4::new(derived, port)]
    } else {
        named
    };
    Ok(addresses
        .into_iter()
        .map(|target| BusTarget {
            address: target.into(),
            // Only what returns to the port we listen on can be heard by ourselves.
            broadcast: interfaces::is_broadcast(interfaces, *target.ip()) && target.port() == port,
        })
        .collect())
}

/// The own socket is bound to the listening address when that is one a node can be reached at: a broadcast address
/// hears no answers, and neither does a socket bound to one of them.
fn own_address(listen: SocketAddrV4, port: u16, interfaces: &[Interface]) -> SocketAddrV4 {
    let ip = *listen.ip();
    let reachable = !ip.is_unspecified() && !interfaces::is_broadcast(interfaces, ip);
    SocketAddrV4::new(if reachable { ip } else { Ipv4Addr::UNSPECIFIED }, port)
}

fn advertised_ip(
    settings: &BusSettings,
    targets: &[BusTarget],
    interfaces: &[Interface],
) -> Result<IpAddr, BusError> {
    if let Some(advertise) = settings.advertise {
        return Ok(advertise);
    }
    if targets
        .iter()
        .all(|target| target.address.ip().is_loopback())
    {
        return Ok(Ipv4Addr::LOCALHOST.into());
    }
    used_by(targets, interfaces)
        .find(|interface| !interface.address.is_loopback())
        .map(|interface| interface.address.into())
        .ok_or(BusError::NoInterface)
}

fn used_by<'a>(
    targets: &'a [BusTarget],
    interfaces: &'a [Interface],
) -> impl Iterator<Item = &'a Interface> {
    targets
        .iter()
        .filter_map(|target| match target.address.ip() {
            IpAddr::V4(ip) => interfaces::towards(interfaces, ip),
            IpAddr::V6(_) => None,
        })
}

fn datagram_bytes_max(targets: &[BusTarget], interfaces: &[Interface]) -> usize {
    used_by(targets, interfaces)
        .filter_map(Interface::payload_bytes_max)
        .fold(DATAGRAM_BYTES_DEFAULT, usize::min)
}

/// `SO_REUSEPORT` alone: with `SO_REUSEADDR` another user's process could join the port and take datagrams.
fn bind_shared(address: SocketAddrV4) -> Result<Socket, BusError> {
    let socket = new_socket(address)?;
    socket.set_reuse_port(true).map_err(failed(address))?;
    bind(&socket, address, |source| BusError::ListenPortInUse {
        port: address.port(),
        source,
    })?;
    Ok(socket)
}

fn bind_own(address: SocketAddrV4) -> Result<Socket, BusError> {
    let socket = new_socket(address)?;
    socket.set_broadcast(true).map_err(failed(address))?;
    // A datagram longer than the path allows is an error to be seen, not fragments: one lost fragment loses it all, and
    // a receiver's reassembly memory is shared by everybody.
    set_ip_mtu_discover(&socket, Ipv4PathMtuDiscovery::DO)
        .map_err(|error| failed(address)(error.into()))?;
    if let Err(error) = socket.set_send_buffer_size(SEND_BUFFER_BYTES) {
        warn!(%error, "the bus keeps the default send buffer");
    }
    bind(&socket, address, |source| BusError::OwnPortInUse {
        port: address.port(),
        source,
    })?;
    Ok(socket)
}

fn new_socket(address: SocketAddrV4) -> Result<Socket, BusError> {
    let socket =
        Socket::new(Domain::IPV4, Type::DGRAM, Some(Protocol::UDP)).map_err(failed(address))?;
    socket.set_nonblocking(true).map_err(failed(address))?;
    Ok(socket)
}

fn bind(
    socket: &Socket,
    address: SocketAddrV4,
    in_use: impl FnOnce(io::Error) -> BusError,
) -> Result<(), BusError> {
    socket.bind(&address.into()).map_err(|source| {
        let kind = source.kind();
        if kind == io::ErrorKind::AddrInUse {
            in_use(source)
        } else if kind == io::ErrorKind::AddrNotAvailable {
            BusError::NotOurs {
                address: address.into(),
                source,
            }
        } else {
            failed(address)(source)
        }
    })
}

fn into_tokio(socket: Socket, address: SocketAddrV4) -> Result<UdpSocket, BusError> {
    UdpSocket::from_std(socket.into()).map_err(failed(address))
}

fn failed(address: SocketAddrV4) -> impl FnOnce(io::Error) -> BusError {
    move |source| BusError::Socket {
        address: address.into(),
        source,
    }
}

/// Asks for a large buffer and returns what the kernel granted.
fn grow_receive_buffer(socket: &Socket) -> usize {
    if let Err(error) = socket.set_recv_buffer_size(RECEIVE_BUFFER_BYTES) {
        warn!(%error, "the bus keeps the default receive buffer");
    }
    // The kernel doubles what was asked for its own bookkeeping and tells the doubled number.
    socket.recv_buffer_size().map_or(0, |doubled| doubled / 2)
}

fn tell_receive_buffer(granted: usize) {
    if granted < RECEIVE_BUFFER_BYTES {
        warn!(
            granted_bytes = granted,
            wanted_bytes = RECEIVE_BUFFER_BYTES,
            rmem_max = kernel::receive_buffer_max(),
            "the kernel granted a small receive buffer and will drop datagrams in bursts; raise it: sysctl -w net.core.rmem_max={RECEIVE_BUFFER_BYTES}"
        );
    }
}

#[cfg(test)]
mod tests;
