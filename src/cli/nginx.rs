//! `starling nginx`: prints the `server` lines that `nginx/starling.conf` includes as `starling/nodes.conf`, or those for
//! sockets, `starling/sockets.conf`.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use super::cluster::{Asked, NodeReport};
use crate::config::Config;

#[derive(Args, Debug)]
pub(super) struct Nginx {
    /// A node's address for clients, instead of asking a running node; repeatable
    #[arg(long, value_name = "ADDRESS")]
    node: Vec<SocketAddr>,
    /// The lines for sockets: a node is tried whatever happened before
    #[arg(long)]
    sockets: bool,
    #[command(flatten)]
    asked: Asked,
}

/// How nginx judges a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judged {
    /// By its requests: one that fails twice is left alone for a while.
    ByFailures,
    /// Not at all. nginx takes a node back for good when a request there has ended well, and a socket does not end:
    /// after a failure one client every few seconds would get through.
    Never,
}

impl Nginx {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let judged = if self.sockets {
            Judged::Never
        } else {
            Judged::ByFailures
        };
        let lines = if self.node.is_empty() {
            let report = self.asked.report(config)?;
            let alive = report.nodes.iter().filter(|node| node.state != "dead");
            alive.map(|node| line_of(node, judged)).collect()
        } else {
            let nodes = self.node.iter();
            nodes.map(|node| server(node, judged)).collect::<String>()
        };
        if !lines.lines().any(|line| line.starts_with("server ")) {
            return Err(Failure::Runtime(anyhow!(
                "no live node says where it serves clients: ask with --token, or name the nodes with --node"
            )));
        }
        out.write_all(lines.as_bytes())?;
        Ok(())
    }
}

/// The node's first address that another machine could reach, else its first. One that tells none leaves a
/// remark, so that nobody takes the list for complete.
fn line_of(node: &NodeReport, judged: Judged) -> String {
    let addresses: Vec<SocketAddr> = node.http.iter().filter_map(|a| a.parse().ok()).collect();
    let reachable = addresses.iter().find(|address| !address.ip().is_loopback());
    match reachable.or(addresses.first()) {
        Some(address) => server(address, judged),
        None => format!("# {} does not say where it serves clients\n", node.name),
    }
}

fn server(address: &SocketAddr, judged: Judged) -> String {
    match judged {
        Judged::ByFailures => format!("server {address} max_fails=2 fail_timeout=5s;\n"),
        Judged::Never => format!("server {address} max_fails=0;\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_is_one_line_with_its_reachable_address() {
        let line = |http: &str| {
            let json = format!(r#"{{"name": "alder", "state": "up", "http": {http}}}"#);
            line_of(&serde_json::from_str(&json).unwrap(), Judged::ByFailures)
        };
        let server = |address: &str| format!("server {address} max_fails=2 fail_timeout=5s;\n");
        assert_eq!(
            line(r#"["127.0.0.1:1", "10.0.0.1:2"]"#),
            server("10.0.0.1:2")
        );
        assert_eq!(line(r#"["[::1]:8081"]"#), server("[::1]:8081"));
        let address = "10.0.0.1:2".parse().unwrap();
        assert_eq!(
            super::server(&address, Judged::Never),
            "server 10.0.0.1:2 max_fails=0;\n"
        );
        assert_eq!(line("[]"), "# alder does not say where it serves clients\n");
    }
}
