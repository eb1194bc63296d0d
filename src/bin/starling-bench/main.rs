//! `starling-bench`: measures real nodes on this machine and prints one table.
//!
//! Each figure stands beside a baseline of the same run where one means something: plain inserts into the same database
//! for what an append costs, a bare SQLite for what a commit costs, a plain WebSocket broadcaster for what a connection
//! and a delivery cost. Ratios travel between machines, figures do not.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a command that reads the clock, draws names and prints its result"
)]

mod api;
mod appends;
mod contention;
mod conversations;
mod fanout;
mod idle;
mod latency;
mod node;
mod peer;
mod search;
mod sends;
mod table;
mod wire;

use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, ValueEnum};

use contention::Saturation;
use table::Table;

/// Descriptors for both ends of the largest section.
const FILES_NEEDED: u64 = 12_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Section {
    /// Entries the store takes, beside plain inserts
    Appends,
    /// Waits of processes that share a SQLite file
    Contention,
    /// Pages of a long conversation, and a long list of them
    Conversations,
    /// Acknowledged sends per second
    Sends,
    /// Delivery from one node to another
    Latency,
    /// Deliveries per second in a large group
    Fanout,
    /// Memory of an idle connection
    Idle,
    /// Searches in a million messages
    Search,
}

/// Measures real nodes on this machine
#[derive(Parser)]
struct Arguments {
    /// What to measure; everything if none is named
    sections: Vec<Section>,
    /// The server to measure; the `starling` beside this program if not given
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// An empty database of a server, to measure the store there as well
    #[arg(
        long,
        value_name = "URL",
        env = "STARLING_BENCH_MYSQL",
        hide_env_values = true
    )]
    mysql: Option<String>,
    /// Be the plain broadcaster that figures are compared with
    #[arg(long, hide = true)]
    peer: bool,
    /// Messages to search in; a million if not given
    #[arg(long, value_name = "COUNT")]
    messages: Option<usize>,
    #[command(flatten)]
    saturation: Saturation,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let limit = rlimit::increase_nofile_limit(u64::MAX).unwrap_or_default();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    if arguments.peer {
        return runtime.block_on(peer::serve());
    }
    if let Some(file) = arguments.saturation.file() {
        return runtime.block_on(arguments.saturation.run(file));
    }
    anyhow::ensure!(
        limit >= FILES_NEEDED,
        "the limit of open files is {limit}; {FILES_NEEDED} are needed (ulimit -n)"
    );
    let server = match arguments.server {
        Some(server) => server,
        None => std::env::current_exe()?.with_file_name("starling"),
    };
    anyhow::ensure!(server.is_file(), "no server at {}", server.display());
    let sections = if arguments.sections.is_empty() {
        Section::value_variants().to_vec()
    } else {
        arguments.sections
    };
    let mut table = Table::default();
    for section in sections {
        eprintln!("measuring {section:?} ...");
        let mysql = arguments.mysql.as_deref();
        let measured = match section {
            Section::Appends => runtime.block_on(appends::measure(mysql, &mut table)),
            Section::Contention => contention::measure(&mut table),
            Section::Conversations => {
                runtime.block_on(conversations::measure(&server, mysql, &mut table))
            }
            Section::Sends => runtime.block_on(sends::measure(&server, &mut table)),
            Section::Latency => runtime.block_on(latency::measure(&server, &mut table)),
            Section::Fanout => runtime.block_on(fanout::measure(&server, &mut table)),
            Section::Idle => runtime.block_on(idle::measure(&server, &mut table)),
            Section::Search => {
                runtime.block_on(search::measure(mysql, arguments.messages, &mut table))
            }
        };
        measured.with_context(|| format!("cannot measure {section:?}"))?;
    }
    println!("{table}");
    Ok(())
}
