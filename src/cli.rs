//! The command line: reads arguments and environment, runs one command, says in one sentence what failed.
//!
//! One file per command. Commands write their answer to the output they are given and never exit themselves.

mod backup;
mod check;
mod cluster;
mod export;
mod failure;
mod fetch;
mod import;
mod keygen;
mod living;
mod migrate;
mod moving;
mod nginx;
mod password;
mod restore;
mod serve;
mod stores;
mod user;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::{Config, LoadOptions, Origins, Override};
pub use failure::Failure;
pub use serve::Signals;

/// A self-hosted chat server whose identical nodes form a cluster on a LAN.
#[derive(Debug, Parser)]
#[command(name = "starling", version, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(flatten)]
    settings: Settings,
    #[command(subcommand)]
    command: Option<Command>,
}

const EXIT_CODES: &str = "Exit codes: 0 done, 1 failed while running, 2 wrong usage or configuration, \
                          3 the store cannot be opened.";

/// Where the configuration comes from: what every command takes.
#[derive(Args, Debug)]
struct Settings {
    /// Configuration file; without it config/starling.toml is read if it exists
    #[arg(long, short, value_name = "FILE", global = true)]
    config: Option<PathBuf>,
    /// Set any key, as --set limits.ping_ms=20000; lists are comma-separated; repeatable
    #[arg(long, value_name = "KEY=VALUE", value_parser = key_and_value, global = true)]
    set: Vec<(String, String)>,
    /// Addresses to listen on, comma-separated (http.listen)
    #[arg(long, value_name = "ADDRESS", global = true)]
    listen: Option<String>,
    /// Folder for the embedded store and uploads (data.dir)
    #[arg(long, value_name = "DIR", global = true)]
    data: Option<String>,
    /// The store's URL (store.url)
    #[arg(long, value_name = "URL", global = true)]
    store: Option<String>,
    /// What to call this node (node.name)
    #[arg(long, value_name = "NAME", global = true)]
    name: Option<String>,
    /// Log level or filter (log.filter)
    #[arg(long, value_name = "FILTER", global = true)]
    log: Option<String>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run a node (the default)
    Serve,
    /// Check the configuration and print what is in effect, secrets masked
    Check,
    /// Bring the store to this version's form, or move it into another store
    Migrate(migrate::Migrate),
    /// Save the store into a file while nodes run
    Backup(backup::Backup),
    /// Put a saved file in the store's place
    Restore(restore::Restore),
    /// Print a new cluster key
    Keygen(keygen::Keygen),
    /// Add, promote or list accounts, or set a password
    #[command(subcommand)]
    User(user::User),
    /// Bring users, friendships, groups and messages in from another chat system
    Import(import::Import),
    /// Write everything the deployment holds about one person into a folder
    Export(export::Export),
    /// Show the nodes of the cluster a running node is in
    Cluster(cluster::Cluster),
    /// Print nginx's list of the live nodes
    Nginx(nginx::Nginx),
}

/// Runs what the process was asked for.
#[must_use]
pub fn main() -> ExitCode {
    let line = CommandLine::parse();
    let outcome = run(line, std::env::vars().collect(), &mut std::io::stdout());
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nowhere is left to report a standard error that cannot be written to.
            let _ = writeln!(std::io::stderr(), "starling: {failure}");
            failure.exit_code()
        }
    }
}

fn run(line: CommandLine, env: Vec<(String, String)>, out: &mut dyn Write) -> Result<(), Failure> {
    let load = || line.settings.load(env);
    match line.command.unwrap_or(Command::Serve) {
        Command::Serve => serve::run(load()?.0),
        Command::Check => {
            let (config, origins) = load()?;
            check::run(&config, &origins, out)
        }
        Command::Migrate(command) => command.run(&load()?.0, out),
        Command::Backup(command) => command.run(&load()?.0, out),
        Command::Restore(command) => command.run(&load()?.0, out),
        Command::Keygen(command) => command.run(out),
        Command::User(command) => command.run(&load()?.0, out),
        Command::Import(command) => command.run(&load()?.0, out),
        Command::Export(command) => command.run(&load()?.0, out),
        Command::Cluster(command) => command.run(&load()?.0, out),
        Command::Nginx(command) => command.run(&load()?.0, out),
    }
}

impl Settings {
    fn load(&self, env: Vec<(String, String)>) -> Result<(Config, Origins), Failure> {
        let options = LoadOptions {
            file: self.config.clone(),
            env,
            overrides: self.overrides(),
        };
        Config::load_with_origins(&options).map_err(|error| Failure::Usage(error.into()))
    }

    fn overrides(&self) -> Vec<Override> {
        let any = self.set.iter().map(|(key, value)| Override {
            key: key.clone(),
            value: value.clone(),
            flag: "--set",
        });
        let named = [
            ("http.listen", &self.listen, "--listen"),
            ("data.dir", &self.data, "--data"),
            ("store.url", &self.store, "--store"),
            ("node.name", &self.name, "--name"),
            ("log.filter", &self.log, "--log"),
        ];
        let named = named.into_iter().filter_map(|(key, value, flag)| {
            Some(Override {
                key: key.to_owned(),
                value: value.clone()?,
                flag,
            })
        });
        any.chain(named).collect()
    }
}

fn key_and_value(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) => Ok((key.trim().to_owned(), value.to_owned())),
        None => Err("expected section.key=value".to_owned()),
    }
}

/// A runtime for commands that are not servers.
fn block_on<T>(work: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::Runtime(error.into()))?
        .block_on(work)
}
