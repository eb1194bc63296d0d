//! How many deliveries per second one node makes in a large group, beside a plain broadcaster.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::json;

use crate::api;
use crate::node::{Nodes, Process};
use crate::table::Table;
use crate::wire::{self, Reader, Writer};

const MEMBERS: usize = 1_000;
/// Messages of the speaker that wait until everybody has them.
const UNDER_WAY: u64 = 16;
const MEASURED_FOR: Duration = Duration::from_secs(5);
const CONNECTS_AT_ONCE: usize = 32;
/// As long as the body of a node's entry.
const TEXT: &str = "A text of about the length people write in a chat, which is a hundred bytes or so, rarely much more.";

/// Deliveries per second, and microseconds of the server's processor time for each.
struct Measured {
    per_second: f64,
    cpu_micros: f64,
}

pub(crate) async fn measure(server: &Path, table: &mut Table) -> anyhow::Result<()> {
    let peer = {
        let process = Process::peer()?;
        let members = connect(MEMBERS + 1, |_| wire::open(process.address, "/")).await?;
        run(&process, members, false, |_| {
            json!({"content": TEXT}).to_string()
        })
        .await?
    };
    let nodes = Nodes::start(server, 1).await?;
    let node = &nodes.nodes[0];
    let accounts = api::register(node.address, "member", MEMBERS + 1).await?;
    let group = api::group(node.address, &accounts).await?;
    let members = connect(accounts.len(), |index| {
        wire::login(node.address, &accounts[index])
    })
    .await?;
    let measured = run(node, members, true, |message| {
        let to = format!("g:{group}");
        json!({"type": "send", "cid": format!("m{message}"), "to": to, "media": 1, "content": TEXT})
            .to_string()
    })
    .await?;
    let name = "plain tokio-tungstenite, nothing stored";
    let what = format!("deliveries in a group of {MEMBERS}");
    table.compare(
        what,
        measured.per_second,
        "per s",
        Some((name, peer.per_second)),
    );
    table.compare(
        "processor time of a delivery",
        measured.cpu_micros,
        "us",
        Some((name, peer.cpu_micros)),
    );
    Ok(())
}

/// Opens so many connections, a few at a time.
pub(crate) async fn connect<F>(
    count: usize,
    open: impl Fn(usize) -> F,
) -> anyhow::Result<Vec<(Reader, Writer)>>
where
    F: Future<Output = std::io::Result<(Reader, Writer)>>,
{
    let opened = futures_util::stream::iter(0..count).map(open);
    Ok(opened.buffered(CONNECTS_AT_ONCE).try_collect().await?)
}

/// The first connection speaks as fast as all others hear; they only count.
async fn run(
    process: &Process,
    mut members: Vec<(Reader, Writer)>,
    of_node: bool,
    message: impl Fn(u64) -> String,
) -> anyhow::Result<Measured> {
    let delivered = Arc::new(AtomicU64::new(0));
    let (mut speaker_reads, mut speaker) = members.swap_remove(0);
    // What the speaker gets back is read, so that it is never in the way, and not counted.
    tokio::spawn(async move { while speaker_reads.count(of_node).await.is_ok() {} });
    let listeners = members.len() as u64;
    for (mut reader, writer) in members {
        let delivered = Arc::clone(&delivered);
        tokio::spawn(async move {
            while let Ok(count) = reader.count(of_node).await {
                delivered.fetch_add(count, Ordering::Relaxed);
            }
            drop(writer);
        });
    }
    let (started, cpu) = (Instant::now(), process.cpu_seconds()?);
    let mut said = 0;
    while started.elapsed() < MEASURED_FOR {
        let heard_by_all = delivered.load(Ordering::Relaxed) / listeners;
        if said < heard_by_all + UNDER_WAY {
            speaker.send_text(message(said).as_bytes()).await?;
            said += 1;
        } else {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let deliveries = delivered.load(Ordering::Relaxed);
    anyhow::ensure!(deliveries > listeners, "only {deliveries} deliveries");
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let deliveries = deliveries as f64;
    Ok(Measured {
        per_second: deliveries / started.elapsed().as_secs_f64(),
        cpu_micros: (process.cpu_seconds()? - cpu) * 1e6 / deliveries,
    })
}
