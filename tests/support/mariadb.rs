//! A MariaDB of the tests' own: a real server on a loopback port, with its data in a folder that goes away.
//!
//! For tests of the store and of whole clusters alike, which is why it knows neither. A test that needs no more than a
//! database asks for a [`Database`]: it lies in the server that `STARLING_TEST_MYSQL` names (a URL without database),
//! or else in one that this process starts once. A test that breaks its server starts a [`MariaDb`] for itself. No
//! server outlives the process that started it, however that ends: a watchdog waits for the end of a pipe.

#![expect(
    clippy::disallowed_methods,
    reason = "starting a server takes real time, and its port is drawn by chance"
)]

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Names a server that runs already: `mysql://user[:password]@host:port`.
const SHARED: &str = "STARLING_TEST_MYSQL";
/// Generous: after a kill the server recovers, and the machine may be busy.
const ANSWERS_WITHIN: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// Below the range the system hands out to outgoing connections.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Somebody may take a free port before the server does.
const START_TRIES: usize = 5;
/// Debian keeps the server where only root looks.
const PATH_OF_ROOT: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const LOG_LINES_SHOWN: usize = 30;

/// A database of one test in a server that others use too. Dropping it drops the database.
pub(crate) struct Database {
    name: String,
    server: String,
}

impl Database {
    /// A fresh, empty database.
    pub(crate) fn fresh() -> Database {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let server = shared_url();
        let name = format!(
            "starling_{}_{}",
            std::process::id(),
            NUMBER.fetch_add(1, Ordering::Relaxed)
        );
        // A killed test of the same process id may have left one.
        run_sql(&server, &format!("DROP DATABASE IF EXISTS {name}"));
        run_sql(&server, &create(&name));
        Database { name, server }
    }

    /// What a store is opened with.
    pub(crate) fn url(&self) -> String {
        format!("{}/{}", self.server, self.name)
    }

    /// Runs statements in this database and returns the rows, columns separated by tabs.
    pub(crate) fn sql(&self, statements: &str) -> String {
        run_sql(&self.url(), statements)
    }

    /// A backup, as statements that put its rows back at one moment: all tables are locked meanwhile, since nodes that read a
    /// store half put back would log people out, and write into tables that are not filled yet.
    pub(crate) fn dump(&self) -> String {
        let output = client("mariadb-dump", &self.url())
            .args(["--single-transaction", "--hex-blob", "--no-create-info"])
            .args(["--skip-add-locks", "--skip-disable-keys", "--skip-triggers"])
            .output()
            .expect("mariadb-client is installed");
        assert!(output.status.success(), "mariadb-dump: {output:?}");
        let rows = String::from_utf8(output.stdout).unwrap();
        let shown = self.sql("SHOW TABLES");
        let tables: Vec<&str> = shown.lines().collect();
        let locks = tables.join(" WRITE, ");
        let emptied: String = tables
            .iter()
            .map(|table| format!("DELETE FROM {table};\n"))
            .collect();
        format!(
            "SET foreign_key_checks = 0;\nLOCK TABLES {locks} WRITE;\n{emptied}{rows}\nUNLOCK TABLES;"
        )
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {}", self.name);
        // Its server may be gone.
        let _ = client("mariadb", &self.server)
            .args(["--execute", &drop])
            .output();
    }
}

/// The server that tests share, as a URL without database.
pub(crate) fn shared_url() -> String {
    static OWN: OnceLock<MariaDb> = OnceLock::new();
    match std::env::var(SHARED) {
        Ok(url) if !url.is_empty() => url.trim_end_matches('/').to_owned(),
        _ => OWN.get_or_init(MariaDb::start).server_url(),
    }
}

/// A server of the test's own, which it may break. Dropping it kills the server and removes its folder.
pub(crate) struct MariaDb {
    port: u16,
    arguments: Vec<String>,
    server: Option<Child>,
    watchdog: Watchdog,
    dir: TempDir,
}

impl MariaDb {
    /// As Debian would run it by default: commits are on disk before they are answered, no binary log.
    pub(crate) fn start() -> MariaDb {
        MariaDb::start_with(&[])
    }

    /// With further arguments, such as `--max-allowed-packet=64K`.
    pub(crate) fn start_with(arguments: &[&str]) -> MariaDb {
        // Short: the path of a socket has less than 108 bytes.
        let dir = tempfile::Builder::new().prefix("mdb").tempdir().unwrap();
        let watchdog = Watchdog::over(dir.path());
        let temporary = dir.path().join("tmp");
        std::fs::create_dir(&temporary).unwrap();
        let mut install = command("mariadb-install-db");
        install
            .args(["--no-defaults", "--skip-test-db"])
            .arg("--auth-root-authentication-method=normal")
            .arg(format!("--datadir={}", dir.path().join("data").display()))
            // A server that starts removes what others have in a common one.
            .arg(format!("--tmpdir={}", temporary.display()))
            .args(arguments);
        if let Some(account) = account_for_root() {
            for folder in [dir.path(), temporary.as_path()] {
                chown(folder, Some(account), Some(account)).unwrap();
            }
            install.arg("--user=mysql");
        }
        let output = install.output().expect("mariadb-server is installed");
        assert!(output.status.success(), "mariadb-install-db: {output:?}");
        let mut started = MariaDb {
            port: 0,
            arguments: arguments.iter().map(|a| (*a).to_owned()).collect(),
            server: None,
            watchdog,
            dir,
        };
        for _ in 0..START_TRIES {
            started.port = free_port();
            started.spawn();
            if started.answers() {
                return started;
            }
        }
        panic!("MariaDB does not start:\n{}", started.log_end());
    }

    /// What a store in this database is opened with; the user is root, without a password.
    pub(crate) fn url(&self, database: &str) -> String {
        format!("{}/{database}", self.server_url())
    }

    pub(crate) fn create_database(&self, name: &str) {
        self.sql(&create(name));
    }

    /// Runs statements and returns the rows, columns separated by tabs.
    pub(crate) fn sql(&self, statements: &str) -> String {
        run_sql(&self.server_url(), statements)
    }

    /// Likewise; the client's complaint when a statement fails, after which none is run.
    pub(crate) fn try_sql(&self, statements: &str) -> Result<String, String> {
        try_sql(&self.server_url(), statements)
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.port))
    }

    /// Adds an argument for the next start; a later one overrules an earlier one.
    pub(crate) fn set(&mut self, argument: &str) {
        self.arguments.push(argument.to_owned());
    }

    /// Ends the server as a power cut would end the process.
    pub(crate) fn kill_9(&mut self) {
        let mut server = self.server.take().expect("a running server");
        server.kill().unwrap();
        server.wait().unwrap();
        self.watchdog.watch(None);
    }

    /// Lets it end in order, and waits for that.
    pub(crate) fn shut_down(&mut self) {
        self.signal("TERM");
        self.server
            .take()
            .expect("a running server")
            .wait()
            .unwrap();
        self.watchdog.watch(None);
    }

    /// Starts it on the same data and port, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        self.spawn();
        assert!(self.answers(), "MariaDB ended:\n{}", self.log_end());
    }

    /// Freezes it (SIGSTOP).
    pub(crate) fn stop(&self) {
        self.signal("STOP");
    }

    /// Lets a frozen one go on (SIGCONT).
    pub(crate) fn cont(&self) {
        self.signal("CONT");
    }

    /// The last lines of its log.
    pub(crate) fn log_end(&self) -> String {
        let log = std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..].join("\n")
    }

    fn server_url(&self) -> String {
        format!("mysql://root@127.0.0.1:{}", self.port)
    }

    fn spawn(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        let dir = self.dir.path();
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(dir.join("log"))
            .unwrap();
        let mut server = command("mariadbd");
        server
            .args(["--no-defaults", "--bind-address=127.0.0.1"])
            .args(["--skip-name-resolve", "--innodb-flush-log-at-trx-commit=1"])
            .arg(format!("--datadir={}", dir.join("data").display()))
            .arg(format!("--tmpdir={}", dir.join("tmp").display()))
            .arg(format!("--pid-file={}", dir.join("pid").display()))
            .arg(format!("--socket={}", self.socket().display()))
            .arg(format!("--port={}", self.port))
            .args(&self.arguments)
            .stdout(Stdio::null())
            .stderr(log);
        if account_for_root().is_some() {
            server.arg("--user=mysql");
        }
        let server = server.spawn().expect("mariadb-server is installed");
        self.watchdog.watch(Some(server.id()));
        self.server = Some(server);
    }

    /// Waits for its greeting; false when it ended instead. Asked by its socket: on the port another could answer.
    fn answers(&mut self) -> bool {
        let end = Instant::now() + ANSWERS_WITHIN;
        loop {
            if is_greeted(&self.socket()) {
                return true;
            }
            let server = self.server.as_mut().expect("a spawned server");
            if server.try_wait().unwrap().is_some() {
                self.server = None;
                return false;
            }
            assert!(Instant::now() < end, "no answer:\n{}", self.log_end());
            std::thread::sleep(LOOK_EVERY);
        }
    }

    fn signal(&self, name: &str) {
        let pid = self.server.as_ref().expect("a running server").id();
        // By the shell: the standard library sends SIGKILL only, and this needs no unsafe code.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status()
            .unwrap();
        assert!(status.success(), "cannot send SIG{name} to MariaDB");
    }

    fn socket(&self) -> PathBuf {
        self.dir.path().join("s")
    }
}

impl Drop for MariaDb {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the end of MariaDB's log:\n{}", self.log_end());
        }
        if self.server.is_some() {
            self.kill_9();
        }
    }
}

/// Kills the server and removes its folder when the pipe to this process ends, as it does however the process ends.
/// A signal at the parent's death would not do: it comes when the *thread* dies that started the server.
struct Watchdog {
    shell: Child,
}

impl Watchdog {
    fn over(dir: &Path) -> Watchdog {
        let script = r#"while read -r next; do pid=$next; done
            [ -z "$pid" ] || kill -9 "$pid"
            # A server that is just dying may still write.
            for try in 1 2 3; do rm -rf "$0" && break; sleep 1; done"#;
        let shell = Command::new("sh")
            .args(["-c", script])
            .arg(dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // What is sent to the group of the tests must not end it first.
            .process_group(0)
            .spawn()
            .unwrap();
        Watchdog { shell }
    }

    fn watch(&mut self, pid: Option<u32>) {
        let pid = pid.map(|pid| pid.to_string()).unwrap_or_default();
        let pipe = self.shell.stdin.as_mut().expect("a pipe");
        writeln!(pipe, "{pid}").unwrap();
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// Whether a server greets at this socket with the protocol's version 10, and not with an error.
fn is_greeted(socket: &Path) -> bool {
    let Ok(mut stream) = UnixStream::connect(socket) else {
        return false;
    };
    // Length 3, sequence number 1, version 1.
    let mut greeting = [0; 5];
    stream.set_read_timeout(Some(ANSWERS_WITHIN)).is_ok()
        && stream.read_exact(&mut greeting).is_ok()
        && greeting[4] == 10
}

fn create(name: &str) -> String {
    format!("CREATE DATABASE {name} CHARACTER SET utf8mb4")
}

fn run_sql(url: &str, statements: &str) -> String {
    let shown: String = statements.chars().take(200).collect();
    try_sql(url, statements).unwrap_or_else(|error| panic!("{shown}: {error}"))
}

/// Runs statements in a client of their own; they come by its input, since arguments have a limit.
fn try_sql(url: &str, statements: &str) -> Result<String, String> {
    let mut client = client("mariadb", url)
        .args(["--batch", "--skip-column-names"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("mariadb-client is installed");
    let mut input = client.stdin.take().expect("a pipe");
    // A client that stops at an error reads no further, and tells why below.
    let _ = input.write_all(statements.as_bytes());
    drop(input);
    let output = client.wait_with_output().unwrap();
    let told = if output.status.success() {
        Ok(output.stdout)
    } else {
        Err(output.stderr)
    };
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    told.map(text).map_err(text)
}

/// A client program, about to connect to `mysql://user[:password]@host:port[/database]`.
fn client(program: &str, url: &str) -> Command {
    let place = url.strip_prefix("mysql://").expect("a URL of MySQL");
    let (user, server) = place.rsplit_once('@').expect("a user in the URL");
    let (user, password) = user.split_once(':').unwrap_or((user, ""));
    let (server, database) = server.split_once('/').unwrap_or((server, ""));
    let (host, port) = server.split_once(':').unwrap_or((server, "3306"));
    let mut client = command(program);
    client
        .args(["--no-defaults", "--protocol=tcp"])
        .args([format!("--host={host}"), format!("--port={port}")])
        .arg(format!("--user={user}"))
        .env("MYSQL_PWD", password);
    if !database.is_empty() {
        client.arg(database);
    }
    client
}

fn command(program: &str) -> Command {
    let mut path = std::env::var("PATH").unwrap_or_default();
    path.push(':');
    path.push_str(PATH_OF_ROOT);
    let mut command = Command::new(program);
    command.env("PATH", path).stdin(Stdio::null());
    command
}

/// The account that root has to hand the server to; absent for who is not root.
fn account_for_root() -> Option<u32> {
    if std::fs::metadata("/proc/self").unwrap().uid() != 0 {
        return None;
    }
    let output = command("id").args(["-u", "mysql"]).output().unwrap();
    let id = String::from_utf8_lossy(&output.stdout);
    Some(id.trim().parse().expect("an account called mysql"))
}

fn free_port() -> u16 {
    (0..200)
        .map(|_| fastrand::u16(PORTS))
        .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
        .expect("a free port below 32768")
}
