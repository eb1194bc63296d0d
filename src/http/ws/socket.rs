//! The reading end of a connection, and the last words to a client that is not in the hub.
//!
//! Everything else that is written goes through the hub's shards. Driven by the session's task.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::time::{Instant, timeout, timeout_at};

use super::codec::{Decoder, Incoming, Malformed};
use super::session::error_json;
use crate::model::error::{Failure, Language};
use crate::service::connections::{CloseCode, frame};

/// One read of a socket.
const READ_BYTES: usize = 4 * 1024;
/// How long a closing connection may take to close its side.
pub(super) const LINGER: Duration = Duration::from_secs(1);

/// The reading end of a connection.
pub(super) struct Socket {
    pub(super) stream: Arc<TcpStream>,
    pub(super) decoder: Decoder,
}

impl Socket {
    pub(super) fn new(stream: TcpStream, leftover: &[u8], frame_bytes_max: usize) -> Socket {
        let mut decoder = Decoder::new(frame_bytes_max);
        decoder.extend(leftover);
        Socket {
            stream: Arc::new(stream),
            decoder,
        }
    }

    /// Takes in what the socket has; `false` at its end.
    pub(super) fn read(&mut self) -> bool {
        let mut buffer = [0u8; READ_BYTES];
        match self.stream.try_read(&mut buffer) {
            Ok(0) => false,
            Ok(count) => {
                self.decoder.extend(&buffer[..count]);
                true
            }
            Err(error) => matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted),
        }
    }

    /// Refuses a client that is not in the hub yet: an error, a close frame, and the end.
    pub(super) async fn refuse(&mut self, failure: &Failure, code: CloseCode, language: Language) {
        let error = frame::text(error_json(failure, None, language).as_bytes());
        self.refuse_with(&error, code, failure.code.name()).await;
    }

    /// The same in the words of another protocol.
    pub(super) async fn refuse_with(&mut self, words: &[u8], code: CloseCode, reason: &str) {
        let close = frame::close(code, reason);
        let last_words = [words, &close[..]].concat();
        // A client that takes nothing hears nothing.
        let _ = timeout(LINGER, write_all(&self.stream, &last_words)).await;
        self.linger().await;
    }

    /// Waits for the client's own close frame, or for the end of its side, so that ours is not lost to a reset.
    pub(super) async fn linger(&mut self) {
        let deadline = Instant::now() + LINGER;
        loop {
            match self.decoder.next() {
                Ok(Some(Incoming::Close)) => return,
                Ok(Some(_)) => {}
                // What a client says after it broke the protocol is not looked at.
                Err(_) => self.decoder.clear(),
                Ok(None) => {
                    let readable = timeout_at(deadline, self.stream.readable()).await;
                    if !matches!(readable, Ok(Ok(()))) || !self.read() {
                        return;
                    }
                }
            }
        }
    }
}

async fn write_all(stream: &TcpStream, mut bytes: &[u8]) -> std::io::Result<()> {
    while !bytes.is_empty() {
        stream.writable().await?;
        match stream.try_write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The first message of a client; `None` when it leaves without one.
pub(super) async fn first_frame(socket: &mut Socket) -> Result<Option<Incoming>, Malformed> {
    loop {
        match socket.decoder.next()? {
            Some(Incoming::Ping(payload)) => {
                let _ = write_all(&socket.stream, &frame::pong(&payload)).await;
            }
            Some(Incoming::Pong) => {}
            Some(Incoming::Close) => return Ok(None),
            Some(message @ (Incoming::Text(_) | Incoming::Binary(_))) => return Ok(Some(message)),
            None => {
                if socket.stream.readable().await.is_err() || !socket.read() {
                    return Ok(None);
                }
            }
        }
    }
}
