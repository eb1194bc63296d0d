//! One WebSocket connection: says what it is told and shows what it hears.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Thousands of clients share this process: the library's default is 128 KiB each.
const READ_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What came over a socket.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    Closed(u16),
    /// The connection ended without a close frame.
    Broken,
    /// A text that is no JSON.
    Garbled(String),
}

impl Socket {
    /// Opens `/ws` without saying who it is. `receive_buffer` bounds what the kernel takes in for a client that does
    /// not read.
    pub(super) async fn open(
        node: SocketAddr,
        receive_buffer: Option<u32>,
    ) -> Result<Socket, tungstenite::Error> {
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            if let Some(bytes) = receive_buffer {
                socket.set_recv_buffer_size(bytes)?;
            }
            let tcp = socket.connect(node).await?;
            tcp.set_nodelay(true)?;
            let config = WebSocketConfig::default().read_buffer_size(READ_BUFFER_BYTES);
            let request = format!("ws://{node}/ws");
            let (stream, _) =
                tokio_tungstenite::client_async_with_config(request, tcp, Some(config)).await?;
            Ok(Socket { stream })
        };
        tokio::time::timeout(CONNECT_WITHIN, connect)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    pub(super) async fn say(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.stream.send(Message::text(frame.to_string())).await
    }

    /// The next text frame or the end; pings and pongs of the protocol are passed over.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    return match serde_json::from_str(&text) {
                        Ok(frame) => Heard::Frame(frame),
                        Err(_) => Heard::Garbled(text.to_string()),
                    };
                }
                Some(Ok(Message::Close(Some(close)))) => return Heard::Closed(close.code.into()),
                Some(Ok(Message::Close(None))) => return Heard::Closed(1005),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Broken,
            }
        }
    }
}
