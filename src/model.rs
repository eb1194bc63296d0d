//! Plain data and rules: ids, conversations, entries, drafts, users, groups, policy. No IO, no async, nothing else of the crate.

pub mod admin;
pub mod alteration;
pub mod conversation;
pub mod draft;
pub mod encode;
pub mod entry;
pub mod error;
pub mod file;
pub mod group;
pub mod hook;
pub mod ids;
pub mod message;
pub mod packet;
pub mod policy;
pub mod search;
pub mod signal;
pub mod user;
