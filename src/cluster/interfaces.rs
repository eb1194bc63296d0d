//! The machine's IPv4 interfaces as the bus sees them: addresses, directed broadcast addresses, MTU.
//!
//! Responsible for choosing where datagrams go by default, which address others reach this node at, and how long a
//! datagram may be. Deliberately without sockets and without names from the network. Driven by `socket`.

use std::fs;
use std::io;
use std::net::Ipv4Addr;

/// Bytes of an IPv4 header without options and a UDP header.
const HEADER_BYTES: usize = 28;

/// One IPv4 address of one interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Interface {
    pub(super) name: String,
    pub(super) address: Ipv4Addr,
    netmask: Ipv4Addr,
    broadcast: Option<Ipv4Addr>,
}

/// All IPv4 addresses of this machine, those of interfaces that are up first.
pub(super) fn all() -> io::Result<Vec<Interface>> {
    let mut found = if_addrs::get_if_addrs()?;
    found.sort_by_key(|interface| !interface.is_oper_up());
    Ok(found
        .into_iter()
        .filter_map(|interface| match interface.addr {
            if_addrs::IfAddr::V4(v4) => Some(Interface {
                name: interface.name,
                address: v4.ip,
                netmask: v4.netmask,
                broadcast: v4.broadcast,
            }),
            if_addrs::IfAddr::V6(_) => None,
        })
        .collect())
}

impl Interface {
    /// Where a datagram to everybody on this interface's network goes; none on a link without broadcast.
    ///
    /// Derived from the netmask when the kernel names none: addresses set by hand often lack it.
    pub(super) fn directed_broadcast(&self) -> Option<Ipv4Addr> {
        let derived = Ipv4Addr::from(u32::from(self.address) | !u32::from(self.netmask));
        let has_room_for_one = u32::from(self.netmask).count_ones() < 31;
        match self.broadcast {
            Some(named) if named != self.address && !named.is_unspecified() => Some(named),
            Some(_) | None => has_room_for_one.then_some(derived),
        }
    }

    /// Whether an address is on this interface's network.
    pub(super) fn reaches(&self, address: Ipv4Addr) -> bool {
        let mask = u32::from(self.netmask);
        u32::from(self.address) & mask == u32::from(address) & mask
    }

    /// The longest UDP payload that leaves in one piece; none when the system does not tell.
    pub(super) fn payload_bytes_max(&self) -> Option<usize> {
        // An alias like `eth0:1` has its interface's MTU.
        let device = self.name.split(':').next().unwrap_or(&self.name);
        let text = fs::read_to_string(format!("/sys/class/net/{device}/mtu")).ok()?;
        let mtu: usize = text.trim().parse().ok()?;
        mtu.checked_sub(HEADER_BYTES)
    }
}

/// The interface a node uses when it is told nothing: the first that others can be reached by.
pub(super) fn default_one(interfaces: &[Interface]) -> Option<&Interface> {
    interfaces.iter().find(|interface| {
        !interface.address.is_loopback() && interface.directed_broadcast().is_some()
    })
}

/// The interface datagrams to `target` leave by: the one whose network holds it, else the default one.
pub(super) fn towards(interfaces: &[Interface], target: Ipv4Addr) -> Option<&Interface> {
    interfaces
        .iter()
        .find(|interface| interface.reaches(target))
        .or_else(|| default_one(interfaces))
}

/// Whether a datagram to `target` is heard by everybody on a network of ours, ourselves included.
pub(super) fn is_broadcast(interfaces: &[Interface], target: Ipv4Addr) -> bool {
    target.is_broadcast()
        || interfaces
            .iter()
            .any(|interface| interface.directed_broadcast() == Some(target))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interface(address: [u8; 4], netmask: [u8; 4], broadcast: Option<[u8; 4]>) -> Interface {
        Interface {
            name: "test".to_owned(),
            address: address.into(),
            netmask: netmask.into(),
            broadcast: broadcast.map(Ipv4Addr::from),
        }
    }

    #[test]
    fn the_directed_broadcast_address_is_the_kernels_or_follows_from_the_netmask() {
        let named = interface([10, 0, 0, 5], [255, 255, 255, 0], Some([10, 0, 0, 255]));
        let unnamed = interface([10, 1, 2, 3], [255, 255, 0, 0], None);
        let loopback = interface([127, 0, 0, 1], [255, 0, 0, 0], None);
        let point_to_point = interface([10, 9, 9, 9], [255, 255, 255, 255], None);
        assert_eq!(named.directed_broadcast(), Some([10, 0, 0, 255].into()));
        assert_eq!(unnamed.directed_broadcast(), Some([10, 1, 255, 255].into()));
        assert_eq!(
            loopback.directed_broadcast(),
            Some([127, 255, 255, 255].into())
        );
        assert_eq!(point_to_point.directed_broadcast(), None);
    }

    #[test]
    fn loopback_is_never_the_default_and_a_target_chooses_its_own_network() {
        let all = [
            interface([127, 0, 0, 1], [255, 0, 0, 0], None),
            interface([10, 9, 9, 9], [255, 255, 255, 255], None),
            interface([10, 0, 0, 5], [255, 255, 255, 0], None),
        ];
        assert_eq!(default_one(&all), Some(&all[2]));
        assert_eq!(towards(&all, [127, 255, 255, 255].into()), Some(&all[0]));
        assert_eq!(towards(&all, [192, 168, 1, 1].into()), Some(&all[2]));
        assert_eq!(default_one(&all[..2]), None);
        assert!(is_broadcast(&all, [10, 0, 0, 255].into()));
        assert!(!is_broadcast(&all, [10, 0, 0, 7].into()));
    }
}
