//! `[http]`: where clients reach this node, and whom it believes about addresses and origins.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::check::Checks;
use super::network::Network;

/// See the field docs.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// Addresses to listen on, at least one. Port 0 takes a free port, which is logged.
    pub listen: Vec<SocketAddr>,
    /// Reverse proxies, as addresses or networks, whose `X-Forwarded-*` headers are believed.
    pub proxies: Vec<Network>,
    /// Web origins besides the node's own that may upgrade and write with the cookie, as `https://chat.example`.
    pub origins: Vec<String>,
    /// How people reach the deployment, for links in answers; empty: taken from each request.
    pub public_url: String,
    /// Folder to serve the web client from; empty: the one built into the binary.
    pub assets: PathBuf,
    /// Most connections of all kinds at a time; the file limit must leave 256 more.
    pub connections_max: u32,
    /// How long a connection may take to send a request's head, the first byte included.
    pub header_timeout_ms: u64,
    /// How long a connection may rest between two requests; above the proxy's own so that the proxy closes first.
    pub keepalive_ms: u64,
    /// Largest body of a request that is not an upload.
    pub body_bytes: usize,
}

impl Default for Http {
    fn default() -> Self {
        Http {
            listen: vec![SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 8080)],
            proxies: Vec::new(),
            origins: Vec::new(),
            public_url: String::new(),
            assets: PathBuf::new(),
            connections_max: 10_000,
            header_timeout_ms: 10_000,
            keepalive_ms: 75_000,
            body_bytes: 256 * 1024,
        }
    }
}

impl Http {
    pub(super) fn check(&self, checks: &mut Checks) {
        checks.that(
            "http.listen",
            !self.listen.is_empty(),
            "at least one address is needed",
        );
        checks.that(
            "http.origins",
            self.origins.iter().all(|origin| is_origin(origin)),
            "an origin is a scheme and a host, as in https://chat.example:8443, with nothing behind",
        );
        checks.that(
            "http.public_url",
            self.public_url.is_empty() || is_web_url(&self.public_url),
            "it starts with http:// or https://",
        );
        checks.that(
            "http.assets",
            self.assets.as_os_str().is_empty() || self.assets.is_dir(),
            "no such folder",
        );
        checks.within(
            "http.connections_max",
            self.connections_max,
            16..=10_000_000,
        );
        checks.within(
            "http.header_timeout_ms",
            self.header_timeout_ms,
            100..=300_000,
        );
        checks.within("http.keepalive_ms", self.keepalive_ms, 1_000..=3_600_000);
        checks.within("http.body_bytes", self.body_bytes, 64 * 1024..=16 << 20);
    }
}

fn is_web_url(text: &str) -> bool {
    text.strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"))
        .is_some_and(|rest| !rest.is_empty() && !rest.contains(char::is_whitespace))
}

fn is_origin(text: &str) -> bool {
    is_web_url(text) && text.matches('/').count() == 2
}
