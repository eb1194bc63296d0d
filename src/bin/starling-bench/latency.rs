//! How long a message takes from its sender on one node to its receiver on another, at a quiet pace.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;

use crate::api;
use crate::node::Nodes;
use crate::table::{Table, quantile_ms};
use crate::wire;

const MESSAGES: usize = 1_000;
const EVERY: Duration = Duration::from_millis(10);
const LAST_WITHIN: Duration = Duration::from_secs(10);

pub(crate) async fn measure(server: &Path, table: &mut Table) -> anyhow::Result<()> {
    let nodes = Nodes::start(server, 2).await?;
    let (here, there) = (nodes.nodes[0].address, nodes.nodes[1].address);
    let accounts = api::register(here, "user", 2).await?;
    let (mut sender_reads, mut sender) = wire::login(here, &accounts[0]).await?;
    let (mut receiver, _open) = wire::login(there, &accounts[1]).await?;
    let to = format!("u:{}", accounts[1].id);

    let acks = tokio::spawn(async move {
        let mut acked_at = Vec::new();
        while acked_at.len() < MESSAGES {
            if sender_reads.next().await?["type"] == "ack" {
                acked_at.push(Instant::now());
            }
        }
        anyhow::Ok(acked_at)
    });
    let receipts = tokio::spawn(async move {
        let mut received_at = Vec::new();
        while received_at.len() < MESSAGES {
            let frame = receiver.next().await?;
            if frame["type"] == "entry" {
                let expected = received_at.len().to_string();
                anyhow::ensure!(
                    frame["content"] == expected,
                    "{frame} instead of message {expected}"
                );
                received_at.push(Instant::now());
            }
        }
        anyhow::Ok(received_at)
    });
    let mut ticks = tokio::time::interval(EVERY);
    let mut sent_at = Vec::new();
    for message in 0..MESSAGES {
        ticks.tick().await;
        let frame = json!({
            "type": "send", "cid": format!("m{message}"), "to": to, "media": 1, "content": message.to_string(),
        });
        sent_at.push(Instant::now());
        sender.send(&frame).await?;
    }
    let late = "messages are missing on the other node";
    let received_at = tokio::time::timeout(LAST_WITHIN, receipts)
        .await
        .context(late)???;
    let acked_at = tokio::time::timeout(LAST_WITHIN, acks)
        .await
        .context(late)???;

    let since_sent = |at: &[Instant]| -> Vec<Duration> {
        at.iter()
            .zip(&sent_at)
            .map(|(at, sent)| *at - *sent)
            .collect()
    };
    let (mut delivered, mut acked) = (since_sent(&received_at), since_sent(&acked_at));
    for (name, fraction) in [("median", 0.5), ("p99", 0.99)] {
        let baseline = ("its own ack", quantile_ms(&mut acked, fraction));
        let value = quantile_ms(&mut delivered, fraction);
        table.compare(
            format!("delivery to another node at 100 msg/s, {name}"),
            value,
            "ms",
            Some(baseline),
        );
    }
    Ok(())
}
