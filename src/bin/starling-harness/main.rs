//! `starling-harness`: starts real clusters, loads them, breaks them on purpose, and proves what they promise.
//!
//! A scenario says what runs and what goes wrong; every client keeps a ledger; a checker compares all ledgers with the
//! log. Exit codes: 0 everything held, 1 a counter-example, 2 a wrong command line or scenario, 3 this machine lacks
//! something.

#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    clippy::disallowed_methods,
    clippy::cast_precision_loss,
    reason = "a command that reads the clock, picks ports and prints figures"
)]

mod check;
mod client;
mod cluster;
mod hostile;
mod inject;
mod load;
mod outcome;
mod progress;
mod recording;
mod report;
mod run;
mod scenario;
mod tally;
mod timeline;
mod watch;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};

use cluster::Environment;
use outcome::Outcome;
use recording::Recording;
use run::Order;
use scenario::{Form, Scenario, ScenarioError};

const FAILED: u8 = 1;
const USAGE: u8 = 2;
const LACKING: u8 = 3;
/// In place of a scenario's name.
const ALL: &str = "all";
/// From the checkout.
const READY_MADE: &str = "tests/scenarios";

/// Breaks a Starling cluster on purpose and proves what it promises
#[derive(Parser)]
#[command(version)]
struct CommandLine {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Runs scenarios: files, names of the ready-made ones, or `all` of these
    Run {
        /// A name that `list` shows, the path of a TOML file, or `all`
        #[arg(required = true, value_name = "SCENARIO")]
        scenarios: Vec<String>,
        /// Decides who says what, who is hit, and which datagrams are lost
        #[arg(long, default_value_t = 1)]
        seed: u64,
        #[command(flatten)]
        how: How,
    },
    /// Lists the ready-made scenarios, and how long the short and the long form of each take
    List,
    /// Runs a scenario drawn from a seed
    Random {
        #[arg(long)]
        seed: u64,
        /// How long its load lasts
        #[arg(long, default_value_t = 30.0)]
        seconds: f64,
        /// Only print it
        #[arg(long)]
        print: bool,
        #[command(flatten)]
        how: How,
    },
    /// Runs what a report tells of once more
    Replay {
        /// The JSON file of a report
        report: PathBuf,
        #[command(flatten)]
        how: How,
    },
}

#[derive(Args)]
struct How {
    /// The long form, in which figures are judged too
    #[arg(long)]
    long: bool,
    /// Judge figures in the short form as well
    #[arg(long)]
    figures: bool,
    /// Another number of nodes
    #[arg(long)]
    nodes: Option<usize>,
    /// Write a JSON file and an HTML page of each run into this folder
    #[arg(long, value_name = "DIR")]
    report: Option<PathBuf>,
    /// Keep the folder of each run, with the nodes' logs
    #[arg(long)]
    keep: bool,
    /// The server to run; the `starling` beside this program if not given
    #[arg(long, value_name = "FILE")]
    server: Option<PathBuf>,
    /// An older server: nodes begin with it, and the fault `restart` brings each up as the newer one
    #[arg(long, value_name = "FILE")]
    older: Option<PathBuf>,
    /// Write what is heard on the bus into this file
    #[arg(long, value_name = "FILE")]
    record: Option<PathBuf>,
    /// A file that an earlier run wrote: the nodes have that run's key, and the fault `replay` repeats what it heard
    #[arg(long, value_name = "FILE")]
    recorded: Option<PathBuf>,
    /// Where the ready-made scenarios are
    #[arg(long, value_name = "DIR", default_value = READY_MADE)]
    ready_made: PathBuf,
}

fn main() -> ExitCode {
    let command = CommandLine::parse().command;
    match act(command) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(FAILED),
        Err(error) => {
            eprintln!("starling-harness: {error:#}");
            if error.is::<ScenarioError>() {
                ExitCode::from(USAGE)
            } else if is_lacking(&error) {
                ExitCode::from(LACKING)
            } else {
                ExitCode::from(FAILED)
            }
        }
    }
}

/// Whether it is this machine that lacks something.
fn is_lacking(error: &anyhow::Error) -> bool {
    let mut causes = error.chain();
    causes.any(<dyn std::error::Error>::is::<Environment>)
}

/// Whether everything held.
fn act(command: Command) -> anyhow::Result<bool> {
    match command {
        Command::List => list(Path::new(READY_MADE)).map(|()| true),
        Command::Run {
            scenarios,
            seed,
            how,
        } => {
            let form = form(&how);
            let mut plans = Vec::new();
            for name in &scenarios {
                for path in find(name, &how.ready_made)? {
                    plans.push((Scenario::read(&path)?.in_form(form), seed));
                }
            }
            run_all(plans, form, &how)
        }
        Command::Random {
            seed,
            seconds,
            print,
            how,
        } => {
            let drawn = timeline::random(seed, seconds);
            if print {
                print!("{}", toml::to_string(&drawn)?);
                return Ok(true);
            }
            run_all(vec![(drawn, seed)], form(&how), &how)
        }
        Command::Replay { report, how } => {
            let text = std::fs::read_to_string(&report)
                .with_context(|| format!("cannot read {}", report.display()))?;
            let outcome: serde_json::Value =
                serde_json::from_str(&text).context("this is no report")?;
            let toml = outcome["toml"]
                .as_str()
                .context("this is no report: it has no scenario")?;
            let seed = outcome["seed"]
                .as_u64()
                .context("this is no report: it has no seed")?;
            let form = if outcome["form"] == "long" {
                Form::Long
            } else {
                Form::Short
            };
            run_all(vec![(Scenario::parse(toml, &report)?, seed)], form, &how)
        }
    }
}

fn form(how: &How) -> Form {
    if how.long { Form::Long } else { Form::Short }
}

fn list(folder: &Path) -> anyhow::Result<()> {
    let paths =
        scenario::all_in(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for path in paths {
        let scenario = Scenario::read(&path)?;
        let (short, long) = (
            scenario.seconds,
            scenario.clone().in_form(Form::Long).seconds,
        );
        println!(
            "{:<14} {short:>4} s {long:>5} s  {}",
            scenario.name, scenario.about
        );
    }
    Ok(())
}

/// A file, a ready-made scenario by its name, or all of these.
fn find(name: &str, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    if name == ALL {
        return scenario::all_in(folder)
            .with_context(|| format!("cannot read {}", folder.display()));
    }
    let ready_made = folder.join(format!("{name}.toml"));
    let is_name = !name.contains(['/', '.']) && ready_made.is_file();
    Ok(vec![if is_name {
        ready_made
    } else {
        PathBuf::from(name)
    }])
}

fn run_all(plans: Vec<(Scenario, u64)>, form: Form, how: &How) -> anyhow::Result<bool> {
    // Both ends of thousands of connections are on this machine.
    let _ = rlimit::increase_nofile_limit(u64::MAX);
    let server = match &how.server {
        Some(server) => server.clone(),
        None => std::env::current_exe()?.with_file_name("starling"),
    };
    if !server.is_file() {
        return Err(Environment::error(
            format!("there is no server at {}", server.display()),
            "cargo build --bins, or name it with --server",
        ));
    }
    let server = server.canonicalize()?;
    let older = how.older.as_deref().map(Path::canonicalize).transpose();
    let older = older.context("the older server cannot be found")?;
    let recorded = how.recorded.as_deref().map(Recording::read).transpose()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let several = plans.len() > 1;
    let (mut outcomes, mut all_held, mut lacking) = (Vec::new(), true, None);
    for (mut scenario, seed) in plans {
        scenario.cluster.nodes = how.nodes.unwrap_or(scenario.cluster.nodes);
        // What was right for another number of nodes is judged again.
        let text = toml::to_string(&scenario)?;
        let scenario = Scenario::parse(&text, Path::new(&scenario.name))?;
        let order = Order {
            scenario: &scenario,
            form,
            seed,
            server: &server,
            older: older.as_deref(),
            keep: how.keep,
            record: how.record.as_deref(),
            recorded: recorded.as_ref(),
            judge_figures: how.figures,
        };
        let ran = runtime.block_on(run::run(&order));
        match ran.with_context(|| scenario.name.clone()) {
            Ok(outcome) => {
                tell(&outcome, how)?;
                all_held &= outcome.passed;
                outcomes.push(outcome);
            }
            // One that cannot run here must not hide what the others show.
            Err(error) if several && is_lacking(&error) => {
                println!("{}: passed over: {error:#}", scenario.name);
                lacking = Some(error);
            }
            Err(error) if several => {
                println!("{}: FAILED: {error:#}", scenario.name);
                all_held = false;
            }
            Err(error) => return Err(error),
        }
    }
    if let Some(error) = lacking.filter(|_| outcomes.is_empty() && all_held) {
        return Err(error);
    }
    if several {
        let summary = report::summary(&outcomes, how.report.as_deref())?;
        println!("{summary}");
    }
    Ok(all_held)
}

fn tell(outcome: &Outcome, how: &How) -> anyhow::Result<()> {
    if let Some(example) = report::counter_example(outcome) {
        println!("{example}");
    }
    let word = if outcome.passed { "passed" } else { "FAILED" };
    println!(
        "{}: {word} (seed {})\n{}",
        outcome.scenario,
        outcome.seed,
        report::table(outcome)
    );
    if let Some(folder) = &how.report {
        for path in report::write(outcome, folder)? {
            println!("  {}", path.display());
        }
    }
    Ok(())
}
