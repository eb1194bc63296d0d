//! The run's own MariaDB and Redis: real servers that can be killed without hurting anybody else.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::{Environment, ports};

const READY_WITHIN: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const ANSWER_BYTES_MAX: u64 = 4_096;

/// A server process and how to start it again.
struct Daemon {
    program: PathBuf,
    arguments: Vec<String>,
    address: SocketAddr,
    child: Mutex<Option<Child>>,
}

impl Daemon {
    fn spawn(&self) -> anyhow::Result<()> {
        let child = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| format!("cannot start {}", self.program.display()))?;
        *self.child.lock().unwrap_or_else(PoisonError::into_inner) = Some(child);
        Ok(())
    }

    async fn wait_ready(&self) -> anyhow::Result<()> {
        let end = Instant::now() + READY_WITHIN;
        while tokio::net::TcpStream::connect(self.address).await.is_err() {
            anyhow::ensure!(
                Instant::now() < end,
                "{} does not listen within {READY_WITHIN:?}",
                self.program.display()
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn signal(&self, signal: Signal) {
        let child = self.child.lock().unwrap_or_else(PoisonError::into_inner);
        let pid = child
            .as_ref()
            .and_then(|child| Pid::from_raw(i32::try_from(child.id()).ok()?));
        if let Some(pid) = pid {
            let _ = kill_process(pid, signal);
        }
    }

    /// Ends the process with this signal and waits for its end.
    fn end(&self, signal: Signal) {
        self.signal(signal);
        // A stopped process takes no other signal before it goes on, and this waits for it.
        self.signal(Signal::CONT);
        if let Some(mut child) = self
            .child
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
        {
            let _ = child.wait();
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.end(Signal::KILL);
    }
}

fn found(names: &[&str]) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders =
        std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    folders
        .flat_map(|folder| names.iter().map(move |name| folder.join(name)))
        .find(|file| file.is_file())
}

/// The path of a program, or what to install.
pub(super) fn need(names: &[&str], package: &str) -> anyhow::Result<PathBuf> {
    found(names).ok_or_else(|| {
        Environment::error(
            format!("{} is not installed", names[0]),
            format!("apt-get install {package}, or choose a scenario without it"),
        )
    })
}

/// A MariaDB with a fresh database.
pub(crate) struct Mariadb {
    daemon: Daemon,
}

impl Mariadb {
    pub(super) async fn start(folder: &Path, bind: Ipv4Addr) -> anyhow::Result<Mariadb> {
        let program = need(&["mariadbd", "mysqld"], "mariadb-server")?;
        let install = need(
            &["mariadb-install-db", "mysql_install_db"],
            "mariadb-server",
        )?;
        let dir = folder.join("db");
        std::fs::create_dir(&dir)?;
        let mut arguments = vec!["--no-defaults".to_owned()];
        let is_root = rustix::process::getuid().is_root();
        if is_root {
            // The server refuses to run as root; its own account must reach the folder.
            let owned = Command::new("chown")
                .arg("mysql:mysql")
                .arg(&dir)
                .status()?;
            anyhow::ensure!(
                owned.success(),
                Environment {
                    lacks: "there is no account mysql".to_owned(),
                    remedy: "apt-get install mariadb-server".to_owned()
                }
            );
            arguments.push("--user=mysql".to_owned());
        }
        arguments.push(format!("--datadir={}", dir.join("data").display()));
        let installed = Command::new(install)
            .args(&arguments)
            .args(["--auth-root-authentication-method=normal", "--skip-test-db"])
            .output()?;
        anyhow::ensure!(
            installed.status.success(),
            "mariadb-install-db: {}",
            String::from_utf8_lossy(&installed.stderr)
        );
        let port = ports::free_tcp()?;
        let socket = dir.join("s").display().to_string();
        arguments.extend([
            format!("--socket={socket}"),
            format!("--port={port}"),
            format!("--bind-address={bind}"),
            "--skip-name-resolve".to_owned(),
            "--max-connections=500".to_owned(),
        ]);
        let daemon = Daemon {
            program,
            arguments,
            address: SocketAddr::from((bind, port)),
            child: Mutex::new(None),
        };
        daemon.spawn()?;
        daemon.wait_ready().await?;
        let client = need(&["mariadb", "mysql"], "mariadb-client")?;
        let sql = "CREATE DATABASE starling; CREATE USER starling@'%' IDENTIFIED BY 'starling'; GRANT ALL ON starling.* TO starling@'%'";
        let made = Command::new(client)
            .args([
                "--no-defaults",
                "-uroot",
                &format!("--socket={socket}"),
                "-e",
                sql,
            ])
            .output()?;
        anyhow::ensure!(
            made.status.success(),
            "mariadb: {}",
            String::from_utf8_lossy(&made.stderr)
        );
        Ok(Mariadb { daemon })
    }

    pub(super) fn url(&self) -> String {
        format!("mysql://starling:starling@{}/starling", self.daemon.address)
    }

    /// Ends it in order.
    pub(crate) fn stop(&self) {
        self.daemon.end(Signal::TERM);
    }

    pub(crate) fn kill(&self) {
        self.daemon.end(Signal::KILL);
    }

    pub(crate) async fn start_again(&self) -> anyhow::Result<()> {
        self.daemon.spawn()?;
        self.daemon.wait_ready().await
    }

    pub(crate) fn freeze(&self) {
        self.daemon.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.daemon.signal(Signal::CONT);
    }
}

/// A Redis that keeps nothing.
pub(crate) struct Redis {
    daemon: Daemon,
}

impl Redis {
    pub(super) async fn start(folder: &Path, bind: Ipv4Addr) -> anyhow::Result<Redis> {
        let program = need(&["redis-server", "valkey-server"], "redis-server")?;
        let port = ports::free_tcp()?;
        let arguments = [
            "--port",
            &port.to_string(),
            "--bind",
            &bind.to_string(),
            "--save",
            "",
            "--appendonly",
            "no",
            "--dir",
            &folder.display().to_string(),
            "--protected-mode",
            "no",
        ];
        let daemon = Daemon {
            program,
            arguments: arguments.map(str::to_owned).into(),
            address: SocketAddr::from((bind, port)),
            child: Mutex::new(None),
        };
        daemon.spawn()?;
        daemon.wait_ready().await?;
        Ok(Redis { daemon })
    }

    /// How many keys it holds, by its inline protocol.
    pub(crate) async fn keys(&self) -> anyhow::Result<u64> {
        let mut stream = tokio::net::TcpStream::connect(self.daemon.address).await?;
        stream.write_all(b"DBSIZE\r\nQUIT\r\n").await?;
        let mut answer = String::new();
        stream
            .take(ANSWER_BYTES_MAX)
            .read_to_string(&mut answer)
            .await?;
        let count = answer
            .lines()
            .next()
            .and_then(|line| line.strip_prefix(':'));
        Ok(count.context("no number of keys")?.trim().parse()?)
    }

    pub(super) fn url(&self) -> String {
        format!("redis://{}/", self.daemon.address)
    }

    pub(crate) fn kill(&self) {
        self.daemon.end(Signal::KILL);
    }

    pub(crate) async fn start_again(&self) -> anyhow::Result<()> {
        self.daemon.spawn()?;
        self.daemon.wait_ready().await
    }
}
