//! The deterministic simulation: of the bus core, with scenarios at its boundary, and of whole nodes with people at them.
//!
//! Responsible for proving the invariants of PROTOCOL.md, and what is promised to clients, under losses, crashes, pauses,
//! restored stores, slow readers and hostile datagrams: one thread, a virtual clock, one seed decides everything. Deliberately without sockets, runtime and real stores. Run with
//! `cargo nextest run --test sim`; `STARLING_SIM_SEEDS` sets how many seeds, `STARLING_SIM_SEED` replays one.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stdout,
    clippy::cast_possible_truncation,
    reason = "tests may fail loudly; the model's numbers are small"
)]

#[path = "sim/acts.rs"]
mod acts;
#[path = "sim/chaos.rs"]
mod chaos;
#[path = "sim/committer.rs"]
mod committer;
#[path = "sim/crowd.rs"]
mod crowd;
#[path = "sim/desk.rs"]
mod desk;
#[path = "sim/faults.rs"]
mod faults;
#[path = "sim/fuzz.rs"]
mod fuzz;
#[path = "sim/hostile.rs"]
mod hostile;
#[path = "sim/lab.rs"]
mod lab;
#[path = "sim/ledger.rs"]
mod ledger;
#[path = "sim/machine.rs"]
mod machine;
#[path = "sim/mutations.rs"]
mod mutations;
#[path = "sim/network.rs"]
mod network;
#[path = "sim/node.rs"]
mod node;
#[path = "sim/oracle.rs"]
mod oracle;
#[path = "sim/peers.rs"]
mod peers;
#[path = "sim/people.rs"]
mod people;
#[path = "sim/replica.rs"]
mod replica;
#[path = "sim/scenarios.rs"]
mod scenarios;
#[path = "sim/seeds.rs"]
mod seeds;
#[path = "sim/serving.rs"]
mod serving;
#[path = "sim/storage.rs"]
mod storage;
#[path = "sim/store.rs"]
mod store;
#[path = "sim/whole.rs"]
mod whole;
#[path = "sim/world.rs"]
mod world;
