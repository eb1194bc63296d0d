//! The few requests that set the stage: users and a group. One connection per request; none of it is measured.

use std::net::SocketAddr;

use anyhow::Context as _;
use futures_util::{StreamExt as _, TryStreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// Registrations at a time.
const AT_ONCE: usize = 16;
/// Members added by one request.
const MEMBERS_AT_ONCE: usize = 200;

pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) token: String,
}

pub(crate) async fn get_status(node: SocketAddr, path: &str) -> anyhow::Result<u16> {
    Ok(request(node, "GET", path, "", "").await?.0)
}

/// Registers users with these name prefix and numbers.
pub(crate) async fn register(
    node: SocketAddr,
    prefix: &str,
    count: usize,
) -> anyhow::Result<Vec<Account>> {
    futures_util::stream::iter(0..count)
        .map(|index| async move {
            let body = json!({"name": format!("{prefix}{index}"), "password": "correct horse"});
            let answer = post(node, "/api/v1/register", "", &body).await?;
            anyhow::Ok(Account {
                id: answer["user"]["id"].as_u64().context("no user id")?,
                token: answer["token"].as_str().context("no token")?.to_owned(),
            })
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}

/// Makes a group of all; the first owns it.
pub(crate) async fn group(node: SocketAddr, members: &[Account]) -> anyhow::Result<u64> {
    let owner = members.first().context("nobody for the group")?;
    let answer = post(
        node,
        "/api/v1/groups",
        &owner.token,
        &json!({"name": "bench"}),
    )
    .await?;
    let group = answer["id"].as_u64().context("no group id")?;
    for chunk in members[1..].chunks(MEMBERS_AT_ONCE) {
        let ids: Vec<u64> = chunk.iter().map(|account| account.id).collect();
        let path = format!("/api/v1/groups/{group}/members");
        post(node, &path, &owner.token, &json!({"users": ids})).await?;
    }
    Ok(group)
}

pub(crate) async fn post(
    node: SocketAddr,
    path: &str,
    token: &str,
    body: &Value,
) -> anyhow::Result<Value> {
    let (status, text) = request(node, "POST", path, token, &body.to_string()).await?;
    anyhow::ensure!(
        (200..300).contains(&status),
        "{path} answers {status}: {text}"
    );
    Ok(serde_json::from_str(&text)?)
}

pub(crate) async fn request(
    node: SocketAddr,
    method: &str,
    path: &str,
    token: &str,
    body: &str,
) -> anyhow::Result<(u16, String)> {
    let mut stream = TcpStream::connect(node).await?;
    let authorization = if token.is_empty() {
        String::new()
    } else {
        format!("Authorization: Bearer {token}\r\n")
    };
    let length = body.len();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n{authorization}\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(head.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
    let status = head.split(' ').nth(1).context("no status")?.parse()?;
    Ok((status, body.to_owned()))
}
