//! Outgoing hooks when the node dies that delivers.

use std::convert::Infallible;
use std::fs;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::client::Http;
use super::harness::{Node, Plan, until};

/// The request that gets no answer while its sender is killed.
const STALLED: usize = 3;
const TOLD_WITHIN: Duration = Duration::from_secs(20);
/// A hold is for 15 s, and looked for every half second; twice that, on a busy machine.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(31);

/// The two ends of a connection: the sender's and the receiver's.
type Ends = [SocketAddr; 2];
/// What came of a request: by which connection, and the entry's place.
type Heard = Arc<Mutex<Vec<(Ends, u64)>>>;

/// A receiver that takes everything, except that it leaves one request without an answer for ever.
async fn receiver() -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/told", listener.local_addr().unwrap());
    let heard = Heard::default();
    let taken = Arc::clone(&heard);
    tokio::spawn(async move {
        loop {
            let (stream, from) = listener.accept().await.unwrap();
            let ends = [from, stream.local_addr().unwrap()];
            let taken = Arc::clone(&taken);
            let service = service_fn(move |request: Request<Incoming>| {
                let taken = Arc::clone(&taken);
                async move {
                    let body = request.into_body().collect().await.unwrap().to_bytes();
                    let entry: Value = serde_json::from_slice(&body).unwrap();
                    let count = {
                        let mut taken = taken.lock().unwrap();
                        taken.push((ends, entry["seq"].as_u64().unwrap()));
                        taken.len()
                    };
                    if count == STALLED {
                        std::future::pending::<()>().await;
                    }
                    Ok::<_, Infallible>(Response::new(Full::<Bytes>::default()))
                }
            });
            let http = hyper::server::conn::http1::Builder::new();
            tokio::spawn(http.serve_connection(TokioIo::new(stream), service));
        }
    });
    (url, heard)
}

/// Whether the sender's end of this connection is the node's.
fn is_of(node: &Node, ends: Ends) -> bool {
    // Both ends, as a port may serve connections to several others at the same time.
    let ends = ends.map(|end| {
        let SocketAddr::V4(end) = end else {
            panic!("an address of this machine: {end}");
        };
        // As the kernel writes addresses: the bytes in the machine's order, in hex.
        let ip = u32::from_ne_bytes(end.ip().octets());
        format!("{ip:08X}:{:04X}", end.port())
    });
    let table = fs::read_to_string("/proc/net/tcp").unwrap();
    let row = table.lines().map(str::split_whitespace).find_map(|row| {
        let row: Vec<&str> = row.collect();
        (row.get(1..3) == Some(&[ends[0].as_str(), ends[1].as_str()])).then(|| row[9].to_owned())
    });
    let wanted = format!("socket:[{}]", row.expect("the connection is there"));
    let mut open = fs::read_dir(format!("/proc/{}/fd", node.pid())).unwrap();
    open.any(|file| {
        let target = fs::read_link(file.unwrap().path());
        target.is_ok_and(|target| target.to_string_lossy() == wanted)
    })
}

#[tokio::test]
async fn a_hook_whose_node_is_killed_while_it_delivers_is_followed_by_another_without_a_gap() {
    let mut cluster = Plan::nodes(3)
        .set("hooks.allow_private", true)
        .start()
        .await;
    let nodes: Vec<Http> = cluster.addresses().into_iter().map(Http::new).collect();
    let anna = nodes[0].register("anna").await;
    let group = nodes[0].group(&anna, "flock", &[]).await;
    let (url, heard) = receiver().await;
    let wish = json!({"name": "archive", "kind": "outgoing", "url": url});
    let hooks = format!("/api/v1/groups/{group}/hooks");
    nodes[0].post(&hooks, &anna.token, wish).await.expect(201);

    let say = async |node: &Http, n: usize| {
        let path = format!("/api/v1/conversations/g:{group}/messages");
        let body = json!({"cid": format!("m{n}"), "media": 1, "content": format!("message {n}")});
        let sent = node.post(&path, &anna.token, body).await.expect(201);
        sent["seq"].as_u64().unwrap()
    };
    let mut said = Vec::new();
    for n in 0..6 {
        said.push(say(&nodes[n % 3], n).await);
    }
    until("a delivery waits for its answer", TOLD_WITHIN, || async {
        heard.lock().unwrap().len() == STALLED
    })
    .await;
    let (ends, stalled) = heard.lock().unwrap()[STALLED - 1];
    let holder = cluster.nodes.iter().position(|node| is_of(node, ends));
    let holder = holder.expect("a node of the cluster delivers");
    cluster.nodes[holder].kill();
    let survivors: Vec<&Http> = (0..3).filter(|n| *n != holder).map(|n| &nodes[n]).collect();
    for n in 6..12 {
        said.push(say(survivors[n % 2], n).await);
    }
    let last = *said.last().unwrap();
    until("all is told by another node", TAKEN_OVER_WITHIN, || async {
        heard
            .lock()
            .unwrap()
            .last()
            .is_some_and(|(_, seq)| *seq == last)
    })
    .await;

    // What was not answered came again; everything else came once, in order.
    let mut told: Vec<u64> = heard.lock().unwrap().iter().map(|(_, seq)| *seq).collect();
    assert_eq!(told.remove(STALLED), stalled);
    assert_eq!(told, said);
    until("the store knows it", TOLD_WITHIN, || async {
        let list = survivors[0].get(&hooks, &anna.token).await.expect(200);
        let hook = &list["hooks"][0];
        hook["delivered_seq"].as_u64() >= Some(last) && hook["disabled"].is_null()
    })
    .await;
}
