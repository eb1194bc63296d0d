//! shyim's command line client: protobuf, and a cursor that is the highest number it has seen.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use prost::Message as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite;

use super::super::client::Http;

const FRAME_DEADLINE: Duration = Duration::from_secs(8);

/// The frames as the old system describes them; written here anew, so that both sides are checked.
pub(crate) mod wire {
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Input {
        #[prost(int32, tag = "1")]
        pub(crate) kind: i32,
        #[prost(bytes = "vec", tag = "2")]
        pub(crate) data: Vec<u8>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Output {
        #[prost(int32, tag = "1")]
        pub(crate) kind: i32,
        #[prost(int32, tag = "2")]
        pub(crate) code: i32,
        #[prost(string, tag = "3")]
        pub(crate) code_msg: String,
        #[prost(bytes = "vec", tag = "4")]
        pub(crate) data: Vec<u8>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct OutputBatch {
        #[prost(bytes = "vec", repeated, tag = "1")]
        pub(crate) outputs: Vec<Vec<u8>>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct LoginMsg {
        #[prost(bytes = "vec", tag = "1")]
        pub(crate) token: Vec<u8>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct UpMsg {
        #[prost(message, optional, tag = "1")]
        pub(crate) msg: Option<Message>,
        #[prost(uint64, tag = "2")]
        pub(crate) client_id: u64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct PushMsg {
        #[prost(message, optional, tag = "1")]
        pub(crate) msg: Option<Message>,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct SyncInputMsg {
        #[prost(uint64, tag = "1")]
        pub(crate) seq: u64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct SyncOutputMsg {
        #[prost(message, repeated, tag = "1")]
        pub(crate) messages: Vec<Message>,
        #[prost(bool, tag = "2")]
        pub(crate) has_more: bool,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct Message {
        #[prost(int32, tag = "1")]
        pub(crate) session_type: i32,
        #[prost(uint64, tag = "2")]
        pub(crate) receiver_id: u64,
        #[prost(uint64, tag = "3")]
        pub(crate) sender_id: u64,
        #[prost(int32, tag = "4")]
        pub(crate) message_type: i32,
        #[prost(bytes = "vec", tag = "5")]
        pub(crate) content: Vec<u8>,
        #[prost(uint64, tag = "6")]
        pub(crate) seq: u64,
        #[prost(int64, tag = "7")]
        pub(crate) send_time: i64,
    }
    #[derive(Clone, PartialEq, prost::Message)]
    pub(crate) struct AckMsg {
        #[prost(int32, tag = "1")]
        pub(crate) kind: i32,
        #[prost(uint64, tag = "2")]
        pub(crate) client_id: u64,
        #[prost(uint64, tag = "3")]
        pub(crate) seq: u64,
    }
}

use wire::{
    AckMsg, Input, LoginMsg, Message, Output, OutputBatch, PushMsg, SyncInputMsg, SyncOutputMsg,
    UpMsg,
};

/// Somebody with the program.
pub(crate) struct Program {
    pub(crate) id: u64,
    pub(crate) token: String,
}

impl Program {
    pub(crate) async fn register(node: SocketAddr, phone: &str, nickname: &str) -> Program {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs([
                ("phone_number", phone),
                ("nickname", nickname),
                ("password", "correct horse battery"),
            ])
            .finish();
        let answer = form(node, "/register", None, body).await;
        assert_eq!(answer["code"], 200, "{answer}");
        Program {
            id: answer["data"]["id"].as_str().unwrap().parse().unwrap(),
            token: answer["data"]["token"].as_str().unwrap().to_owned(),
        }
    }

    /// A form with the header `token`.
    pub(crate) async fn post(&self, node: SocketAddr, path: &str, body: &str) -> Value {
        form(node, path, Some(&self.token), body.to_owned()).await
    }

    pub(crate) async fn connect(&self, node: SocketAddr) -> ProgramSocket {
        let mut socket = ProgramSocket::open(node).await;
        socket
            .send(
                1,
                &LoginMsg {
                    token: self.token.clone().into_bytes(),
                },
            )
            .await;
        let login = socket.hear().await;
        assert_eq!((login.kind, login.code), (4, 200), "{login:?}");
        assert_eq!(AckMsg::decode(&login.data[..]).unwrap().kind, 3);
        socket
    }
}

/// One form, by hand: the client of the tests speaks JSON.
async fn form(node: SocketAddr, path: &str, token: Option<&str>, body: String) -> Value {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let mut stream = TcpStream::connect(node).await.unwrap();
    let token = token
        .map(|token| format!("token: {token}\r\n"))
        .unwrap_or_default();
    let request = format!(
        "POST {path} HTTP/1.1\r\nHost: {node}\r\nConnection: close\r\n{token}\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let json = answer.split_once("\r\n\r\n").unwrap().1;
    serde_json::from_str(json).unwrap_or_else(|_| panic!("{answer}"))
}

/// Members of a group, as a stranger with a token asks for them.
pub(crate) async fn members(node: SocketAddr, program: &Program, group: &str) -> Value {
    let request = format!("/group_user/list?group_id={group}");
    let _ = Http::new(node);
    program.post(node, &request, "").await
}

/// The program's socket.
pub(crate) struct ProgramSocket {
    stream: WebSocketStream<TcpStream>,
    waiting: Vec<Output>,
}

impl ProgramSocket {
    pub(crate) async fn open(node: SocketAddr) -> ProgramSocket {
        let tcp = TcpStream::connect(node).await.unwrap();
        let (stream, _) = tokio_tungstenite::client_async(format!("ws://{node}/ws"), tcp)
            .await
            .unwrap();
        ProgramSocket {
            stream,
            waiting: Vec::new(),
        }
    }

    pub(crate) async fn send(&mut self, kind: i32, data: &impl prost::Message) {
        let input = Input {
            kind,
            data: data.encode_to_vec(),
        };
        self.send_bytes(input.encode_to_vec()).await;
    }

    pub(crate) async fn send_bytes(&mut self, bytes: Vec<u8>) {
        self.stream
            .send(tungstenite::Message::binary(bytes))
            .await
            .unwrap();
    }

    pub(crate) async fn up(&mut self, client_id: u64, msg: Message) {
        self.send(
            3,
            &UpMsg {
                msg: Some(msg),
                client_id,
            },
        )
        .await;
    }

    pub(crate) async fn hear(&mut self) -> Output {
        let wait = async {
            while self.waiting.is_empty() {
                match self.stream.next().await {
                    Some(Ok(tungstenite::Message::Binary(bytes))) => {
                        let batch = OutputBatch::decode(&bytes[..]).unwrap();
                        let outputs = batch
                            .outputs
                            .iter()
                            .map(|output| Output::decode(&output[..]).unwrap());
                        self.waiting.extend(outputs);
                    }
                    Some(Ok(tungstenite::Message::Ping(_) | tungstenite::Message::Pong(_))) => {}
                    other => panic!("instead of a frame: {other:?}"),
                }
            }
            self.waiting.remove(0)
        };
        tokio::time::timeout(FRAME_DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("no frame within {FRAME_DEADLINE:?}"))
    }

    pub(crate) async fn ack(&mut self) -> (i32, AckMsg) {
        let output = self.hear().await;
        assert_eq!(output.kind, 4, "{output:?}");
        (output.code, AckMsg::decode(&output.data[..]).unwrap())
    }

    pub(crate) async fn push(&mut self) -> Message {
        let output = self.hear().await;
        assert_eq!((output.kind, output.code), (3, 200), "{output:?}");
        PushMsg::decode(&output.data[..]).unwrap().msg.unwrap()
    }

    pub(crate) async fn sync(&mut self, seq: u64) -> SyncOutputMsg {
        self.send(5, &SyncInputMsg { seq }).await;
        let output = self.hear().await;
        assert_eq!((output.kind, output.code), (5, 200), "{output:?}");
        SyncOutputMsg::decode(&output.data[..]).unwrap()
    }

    /// The close code.
    pub(crate) async fn closed(&mut self) -> u16 {
        loop {
            match self.stream.next().await {
                Some(Ok(tungstenite::Message::Close(Some(close)))) => return close.code.into(),
                Some(Ok(_)) => {}
                other => panic!("ended without a close frame: {other:?}"),
            }
        }
    }
}

/// A text to a person (1) or a group (2).
pub(crate) fn text(session_type: i32, receiver_id: u64, content: &str, send_time: i64) -> Message {
    Message {
        session_type,
        receiver_id,
        message_type: 1,
        content: content.as_bytes().to_vec(),
        send_time,
        ..Message::default()
    }
}
