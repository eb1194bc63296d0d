//! `redis.url`, understood: one server, or several addresses of one Redis Cluster.
//!
//! Responsible for never repeating the URL, which holds a password. Deliberately without connecting.

use redis::cluster::{ClusterClient, ClusterClientBuilder};
use redis::{Client, ConnectionInfo, IntoConnectionInfo as _, ProtocolVersion};

use super::link::{CONNECT_WITHIN, RESPONSE_WITHIN};
use crate::config::SecretUrl;

/// Why `redis.url` is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidServers {
    #[error("address {number} in redis.url cannot be understood: {reason}")]
    Address {
        /// Counted from 1.
        number: usize,
        /// In words, without the address.
        reason: String,
    },
    #[error("a Redis Cluster has database 0 alone, but an address in redis.url names another")]
    DatabaseOfCluster,
}

/// Where Redis is.
#[derive(Clone)]
pub struct Servers {
    /// One for each address, never empty.
    clients: Vec<Client>,
    /// For commands on keys, when several addresses make a cluster.
    cluster: Option<ClusterClient>,
}

impl Servers {
    /// Understands `redis.url`; none when it is empty.
    ///
    /// # Errors
    /// Something in it is no address.
    pub fn parse(url: &SecretUrl) -> Result<Option<Servers>, InvalidServers> {
        if url.is_empty() {
            return Ok(None);
        }
        let addresses = url.expose().split(',').map(str::trim);
        let infos = (1..)
            .zip(addresses)
            .map(|(number, address)| {
                let invalid = |error: redis::RedisError| InvalidServers::Address {
                    number,
                    reason: error.to_string(),
                };
                address.into_connection_info().map_err(invalid)
            })
            .collect::<Result<Vec<ConnectionInfo>, _>>()?;
        let clients = (1..)
            .zip(&infos)
            .map(|(number, info)| {
                Client::open(info.clone()).map_err(|error| InvalidServers::Address {
                    number,
                    reason: error.to_string(),
                })
            })
            .collect::<Result<Vec<_>, _>>()?;
        let cluster = if infos.len() > 1 {
            Some(cluster(infos)?)
        } else {
            None
        };
        Ok(Some(Servers { clients, cluster }))
    }

    /// The cluster's client; none for a single server.
    pub(super) fn cluster(&self) -> Option<&ClusterClient> {
        self.cluster.as_ref()
    }

    /// The client of one address; any number names one.
    pub fn one(&self, number: usize) -> &Client {
        &self.clients[number % self.clients.len()]
    }
}

fn cluster(infos: Vec<ConnectionInfo>) -> Result<ClusterClient, InvalidServers> {
    if infos.iter().any(|info| info.redis_settings().db() != 0) {
        return Err(InvalidServers::DatabaseOfCluster);
    }
    ClusterClientBuilder::new(infos)
        .use_protocol(ProtocolVersion::RESP2)
        .connection_timeout(CONNECT_WITHIN)
        .response_timeout(RESPONSE_WITHIN)
        .overall_response_timeout(Some(RESPONSE_WITHIN))
        .retries(1)
        .build()
        .map_err(|error| InvalidServers::Address {
            number: 1,
            reason: error.to_string(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_address_is_refused_without_repeating_it() {
        assert!(Servers::parse(&SecretUrl::default()).unwrap().is_none());
        for url in [
            "redis://:hunter2@",
            "redis://a:6379,redis://:hunter2@b:port",
            "redis://:hunter2@a/x",
        ] {
            let refused = Servers::parse(&SecretUrl::from(url)).err().unwrap();
            assert!(!refused.to_string().contains("hunter2"), "{refused}");
        }
        let refused = Servers::parse(&SecretUrl::from("redis://a,redis://b/2"));
        assert_eq!(refused.err(), Some(InvalidServers::DatabaseOfCluster));
    }

    #[test]
    fn several_addresses_are_a_cluster_and_one_is_not() {
        let parse = |url: &str| Servers::parse(&SecretUrl::from(url)).unwrap().unwrap();
        assert!(parse("redis://a:6379/3").cluster().is_none());
        assert!(parse("redis://a:6379, redis://b:6379").cluster().is_some());
    }
}
