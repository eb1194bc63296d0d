//! Clients of the public API, as a careful one behaves: a position, another node when its own is gone, repetition of
//! what was not acknowledged under the same id; and a ledger of everything sent and heard.

pub(crate) mod api;
mod chatter;
mod dialect;
mod driver;
mod files;
mod ledger;
mod pages;
mod program;
mod socket;
mod tongue;

pub(crate) use chatter::{Chatter, Habits, RunClock};
pub(crate) use dialect::{Dialect, register};
pub(crate) use files::Got;
#[cfg(test)]
pub(crate) use ledger::{Ack, Fetch, Sent};
pub(crate) use ledger::{Ledger, Receipt, Room, Told, digest_of};
