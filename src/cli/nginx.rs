//! `starling nginx`: prints the `server` lines that `nginx/starling.conf` includes as `starling/nodes.conf`.

use std::io::Write;
use std::net::SocketAddr;

use anyhow::anyhow;
use clap::Args;

use super::Failure;
use super::cluster::Asked;
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
        let addresses = if self.node.is_empty() {
            self.ask(config)?
        } else {
            self.node.clone()
        };
        if addresses.is_empty() {
            return Err(Failure::Runtime(anyhow!(
                "no live node says where it serves clients: name them with --node"
            )));
        }
        out.write_all(servers(&addresses).as_bytes())?;
        Ok(())
    }

    /// The first address of each live node that another machine could reach, else its first.
    fn ask(&self, config: &Config) -> Result<Vec<SocketAddr>, Failure> {
        let report = self.asked.report(config)?;
        let alive = report.nodes.iter().filter(|node| node.state != "dead");
        Ok(alive
            .filter_map(|node| {
                let mut all = node.http.iter().filter_map(|text| text.parse().ok());
                let first: Option<SocketAddr> = all.next();
                let reachable = first.into_iter().chain(all);
                let mut reachable = reachable.filter(|address| !address.ip().is_loopback());
                reachable.next().or(first)
            })
            .collect())
    }
}

fn servers(addresses: &[SocketAddr]) -> String {
    addresses
        .iter()
        .map(|address| format!("server {address} max_fails=2 fail_timeout=5s;\n"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_node_is_one_server_line() {
        let nodes = [
            "10.0.0.1:8080".parse().unwrap(),
            "[::1]:8081".parse().unwrap(),
        ];
        assert_eq!(
            servers(&nodes),
            "server 10.0.0.1:8080 max_fails=2 fail_timeout=5s;\n\
             server [::1]:8081 max_fails=2 fail_timeout=5s;\n"
        );
    }
}
