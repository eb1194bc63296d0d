//! One node: a real process with its own folder, port, log and faults of the bus.

use std::collections::BTreeMap;
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use tokio::time::Instant;

use super::ports::free_http_port;
use super::{LOOK_EVERY, START_DEADLINE, until};
use crate::it::cluster::client::Http;

/// Lines of a node's log that a failed test prints.
const LOG_LINES_SHOWN: usize = 60;

pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) http: SocketAddr,
    dir: PathBuf,
    env: BTreeMap<String, String>,
    /// The account and the copy of the binary to run as and from, if not the tests' own.
    other_account: Option<(u32, PathBuf)>,
    /// A program and its arguments that end in becoming the node.
    wrapper: Vec<String>,
    child: Option<Child>,
}

impl Node {
    pub(super) fn new(cluster_dir: &Path, name: &str) -> Node {
        let dir = cluster_dir.join(name);
        std::fs::create_dir(&dir).unwrap();
        let http = SocketAddr::from((Ipv4Addr::LOCALHOST, free_http_port()));
        let mut node = Node {
            name: name.to_owned(),
            http,
            dir,
            env: BTreeMap::new(),
            other_account: None,
            wrapper: Vec::new(),
            child: None,
        };
        node.set("node.name", name);
        node.set("http.listen", &http.to_string());
        node.set("data.dir", &node.dir.join("data").display().to_string());
        node.bus_faults("");
        node
    }

    /// Sets a configuration key for the next start.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        let variable = format!("STARLING__{}", key.to_uppercase().replace('.', "__"));
        self.env.insert(variable, value.to_owned());
    }

    /// Runs as another account from the next start on.
    pub(crate) fn run_as(&mut self, account: u32, binary: PathBuf) {
        chown(&self.dir, Some(account), Some(account)).unwrap();
        self.other_account = Some((account, binary));
    }

    /// Starts by way of this program from the next start on; it has to become the node (`exec "$@"`).
    pub(crate) fn run_by(&mut self, wrapper: &[&str]) {
        self.wrapper = wrapper.iter().map(|word| (*word).to_owned()).collect();
    }

    /// A path as the process sees it, which may have a file system of its own there.
    pub(crate) fn inside(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{}", self.pid(), path.display()))
    }

    /// Starts the process and does not wait for anything.
    pub(crate) fn start(&mut self) {
        assert!(self.child.is_none(), "{} runs already", self.name);
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_path())
            .unwrap();
        let mut command = match &self.other_account {
            None => self.command(),
            Some((account, binary)) => {
                let mut command = Command::new(binary);
                command.uid(*account).gid(*account);
                command
            }
        };
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("STARLING")) {
            command.env_remove(name);
        }
        let child = command
            .arg("serve")
            .envs(&self.env)
            .env("STARLING_BUS_FAULTS", self.faults_path())
            // Away from the repository's own configuration file.
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        self.child = Some(child);
    }

    fn command(&self) -> Command {
        let binary = env!("CARGO_BIN_EXE_starling");
        let Some((program, arguments)) = self.wrapper.split_first() else {
            return Command::new(binary);
        };
        let mut command = Command::new(program);
        command.args(arguments).arg(binary);
        command
    }

    /// Waits until the node says that it is ready.
    pub(crate) async fn wait_ready(&self) {
        let http = Http::new(self.http);
        let what = format!("{} answers /readyz with 200", self.name);
        until(&what, START_DEADLINE, || async {
            assert!(self.has_process(), "{} ended at once", self.name);
            let answer = http.try_get("/readyz").await;
            answer.is_some_and(|answer| answer.status == 200)
        })
        .await;
    }

    /// Ends the process as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("a running node");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Asks the process to leave (SIGTERM).
    pub(crate) fn terminate(&self) {
        self.signal("TERM");
    }

    /// Freezes the process (SIGSTOP).
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen process go on (SIGCONT).
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Waits for the process to end by itself.
    pub(crate) async fn wait_exit(&mut self, deadline: Duration) -> ExitStatus {
        let end = Instant::now() + deadline;
        let child = self.child.as_mut().expect("a running node");
        loop {
            if let Some(status) = child.try_wait().unwrap() {
                self.child = None;
                return status;
            }
            assert!(
                Instant::now() < end,
                "{} did not end within {deadline:?}",
                self.name
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Whether the process still runs.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child
            .as_mut()
            .is_some_and(|child| child.try_wait().unwrap().is_none())
    }

    /// Memory of the process that is in RAM, in KiB.
    pub(crate) fn resident_kib(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    /// Writes the faults of this node's bus; empty: none.
    pub(crate) fn bus_faults(&self, lines: &str) {
        let path = self.faults_path();
        let next = path.with_extension("next");
        // Renamed into place, so that the node never reads half a file.
        std::fs::write(&next, lines).unwrap();
        std::fs::rename(&next, &path).unwrap();
    }

    /// Everything the node wrote so far.
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap_or_default()
    }

    fn signal(&self, name: &str) {
        // By the shell: the standard library sends SIGKILL only, and this needs no unsafe code.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {}", self.pid())])
            .status()
            .unwrap();
        assert!(status.success(), "cannot send SIG{name} to {}", self.name);
    }

    /// Whether the process has not ended, without collecting it.
    fn has_process(&self) -> bool {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.pid()));
        stat.is_ok_and(|stat| !stat.contains(") Z "))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("a running node").id()
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
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let shown = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
            eprintln!(
                "--- the end of the log of {}:\n{}",
                self.name,
                shown.join("\n")
            );
        }
    }
}
