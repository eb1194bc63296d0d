//! The log as this node lives it: taking entries in ([`committer`]), applying them in order ([`replica`]),
//! and serving readers from a position ([`cursor`]).
//!
//! Knows the store's traits, never its SQL; knows nothing of sockets or HTTP.

pub mod committer;
pub mod position;
