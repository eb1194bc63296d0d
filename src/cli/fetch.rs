//! One GET to a running node, over HTTP/1.0 so that the answer ends where the connection does.
//!
//! Enough for commands an operator runs next to a node or over a LAN; no TLS, no redirects.

use std::io::{Read as _, Write as _};
use std::net::{TcpStream, ToSocketAddrs as _};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde::de::DeserializeOwned;

use crate::config::Config;

/// A node that needs longer is not well.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest answer that is read: a few thousand nodes.
const ANSWER_BYTES_MAX: u64 = 4 << 20;

/// The address of the node this configuration describes.
pub(super) fn own_url(config: &Config) -> Option<String> {
    let mut address = *config.http.listen.first()?;
    if address.ip().is_unspecified() {
        let loopback = match address {
            std::net::SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
            std::net::SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
        };
        address.set_ip(loopback);
    }
    Some(format!("http://{address}"))
}

/// GETs `path` of the node at `url` and reads the JSON it answers with.
pub(super) fn json<T: DeserializeOwned>(url: &str, path: &str, token: Option<&str>) -> Result<T> {
    let answer = get(url, path, token).with_context(|| format!("no answer from {url}"))?;
    let (status, body) = split(&answer).with_context(|| format!("{url} does not speak HTTP"))?;
    match status {
        200 => serde_json::from_slice(body)
            .with_context(|| format!("{url} does not answer as Starling does")),
        401 | 403 => bail!("{url} wants the token of a login that may see this (--token)"),
        other => bail!("{url} answers with status {other}"),
    }
}

fn get(url: &str, path: &str, token: Option<&str>) -> Result<Vec<u8>> {
    let host = url
        .strip_prefix("http://")
        .context("the address must start with http://")?
        .trim_end_matches('/');
    ensure!(!host.contains('/'), "the address must have no path");
    let printable = |text: &str| text.bytes().all(|byte| byte.is_ascii_graphic());
    ensure!(printable(host), "the address is not a host and port");
    ensure!(token.is_none_or(printable), "the token is not one of ours");
    let target = if host
        .rsplit_once(':')
        .is_some_and(|(_, port)| port.parse::<u16>().is_ok())
    {
        host.to_owned()
    } else {
        format!("{host}:80")
    };
    let address = target
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| anyhow!("{target} has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut request =
        format!("GET {path} HTTP/1.0\r\nHost: {host}\r\nAccept: application/json\r\n");
    if let Some(token) = token {
        request.push_str(&format!("Authorization: Bearer {token}\r\n"));
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

/// The status and the body of an answer.
fn split(answer: &[u8]) -> Option<(u16, &[u8])> {
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&answer[..end]).ok()?;
    let status = head.strip_prefix("HTTP/1.")?.split(' ').nth(1)?;
    Some((status.parse().ok()?, &answer[end + 4..]))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    /// A node that takes one request and gives one answer; returns its address and what it was asked.
    fn node(answer: &'static str) -> (String, std::thread::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                stream.read_exact(&mut byte).unwrap();
                request.push(byte[0]);
            }
            stream.write_all(answer.as_bytes()).unwrap();
            String::from_utf8(request).unwrap()
        });
        (url, asked)
    }

    #[test]
    fn a_get_carries_the_token_and_reads_the_json() {
        let (url, asked) = node("HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n[1,2]");
        let numbers: Vec<u8> = json(&url, "/x", Some("t0ken")).unwrap();
        assert_eq!(numbers, [1, 2]);
        let asked = asked.join().unwrap();
        assert!(asked.starts_with("GET /x HTTP/1.0\r\n"), "{asked}");
        assert!(
            asked.contains("\r\nAuthorization: Bearer t0ken\r\n"),
            "{asked}"
        );
    }

    #[test]
    fn a_refusal_and_a_stranger_are_told_apart() {
        let (url, _) = node("HTTP/1.1 401 Unauthorized\r\n\r\n{}");
        let error = json::<Vec<u8>>(&url, "/x", None).unwrap_err().to_string();
        assert!(error.contains("--token"), "{error}");
        let (url, _) = node("220 mail.example ESMTP\r\n");
        let error = json::<Vec<u8>>(&url, "/x", None).unwrap_err().to_string();
        assert!(error.contains("does not speak HTTP"), "{error}");
    }

    #[test]
    fn a_token_cannot_smuggle_a_header() {
        assert!(get("http://127.0.0.1:1", "/x", Some("a\r\nX: y")).is_err());
    }
}
