//! The way to Redis, for those parts that have a use for it.
//!
//! Responsible for connecting, for reconnecting and for telling how that goes. Deliberately without knowing what is
//! kept there: presence, counters and the bus each have a [`Link`] of their own, so that a burst of one of them does
//! not hold up another. Nothing a node promises depends on Redis: a call that cannot be answered at once fails at once.

mod health;
mod link;
mod servers;

pub use health::Health;
pub use link::{Away, Connection, Link, Shard, Spread};
pub use servers::{InvalidServers, Servers};

#[cfg(test)]
mod tests;
