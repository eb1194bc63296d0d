//! People with a device on each node, what they do, and what their devices hear of it.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::Method;
use serde_json::{Value, json};

use super::super::client::{Account, Heard, Http, Socket};
use super::super::harness::{Cluster, Plan};

const NODES: usize = 3;
const OFFLINE_AFTER_MS: u64 = 300;
/// How long a device may take to hear what it must.
const HEARD_WITHIN: Duration = Duration::from_secs(10);
const UNAUTHORIZED: u16 = 4003;

/// A person's device: who, and at which node.
pub(super) type Device = (usize, usize);

/// Sessions of one user, one at each node, and what they are connected by.
struct Person {
    sessions: Vec<Account>,
    sockets: Vec<Socket>,
}

pub(super) struct Stage {
    /// Lives as long as the test.
    _cluster: Cluster,
    nodes: Vec<Http>,
    people: Vec<Person>,
    /// Counts what was done: the nodes take turns.
    turn: usize,
    driven: BTreeSet<(String, String)>,
}

impl Stage {
    pub(super) async fn new<const N: usize>(names: [&str; N]) -> Stage {
        let plan = Plan::nodes(NODES).set("presence.offline_after_ms", OFFLINE_AFTER_MS);
        let cluster = plan.start().await;
        cluster.wait_until_all_hear_each_other().await;
        let nodes: Vec<Http> = cluster.addresses().into_iter().map(Http::new).collect();
        let mut people = Vec::new();
        for name in names {
            nodes[0].register(name).await;
            let mut sessions = Vec::new();
            let mut sockets = Vec::new();
            for node in &nodes {
                let session = node.login(name).await;
                sockets.push(Socket::login(node.address(), &session).await.0);
                sessions.push(session);
            }
            people.push(Person { sessions, sockets });
        }
        Stage {
            _cluster: cluster,
            nodes,
            people,
            turn: 0,
            driven: BTreeSet::new(),
        }
    }

    pub(super) fn id(&self, who: usize) -> u64 {
        self.people[who].sessions[0].id
    }

    /// The conversation with somebody as the other names it.
    pub(super) fn with(&self, who: usize) -> String {
        format!("u:{}", self.id(who))
    }

    /// Something unlike anything before.
    pub(super) fn fresh(&self, word: &str) -> String {
        format!("{word} {}", self.turn)
    }

    /// Does something by a request to the node whose turn it is.
    pub(super) async fn ask(
        &mut self,
        who: usize,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        let node = self.next_node();
        self.ask_at((who, node), method, path, body).await
    }

    /// The same from a device.
    pub(super) async fn ask_at(
        &mut self,
        (who, node): Device,
        method: Method,
        path: &str,
        body: Value,
    ) -> Value {
        self.driven
            .insert((method.as_str().to_lowercase(), path.to_owned()));
        let token = &self.people[who].sessions[node].token;
        let body = Some(body).filter(|body| !body.is_null());
        let reply = self.nodes[node].call(method, path, Some(token), body);
        let reply = reply.await;
        assert!((200..300).contains(&reply.status), "{path}: {}", reply.text);
        reply.body
    }

    pub(super) async fn get(&self, who: usize, path: &str) -> Value {
        let token = &self.people[who].sessions[0].token;
        self.nodes[0].get(path, token).await.expect(200)
    }

    /// Says a frame on the device whose turn it is; a device that was acknowledged got the ack.
    pub(super) async fn say(&mut self, who: usize, frame: Value) -> (Device, Value) {
        let node = self.next_node();
        let kind = frame["type"].as_str().unwrap().to_owned();
        self.driven.insert(("frame".to_owned(), kind));
        let socket = &mut self.people[who].sockets[node];
        socket.say(&frame).await;
        let mut ack = Value::Null;
        if let Some(cid) = frame.get("cid") {
            ack = socket
                .expect_where("ack", |heard| {
                    heard["type"] == "ack" && heard["cid"] == *cid
                })
                .await;
        }
        ((who, node), ack)
    }

    /// Each device of these people hears frames with all of these fields, in whatever order.
    pub(super) async fn hear(&mut self, who: &[usize], frames: &[Value]) {
        self.hear_but(None, who, frames).await;
    }

    /// The same but for the device that did it.
    pub(super) async fn hear_but(
        &mut self,
        actor: Option<Device>,
        who: &[usize],
        frames: &[Value],
    ) {
        let mut listening = Vec::new();
        for (place, person) in self.people.iter_mut().enumerate() {
            if !who.contains(&place) {
                continue;
            }
            for (node, socket) in person.sockets.iter_mut().enumerate() {
                if actor != Some((place, node)) {
                    let name = &person.sessions[node].name;
                    let device = format!("{name}'s device at node {node}");
                    listening.push(all_heard(socket, device, frames));
                }
            }
        }
        join_all(listening).await;
    }

    /// These devices are told that their session is over; they are not waited for any more.
    pub(super) async fn closed(&mut self, who: usize, nodes: &[usize]) {
        for node in nodes {
            let (code, _) = self.people[who].sockets[*node].closed(HEARD_WITHIN).await;
            assert_eq!(code, UNAUTHORIZED, "{who} at node {node}");
        }
        let mut node = 0;
        self.people[who].sockets.retain(|_| {
            node += 1;
            !nodes.contains(&(node - 1))
        });
    }

    /// The first of somebody's devices is connected as before.
    pub(super) async fn is_heard(&mut self, who: usize) {
        let socket = &mut self.people[who].sockets[0];
        socket.say(&json!({"type": "ping", "n": 1})).await;
        socket.expect("pong").await;
    }

    /// Takes all of somebody's devices away.
    pub(super) fn leave(&mut self, who: usize) {
        self.people[who].sockets.clear();
    }

    /// Brings them back.
    pub(super) async fn come_back(&mut self, who: usize) {
        let person = &mut self.people[who];
        for (node, session) in self.nodes.iter().zip(&person.sessions) {
            let (socket, _) = Socket::login(node.address(), session).await;
            person.sockets.push(socket);
        }
    }

    /// Posts without a token.
    pub(super) async fn post_as_nobody(&mut self, path: &str, body: Value) -> Value {
        let node = self.next_node();
        self.driven.insert(("post".to_owned(), path.to_owned()));
        let reply = self.nodes[node].call(Method::POST, path, None, Some(body));
        reply.await.expect(201)
    }

    /// What a node says of the API.
    pub(super) async fn document(&self) -> Value {
        let reply = self.nodes[1].try_get("/openapi.json").await;
        reply.unwrap().expect(200)
    }

    /// Whether a described action was driven: a path with placeholders, or the type of a frame.
    pub(super) fn drove(&self, method: &str, described: &str) -> bool {
        let stands_for = |path: &str| {
            let (described, path) = (described.split('/'), path.split('/'));
            described.clone().count() == path.clone().count()
                && described
                    .zip(path)
                    .all(|(one, other)| one == other || one.starts_with('{'))
        };
        let mut driven = self.driven.iter();
        driven.any(|(found, path)| found == method && stands_for(path))
    }

    fn next_node(&mut self) -> usize {
        self.turn += 1;
        self.turn % NODES
    }
}

async fn all_heard(socket: &mut Socket, device: String, frames: &[Value]) {
    let mut missing: Vec<&Value> = frames.iter().collect();
    let listen = async {
        while !missing.is_empty() {
            match socket.hear().await {
                Heard::Frame(frame) => missing.retain(|wanted| !holds(&frame, wanted)),
                end @ (Heard::Closed(_) | Heard::Broken) => panic!("{device}: {end:?}"),
            }
        }
    };
    let heard = tokio::time::timeout(HEARD_WITHIN, listen).await;
    assert!(heard.is_ok(), "{device} has not heard {}", json!(missing));
}

/// Whether a frame has these fields, at least.
fn holds(found: &Value, wanted: &Value) -> bool {
    match wanted {
        Value::Object(fields) => fields
            .iter()
            .all(|(name, value)| found.get(name).is_some_and(|found| holds(found, value))),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            found == wanted
        }
    }
}
