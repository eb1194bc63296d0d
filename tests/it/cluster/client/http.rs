//! Requests of the v1 API against one node.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::{Method, Request};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::{Value, json};

/// The password of every account of the tests.
pub(crate) const PASSWORD: &str = "correct horse battery";
const REQUEST_DEADLINE: Duration = Duration::from_secs(10);
/// History comes in pages of at most this many entries.
const PAGE: u64 = 200;

/// A user who is logged in.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) token: String,
}

/// An answer. `body` is null when it was not JSON.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) body: Value,
    pub(crate) text: String,
}

impl Reply {
    /// The body of a success.
    pub(crate) fn expect(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }
}

/// Speaks to one node.
#[derive(Clone)]
pub(crate) struct Http {
    node: SocketAddr,
    client: Client<HttpConnector, Full<Bytes>>,
}

impl Http {
    pub(crate) fn new(node: SocketAddr) -> Http {
        Http {
            node,
            client: Client::builder(TokioExecutor::new()).build_http(),
        }
    }

    /// The node spoken to.
    pub(crate) fn address(&self) -> SocketAddr {
        self.node
    }

    pub(crate) async fn try_get(&self, path: &str) -> Option<Reply> {
        self.request(Method::GET, path, None, None).await.ok()
    }

    pub(crate) async fn get(&self, path: &str, token: &str) -> Reply {
        self.call(Method::GET, path, Some(token), None).await
    }

    pub(crate) async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        self.call(Method::POST, path, Some(token), Some(body)).await
    }

    /// Any request; fails the test when the node does not answer at all.
    pub(crate) async fn call(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Reply {
        let what = format!("{method} {path} at {}", self.node);
        match self.request(method, path, token, body).await {
            Ok(reply) => reply,
            Err(why) => panic!("{what}: {why}"),
        }
    }

    async fn request(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<Value>,
    ) -> Result<Reply, String> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.node));
        if let Some(token) = token {
            request = request.header("Authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Some(json) => {
                request = request.header("Content-Type", "application/json");
                Bytes::from(json.to_string())
            }
            None => Bytes::new(),
        };
        let request = request.body(Full::new(body)).map_err(|e| e.to_string())?;
        let exchange = async {
            let response = self
                .client
                .request(request)
                .await
                .map_err(|e| e.to_string())?;
            let status = response.status().as_u16();
            let bytes = response.into_body().collect().await;
            let text =
                String::from_utf8_lossy(&bytes.map_err(|e| e.to_string())?.to_bytes()).into_owned();
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            Ok(Reply { status, body, text })
        };
        tokio::time::timeout(REQUEST_DEADLINE, exchange)
            .await
            .unwrap_or_else(|_| Err(format!("no answer within {REQUEST_DEADLINE:?}")))
    }

    pub(crate) async fn register(&self, name: &str) -> Account {
        let body = json!({"name": name, "password": PASSWORD});
        let reply = self
            .call(Method::POST, "/api/v1/register", None, Some(body))
            .await;
        account(name, &reply.expect(201))
    }

    pub(crate) async fn login(&self, name: &str) -> Account {
        let body = json!({"name": name, "password": PASSWORD});
        let reply = self
            .call(Method::POST, "/api/v1/login", None, Some(body))
            .await;
        account(name, &reply.expect(200))
    }

    /// Makes a group and returns its id.
    pub(crate) async fn group(&self, owner: &Account, name: &str, members: &[u64]) -> u64 {
        let body = json!({"name": name, "members": members});
        let group = self
            .post("/api/v1/groups", &owner.token, body)
            .await
            .expect(201);
        group["id"].as_u64().unwrap()
    }

    /// A whole conversation as the account sees it, oldest first.
    pub(crate) async fn history(&self, reader: &Account, conv: &str) -> Vec<Value> {
        let mut entries = Vec::new();
        let mut after = 0;
        loop {
            let path = format!("/api/v1/conversations/{conv}/entries?after={after}&limit={PAGE}");
            let page = self.get(&path, &reader.token).await.expect(200);
            entries.extend(page["entries"].as_array().unwrap().iter().cloned());
            if page["more_after"] != true {
                return entries;
            }
            let last = entries.last().unwrap()["seq"].as_u64().unwrap();
            assert!(
                last > after,
                "history of {conv} does not advance beyond {after}"
            );
            after = last;
        }
    }

    /// The cluster page as the account sees it.
    pub(crate) async fn cluster(&self, reader: &Account) -> Value {
        self.get("/api/v1/cluster", &reader.token).await.expect(200)
    }
}

fn account(name: &str, answer: &Value) -> Account {
    Account {
        id: answer["user"]["id"].as_u64().unwrap(),
        name: name.to_owned(),
        token: answer["token"].as_str().unwrap().to_owned(),
    }
}
