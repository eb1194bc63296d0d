//! The bus: how nodes tell each other at once what the store already holds.
//!
//! `core` is the protocol without IO; the shell around it owns sockets, clock and tasks.

pub mod core;
