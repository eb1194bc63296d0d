//! How many sends a node acknowledges per second, beside what the same disk commits.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use futures_util::future::try_join_all;
use serde_json::json;

use crate::api::{self, Account};
use crate::node::{Folder, Nodes};
use crate::table::{Table, quantile_ms};
use crate::wire;

const MEASURED_FOR: Duration = Duration::from_secs(5);
const BASELINE_FOR: Duration = Duration::from_secs(2);
const WARM_UP_BYTES: i64 = 8 << 20;
const SENDERS: [usize; 2] = [1, 64];
const TEXT: &str = "A text of about the length people write in a chat, which is a hundred bytes or so, rarely much more.";

pub(crate) async fn measure(server: &Path, table: &mut Table) -> anyhow::Result<()> {
    let mut commits = tokio::task::spawn_blocking(bare_commits).await??;
    #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
    let rate = commits.len() as f64 / BASELINE_FOR.as_secs_f64();
    let baseline_ms = quantile_ms(&mut commits, 0.5);
    let nodes = Nodes::start(server, 1).await?;
    let node = nodes.nodes[0].address;
    let most = SENDERS.into_iter().max().unwrap_or_default();
    let accounts = api::register(node, "sender", most).await?;
    for senders in SENDERS {
        let end = Instant::now() + MEASURED_FOR;
        let sending = accounts[..senders]
            .iter()
            .map(|account| tokio::spawn(send_until(node, account.token.clone(), account.id, end)));
        let mut waits = Vec::new();
        for sender in try_join_all(sending).await? {
            waits.extend(sender?);
        }
        #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
        let acked = waits.len() as f64 / MEASURED_FOR.as_secs_f64();
        let who = if senders == 1 {
            "1 sender".to_owned()
        } else {
            format!("{senders} senders")
        };
        let bare = "bare SQLite commits, synchronous=FULL";
        table.compare(
            format!("acked sends, {who}"),
            acked,
            "per s",
            Some((bare, rate)),
        );
        let median = quantile_ms(&mut waits, 0.5);
        table.compare(
            format!("wait for the ack, {who}, median"),
            median,
            "ms",
            Some((bare, baseline_ms)),
        );
        table.add(
            format!("wait for the ack, {who}, p99"),
            quantile_ms(&mut waits, 0.99),
            "ms",
        );
    }
    Ok(())
}

/// Sends notes to oneself, each after the ack of the one before; returns the waits.
async fn send_until(
    node: std::net::SocketAddr,
    token: String,
    id: u64,
    end: Instant,
) -> anyhow::Result<Vec<Duration>> {
    let account = Account { id, token };
    let (mut reader, mut writer) = wire::login(node, &account).await?;
    let to = format!("u:{id}");
    let mut waits = Vec::new();
    while Instant::now() < end {
        let cid = format!("{id}-{}-{}", waits.len(), fastrand::u32(..));
        let frame = json!({"type": "send", "cid": cid, "to": to, "media": 1, "content": TEXT});
        let sent_at = Instant::now();
        writer.send(&frame).await?;
        loop {
            let answer = reader.next().await?;
            match answer["type"].as_str().context("a frame without a type")? {
                "ack" => break,
                "error" => anyhow::bail!("a send was refused: {answer}"),
                _ => {}
            }
        }
        waits.push(sent_at.elapsed());
    }
    Ok(waits)
}

/// The least that a durable message can cost: one row in one commit, and nothing else.
fn bare_commits() -> anyhow::Result<Vec<Duration>> {
    let folder = Folder::new()?;
    let db = rusqlite::Connection::open(folder.0.join("bare.db"))?;
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE entries (seq INTEGER PRIMARY KEY AUTOINCREMENT, body TEXT NOT NULL);",
    )?;
    // A growing log file costs more to sync than one that is written again, which is what a running server has.
    db.execute(
        "INSERT INTO entries (body) VALUES (zeroblob(?1))",
        [WARM_UP_BYTES],
    )?;
    db.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()))?;
    let mut insert = db.prepare("INSERT INTO entries (body) VALUES (?1)")?;
    let end = Instant::now() + BASELINE_FOR;
    let mut times = Vec::new();
    while Instant::now() < end {
        let started = Instant::now();
        insert.execute([TEXT])?;
        times.push(started.elapsed());
    }
    Ok(times)
}
