//! Server processes under measurement: started with a folder of their own, killed at the end.

use std::io::BufRead as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::api;

const READY_WITHIN: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Below the range the system gives to outgoing connections, which the clients of a large section use up.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
const PORT_TRIES: usize = 200;
/// Ticks of `/proc/PID/stat`; the kernel's USER_HZ, 100 on every Linux of today.
const TICKS_PER_SECOND: f64 = 100.0;

/// Limits off: what is measured is the server, not its patience.
const SETTINGS: [(&str, &str); 7] = [
    ("AUTH__SCRYPT_LOG_N", "1"),
    ("AUTH__SCRYPT_P", "1"),
    ("LIMITS__AUTH_PER_MINUTE", "1000000"),
    ("LIMITS__SENDS_PER_SECOND", "1000000"),
    ("LIMITS__SENDS_BURST", "1000000"),
    ("HTTP__CONNECTIONS_MAX", "9000"),
    ("LOG__FILTER", "warn"),
];

/// A running process that is measured.
pub(crate) struct Process {
    child: Child,
    pub(crate) address: SocketAddr,
}

/// Nodes on one store. Dropping it ends them and removes the store.
pub(crate) struct Nodes {
    pub(crate) nodes: Vec<Process>,
    _dir: Folder,
}

impl Nodes {
    /// On a SQLite file of their own.
    pub(crate) async fn start(server: &Path, count: usize) -> anyhow::Result<Nodes> {
        let dir = Folder::new()?;
        let store = format!("sqlite://{}/starling.db", dir.0.display());
        Nodes::start_on(server, count, &store, dir).await
    }

    /// On the store that the URL names; the folder goes with them.
    pub(crate) async fn start_on(
        server: &Path,
        count: usize,
        store: &str,
        dir: Folder,
    ) -> anyhow::Result<Nodes> {
        let bus_port = free_port(|port| UdpSocket::bind((Ipv4Addr::UNSPECIFIED, port)).is_ok())?;
        let key: [u8; 32] = std::array::from_fn(|_| fastrand::u8(..));
        let mut nodes = Vec::new();
        for index in 0..count {
            let port = free_port(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok())?;
            let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            let set = |key: &str| format!("STARLING__{key}");
            let log = std::fs::File::create(dir.0.join(format!("log{index}")))?;
            let child = Command::new(server)
                .arg("serve")
                .current_dir(&dir.0)
                .envs(SETTINGS.map(|(key, value)| (set(key), value)))
                .env(set("NODE__NAME"), format!("node{index}"))
                .env(set("HTTP__LISTEN"), address.to_string())
                .env(set("DATA__DIR"), dir.0.join(format!("data{index}")))
                .env(set("STORE__URL"), store)
                .env(set("CLUSTER__NAME"), format!("bench-{bus_port}"))
                .env(
                    set("CLUSTER__KEYS"),
                    format!("1:{}", URL_SAFE_NO_PAD.encode(key)),
                )
                .env(set("CLUSTER__LISTEN"), format!("0.0.0.0:{bus_port}"))
                .env(
                    set("CLUSTER__TARGETS"),
                    format!("127.255.255.255:{bus_port}"),
                )
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .with_context(|| format!("cannot start {}", server.display()))?;
            let mut process = Process { child, address };
            process.wait_ready().await.with_context(|| dir.log(index))?;
            nodes.push(process);
        }
        Ok(Nodes { nodes, _dir: dir })
    }
}

impl Process {
    async fn wait_ready(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + READY_WITHIN;
        while api::get_status(self.address, "/readyz").await.ok() != Some(200) {
            if let Some(status) = self.child.try_wait()? {
                anyhow::bail!("it ended at once: {status}");
            }
            anyhow::ensure!(Instant::now() < end, "not ready within {READY_WITHIN:?}");
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// The plain broadcaster, as a process of its own so that its memory and time can be told apart from the clients'.
    pub(crate) fn peer() -> anyhow::Result<Process> {
        let mut child = Command::new(std::env::current_exe()?)
            .arg("--peer")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let stdout = child.stdout.take().context("the peer has no output")?;
        let mut line = String::new();
        std::io::BufReader::new(stdout).read_line(&mut line)?;
        let address = line.trim().parse().context("the peer says no address")?;
        Ok(Process { child, address })
    }

    /// Memory in RAM, in KiB.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().next());
        Ok(kib.context("no VmRSS")?.parse()?)
    }

    /// Processor time used so far, in seconds.
    pub(crate) fn cpu_seconds(&self) -> anyhow::Result<f64> {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id()))?;
        // Behind the name in brackets: utime and stime are fields 14 and 15 of the whole (proc_pid_stat(5)).
        let (_, fields) = stat.rsplit_once(')').context("no name in stat")?;
        let ticks: Vec<f64> = fields
            .split_whitespace()
            .skip(11)
            .take(2)
            .map(str::parse)
            .collect::<Result<_, _>>()?;
        Ok(ticks.iter().sum::<f64>() / TICKS_PER_SECOND)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port(is_free: impl Fn(u16) -> bool) -> anyhow::Result<u16> {
    (0..PORT_TRIES)
        .map(|_| fastrand::u16(PORTS))
        .find(|port| is_free(*port))
        .context("no free port")
}

/// A folder that goes away with its owner.
pub(crate) struct Folder(pub(crate) std::path::PathBuf);

impl Folder {
    pub(crate) fn new() -> std::io::Result<Folder> {
        let name = format!("starling-bench-{}", fastrand::u64(..));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Folder(path))
    }

    fn log(&self, index: usize) -> String {
        let log = std::fs::read_to_string(self.0.join(format!("log{index}")));
        format!("the node wrote:\n{}", log.unwrap_or_default())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
