//! One WebSocket connection: says what it is told and shows what it hears.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};

use super::tongue::Tongue;

const CONNECT_WITHIN: Duration = Duration::from_secs(3);
/// Thousands of clients share this process: the library's default is 128 KiB each.
const READ_BUFFER_BYTES: usize = 8 * 1024;

pub(super) struct Socket {
    stream: WebSocketStream<TcpStream>,
    tongue: Box<dyn Tongue>,
    /// Heard and not yet told.
    waiting: VecDeque<Value>,
    /// To be said as soon as the socket takes it; kept when a caller stops listening meanwhile.
    replies: VecDeque<Message>,
}

/// What came over a socket.
#[derive(Debug)]
pub(super) enum Heard {
    Frame(Value),
    /// The node is there, and says nothing.
    Alive,
    Closed(u16),
    /// The connection ended without a close frame.
    Broken,
    /// Something that is not in the protocol.
    Garbled(String),
}

impl Socket {
    /// Opens the tongue's socket without saying anything. `receive_buffer` bounds what the kernel takes in for a client that does
    /// not read.
    pub(super) async fn open(
        node: SocketAddr,
        tongue: Box<dyn Tongue>,
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
            let mut request = format!("ws://{node}{}", tongue.path()).into_client_request()?;
            let own = format!("http://{node}");
            request.headers_mut().insert("Origin", own.parse()?);
            let (stream, _) =
                tokio_tungstenite::client_async_with_config(request, tcp, Some(config)).await?;
            Ok(Socket {
                stream,
                tongue,
                waiting: VecDeque::new(),
                replies: VecDeque::new(),
            })
        };
        tokio::time::timeout(CONNECT_WITHIN, connect)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    pub(super) async fn say(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        let (message, heard) = self.tongue.say(frame);
        self.waiting.extend(heard);
        match message {
            Some(message) => self.stream.send(message).await,
            None => Ok(()),
        }
    }

    /// The next frame in v1's form, or the end.
    pub(super) async fn hear(&mut self) -> Heard {
        loop {
            if let Some(frame) = self.waiting.pop_front() {
                return Heard::Frame(frame);
            }
            if self.reply().await.is_err() {
                return Heard::Broken;
            }
            let message = match self.stream.next().await {
                Some(Ok(Message::Close(Some(close)))) => return Heard::Closed(close.code.into()),
                Some(Ok(Message::Close(None))) => return Heard::Closed(1005),
                Some(Ok(Message::Pong(_))) => return Heard::Alive,
                Some(Ok(message @ (Message::Text(_) | Message::Binary(_)))) => message,
                Some(Ok(Message::Ping(_) | Message::Frame(_))) => continue,
                Some(Err(_)) | None => return Heard::Broken,
            };
            let understood = self.tongue.understand(&message);
            self.waiting.extend(understood.frames);
            if let Some(what) = understood.garbled {
                return Heard::Garbled(what);
            }
            self.replies.extend(understood.replies);
        }
    }

    async fn reply(&mut self) -> Result<(), tungstenite::Error> {
        while !self.replies.is_empty() {
            poll_fn(|context| self.stream.poll_ready_unpin(context)).await?;
            if let Some(reply) = self.replies.pop_front() {
                self.stream.start_send_unpin(reply)?;
            }
            self.stream.flush().await?;
        }
        Ok(())
    }
}
