//! A real `redis-server` of one test: on a free port of loopback, keeping nothing, gone with the test.
//!
//! Responsible for starting, freezing, killing and restarting it. Deliberately ignorant of what is kept in it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Below the range the system hands out by itself, so that no outgoing connection takes the port between two starts.
const PORTS: std::ops::Range<u16> = 12_000..32_000;
/// Far more than it takes on a busy machine.
const READY_WITHIN: Duration = Duration::from_secs(10);

/// The server.
pub(crate) struct RedisServer {
    port: u16,
    options: Vec<String>,
    folder: tempfile::TempDir,
    child: Option<Child>,
}

impl RedisServer {
    /// Starts one and waits until it answers.
    pub(crate) fn start() -> RedisServer {
        RedisServer::start_with(&[])
    }

    /// Starts one with more options, as on its command line.
    pub(crate) fn start_with(options: &[&str]) -> RedisServer {
        let mut server = RedisServer::prepare();
        server.options = options.iter().map(|&option| option.to_owned()).collect();
        server.start_again();
        server
    }

    /// A port for one that does not run yet.
    pub(crate) fn prepare() -> RedisServer {
        let mut dice = fastrand::Rng::with_seed(uuid::Uuid::new_v4().as_u64_pair().0);
        let free = |port: &u16| {
            // A cluster's servers talk to each other on another port.
            let also = port.checked_add(10_000).is_none_or(is_free);
            is_free(*port) && also
        };
        let port = std::iter::repeat_with(|| dice.u16(PORTS)).find(free);
        RedisServer {
            port: port.unwrap(),
            options: Vec::new(),
            folder: tempfile::tempdir().unwrap(),
            child: None,
        }
    }

    /// What `redis.url` is set to.
    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, empty, on the same port.
    pub(crate) fn start_again(&mut self) {
        assert!(self.child.is_none(), "it runs already");
        let child = Command::new("redis-server")
            .args(["--port", &self.port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--dir"])
            .arg(self.folder.path())
            .args(&self.options)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("redis-server is installed");
        self.child = Some(child);
        let end = Instant::now() + READY_WITHIN;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "redis-server does not answer");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let mut child = self.child.take().expect("a running server");
        child.kill().unwrap();
        child.wait().unwrap();
    }

    /// Lets it hang: connections stay open and nothing is answered (SIGSTOP).
    pub(crate) fn freeze(&self) {
        self.signal("STOP");
    }

    /// Lets it go on (SIGCONT).
    pub(crate) fn thaw(&self) {
        self.signal("CONT");
    }

    /// Asks it something by its own client; the answer as text.
    pub(crate) fn cli(&self, words: &[&str]) -> String {
        let output = Command::new("redis-cli")
            .args(["-p", &self.port.to_string()])
            .args(words)
            .output()
            .expect("redis-cli is installed");
        let text = String::from_utf8(output.stdout).unwrap();
        text.trim_end().to_owned()
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().expect("a running server").id();
        // By the shell: the standard library sends SIGKILL only, and this needs no unsafe code.
        let status = Command::new("sh")
            .args(["-c", &format!("kill -{name} {pid}")])
            .status()
            .unwrap();
        assert!(status.success(), "cannot send SIG{name}");
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn is_free(port: u16) -> bool {
    TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).is_ok()
}
