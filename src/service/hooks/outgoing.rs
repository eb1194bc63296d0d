//! Requests to other servers: one signed POST, to addresses of the outside world only.
//!
//! Names are resolved here, and only what may be connected to is handed to the client, so that a name that changes its
//! mind between the check and the connection changes nothing. No redirects, no proxy, no body read.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::redirect::Policy;
use reqwest::{Client, Url};
use ring::hmac;
use rustls::crypto::ring::default_provider;

use crate::model::entry::UnixMillis;

/// For the whole of a delivery: resolving, connecting, sending, the answer's head.
pub const DELIVERY_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to a receiver is kept for the next message.
const IDLE: Duration = Duration::from_secs(30);
/// Idle connections to one receiver: deliveries of one hook follow one another.
const IDLE_MAX: usize = 2;
const SIGNATURE: &str = "Starling-Signature";
const HOOK: &str = "Starling-Hook";
const AGENT: &str = concat!("starling/", env!("CARGO_PKG_VERSION"));

/// Why a receiver did not take a message.
#[derive(Debug, thiserror::Error)]
pub enum Undelivered {
    /// It answered with another status than success.
    #[error("the receiver answered {0}")]
    Status(u16),
    /// There was no answer in time, or none at all.
    #[error("{0}")]
    Unreached(String),
}

/// The way out. Cheap to clone.
#[derive(Clone)]
pub struct Outgoing {
    client: Client,
    allow_private: bool,
}

impl Outgoing {
    /// # Errors
    /// The machine's trusted certificates cannot be read.
    pub fn new(allow_private: bool) -> Result<Outgoing, reqwest::Error> {
        // The client takes the process' one. Somebody may have set it, to the same: there is no other in the program.
        let _ = default_provider().install_default();
        let client = Client::builder()
            .user_agent(AGENT)
            .timeout(DELIVERY_TIMEOUT)
            .redirect(Policy::none())
            .no_proxy()
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_MAX)
            .dns_resolver(Arc::new(Resolver { allow_private }))
            .build()?;
        Ok(Outgoing {
            client,
            allow_private,
        })
    }

    /// Posts a JSON body to a receiver, signed at this time. Any 2xx is success.
    pub async fn post(
        &self,
        url: &str,
        secret: &str,
        hook: u64,
        at: UnixMillis,
        body: Vec<u8>,
    ) -> Result<(), Undelivered> {
        if !may_lead_to(url, self.allow_private) {
            return Err(Undelivered::Unreached(
                "the address is not allowed".to_owned(),
            ));
        }
        let sent = self
            .client
            .post(url)
            .header("content-type", "application/json")
            .header(HOOK, hook)
            .header(SIGNATURE, signature(secret, at / 1_000, &body))
            .body(Bytes::from(body))
            .send()
            .await;
        match sent {
            Ok(answer) if answer.status().is_success() => Ok(()),
            Ok(answer) => Err(Undelivered::Status(answer.status().as_u16())),
            Err(error) => Err(unreached(&error)),
        }
    }
}

/// In words without the address, which may hold a secret, for who runs the group.
fn unreached(error: &reqwest::Error) -> Undelivered {
    let words = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "no connection"
    } else {
        "the connection broke off"
    };
    Undelivered::Unreached(words.to_owned())
}

/// `t=<seconds since 1970>,v1=<HMAC-SHA256 of "t.body" in hex>`.
fn signature(secret: &str, seconds: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signing = hmac::Context::with_key(&key);
    signing.update(format!("{seconds}.").as_bytes());
    signing.update(body);
    let tag = signing.sign();
    let hex: String = tag
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("t={seconds},v1={hex}")
}

/// Whether a hook may have this address: `http` or `https`, no password in it, and no number of a network inside. What
/// a name stands for is looked at when it is resolved.
#[must_use]
pub(super) fn may_lead_to(url: &str, allow_private: bool) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let plain = url.username().is_empty() && url.password().is_none();
    let web = matches!(url.scheme(), "http" | "https");
    let Some(host) = url.host_str() else {
        return false;
    };
    let literal = host.trim_start_matches('[').trim_end_matches(']');
    let outside = match literal.parse::<IpAddr>() {
        Ok(address) => allow_private || is_outside(address),
        Err(_) => true,
    };
    plain && web && outside
}

struct Resolver {
    allow_private: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let allow_private = self.allow_private;
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let allowed: Vec<SocketAddr> = found
                .filter(|address| allow_private || is_outside(address.ip()))
                .collect();
            if allowed.is_empty() {
                return Err("the name stands for no address that is allowed".into());
            }
            let addresses: Addrs = Box::new(allowed.into_iter());
            Ok(addresses)
        })
    }
}

/// Whether an address is of the outside world: not this machine, not a network of one's own, not a provider's inside
/// (IANA's registries of special-purpose addresses).
fn is_outside(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_outside_v4(address),
        IpAddr::V6(address) => is_outside_v6(address),
    }
}

fn is_outside_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    let inside = match (a, b, c) {
        // "This network", private, loopback, link-local with the clouds' metadata, multicast and everything above.
        (0 | 10 | 127 | 224.., _, _) | (169, 254, _) | (172, 16..=31, _) | (192, 168, _) => true,
        // Carriers' inside, protocol assignments, 6to4 relays, documentation, benchmarks.
        (100, 64..=127, _) | (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) => true,
        (198, 51, 100) | (203, 0, 113) => true,
        (_, _, _) => false,
    };
    !inside
}

fn is_outside_v6(address: Ipv6Addr) -> bool {
    let segments = address.segments();
    let embedded = |high: u16, low: u16| {
        let [a, b] = high.to_be_bytes();
        let [c, d] = low.to_be_bytes();
        is_outside_v4(Ipv4Addr::new(a, b, c, d))
    };
    match segments {
        // What stands for an IPv4 address is as far outside as that: mapped, translated (NAT64), 6to4.
        [0, 0, 0, 0, 0, 0xffff, high, low] | [0x64, 0xff9b, 0, 0, 0, 0, high, low] => {
            embedded(high, low)
        }
        [0x2002, high, low, ..] => embedded(high, low),
        // Teredo and other protocol assignments, documentation.
        [0x2001, 0..=0x1ff, ..] | [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => false,
        // Of the rest, global unicast is 2000::/3.
        [first, ..] => first & 0xe000 == 0x2000,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_networks_inside_are_known_however_they_are_written() {
        for url in [
            "http://127.0.0.1/",
            "http://2130706433/",
            "http://0x7f.1/",
            "http://0/",
            "http://10.1.2.3/",
            "http://172.31.0.1/",
            "http://192.168.1.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://100.64.0.1/",
            "http://224.0.0.1/",
            "http://255.255.255.255/",
            "http://[::1]/",
            "http://[::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[fec0::1]/",
            "http://[ff02::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[64:ff9b::10.0.0.1]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:db8::1]/",
            "http://[::127.0.0.1]/",
        ] {
            assert!(!may_lead_to(url, false), "{url}");
            assert!(may_lead_to(url, true), "{url}");
        }
        for url in [
            "https://hooks.example/x?y=z",
            "http://8.8.8.8:8080/",
            "http://172.32.0.1/",
            "http://[2606:4700::1111]/",
            "http://[64:ff9b::8.8.8.8]/",
        ] {
            assert!(may_lead_to(url, false), "{url}");
        }
        for url in [
            "ftp://a.example/",
            "file:///etc/passwd",
            "https://u:p@a.example/",
            "x",
            "",
        ] {
            assert!(!may_lead_to(url, true), "{url}");
        }
    }

    #[tokio::test]
    async fn a_name_that_stands_for_this_machine_is_not_resolved() {
        let name = || "localhost".parse::<Name>().unwrap();
        let strict = Resolver {
            allow_private: false,
        };
        assert!(strict.resolve(name()).await.is_err());
        let loose = Resolver {
            allow_private: true,
        };
        assert!(loose.resolve(name()).await.is_ok());
    }

    #[test]
    fn a_signature_is_what_others_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac secret
        let signed = signature("secret", 1_700_000_000, br#"{"a":1}"#);
        let tag = "49f24e537407743fa4a0242bb63b94b9a47ee99cbbe071ccd8a22550ae411686";
        assert_eq!(signed, format!("t=1700000000,v1={tag}"));
    }
}
