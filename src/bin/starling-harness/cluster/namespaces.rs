//! One network namespace for each node: a TAP device on a switch of ours for the bus, and a plain link to this
//! machine for clients and servers, which no fault touches.
//!
//! Needs root and the `ip` command. Everything is made under names of this run and taken away at the end.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::process::Command;

use super::Environment;
use super::network::Wires;
use super::switch::{Stranger, Switch};

/// The bus: 10.78.0.0/24, the node's index and 1 at the end. Each node has its own segment: nobody else can see it.
const BUS: [u8; 3] = [10, 78, 0];
/// The plain links: one /24 with a bridge.
const PLAIN: [u8; 3] = [10, 79, 113];
const HOST: u8 = 254;
/// Of somebody on the bus who is no node.
const STRANGER: u8 = 200;

pub(super) struct Lan {
    names: Vec<String>,
    bridge: String,
    switch: Switch,
}

impl Lan {
    pub(super) fn build(nodes: usize, seed: u64) -> anyhow::Result<Lan> {
        permitted()?;
        let run = std::process::id() % 10_000;
        let names: Vec<String> = (0..nodes).map(|node| format!("sth{run}n{node}")).collect();
        // Interface names have at most 15 bytes.
        let bridge = format!("sth{run}b");
        // Taken away also when building fails halfway.
        let remains = Remains {
            names: names.clone(),
            bridge: bridge.clone(),
        };
        ip(&["link", "add", &bridge, "type", "bridge"])?;
        ip(&[
            "addr",
            "add",
            &format!("{}/24", plain(HOST)),
            "dev",
            &bridge,
        ])?;
        ip(&["link", "set", &bridge, "up"])?;
        for (node, name) in names.iter().enumerate() {
            let outside = format!("sth{run}v{node}");
            ip(&["netns", "add", name])?;
            ip(&[
                "link", "add", &outside, "type", "veth", "peer", "name", "plain", "netns", name,
            ])?;
            ip(&["link", "set", &outside, "master", &bridge, "up"])?;
            ip(&[
                "-n",
                name,
                "addr",
                "add",
                &format!("{}/24", plain(number(node))),
                "dev",
                "plain",
            ])?;
            ip(&["-n", name, "link", "set", "plain", "up"])?;
            ip(&["-n", name, "link", "set", "lo", "up"])?;
        }
        let switch = Switch::plug(&names, seed)?;
        for (node, name) in names.iter().enumerate() {
            let address = format!("{}/24", bus(number(node)));
            ip(&[
                "-n",
                name,
                "addr",
                "add",
                &address,
                "brd",
                &bus(255).to_string(),
                "dev",
                "bus",
            ])?;
            ip(&["-n", name, "link", "set", "bus", "up"])?;
        }
        std::mem::forget(remains);
        Ok(Lan {
            names,
            bridge,
            switch,
        })
    }

    pub(super) fn namespace(&self, node: usize) -> &str {
        &self.names[node]
    }

    /// This machine as the nodes see it.
    pub(super) fn host(&self) -> Ipv4Addr {
        plain(HOST)
    }

    pub(super) fn broadcast(&self) -> Ipv4Addr {
        bus(255)
    }

    /// A node as this machine sees it.
    pub(super) fn management(&self, node: usize) -> Ipv4Addr {
        plain(number(node))
    }

    /// A node as the others see it.
    pub(super) fn bus(&self, node: usize) -> Ipv4Addr {
        bus(number(node))
    }

    /// Somebody on the bus who is no node.
    pub(super) fn stranger(&self, port: u16) -> Stranger {
        self.switch
            .stranger(bus(STRANGER), SocketAddrV4::new(bus(255), port))
    }

    /// Puts what goes wrong now into force.
    pub(super) fn obey(&self, wires: &Wires) {
        self.switch.obey(wires, self.names.len());
    }

    pub(super) fn counters(&self) -> Vec<(&'static str, u64)> {
        self.switch.counters()
    }
}

impl Drop for Lan {
    fn drop(&mut self) {
        self.switch.unplug();
        drop(Remains {
            names: self.names.clone(),
            bridge: self.bridge.clone(),
        });
    }
}

/// Whether this process may make namespaces and devices.
fn permitted() -> anyhow::Result<()> {
    if !rustix::process::getuid().is_root() {
        return Err(Environment::error(
            "network namespaces need root",
            "run it with sudo, or set network = \"loopback\"",
        ));
    }
    if !std::path::Path::new("/dev/net/tun").exists() {
        return Err(Environment::error(
            "there is no /dev/net/tun",
            "mknod /dev/net/tun c 10 200, or give the container that device",
        ));
    }
    Ok(())
}

/// What must not stay behind.
struct Remains {
    names: Vec<String>,
    bridge: String,
}

impl Drop for Remains {
    fn drop(&mut self) {
        for name in &self.names {
            // What was never made cannot be taken away.
            let _ = Command::new("ip").args(["netns", "del", name]).output();
        }
        let _ = Command::new("ip")
            .args(["link", "del", &self.bridge])
            .output();
    }
}

/// The last part of a node's addresses.
fn number(node: usize) -> u8 {
    u8::try_from(node + 1).unwrap_or(u8::MAX - 5)
}

fn bus(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(BUS[0], BUS[1], BUS[2], last)
}

fn plain(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(PLAIN[0], PLAIN[1], PLAIN[2], last)
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let missing = |_| Environment::error("there is no `ip` command", "apt-get install iproute2");
    let done = Command::new("ip")
        .args(arguments)
        .output()
        .map_err(missing)?;
    if done.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&done.stderr).trim().to_owned();
    Err(Environment::error(
        format!("ip {}: {why}", arguments.join(" ")),
        "network namespaces, veth and bridges are needed; set network = \"loopback\" where a container forbids them",
    ))
}
