//! A bare WebSocket: says what it is told and shows what it hears.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::net::{TcpSocket, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use super::Account;

const CONNECT_DEADLINE: Duration = Duration::from_secs(3);
/// How long a test waits for a frame that must come.
const FRAME_DEADLINE: Duration = Duration::from_secs(5);

pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
}

/// What came over a socket.
#[derive(Debug)]
pub(crate) enum Heard {
    Frame(Value),
    Closed(u16),
    /// The connection ended without a close frame.
    Broken,
}

impl Socket {
    /// Opens `/ws` without saying who it is. `receive_buffer` bounds what the kernel takes in for a client that does
    /// not read.
    pub(crate) async fn open(
        node: SocketAddr,
        headers: &[(&'static str, &str)],
        receive_buffer: Option<u32>,
    ) -> Result<Socket, tungstenite::Error> {
        let mut request = format!("ws://{node}/ws").into_client_request()?;
        for (name, value) in headers {
            request.headers_mut().insert(*name, value.parse().unwrap());
        }
        let connect = async {
            let socket = TcpSocket::new_v4()?;
            if let Some(bytes) = receive_buffer {
                socket.set_recv_buffer_size(bytes)?;
            }
            let tcp = socket.connect(node).await?;
            tcp.set_nodelay(true)?;
            let (stream, _) = tokio_tungstenite::client_async(request, tcp).await?;
            Ok(Socket { stream })
        };
        tokio::time::timeout(CONNECT_DEADLINE, connect)
            .await
            .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()))
    }

    /// Opens `/ws` and logs in from now on; returns the `hello` too.
    pub(crate) async fn login(node: SocketAddr, account: &Account) -> (Socket, Value) {
        let mut socket = Socket::open(node, &[], None).await.unwrap();
        socket
            .say(&json!({"type": "auth", "token": account.token}))
            .await;
        let hello = socket.expect("hello").await;
        (socket, hello)
    }

    /// Sends a JSON frame; a socket that is gone shows in what is heard.
    pub(crate) async fn say(&mut self, frame: &Value) {
        let _ = self.try_say(frame).await;
    }

    pub(crate) async fn try_say(&mut self, frame: &Value) -> Result<(), tungstenite::Error> {
        self.stream.send(Message::text(frame.to_string())).await
    }

    /// Sends any message as it is.
    pub(crate) async fn say_raw(&mut self, message: Message) {
        let _ = self.stream.send(message).await;
    }

    /// The next text frame or the end; pings and pongs of the protocol are passed over.
    pub(crate) async fn hear(&mut self) -> Heard {
        loop {
            match self.stream.next().await {
                Some(Ok(Message::Text(text))) => {
                    let frame = serde_json::from_str(&text);
                    return Heard::Frame(frame.expect("frames of the server are JSON"));
                }
                Some(Ok(Message::Close(Some(close)))) => return Heard::Closed(close.code.into()),
                Some(Ok(Message::Close(None))) => return Heard::Closed(1005),
                Some(Ok(_)) => {}
                Some(Err(_)) | None => return Heard::Broken,
            }
        }
    }

    /// The next frame of this type; others are passed over. Fails the test when the socket ends or nothing comes.
    pub(crate) async fn expect(&mut self, kind: &str) -> Value {
        self.expect_where(kind, |frame| frame["type"] == kind).await
    }

    /// The next error frame with this code.
    pub(crate) async fn expect_error(&mut self, code: &str) -> Value {
        let frame = self.expect("error").await;
        assert_eq!(frame["code"], code, "{frame}");
        frame
    }

    /// The next frame that fits; others are passed over.
    pub(crate) async fn expect_where(
        &mut self,
        what: &str,
        fits: impl Fn(&Value) -> bool,
    ) -> Value {
        let wait = async {
            loop {
                match self.hear().await {
                    Heard::Frame(frame) if fits(&frame) => return frame,
                    Heard::Frame(_) => {}
                    end @ (Heard::Closed(_) | Heard::Broken) => panic!("{end:?} instead of {what}"),
                }
            }
        };
        tokio::time::timeout(FRAME_DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("no {what} within {FRAME_DEADLINE:?}"))
    }

    /// Waits for the close frame and returns its code with the frames that came before.
    pub(crate) async fn closed(&mut self, deadline: Duration) -> (u16, Vec<Value>) {
        let mut before = Vec::new();
        let wait = async {
            loop {
                match self.hear().await {
                    Heard::Frame(frame) => before.push(frame),
                    Heard::Closed(code) => return code,
                    Heard::Broken => panic!("the connection broke without a close frame"),
                }
            }
        };
        let code = tokio::time::timeout(deadline, wait)
            .await
            .unwrap_or_else(|_| panic!("not closed within {deadline:?}"));
        (code, before)
    }
}
