//! Drivers over real sockets and a real store.
