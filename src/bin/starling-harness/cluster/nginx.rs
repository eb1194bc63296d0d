//! nginx in front of the nodes, with the configuration as it is shipped: other ports and folders are all that differs.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::Instant;

use super::ports;
use super::servers::need;
use crate::client::api;

const READY_WITHIN: Duration = Duration::from_secs(10);
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// The shipped files, by name.
const SHIPPED: [(&str, &str); 5] = [
    (
        "headers.conf",
        include_str!("../../../../nginx/headers.conf"),
    ),
    (
        "locations.conf",
        include_str!("../../../../nginx/locations.conf"),
    ),
    ("socket.conf", include_str!("../../../../nginx/socket.conf")),
    (
        "starling.conf",
        include_str!("../../../../nginx/starling.conf"),
    ),
    (
        "upstreams.conf",
        include_str!("../../../../nginx/upstreams.conf"),
    ),
];

pub(super) struct Nginx {
    child: Child,
    pub(super) address: SocketAddr,
}

impl Nginx {
    pub(super) async fn start(folder: &Path, nodes: &[SocketAddr]) -> anyhow::Result<Nginx> {
        let program = need(&["nginx"], "nginx")?;
        let home = folder.join("nginx");
        let included = home.join("starling");
        std::fs::create_dir_all(&included)?;
        std::fs::create_dir_all(home.join("temp"))?;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free_tcp()?));
        for (name, text) in SHIPPED {
            let text = text.replace("/var/log/nginx/", &format!("{}/", home.display()));
            std::fs::write(included.join(name), text)?;
        }
        std::fs::write(included.join("listen.conf"), format!("listen {address};\n"))?;
        // As `starling nginx` writes them.
        let judged = [
            ("nodes.conf", "max_fails=2 fail_timeout=5s"),
            ("sockets.conf", "max_fails=0"),
        ];
        for (name, parameters) in judged {
            let mut lines = String::new();
            for node in nodes {
                // Writing to a string cannot fail.
                let _ = writeln!(lines, "server {node} {parameters};");
            }
            std::fs::write(included.join(name), lines)?;
        }
        let main = home.join("nginx.conf");
        std::fs::write(&main, main_file(&home))?;
        let errors = home.join("error.log");
        let child = Command::new(program)
            .arg("-p")
            .arg(&home)
            .arg("-c")
            .arg(&main)
            .arg("-e")
            .arg(&errors)
            .args(["-g", "daemon off;"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("cannot start nginx")?;
        let nginx = Nginx { child, address };
        let end = Instant::now() + READY_WITHIN;
        while !matches!(
            api::request(address, "GET", "/readyz", "", "").await,
            Ok((200, _))
        ) {
            let log = std::fs::read_to_string(&errors).unwrap_or_default();
            anyhow::ensure!(
                Instant::now() < end,
                "nginx is not ready within {READY_WITHIN:?}: {log}"
            );
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(nginx)
    }
}

fn main_file(home: &Path) -> String {
    // Workers of a master that is root would not reach a private folder.
    let user = if rustix::process::getuid().is_root() {
        "user root;\n"
    } else {
        ""
    };
    let home = home.display();
    let temp: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {home}/temp/{kind};\n"))
        .collect();
    format!(
        "{user}pid {home}/nginx.pid;\nerror_log {home}/error.log;\nworker_processes 2;\nworker_rlimit_nofile 16384;\n\
         events {{ worker_connections 8192; }}\nhttp {{\n{temp}    include starling/starling.conf;\n}}\n"
    )
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // In order, so that the master takes its workers along.
        if let Some(pid) = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, Signal::TERM);
        }
        let _ = self.child.wait();
    }
}
