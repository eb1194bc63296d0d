//! Plain requests: users, groups, and a node's own account of itself. One connection each; none of it is measured.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::dialect::Dialect;

const DEADLINE: Duration = Duration::from_secs(5);
/// Members added by one request.
const MEMBERS_AT_ONCE: usize = 200;
/// Larger answers are cut, and refused as broken.
const ANSWER_BYTES_MAX: u64 = 16 << 20;

/// A user who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) token: String,
    pub(crate) dialect: Dialect,
}

/// Makes a group of all; the first owns it. Returns its id.
pub(crate) async fn group(node: SocketAddr, members: &[&Account]) -> anyhow::Result<u64> {
    let owner = members.first().context("nobody for the group")?;
    let answer = call(
        node,
        "POST",
        "/api/v1/groups",
        &owner.token,
        &json!({"name": "harness"}),
    )
    .await?;
    let group = answer["id"].as_u64().context("no group id")?;
    for chunk in members[1..].chunks(MEMBERS_AT_ONCE) {
        let ids: Vec<u64> = chunk.iter().map(|account| account.id).collect();
        let path = format!("/api/v1/groups/{group}/members");
        call(node, "POST", &path, &owner.token, &json!({"users": ids})).await?;
    }
    Ok(group)
}

/// The cluster as this node sees it.
pub(crate) async fn cluster(node: SocketAddr, token: &str) -> anyhow::Result<Value> {
    let (status, text) = request(node, "GET", "/api/v1/cluster", token, "").await?;
    anyhow::ensure!(status == 200, "the cluster page answers {status}");
    Ok(serde_json::from_str(&text)?)
}

/// A request that must succeed.
pub(crate) async fn call(
    node: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let (status, text) = request(node, method, path, token, &body.to_string()).await?;
    anyhow::ensure!(
        (200..300).contains(&status),
        "{method} {path} answers {status}: {text}"
    );
    Ok(serde_json::from_str(&text).unwrap_or(Value::Null))
}

/// Status and body, within a deadline.
pub(crate) async fn request(
    node: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let headers = format!("{}Content-Type: application/json\r\n", bearer(token));
    let (status, answer) = exchange(node, method, path, &headers, body.as_bytes()).await?;
    Ok((status, String::from_utf8(answer)?))
}

/// The header that says who asks; nothing without a token.
pub(super) fn bearer(token: &str) -> String {
    match token {
        "" => String::new(),
        token => format!("Authorization: Bearer {token}\r\n"),
    }
}

/// The same for bytes of any kind and other headers, each with its line's end; an answer that is shorter than it says
/// is an error.
pub(super) async fn exchange(
    node: SocketAddr,
    method: &str,
    path: &str,
    headers: &str,
    body: &[u8],
) -> anyhow::Result<(u16, Vec<u8>)> {
    let exchange = async {
        let mut stream = TcpStream::connect(node).await?;
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n{headers}\
             Content-Length: {length}\r\n\r\n"
        );
        stream.write_all(head.as_bytes()).await?;
        stream.write_all(body).await?;
        let mut answer = Vec::new();
        stream
            .take(ANSWER_BYTES_MAX)
            .read_to_end(&mut answer)
            .await?;
        taken_apart(&answer)
    };
    tokio::time::timeout(DEADLINE, exchange)
        .await
        .context("no answer in time")?
}

fn taken_apart(answer: &[u8]) -> anyhow::Result<(u16, Vec<u8>)> {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let (head, body) = answer.split_at(end.context("no answer")? + 4);
    let head = std::str::from_utf8(head)?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        let is_length = name.eq_ignore_ascii_case("content-length");
        is_length.then(|| value.trim().parse::<usize>().ok())?
    });
    if let Some(length) = length {
        anyhow::ensure!(length == body.len(), "an answer was cut short");
    }
    Ok((status, body.to_vec()))
}
