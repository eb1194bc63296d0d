//! What the WebSocket answers to clients that are wrong, rude, too many or too fast, while others talk on undisturbed.

use std::time::Duration;

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::{self, Message};

use super::checker::check;
use super::client::{Chatter, Heard, Http, Room, Socket};
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Cluster, Plan};

const SOON: Duration = Duration::from_secs(5);
const TOO_LARGE: u16 = 1009;
const REPLACED: u16 = 4001;
const UNAUTHORIZED: u16 = 4003;
const AUTH_TIMEOUT_MS: u64 = 1_000;

/// One node, a rude user, and two who talk in the background and must not notice anything.
struct Stage {
    cluster: Cluster,
    crowd: Crowd,
    chatters: Vec<Chatter>,
}

/// The rude user's index; the first two talk in the background.
const RUDE: usize = 2;

impl Stage {
    async fn set(plan: Plan) -> Stage {
        let cluster = plan.start().await;
        let crowd = Crowd::register(&cluster, 4).await;
        let nodes = cluster.addresses();
        let mut chatters = Vec::new();
        for account in &crowd.accounts[..2] {
            chatters.push(Chatter::connect(account, &nodes, 0).await);
        }
        Stage {
            cluster,
            crowd,
            chatters,
        }
    }

    async fn rude(&self) -> Socket {
        Socket::login(self.cluster.nodes[0].http, &self.crowd.accounts[RUDE])
            .await
            .0
    }

    /// A valid message of the rude user to the fourth, who is quiet.
    fn message(&self, cid: &str, content: &str) -> Value {
        let to = format!("u:{}", self.crowd.accounts[RUDE + 1].id);
        json!({"type": "send", "cid": cid, "to": to, "media": 1, "content": content})
    }

    /// Lets the two in the background talk while something goes on, and proves that they noticed nothing.
    async fn undisturbed<T>(&self, going_on: impl Future<Output = T>) -> T {
        let mut talk = Talk::new(6, vec![self.crowd.pair(0, 1)]);
        let talking = talk.go_on(&self.crowd, &self.chatters, 60, 100);
        let result = tokio::join!(going_on, talking).0;
        settle(&self.chatters, SOON).await;
        check(&self.crowd, self.cluster.nodes[0].http, &self.chatters).await;
        for chatter in &self.chatters {
            let ledger = chatter.ledger();
            assert_eq!((ledger.connections, ledger.put_off), (1, 0));
        }
        result
    }
}

#[tokio::test]
async fn a_wrong_frame_gets_its_error_and_the_socket_stays_open() {
    let stage = Stage::set(Plan::nodes(1)).await;
    let mut socket = stage.rude().await;
    let foreign_group = {
        let http = Http::new(stage.cluster.nodes[0].http);
        http.group(&stage.crowd.accounts[RUDE + 1], "closed", &[])
            .await
    };
    let with = |field: &str, value: Value| {
        let mut frame = stage.message("c1", "text");
        frame[field] = value;
        frame
    };
    let wrong = [
        (json!({"type": "dance"}), "bad_request"),
        (json!({"no": "type"}), "bad_request"),
        (json!([1, 2, 3]), "bad_request"),
        (json!("send"), "bad_request"),
        (with("cid", json!(7)), "bad_request"),
        (with("cid", Value::Null), "bad_request"),
        (with("cid", json!("")), "bad_request"),
        (with("cid", json!("x".repeat(65))), "bad_request"),
        (with("cid", json!("中文")), "bad_request"),
        (with("media", json!("text")), "bad_request"),
        (with("media", json!(-1)), "bad_request"),
        (with("media", json!(50)), "bad_request"),
        (with("content", json!({"a": 1})), "bad_request"),
        (with("content", json!("")), "bad_request"),
        (with("meta", json!([1])), "bad_request"),
        (with("to", json!("x:1")), "bad_request"),
        (with("to", json!(5)), "bad_request"),
        (with("to", json!("u:999999")), "not_found"),
        (
            with("to", json!(format!("g:{foreign_group}"))),
            "not_member",
        ),
        (
            json!({"type": "read", "conv": 1, "seq": "x"}),
            "bad_request",
        ),
        (json!({"type": "typing"}), "bad_request"),
    ];
    stage
        .undisturbed(async {
            for (frame, code) in wrong {
                socket.say(&frame).await;
                let error = socket.expect("error").await;
                assert_eq!(error["code"], code, "{frame} got {error}");
                assert!(error["message"].is_string(), "{error}");
            }
            for text in ["{", "", "not json", "{\"type\":\"send\"", "\u{0}"] {
                socket.say_raw(Message::text(text)).await;
                socket.expect_error("invalid_json").await;
            }
            socket.say_raw(Message::binary(vec![1, 2, 3])).await;
            socket.expect_error("bad_request").await;
            socket.say(&stage.message("c3", "still here")).await;
            assert_eq!(socket.expect("ack").await["cid"], "c3");
        })
        .await;
}

#[tokio::test]
async fn a_frame_above_64_kib_closes_the_socket_with_1009() {
    let stage = Stage::set(Plan::nodes(1)).await;
    let mut socket = stage.rude().await;
    stage
        .undisturbed(async {
            socket
                .say(&stage.message("c1", &"x".repeat(65 * 1024)))
                .await;
            assert_eq!(socket.closed(SOON).await.0, TOO_LARGE);
        })
        .await;
}

#[tokio::test]
async fn who_does_not_say_who_he_is_gets_unauthorized_and_4003() {
    let stage = Stage::set(Plan::nodes(1).set("limits.auth_timeout_ms", AUTH_TIMEOUT_MS)).await;
    let node = stage.cluster.nodes[0].http;
    let first_frames = [
        stage.message("c1", "hello?"),
        json!({"type": "ping", "n": 1}),
        json!({"type": "auth"}),
        json!({"type": "auth", "token": 5}),
        json!({"type": "auth", "token": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}),
        json!({"type": "auth", "token": "no such token"}),
    ];
    stage
        .undisturbed(async {
            for frame in first_frames {
                let mut socket = Socket::open(node, &[], None).await.unwrap();
                socket.say(&frame).await;
                refused(&mut socket, &frame).await;
            }
            let mut silent = Socket::open(node, &[], None).await.unwrap();
            refused(&mut silent, &json!("silence")).await;
        })
        .await;
}

async fn refused(socket: &mut Socket, what: &Value) {
    let (code, before) = socket.closed(SOON).await;
    assert_eq!(code, UNAUTHORIZED, "{what}");
    let told = before
        .iter()
        .any(|frame| frame["type"] == "error" && frame["code"] == "unauthorized");
    assert!(told, "{what}: {before:?}");
}

#[tokio::test]
async fn an_upgrade_from_a_wrong_origin_is_refused_before_it_happens() {
    let stage = Stage::set(Plan::nodes(1).set("http.origins", "https://chat.example")).await;
    let node = stage.cluster.nodes[0].http;
    let token = &stage.crowd.accounts[RUDE].token;
    let cookie = format!("starling={token}");
    let own = format!("http://{node}");
    for (origin, status) in [
        ("https://evil.example", 403),
        ("null", 403),
        ("https://chat.example.evil.example", 403),
    ] {
        let headers = [("Origin", origin), ("Cookie", cookie.as_str())];
        match Socket::open(node, &headers, None).await.map(drop) {
            Err(tungstenite::Error::Http(response)) => {
                assert_eq!(response.status(), status, "{origin}");
            }
            other => panic!("{origin}: {other:?}"),
        }
    }
    for origin in [own.as_str(), "https://chat.example"] {
        let headers = [("Origin", origin), ("Cookie", cookie.as_str())];
        let mut socket = Socket::open(node, &headers, None).await.unwrap();
        socket.say(&json!({"type": "auth"})).await;
        socket.expect("hello").await;
    }
}

#[tokio::test]
async fn of_a_hundred_sends_in_a_second_the_excess_is_rate_limited_and_the_rest_delivered() {
    let plan = Plan::nodes(1)
        .set("limits.sends_per_second", 20)
        .set("limits.sends_burst", 60);
    let cluster = plan.start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let node = cluster.nodes[0].http;
    let mut rude = Socket::login(node, &crowd.accounts[0]).await.0;
    let receiver = Chatter::connect(&crowd.accounts[1], &[node], 0).await;
    let to = format!("u:{}", crowd.accounts[1].id);
    let started = std::time::Instant::now();
    for n in 0..100 {
        rude.say(&json!({"type": "send", "cid": format!("c{n}"), "to": to, "media": 1, "content": format!("{n}")}))
            .await;
    }
    let (mut acked, mut limited) = (Vec::new(), 0);
    while acked.len() + limited < 100 {
        let frame = rude
            .expect_where("an answer", |f| f["type"] == "ack" || f["type"] == "error")
            .await;
        if frame["type"] == "ack" {
            acked.push(frame["seq"].as_u64().unwrap());
        } else {
            assert_eq!(frame["code"], "rate_limited", "{frame}");
            assert!(
                frame["retry_after_ms"].as_u64().is_some_and(|ms| ms > 0),
                "{frame}"
            );
            limited += 1;
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    let most = 61.0 + 20.0 * seconds;
    assert!(
        (60.0..=most).contains(&(acked.len() as f64)),
        "{} in {seconds} s",
        acked.len()
    );
    let last = acked.iter().max().copied();
    receiver
        .until("all acked arrive", SOON, |l| l.position >= last)
        .await;
    let received: Vec<u64> = receiver
        .ledger()
        .received
        .iter()
        .filter(|r| {
            r.room == Room::pair(crowd.accounts[0].id, crowd.accounts[1].id) && r.kind == "message"
        })
        .map(|r| r.seq)
        .collect();
    acked.sort_unstable();
    assert_eq!(received, acked);
}

#[tokio::test]
async fn the_seventeenth_connection_of_a_user_closes_the_oldest_with_4001() {
    let stage = Stage::set(Plan::nodes(1)).await;
    stage
        .undisturbed(async {
            let mut sockets = Vec::new();
            for _ in 0..16 {
                sockets.push(stage.rude().await);
            }
            sockets[0].say(&json!({"type": "ping", "n": 1})).await;
            sockets[0].expect("pong").await;
            let _seventeenth = stage.rude().await;
            assert_eq!(sockets[0].closed(SOON).await.0, REPLACED);
            sockets[1].say(&json!({"type": "ping", "n": 2})).await;
            sockets[1].expect("pong").await;
        })
        .await;
}

#[tokio::test]
async fn a_flood_of_nonsense_ends_with_an_error_for_each_or_a_close_and_harms_nobody() {
    let stage = Stage::set(Plan::nodes(1)).await;
    let mut socket = stage.rude().await;
    stage
        .undisturbed(async {
            let mut rng = fastrand::Rng::with_seed(9);
            for _ in 0..500 {
                let length = rng.usize(0..200);
                let text: String = (0..length).map(|_| rng.char(' '..'\u{2fff}')).collect();
                socket.say_raw(Message::text(text)).await;
            }
            let mut errors = 0;
            while errors < 500 {
                match tokio::time::timeout(SOON, socket.hear()).await {
                    Ok(Heard::Frame(frame)) => {
                        assert_eq!(frame["type"], "error", "{frame}");
                        errors += 1;
                    }
                    Ok(Heard::Closed(code)) => {
                        assert_eq!(code, 4009, "after {errors} errors");
                        break;
                    }
                    other => panic!("{other:?} after {errors} errors"),
                }
            }
        })
        .await;
}
