//! The bus: how nodes tell each other at once what the store already holds.
//!
//! `core` is the protocol without IO; the shell around it owns sockets, clock and tasks: `driver` is its one task,
//! `carrier` what it listens and sends on, be it the sockets of `socket` or the channels of `redis`. The shell decides
//! nothing.

mod carrier;
pub mod core;
pub mod driver;
pub mod faults;
mod interfaces;
mod kernel;
pub mod redis;
pub mod socket;

pub use carrier::Carrier;
pub use driver::{Driver, DriverConfig, DriverHandle, Inputs, ShellStatus, Sink};
pub use socket::{BusError, BusSettings, Sockets};
