//! Clients of the public API: plain requests, a bare socket for rude ones, and one that behaves and keeps a ledger.

mod chatter;
mod http;
mod ledger;
mod socket;

pub(crate) use chatter::{Chatter, Habits};
pub(crate) use http::{Account, Http, PASSWORD, Reply};
pub(crate) use ledger::{Ledger, Receipt, Room};
pub(crate) use socket::{Heard, Socket};
