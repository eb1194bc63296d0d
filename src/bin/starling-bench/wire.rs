//! A WebSocket client of the least cost: thousands of them share the machine with the server they measure.

use std::io;
use std::net::SocketAddr;

use bytes::{Buf as _, Bytes, BytesMut};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use crate::api::Account;

const READ_BUFFER: usize = 4 * 1024;
const TEXT: u8 = 0x1;
const CLOSE: u8 = 0x8;
/// What the server's live entries start with.
const ENTRY: &[u8] = br#"{"type":"entry""#;

pub(crate) struct Reader {
    stream: OwnedReadHalf,
    buffer: BytesMut,
}

pub(crate) struct Writer(OwnedWriteHalf);

/// Opens a WebSocket on this path.
pub(crate) async fn open(server: SocketAddr, path: &str) -> io::Result<(Reader, Writer)> {
    let stream = TcpStream::connect(server).await?;
    stream.set_nodelay(true)?;
    let (reader, mut writer) = stream.into_split();
    let request = format!(
        "GET {path} HTTP/1.1\r\nHost: {server}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    );
    writer.write_all(request.as_bytes()).await?;
    let mut reader = Reader {
        stream: reader,
        buffer: BytesMut::new(),
    };
    reader.skip_answer().await?;
    Ok((reader, Writer(writer)))
}

/// Opens a connection of this user and waits until it is live.
pub(crate) async fn login(node: SocketAddr, account: &Account) -> io::Result<(Reader, Writer)> {
    let (mut reader, mut writer) = open(node, "/ws").await?;
    writer
        .send(&json!({"type": "auth", "token": account.token}))
        .await?;
    let hello = reader.next().await?;
    if hello["type"] != "hello" {
        return Err(io::Error::other(format!("{hello} instead of a hello")));
    }
    Ok((reader, writer))
}

impl Writer {
    pub(crate) async fn send(&mut self, frame: &Value) -> io::Result<()> {
        self.send_text(frame.to_string().as_bytes()).await
    }

    /// Frames of clients are masked; a mask of zeros is a mask and leaves the text as it is.
    pub(crate) async fn send_text(&mut self, text: &[u8]) -> io::Result<()> {
        let mut frame = Vec::with_capacity(text.len() + 8);
        frame.push(0x80 | TEXT);
        if text.len() < 126 {
            frame.push(0x80 | u8::try_from(text.len()).map_err(io::Error::other)?);
        } else {
            frame.push(0x80 | 126);
            let length = u16::try_from(text.len()).map_err(io::Error::other)?;
            frame.extend_from_slice(&length.to_be_bytes());
        }
        frame.extend_from_slice(&[0; 4]);
        frame.extend_from_slice(text);
        self.0.write_all(&frame).await
    }
}

impl Reader {
    /// The next text frame.
    pub(crate) async fn next(&mut self) -> io::Result<Value> {
        loop {
            if let Some((opcode, payload)) = self.frame()? {
                if opcode == TEXT {
                    return serde_json::from_slice(&payload).map_err(io::Error::other);
                }
            } else {
                self.fill().await?;
            }
        }
    }

    /// Reads what is there or comes next, and counts the live entries among the text frames; all of them if the server
    /// is not a node.
    pub(crate) async fn count(&mut self, of_node: bool) -> io::Result<u64> {
        self.fill().await?;
        let mut count = 0;
        while let Some((opcode, payload)) = self.frame()? {
            if opcode == TEXT && (!of_node || payload.starts_with(ENTRY)) {
                count += 1;
            }
        }
        Ok(count)
    }

    async fn skip_answer(&mut self) -> io::Result<()> {
        loop {
            let end = self
                .buffer
                .windows(4)
                .position(|bytes| bytes == b"\r\n\r\n");
            let Some(end) = end else {
                self.fill().await?;
                continue;
            };
            let head = self.buffer.split_to(end + 4);
            return if head.starts_with(b"HTTP/1.1 101") {
                Ok(())
            } else {
                let head = String::from_utf8_lossy(&head).into_owned();
                Err(io::Error::other(head))
            };
        }
    }

    async fn fill(&mut self) -> io::Result<()> {
        self.buffer.reserve(READ_BUFFER);
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }

    /// A whole frame, if one is there. Frames of servers are not masked.
    fn frame(&mut self) -> io::Result<Option<(u8, Bytes)>> {
        let bytes = &self.buffer[..];
        let (header, length) = match bytes {
            [_, 126, high, low, ..] => (4, usize::from(u16::from_be_bytes([*high, *low]))),
            [_, 127, length @ ..] if length.len() >= 8 => {
                let mut wide = [0; 8];
                wide.copy_from_slice(&length[..8]);
                let length = usize::try_from(u64::from_be_bytes(wide));
                (10, length.map_err(io::Error::other)?)
            }
            [_, length @ 0..=125, ..] => (2, usize::from(*length)),
            _ => return Ok(None),
        };
        if bytes.len() < header + length {
            return Ok(None);
        }
        let opcode = bytes[0] & 0xf;
        self.buffer.advance(header);
        let payload = self.buffer.split_to(length).freeze();
        if opcode == CLOSE {
            return Err(io::Error::other(format!("closed: {payload:?}")));
        }
        Ok(Some((opcode, payload)))
    }
}
