//! Files in messages: made from a seed, given to the sender's node, and fetched from the reader's to be compared.
//!
//! Tries again while nodes are away, as a careful client does. Deliberately without a verdict: what came is for the
//! checker.

use std::net::SocketAddr;
use std::time::Duration;

use ring::digest::SHA256;
use serde_json::Value;
use tokio::sync::Semaphore;

use super::api::{self, Account};
use super::dialect::Dialect;
use super::pages;

/// Media type of a file in a message.
const MEDIA_FILE: u16 = 10;
const MEDIA_PICTURE: u16 = 4;
/// A picture is so wide, and as high as its size allows.
const PICTURE_WIDTH: usize = 64;
const BMP_HEAD_BYTES: usize = 54;
/// Uploads and fetches at a time: what is tested is the cluster, not how many connections this machine has.
static AT_ONCE: Semaphore = Semaphore::const_new(24);
/// A node that is away, or that cannot reach the one that has the file, is asked again after this.
const AGAIN_AFTER: Duration = Duration::from_millis(250);
/// Begins the text beside a file; the digest follows.
const MARK: &str = "file sha256:";

/// What is sent: bytes, and what they are.
pub(super) struct Made {
    pub(super) bytes: Vec<u8>,
    name: &'static str,
    media: u16,
}

/// Of about so many bytes: a picture or something else, decided and filled by the seed. Old clients send pictures.
pub(super) fn make(dialect: Dialect, seed: u64, bytes: usize) -> Made {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut noise = |length: usize| -> Vec<u8> {
        let mut bytes = vec![0; length];
        rng.fill(&mut bytes);
        bytes
    };
    if seed.is_multiple_of(2) && dialect == Dialect::V1 {
        let bytes = noise(bytes.max(1));
        return Made {
            bytes,
            name: "noise.bin",
            media: MEDIA_FILE,
        };
    }
    let height = bytes.div_ceil(PICTURE_WIDTH * 3).max(1);
    Made {
        bytes: bitmap(height, &noise(PICTURE_WIDTH * 3 * height)),
        name: "picture.bmp",
        media: MEDIA_PICTURE,
    }
}

/// A picture without compression (BITMAPINFOHEADER, 24 bits): its rows need no padding at this width.
fn bitmap(height: usize, pixels: &[u8]) -> Vec<u8> {
    let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX).to_le_bytes();
    let mut bytes = b"BM".to_vec();
    bytes.extend(number(BMP_HEAD_BYTES + pixels.len()));
    bytes.extend([0; 4]);
    bytes.extend(number(BMP_HEAD_BYTES));
    bytes.extend(number(40));
    bytes.extend(number(PICTURE_WIDTH));
    bytes.extend(number(height));
    bytes.extend([1, 0, 24, 0]);
    bytes.extend([0; 24]);
    bytes.extend(pixels);
    bytes
}

/// In hexadecimal digits.
pub(super) fn digest(bytes: &[u8]) -> String {
    let digest = ring::digest::digest(&SHA256, bytes);
    digest
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// A message about an uploaded file: media, text and address; and the digest of its bytes.
pub(super) struct Uploaded {
    pub(super) media: u16,
    pub(super) content: String,
    pub(super) url: String,
    pub(super) sha256: String,
}

/// Gives the file to a node, one after the other beginning with `first`, until one has taken it.
pub(super) async fn upload(
    account: &Account,
    doors: &[SocketAddr],
    first: usize,
    made: &Made,
) -> Uploaded {
    let sha256 = digest(&made.bytes);
    for attempt in first.. {
        if let Ok(_turn) = AT_ONCE.acquire().await
            && let Ok(answer) = give(account, doors[attempt % doors.len()], made).await
            && let Some(url) = answer["url"].as_str().or(answer["data"].as_str())
        {
            return Uploaded {
                media: made.media,
                // One of the old clients sends an address and no words beside it.
                content: match account.dialect {
                    Dialect::V1 | Dialect::Ginchat | Dialect::Imooc => format!("{MARK}{sha256}"),
                    Dialect::Shyim => String::new(),
                },
                url: url.to_owned(),
                sha256,
            };
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    unreachable!("attempts do not end")
}

async fn give(account: &Account, node: SocketAddr, made: &Made) -> anyhow::Result<Value> {
    let boundary = format!("starling-{:016x}", fastrand::u64(..));
    let mut body = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{}\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n",
        made.name
    )
    .into_bytes();
    body.extend_from_slice(&made.bytes);
    body.extend(format!("\r\n--{boundary}--\r\n").bytes());
    let kind = format!("Content-Type: multipart/form-data; boundary={boundary}\r\n");
    let (path, good) = match account.dialect.is_page() {
        true => ("/attach/upload", 200),
        false => ("/api/v1/files", 201),
    };
    let headers = credentials(account, node) + &kind;
    let (status, answer) = api::exchange(node, "POST", path, &headers, &body).await?;
    anyhow::ensure!(status == good, "an upload answers {status}");
    Ok(serde_json::from_slice(&answer)?)
}

/// As this user's client shows who it is.
fn credentials(account: &Account, node: SocketAddr) -> String {
    match account.dialect.is_page() {
        true => pages::credentials(node, &account.token),
        false => api::bearer(&account.token),
    }
}

/// What became of a fetch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Got {
    /// Bytes with this digest.
    Bytes(String),
    /// The node knows the file and does not give it, or does not know it.
    Refused(u16),
}

/// Asks the nodes, one after the other beginning with the reader's own, until one gives the file or refuses it.
pub(super) async fn fetch(account: &Account, doors: &[SocketAddr], first: usize, url: &str) -> Got {
    for attempt in first.. {
        if let Ok(_turn) = AT_ONCE.acquire().await {
            let node = doors[attempt % doors.len()];
            let headers = credentials(account, node);
            match api::exchange(node, "GET", url, &headers, &[]).await {
                Ok((200, bytes)) => return Got::Bytes(digest(&bytes)),
                Ok((status @ (401 | 403 | 404 | 410), _)) => return Got::Refused(status),
                Ok(_) | Err(_) => {}
            }
        }
        tokio::time::sleep(AGAIN_AFTER).await;
    }
    unreachable!("attempts do not end")
}
