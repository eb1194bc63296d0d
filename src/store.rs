//! Storage as the rest of the crate sees it: one small trait per need.
//!
//! The traits and their contracts live here; `sqlite` implements them for one machine, `mysql` for several, and every
//! implementation passes `conformance`. Nothing here knows SQL, sockets or the bus, and nothing outside an
//! implementation knows what database is behind it.
//!
//! Every method may be repeated safely after [`StoreError::Unavailable`].

mod calls;
#[cfg(test)]
pub mod conformance;
mod contract;
mod folding;
pub mod foreign;
mod hunt;
pub mod indexing;
mod listing;
pub mod mysql;
pub mod postings;
mod spans;
pub mod sqlite;
pub mod tables;

pub use calls::CallTimes;
pub use contract::*;
