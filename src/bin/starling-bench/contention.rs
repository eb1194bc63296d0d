//! How long an append waits where three processes write to one SQLite file without pause.

use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use starling::store::sqlite::OpenOptions;

use crate::appends::People;
use crate::node::Folder;
use crate::table::{Table, quantile_ms};

const PROCESSES: usize = 3;
const BATCHES: [usize; 2] = [1, 100];
const MEASURED_FOR: Duration = Duration::from_secs(4);
/// What nobody should wait longer for, but for one append in a hundred.
const WAIT_MS: f64 = 250.0;

/// What one of the processes is told.
#[derive(clap::Args)]
pub(crate) struct Saturation {
    /// Append to this file without pause
    #[arg(long, hide = true)]
    saturate: Option<PathBuf>,
    /// Entries in an append
    #[arg(long, hide = true, default_value_t = 1)]
    batch: usize,
}

pub(crate) fn measure(table: &mut Table) -> anyhow::Result<()> {
    for batch in BATCHES {
        let folder = Folder::new()?;
        let mut waits = saturate(&folder.0.join("starling.db"), batch)?;
        let p99 = quantile_ms(&mut waits, 0.99);
        table.compare(
            format!(
                "SQLite: wait of an append of {batch}, {PROCESSES} processes without pause, p99"
            ),
            p99,
            "ms",
            Some(("the bound", WAIT_MS)),
        );
    }
    Ok(())
}

fn saturate(path: &Path, batch: usize) -> anyhow::Result<Vec<Duration>> {
    let mut processes = Vec::new();
    for _ in 0..PROCESSES {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("--saturate")
            .arg(path)
            .args(["--batch", &batch.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("no output")?;
        let mut lines = BufReader::new(output).lines();
        lines.next().context("it ended before it was ready")??;
        processes.push((process, lines));
    }
    for (process, _) in &mut processes {
        writeln!(process.stdin.as_mut().context("no input")?, "go")?;
    }
    let mut waits = Vec::new();
    for (mut process, lines) in processes {
        for line in lines {
            waits.push(Duration::from_nanos(line?.parse()?));
        }
        anyhow::ensure!(process.wait()?.success(), "a process failed");
    }
    Ok(waits)
}

impl Saturation {
    /// The file this process was told to fill.
    pub(crate) fn file(&self) -> Option<&Path> {
        self.saturate.as_deref()
    }

    /// Begins when it is told to, and prints how long each append took, in nanoseconds.
    pub(crate) async fn run(&self, file: &Path) -> anyhow::Result<()> {
        let stores =
            starling::store::sqlite::open(&file.to_string_lossy(), OpenOptions::default())?;
        let people = People::settle(&stores).await?;
        println!("ready");
        std::io::stdin().read_line(&mut String::new())?;
        let began = Instant::now();
        let mut waits = Vec::new();
        while began.elapsed() < MEASURED_FOR {
            let drafts = people.say(self.batch)?;
            let started = Instant::now();
            stores.log.append(drafts).await?;
            waits.push(started.elapsed());
        }
        for wait in waits {
            println!("{}", wait.as_nanos());
        }
        Ok(())
    }
}
