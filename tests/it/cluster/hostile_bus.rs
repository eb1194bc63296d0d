//! Strangers on the bus: what they send is dropped and counted by kind, and nobody notices anything else.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use socket2::{Domain, Socket, Type};

use super::checker::check;
use super::client::Http;
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Cluster, Plan, bus_counter, until};

const RECORD_FOR: Duration = Duration::from_millis(1_500);
const COUNTED_WITHIN: Duration = Duration::from_secs(5);
/// Where the header's parts begin: magic 2, version 1, key id 1, cluster tag 4, incarnation 16, packet number 8.
const TAG_AT: usize = 4;
const SEALED_AT: usize = 32;

/// Hears and says what it likes on the bus, as any process of the same user could.
struct Intruder {
    socket: UdpSocket,
    target: SocketAddr,
}

impl Intruder {
    fn on(port: u16) -> Intruder {
        let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).unwrap();
        socket.set_reuse_port(true).unwrap();
        socket.set_broadcast(true).unwrap();
        socket
            .bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)).into())
            .unwrap();
        let socket = UdpSocket::from(socket);
        socket
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        Intruder {
            socket,
            target: SocketAddr::from((Ipv4Addr::new(127, 255, 255, 255), port)),
        }
    }

    fn record(self, time: Duration) -> (Intruder, Vec<Vec<u8>>) {
        let end = std::time::Instant::now() + time;
        let mut recorded = Vec::new();
        let mut buffer = [0; 2_048];
        while std::time::Instant::now() < end {
            if let Ok(length) = self.socket.recv(&mut buffer) {
                recorded.push(buffer[..length].to_vec());
            }
        }
        (self, recorded)
    }

    fn send(&self, datagram: &[u8]) {
        self.socket.send_to(datagram, self.target).unwrap();
    }
}

async fn counters(cluster: &Cluster, crowd: &Crowd) -> Value {
    Http::new(cluster.nodes[1].http)
        .cluster(&crowd.accounts[0])
        .await
}

/// How many nodes the second node knows, itself included.
fn nodes_known(page: &Value) -> Option<usize> {
    page["nodes"].as_array().map(Vec::len)
}

/// Waits until the two nodes know each other: before, each is a stranger to the other.
async fn acquainted(cluster: &Cluster, crowd: &Crowd) {
    until("the nodes know each other", COUNTED_WITHIN, || async {
        let page = counters(cluster, crowd).await;
        nodes_known(&page) == Some(2) && bus_counter(&page, "peers_up") > 0
    })
    .await;
}

/// Waits until the counter of the second node is above its value on the earlier page.
async fn rises(cluster: &Cluster, crowd: &Crowd, before: &Value, name: &str) {
    let least = bus_counter(before, name);
    until(
        &format!("{name} rises above {least}"),
        COUNTED_WITHIN,
        || async { bus_counter(&counters(cluster, crowd).await, name) > least },
    )
    .await;
}

#[tokio::test]
async fn garbage_damaged_and_replayed_datagrams_change_nothing_and_are_counted_by_kind() {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    acquainted(&cluster, &crowd).await;
    let mut talk = Talk::new(2, vec![crowd.pair(0, 1)]);
    let intruder = Intruder::on(cluster.bus_port);
    let recording = tokio::task::spawn_blocking(|| intruder.record(RECORD_FOR));
    talk.go_on(&crowd, &chatters, 100, 100).await;
    let (intruder, recorded) = recording.await.unwrap();
    assert!(
        recorded.len() > 50,
        "only {} datagrams were heard",
        recorded.len()
    );
    let before = counters(&cluster, &crowd).await;

    for datagram in &recorded {
        intruder.send(datagram);
        intruder.send(&datagram[..datagram.len() / 2]);
        let mut damaged = datagram.clone();
        damaged[SEALED_AT] ^= 1;
        intruder.send(&damaged);
        let mut foreign = datagram.clone();
        foreign[TAG_AT] ^= 1;
        intruder.send(&foreign);
    }
    for length in [0, 1, 31, 32, 48, 512, 1_400] {
        let garbage: Vec<u8> = (0..length).map(|_| fastrand::u8(..)).collect();
        intruder.send(&garbage);
    }
    for name in [
        "dropped_replayed",
        "dropped_forged",
        "dropped_other_cluster",
        "dropped_length",
        "dropped_magic",
    ] {
        rises(&cluster, &crowd, &before, name).await;
    }
    let page = counters(&cluster, &crowd).await;
    assert_eq!(page["degraded"], false, "{page}");
    assert_eq!(nodes_known(&page), Some(2), "{page}");

    talk.go_on(&crowd, &chatters, 100, 100).await;
    settle(&chatters, COUNTED_WITHIN).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
}

#[tokio::test]
async fn nodes_of_another_key_another_name_or_another_store_are_never_peers() {
    let cluster = Plan::nodes(2).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    acquainted(&cluster, &crowd).await;

    let own_key = format!("1:{}", URL_SAFE_NO_PAD.encode(cluster.key));
    let strangers = [
        (
            "another key",
            vec![("cluster.name", cluster.name.as_str())],
            "dropped_other_cluster",
        ),
        (
            "another name",
            vec![("cluster.keys", own_key.as_str())],
            "dropped_other_cluster",
        ),
        (
            "another store",
            vec![
                ("cluster.name", cluster.name.as_str()),
                ("cluster.keys", own_key.as_str()),
            ],
            "dropped_unknown_sender",
        ),
    ];
    for (what, settings, counter) in strangers {
        let mut stranger = Plan::nodes(1).prepare();
        let node = &mut stranger.nodes[0];
        node.set("cluster.listen", &format!("0.0.0.0:{}", cluster.bus_port));
        node.set(
            "cluster.targets",
            &format!("127.255.255.255:{}", cluster.bus_port),
        );
        for (key, value) in settings {
            node.set(key, value);
        }
        let before = counters(&cluster, &crowd).await;
        node.start();
        node.wait_ready().await;
        eprintln!("a node of {what}: {counter}");
        rises(&cluster, &crowd, &before, counter).await;
        let page = counters(&cluster, &crowd).await;
        assert_eq!(nodes_known(&page), Some(2), "{what}: {page}");
    }

    let mut talk = Talk::new(3, vec![crowd.pair(0, 1)]);
    talk.go_on(&crowd, &chatters, 50, 100).await;
    settle(&chatters, COUNTED_WITHIN).await;
    check(&crowd, cluster.nodes[1].http, &chatters).await;
}
