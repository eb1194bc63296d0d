//! `starling nginx`: prints the `server` lines that `nginx/starling.conf` includes as `starling/nodes.conf`.

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
    #[command(flatten)]
    asked: Asked,
}

impl Nginx {
    pub(super) fn run(&self, config: &Config, out: &mut dyn Write) -> Result<(), Failure> {
        let lines = if self.node.is_empty() {
            let report = self.asked.report(config)?;
            let alive = report.nodes.iter().filter(|node| node.state != "dead");
            alive.map(line_of).collect()
        } else {
            self.node.iter().map(server).collect::<String>()
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
fn line_of(node: &NodeReport) -> String {
    let addresses: Vec<SocketAddr> = node.http.iter().filter_map(|a| a.parse().ok()).collect();
    let reachable = addresses.iter().find(|address| !address.ip().is_loopback());
    match reachable.or(addresses.first()) {
        Some(address) => server(address),
        None => format!("# {} does not say where it serves clients\n", node.name),
    }
}

fn server(address: &SocketAddr) -> String {
    format!("server {address} max_fails=2 fail_timeout=5s;\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_is_one_line_with_its_reachable_address() {
        let line = |http: &str| {
            let json = format!(r#"{{"name": "alder", "state": "up", "http": {http}}}"#);
            line_of(&serde_json::from_str(&json).unwrap())
        };
        let server = |address: &str| format!("server {address} max_fails=2 fail_timeout=5s;\n");
        assert_eq!(
            line(r#"["127.0.0.1:1", "10.0.0.1:2"]"#),
            server("10.0.0.1:2")
        );
        assert_eq!(line(r#"["[::1]:8081"]"#), server("[::1]:8081"));
        assert_eq!(line("[]"), "# alder does not say where it serves clients\n");
    }
}
