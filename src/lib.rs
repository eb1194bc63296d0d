//! Starling: identical chat nodes over one shared log, with a UDP bus as the doorbell.

pub mod cli;
pub mod cluster;
pub mod config;
pub mod dialect;
pub mod files;
pub mod http;
pub mod hub;
pub mod journal;
pub mod model;
pub mod node;
pub mod presence;
pub mod redis;
pub mod service;
pub mod store;
pub mod telemetry;

#[cfg(test)]
#[expect(
    clippy::disallowed_methods,
    reason = "it waits for a process that tells nobody when it is ready"
)]
#[path = "../tests/support/redis.rs"]
mod redis_server;
