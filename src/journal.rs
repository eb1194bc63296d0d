//! The log as this node lives it: taking entries in ([`committer`]), applying them in order ([`replica`] with
//! its [`view`] and [`window`]), bringing each connection to where it is live ([`cursor`]), and knowing how far anybody may
//! read ([`position`]).
//!
//! Knows the store's traits, never its SQL; knows nothing of sockets or HTTP.

pub mod committer;
pub mod cursor;
#[cfg(feature = "defects")]
pub mod defects;
pub mod live;
pub mod position;
pub mod replica;
pub mod view;
pub mod window;
