//! The bus protocol as a state machine: bytes and time in, datagrams and deliveries out.
