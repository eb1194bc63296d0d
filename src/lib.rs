//! Starling: identical chat nodes over one shared log, with a UDP bus as the doorbell.

pub mod cluster;
pub mod hub;
pub mod journal;
pub mod model;
pub mod presence;
pub mod store;
