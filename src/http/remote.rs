//! Where a request comes from, when it may have passed proxies.
//!
//! A proxy's `X-Forwarded-For` is believed only from configured addresses: anybody can write the header.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use warp::http::HeaderMap;

use crate::config::Network;

/// The other end of the connection; the accept loop puts it into each request's extensions.
#[derive(Clone, Copy, Debug)]
pub struct PeerAddr(pub SocketAddr);

/// What a request in a test, without a connection, is taken to come from.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// The proxies that are believed.
#[derive(Clone, Debug, Default)]
pub struct Proxies(Vec<Network>);

impl Proxies {
    #[must_use]
    pub fn new(networks: Vec<Network>) -> Proxies {
        Proxies(networks)
    }

    fn believes(&self, address: IpAddr) -> bool {
        self.0.iter().any(|network| network.contains(address))
    }

    /// Whether the other end of the connection is a proxy that is believed.
    #[must_use]
    pub fn passed(&self, peer: PeerAddr) -> bool {
        self.believes(peer.0.ip().to_canonical())
    }

    /// The client's address: the nearest one that is not a proxy of ours.
    #[must_use]
    pub fn client(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> IpAddr {
        let mut address = peer.map_or(NOWHERE, |peer| peer.0.ip()).to_canonical();
        // Each proxy adds the address it was called from at the end.
        let listed = headers.get_all("x-forwarded-for").iter().rev();
        let hops = listed
            .filter_map(|value| value.to_str().ok())
            .flat_map(|list| list.rsplit(','));
        for hop in hops {
            if !self.believes(address) {
                break;
            }
            match hop.trim().parse::<IpAddr>() {
                Ok(before) => address = before.to_canonical(),
                Err(_) => break,
            }
        }
        address
    }

    /// Whether the client's side of the nearest proxy is encrypted, as far as that is known.
    #[must_use]
    pub fn is_https(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> bool {
        let told = headers.get("x-forwarded-proto");
        let https = told.is_some_and(|proto| proto.as_bytes().eq_ignore_ascii_case(b"https"));
        https && peer.is_some_and(|peer| self.believes(peer.0.ip()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let peer = PeerAddr(SocketAddr::new(peer.parse().unwrap(), 1234));
        proxies.client(Some(peer), &headers).to_string()
    }

    #[test]
    fn only_what_our_own_proxies_added_is_believed() {
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6, 198.51.100.7"]),
            "198.51.100.7"
        );
        assert_eq!(
            client("10.0.0.1", &["6.6.6.6", "198.51.100.7, 10.0.0.2"]),
            "198.51.100.7"
        );
        assert_eq!(client("10.0.0.1", &["6.6.6.6, junk"]), "10.0.0.1");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }
}
