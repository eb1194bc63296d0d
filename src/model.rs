//! Plain data and rules: ids, conversations, entries, users. No IO, no async, nothing else of the crate.

pub mod ids;
