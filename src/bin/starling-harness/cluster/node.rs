//! One node: a real process with its own folder, port, log and faults of the bus.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::ports;
use crate::client::api;

/// How long a node may take to become ready on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(30);
const EXIT_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Ticks of `/proc/PID/stat`; the kernel's USER_HZ, 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;
const LOG_LINES_SHOWN: usize = 12;

pub(crate) struct Node {
    pub(crate) index: usize,
    pub(crate) name: String,
    pub(crate) http: SocketAddr,
    /// Its own socket on the bus.
    pub(crate) bus: SocketAddr,
    dir: PathBuf,
    server: Mutex<PathBuf>,
    namespace: Option<String>,
    env: BTreeMap<String, String>,
    child: Mutex<Option<Child>>,
}

impl Node {
    pub(super) fn new(folder: &Path, index: usize, server: &Path) -> anyhow::Result<Node> {
        let name = format!("node{index}");
        let dir = folder.join(&name);
        if !dir.exists() {
            std::fs::create_dir(&dir)?;
        }
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_tcp()?));
        let mut node = Node {
            index,
            name: name.clone(),
            http,
            bus: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            dir,
            server: Mutex::new(server.to_owned()),
            namespace: None,
            env: BTreeMap::new(),
            child: Mutex::new(None),
        };
        node.set("node.name", &name);
        node.set("http.listen", &http.to_string());
        node.set("data.dir", &node.dir.join("data").display().to_string());
        node.write_bus_faults("")?;
        Ok(node)
    }

    pub(super) fn set(&mut self, key: &str, value: &str) {
        let variable = format!("STARLING__{}", key.to_uppercase().replace('.', "__"));
        self.env.insert(variable, value.to_owned());
    }

    pub(super) fn in_namespace(&mut self, namespace: &str, http: SocketAddr) {
        self.namespace = Some(namespace.to_owned());
        self.http = http;
        self.set("http.listen", &http.to_string());
    }

    /// What it runs from its next start on.
    pub(super) fn upgrade(&self, server: &Path) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = server.to_owned();
    }

    fn child(&self) -> MutexGuard<'_, Option<Child>> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the process and does not wait for anything.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())?;
        let server = self
            .server
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut command = match &self.namespace {
            None => Command::new(&server),
            Some(namespace) => {
                // `ip` becomes the node: its process id is the node's.
                let mut command = Command::new("ip");
                command.args(["netns", "exec", namespace]).arg(&server);
                command
            }
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STARLING")) {
            command.env_remove(name);
        }
        #[cfg(feature = "defects")]
        if let Some(defect) = std::env::var_os(starling::journal::defects::VARIABLE) {
            command.env(starling::journal::defects::VARIABLE, defect);
        }
        let child = command
            .arg("serve")
            .envs(&self.env)
            .env("STARLING_BUS_FAULTS", self.faults_path())
            // Away from a configuration file that may lie here.
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", server.display()))?;
        *self.child() = Some(child);
        Ok(())
    }

    pub(crate) async fn wait_ready(&self) -> anyhow::Result<()> {
        let end = Instant::now() + READY_WITHIN;
        loop {
            if let Ok((200, _)) = api::request(self.http, "GET", "/readyz", "", "").await {
                return Ok(());
            }
            anyhow::ensure!(
                self.is_running(),
                "{} ended at once:\n{}",
                self.name,
                self.log_end()
            );
            anyhow::ensure!(
                Instant::now() < end,
                "{} is not ready within {READY_WITHIN:?}:\n{}",
                self.name,
                self.log_end()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&self) {
        if let Some(mut child) = self.child().take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Asks the process to leave, and waits until it has. Killed when it does not.
    pub(crate) async fn leave(&self) -> anyhow::Result<()> {
        self.signal(Signal::TERM);
        let end = Instant::now() + EXIT_WITHIN;
        while self.is_running() {
            if Instant::now() > end {
                self.kill();
                anyhow::bail!(
                    "{} did not leave within {EXIT_WITHIN:?} of SIGTERM",
                    self.name
                );
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let status = self
            .child()
            .take()
            .map(|mut child| child.wait())
            .transpose()?;
        anyhow::ensure!(
            status.is_none_or(|s| s.success()),
            "{} left with {status:?}",
            self.name
        );
        Ok(())
    }

    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let pid = self
            .pid()
            .and_then(|pid| Pid::from_raw(i32::try_from(pid).ok()?));
        if let Some(pid) = pid {
            // A process that is gone needs no signal.
            let _ = kill_process(pid, signal);
        }
    }

    /// Whether the process has not ended.
    pub(crate) fn is_running(&self) -> bool {
        self.child()
            .as_mut()
            .is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Whether it ended without being told to.
    pub(crate) fn died(&self) -> bool {
        self.child()
            .as_mut()
            .is_some_and(|child| !matches!(child.try_wait(), Ok(None)))
    }

    fn pid(&self) -> Option<u32> {
        self.child().as_ref().map(Child::id)
    }

    /// Memory in RAM, in MiB.
    pub(crate) fn resident_mib(&self) -> Option<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()?)).ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: f64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kib / 1024.0)
    }

    /// Processor time of this process so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()?)).ok()?;
        // Behind the name in brackets: utime and stime are fields 14 and 15 of the whole (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')')?;
        let ticks = fields.split_whitespace().skip(11).take(2);
        let ticks: Vec<f64> = ticks.filter_map(|tick| tick.parse().ok()).collect();
        Some(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }

    /// Writes the faults of this node's bus; empty: none.
    pub(super) fn write_bus_faults(&self, lines: &str) -> anyhow::Result<()> {
        let path = self.faults_path();
        let next = path.with_extension("next");
        // Renamed into place, so that the node never reads half a file.
        std::fs::write(&next, lines)?;
        Ok(std::fs::rename(&next, &path)?)
    }

    /// The end of what the node wrote.
    pub(crate) fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.log_path()).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    fn log_path(&self) -> PathBuf {
        self.dir.join("log")
    }

    fn faults_path(&self) -> PathBuf {
        self.dir.join("bus-faults")
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill();
    }
}
