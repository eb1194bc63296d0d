//! Starling: identical chat nodes over one shared log, with a UDP bus as the doorbell.

pub mod cluster;
pub mod model;
pub mod store;
