//! The hub over real sockets: what reaches a client, and what becomes of one that does not read.

use std::time::Duration;

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::speech::V1;
use super::*;
use crate::model::conversation::Conv;
use crate::model::entry::{Entry, EntryKind};

const GROUP: GroupId = GroupId(9);
const DEADLINE: Duration = Duration::from_secs(10);

struct Peer {
    conn: ConnId,
    link: Arc<Link>,
    stream: TcpStream,
}

impl Peer {
    /// The next text frame's JSON; pings are passed over. `None`: closed, with the code.
    async fn next(&mut self) -> Result<serde_json::Value, u16> {
        loop {
            let mut head = [0u8; 2];
            timeout(DEADLINE, self.stream.read_exact(&mut head))
                .await
                .unwrap()
                .map_err(|_| 0u16)?;
            let length = match head[1] {
                126 => usize::from(self.stream.read_u16().await.unwrap()),
                127 => usize::try_from(self.stream.read_u64().await.unwrap()).unwrap(),
                short => usize::from(short),
            };
            let mut payload = vec![0; length];
            self.stream.read_exact(&mut payload).await.unwrap();
            match head[0] & 0xf {
                1 => return Ok(serde_json::from_slice(&payload).unwrap()),
                8 => return Err(u16::from_be_bytes([payload[0], payload[1]])),
                _ => {}
            }
        }
    }

    async fn next_seq(&mut self) -> u64 {
        self.next().await.unwrap()["seq"].as_u64().unwrap()
    }
}

async fn connect(hub: &Hub, user: u64) -> Peer {
    connect_until(hub, user, None).await
}

async fn connect_until(hub: &Hub, user: u64, expires: Option<Instant>) -> Peer {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap())
        .await
        .unwrap();
    let (served, _) = listener.accept().await.unwrap();
    let (conn, link) = (hub.draw_conn(), Arc::new(Link::default()));
    link.heard(hub.now_ms());
    let opening = Opening {
        stream: Arc::new(served),
        link: Arc::clone(&link),
        user: UserId(user),
        session: SessionId(user),
        expires,
        position: Seq(0),
        speech: public(),
    };
    hub.open(conn, opening).await;
    Peer { conn, link, stream }
}

/// One value for all, as those who serve connections have it.
fn public() -> Arc<dyn Speech> {
    static PUBLIC: std::sync::OnceLock<Arc<dyn Speech>> = std::sync::OnceLock::new();
    Arc::clone(PUBLIC.get_or_init(|| Arc::new(V1)))
}

fn entry(seq: u64, conv: Conv, from: u64, text_bytes: usize) -> Arc<Entry> {
    let body = format!(r#"{{"media":1,"content":"{}"}}"#, "x".repeat(text_bytes));
    Arc::new(Entry {
        seq: Seq(seq),
        conv,
        from: UserId(from),
        at: 0,
        kind: EntryKind::Message,
        cid: "c".parse().unwrap(),
        body: Bytes::from(body),
    })
}

#[tokio::test]
async fn what_was_sent_while_catching_up_is_not_among_what_was_missed() {
    let (hub, mut feed) = Hub::start(HubSettings::default());
    let mut anna = connect(&hub, 1).await;
    anna.link.says("c".parse().unwrap());
    // The same client id of somebody else is another message.
    let missed = vec![
        entry(1, Conv::Group(GROUP), 1, 1),
        entry(2, Conv::Group(GROUP), 2, 1),
    ];
    feed.live(anna.conn, vec![GROUP], missed, true, Seq(2))
        .unwrap();
    let sync = anna.next().await.unwrap();
    let entries = sync["entries"].as_array().unwrap();
    assert_eq!(
        (entries.len(), &entries[0]["from"]),
        (1, &serde_json::json!(2))
    );
    assert_eq!(sync["after"], 2);
}

#[tokio::test]
async fn one_who_asked_for_nothing_hears_what_happened_since_as_it_hears_what_follows() {
    let (hub, mut feed) = Hub::start(HubSettings::default());
    let mut anna = connect(&hub, 1).await;
    let missed = vec![entry(1, Conv::Group(GROUP), 2, 1)];
    feed.live(anna.conn, vec![GROUP], missed, false, Seq(1))
        .unwrap();
    feed.deliver(&entry(2, Conv::Group(GROUP), 2, 1), None);
    for seq in [1, 2] {
        let heard = anna.next().await.unwrap();
        assert_eq!(
            (&heard["type"], heard["seq"].as_u64()),
            (&serde_json::json!("entry"), Some(seq))
        );
    }
}

#[tokio::test]
async fn an_entry_reaches_the_members_connections_but_not_the_one_that_sent_it() {
    let (hub, mut feed) = Hub::start(HubSettings::default());
    let (mut anna, mut annas_phone, mut bert) = (
        connect(&hub, 1).await,
        connect(&hub, 1).await,
        connect(&hub, 2).await,
    );
    let mut stranger = connect(&hub, 3).await;
    for peer in [&anna, &annas_phone, &bert] {
        feed.live(peer.conn, vec![GROUP], Vec::new(), false, Seq(0))
            .unwrap();
    }
    feed.live(stranger.conn, Vec::new(), Vec::new(), false, Seq(0))
        .unwrap();
    feed.deliver(&entry(1, Conv::Group(GROUP), 1, 1), Some(anna.conn));
    feed.deliver(&entry(2, Conv::private(UserId(1), UserId(3)), 3, 1), None);
    let seen = annas_phone.next().await.unwrap();
    assert_eq!(
        (seen["seq"].as_u64(), seen["cid"].as_str()),
        (Some(1), Some("c"))
    );
    let seen = bert.next().await.unwrap();
    assert_eq!(
        (seen["seq"].as_u64(), seen["cid"].as_str()),
        (Some(1), None)
    );
    assert_eq!(anna.next_seq().await, 2);
    assert_eq!(stranger.next_seq().await, 2);
}

#[tokio::test]
async fn entering_and_leaving_a_group_takes_effect_between_deliveries() {
    let (hub, mut feed) = Hub::start(HubSettings::default());
    let mut anna = connect(&hub, 1).await;
    feed.live(anna.conn, Vec::new(), Vec::new(), false, Seq(0))
        .unwrap();
    feed.deliver(&entry(1, Conv::Group(GROUP), 2, 1), None);
    feed.open(UserId(1), GROUP);
    feed.deliver(&entry(2, Conv::Group(GROUP), 2, 1), None);
    feed.close(UserId(1), GROUP);
    feed.deliver(&entry(3, Conv::Group(GROUP), 2, 1), None);
    feed.deliver(&entry(4, Conv::private(UserId(1), UserId(2)), 2, 1), None);
    assert_eq!((anna.next_seq().await, anna.next_seq().await), (2, 4));
}

#[tokio::test]
async fn a_client_that_does_not_read_falls_behind_at_a_known_place_and_others_do_not_notice() {
    let settings = HubSettings {
        queue_frames: 16,
        ..HubSettings::default()
    };
    let (hub, mut feed) = Hub::start(settings);
    let (mut slow, mut quick) = (connect(&hub, 1).await, connect(&hub, 2).await);
    for peer in [&slow, &quick] {
        feed.live(peer.conn, vec![GROUP], Vec::new(), false, Seq(0))
            .unwrap();
    }
    // More than any socket buffers hold.
    let count = 2_000;
    for seq in 1..=count {
        feed.deliver(&entry(seq, Conv::Group(GROUP), 3, 16_000), None);
        assert_eq!(quick.next_seq().await, seq);
    }
    let (mut last, mut behind) = (0, None);
    while behind != Some(Seq(last)) {
        let seq = slow.next_seq().await;
        assert_eq!(seq, last + 1);
        last = seq;
        behind = behind.or_else(|| slow.link.take_behind());
    }
    assert!(last < count, "all arrived though the queue holds 16");
    let more = timeout(Duration::from_millis(200), slow.next()).await;
    assert!(
        more.is_err(),
        "nothing follows what it was told to be its position"
    );
    assert_eq!(hub.stats().fell_behind.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_client_that_never_reads_is_closed_as_too_slow() {
    let slow = Duration::from_millis(300);
    let (hub, mut feed) = Hub::start(HubSettings {
        queue_bytes: 4 << 20,
        slow,
        ..HubSettings::default()
    });
    let peer = connect(&hub, 1).await;
    feed.live(peer.conn, vec![GROUP], Vec::new(), false, Seq(0))
        .unwrap();
    for seq in 1..=1_000 {
        feed.deliver(&entry(seq, Conv::Group(GROUP), 3, 16_000), None);
        tokio::task::yield_now().await;
    }
    timeout(DEADLINE, async {
        while !peer.link.is_closed() {
            peer.link.changed().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(hub.stats().too_slow.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn pongs_tell_the_position_behind_what_was_queued_before() {
    let (hub, mut feed) = Hub::start(HubSettings::default());
    let mut anna = connect(&hub, 1).await;
    feed.live(anna.conn, Vec::new(), Vec::new(), false, Seq(4))
        .unwrap();
    feed.deliver(&entry(5, Conv::private(UserId(1), UserId(2)), 2, 1), None);
    feed.deliver(&entry(6, Conv::private(UserId(3), UserId(2)), 2, 1), None);
    hub.pong(anna.conn, 7).await;
    assert_eq!(anna.next_seq().await, 5);
    let pong = anna.next().await.unwrap();
    assert_eq!(
        pong,
        serde_json::json!({"type": "pong", "n": 7, "after": 6, "delivered": 1})
    );
}

#[tokio::test]
async fn draining_and_revoking_say_goodbye_with_their_codes() {
    let (hub, mut feed) = Hub::start(HubSettings {
        connections_per_user: 1,
        ..HubSettings::default()
    });
    let (mut revoked, mut first) = (connect(&hub, 1).await, connect(&hub, 2).await);
    let mut second = connect(&hub, 2).await;
    feed.end_sessions(&[SessionId(1)]);
    assert_eq!(revoked.next().await.unwrap()["reason"], "revoked");
    assert_eq!(revoked.next().await, Err(4003));
    assert_eq!(first.next().await.unwrap()["type"], "bye");
    assert_eq!(first.next().await, Err(4001));
    hub.drain(Duration::from_secs(1)).await;
    let bye = second.next().await.unwrap();
    assert!(bye["reconnect_after_ms"].is_u64());
    assert_eq!(second.next().await, Err(1012));
}

#[tokio::test]
async fn a_connection_ends_with_its_session() {
    let settings = HubSettings {
        ping: Duration::from_millis(200),
        ..HubSettings::default()
    };
    let (hub, _feed) = Hub::start(settings);
    let soon = Instant::now() + Duration::from_millis(100);
    let mut peer = connect_until(&hub, 1, Some(soon)).await;
    assert_eq!(peer.next().await.unwrap()["reason"], "expired");
    assert_eq!(peer.next().await, Err(4003));
}
