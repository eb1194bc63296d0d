//! How much memory a connection costs that only waits, beside a plain broadcaster.

use std::path::Path;
use std::time::Duration;

use crate::api;
use crate::fanout::connect;
use crate::node::{Nodes, Process};
use crate::table::Table;
use crate::wire::{self, Reader, Writer};

const CONNECTIONS: usize = 5_000;
/// Lets the server give back what it needed for the handshakes only.
const REST: Duration = Duration::from_secs(2);

pub(crate) async fn measure(server: &Path, table: &mut Table) -> anyhow::Result<()> {
    let peer_kib = {
        let process = Process::peer()?;
        let before = process.resident_kib()?;
        let connections = connect(CONNECTIONS, |_| wire::open(process.address, "/")).await?;
        each(&process, before, &connections).await?
    };
    let nodes = Nodes::start(server, 1).await?;
    let node = &nodes.nodes[0];
    let accounts = api::register(node.address, "user", CONNECTIONS).await?;
    tokio::time::sleep(REST).await;
    let before = node.resident_kib()?;
    let connections = connect(CONNECTIONS, |index| {
        wire::login(node.address, &accounts[index])
    })
    .await?;
    let kib = each(node, before, &connections).await?;
    let name = "plain tokio-tungstenite, nobody logged in";
    let what = format!("memory of an idle connection, at {CONNECTIONS}");
    table.compare(what, kib, "KiB", Some((name, peer_kib)));
    table.add("memory of a node before them", before / 1024.0, "MiB");
    Ok(())
}

async fn each(process: &Process, before: f64, open: &[(Reader, Writer)]) -> anyhow::Result<f64> {
    tokio::time::sleep(REST).await;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let connections = open.len() as f64;
    Ok((process.resident_kib()? - before) / connections)
}
