//! An old page in a browser: forms, a cookie it never sees, and a socket with its token in the address.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{self, Message};

use super::super::client::PASSWORD;

/// How long a page waits for a frame that must come.
const FRAME_DEADLINE: Duration = Duration::from_secs(8);

/// A browser's tab.
pub(crate) struct Page {
    pub(crate) node: SocketAddr,
    pub(crate) id: u64,
    pub(crate) token: String,
    pub(crate) cookie: Option<String>,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Page {
    pub(crate) fn open(node: SocketAddr) -> Page {
        Page {
            node,
            id: 0,
            token: String::new(),
            cookie: None,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// ginchat's register and login forms.
    pub(crate) async fn ginchat(node: SocketAddr, name: &str) -> Page {
        let mut page = Page::open(node);
        let form = [
            ("name", name),
            ("password", PASSWORD),
            ("Identity", PASSWORD),
        ];
        let made = page.post("/user/createUser", &form).await;
        assert_eq!(made["code"], 0, "{made}");
        let login = page
            .post(
                "/user/findUserByNameAndPwd",
                &[("name", name), ("password", PASSWORD)],
            )
            .await;
        assert_eq!(login["code"], 0, "{login}");
        page.id = login["data"]["ID"].as_u64().unwrap();
        page.token = login["data"]["Identity"].as_str().unwrap().to_owned();
        page
    }

    /// imooc's register and login forms.
    pub(crate) async fn imooc(node: SocketAddr, mobile: &str, nickname: &str) -> Page {
        let mut page = Page::open(node);
        let form = [
            ("mobile", mobile),
            ("passwd", PASSWORD),
            ("nickname", nickname),
            ("sex", "W"),
        ];
        let made = page.post("/user/register", &form).await;
        assert_eq!(made["code"], 0, "{made}");
        let login = page
            .post("/user/login", &[("mobile", mobile), ("passwd", PASSWORD)])
            .await;
        assert_eq!(login["code"], 0, "{login}");
        page.id = login["data"]["id"].as_u64().unwrap();
        page.token = login["data"]["token"].as_str().unwrap().to_owned();
        page
    }

    /// The same person's tab at another node: the cookie is the host's.
    pub(crate) fn at(&self, node: SocketAddr) -> Page {
        Page {
            node,
            id: self.id,
            token: self.token.clone(),
            cookie: self.cookie.clone(),
            client: self.client.clone(),
        }
    }

    /// A form, as pages post it: with the cookie and the page's own origin.
    pub(crate) async fn post(&mut self, path: &str, form: &[(&str, &str)]) -> Value {
        let body = form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        let kind = "application/x-www-form-urlencoded; charset=UTF-8";
        self.send(Method::POST, path, kind, body).await
    }

    /// A JSON body, as one of imooc's pages posts it.
    pub(crate) async fn post_json(&mut self, path: &str, body: &Value) -> Value {
        self.send(Method::POST, path, "application/json", body.to_string())
            .await
    }

    async fn send(
        &mut self,
        method: Method,
        path: &str,
        kind: &str,
        body: impl Into<Bytes>,
    ) -> Value {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.node))
            .header("Content-Type", kind)
            .header("Origin", format!("http://{}", self.node));
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        let request = request.body(Full::new(body.into())).unwrap();
        let response = self.client.request(request).await.unwrap();
        assert_eq!(response.status(), 200, "{path}");
        for set in response.headers().get_all("set-cookie") {
            let pair = set.to_str().unwrap().split(';').next().unwrap();
            self.cookie = Some(pair.to_owned());
        }
        let body = response.into_body().collect().await.unwrap().to_bytes();
        serde_json::from_slice(&body).unwrap_or_else(|_| panic!("{path}: not JSON: {body:?}"))
    }

    /// The same by a link, for which a browser names no origin.
    pub(crate) async fn get_json(&self, path: &str) -> Value {
        let fetched = self.get(path).await;
        assert_eq!(fetched.status, 200, "{path}");
        serde_json::from_slice(&fetched.body).unwrap_or_else(|_| panic!("{path}: not JSON"))
    }

    /// What a tag of the page fetches, or its address bar: with the cookie, and redirects are not followed.
    pub(crate) async fn get(&self, path: &str) -> Fetched {
        let mut request = Request::builder().uri(format!("http://{}{path}", self.node));
        if let Some(cookie) = &self.cookie {
            request = request.header("Cookie", cookie);
        }
        let request = request.body(Full::default()).unwrap();
        let response = self.client.request(request).await.unwrap();
        let header = |name: &str| {
            let value = response.headers().get(name);
            value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
        };
        let (kind, location) = (header("content-type"), header("location"));
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        Fetched {
            status,
            kind,
            location,
            body,
        }
    }

    /// An upload, as pages post it: with fields that say nothing.
    pub(crate) async fn upload(&mut self, name: &str, bytes: &[u8]) -> Value {
        let field = |name: &str, value: &str| {
            format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
        };
        let mut body = field("filetype", ".png").into_bytes();
        body.extend(field("userid", &self.id.to_string()).into_bytes());
        let head = format!(
            "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n"
        );
        body.extend(head.into_bytes());
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        self.send(
            Method::POST,
            "/attach/upload",
            "multipart/form-data; boundary=b",
            body,
        )
        .await
    }

    /// Whether anything of a request is told without the cookie.
    pub(crate) fn without_cookie(&self) -> Page {
        Page {
            cookie: None,
            ..self.at(self.node)
        }
    }

    /// ginchat's socket.
    pub(crate) async fn ginchat_socket(&self) -> PageSocket {
        let query = format!("userId={}&token={}", self.id, self.token);
        PageSocket::open(self.node, &query).await.unwrap()
    }

    /// imooc's socket.
    pub(crate) async fn imooc_socket(&self, more: &str) -> PageSocket {
        let query = format!("id={}&token={}{more}", self.id, self.token);
        PageSocket::open(self.node, &query).await.unwrap()
    }
}

/// What came for a tag of the page.
pub(crate) struct Fetched {
    pub(crate) status: u16,
    pub(crate) kind: String,
    pub(crate) location: String,
    pub(crate) body: Bytes,
}

/// A page's socket: it looks only at texts that hold a brace, as the pages do.
pub(crate) struct PageSocket {
    stream: WebSocketStream<TcpStream>,
}

impl PageSocket {
    pub(crate) async fn open(
        node: SocketAddr,
        query: &str,
    ) -> Result<PageSocket, tungstenite::Error> {
        PageSocket::open_at(node, &format!("/chat?{query}"), None).await
    }

    /// By any of the ways in; with a browser's cookie, or without.
    pub(crate) async fn open_at(
        node: SocketAddr,
        path: &str,
        cookie: Option<&str>,
    ) -> Result<PageSocket, tungstenite::Error> {
        let mut request = format!("ws://{node}{path}").into_client_request()?;
        let headers = request.headers_mut();
        headers.insert("Origin", format!("http://{node}").parse().unwrap());
        if let Some(cookie) = cookie {
            headers.insert("Cookie", cookie.parse().unwrap());
        }
        let tcp = TcpStream::connect(node).await?;
        let (stream, _) = tokio_tungstenite::client_async(request, tcp).await?;
        Ok(PageSocket { stream })
    }

    pub(crate) async fn say(&mut self, frame: &Value) {
        self.stream
            .send(Message::text(frame.to_string()))
            .await
            .unwrap();
    }

    /// A private text or group text in ginchat's form.
    pub(crate) async fn ginchat_text(&mut self, me: u64, kind: u8, target: u64, text: &str) {
        self.say(&json!({
            "userId": me, "TargetId": target, "Type": kind, "Media": 1, "Content": text, "CreateTime": 1,
        }))
        .await;
    }

    /// … and in imooc's.
    pub(crate) async fn imooc_text(&mut self, me: u64, cmd: u8, target: u64, text: &str) {
        self.say(&json!({"userid": me, "cmd": cmd, "dstid": target, "media": 1, "content": text}))
            .await;
    }

    /// The next frame that a page draws.
    pub(crate) async fn hear(&mut self) -> Value {
        let wait = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) if text.contains('}') => {
                        return serde_json::from_str(&text).unwrap();
                    }
                    Some(Ok(Message::Close(close))) => panic!("closed: {close:?}"),
                    Some(Ok(_)) => {}
                    other => panic!("ended: {other:?}"),
                }
            }
        };
        tokio::time::timeout(FRAME_DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("no frame within {FRAME_DEADLINE:?}"))
    }

    /// Leaves as a browser does, and waits for the node's goodbye.
    pub(crate) async fn leave(mut self) {
        self.stream.close(None).await.unwrap();
        assert_eq!(self.closed().await, 1000);
    }

    /// The code with which the node ends the socket.
    pub(crate) async fn closed(&mut self) -> u16 {
        self.rest().await.1
    }

    /// What it hears before the node ends the socket, and the code.
    pub(crate) async fn rest(&mut self) -> (Vec<Value>, u16) {
        let wait = async {
            let mut heard = Vec::new();
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Close(Some(close)))) => return (heard, close.code.into()),
                    Some(Ok(Message::Text(text))) if text.contains('}') => {
                        heard.push(serde_json::from_str(&text).unwrap());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("ended without a close frame: {other:?}"),
                }
            }
        };
        tokio::time::timeout(FRAME_DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("not closed within {FRAME_DEADLINE:?}"))
    }

    /// The next text without a brace: what a page passes over.
    pub(crate) async fn hear_aside(&mut self) -> String {
        let wait = async {
            loop {
                match self.stream.next().await {
                    Some(Ok(Message::Text(text))) if !text.contains('}') => {
                        return text.to_string();
                    }
                    Some(Ok(_)) => {}
                    other => panic!("ended: {other:?}"),
                }
            }
        };
        tokio::time::timeout(FRAME_DEADLINE, wait)
            .await
            .unwrap_or_else(|_| panic!("no word within {FRAME_DEADLINE:?}"))
    }
}
