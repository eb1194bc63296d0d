//! What shyim's client does, each person on another node.

use std::time::Duration;

use super::super::harness::Plan;
use super::program::wire::{AckMsg, LoginMsg, UpMsg};
use super::program::{Program, ProgramSocket, members, text};

#[tokio::test]
#[expect(
    clippy::too_many_lines,
    reason = "what one does with it in an afternoon, told in its order"
)]
async fn the_client_of_shyim_works_from_registering_to_sync() {
    let cluster = Plan::nodes(3).start().await;
    let nodes = cluster.addresses();
    let anna = Program::register(nodes[0], "13900000001", "Anna").await;
    let bert = Program::register(nodes[1], "13900000002", "Bert").await;
    let added = anna
        .post(nodes[0], "/friend/add", &format!("friend_id={}", bert.id))
        .await;
    assert_eq!(added["code"], 200, "{added}");
    let body = format!("name=crew&ids={}&ids={}", anna.id, bert.id);
    let made = anna.post(nodes[0], "/group/create", &body).await;
    let group: u64 = made["data"]["id"].as_str().unwrap().parse().unwrap();
    let listed = members(nodes[2], &bert, &group.to_string()).await;
    assert_eq!(
        listed["data"]["ids"],
        serde_json::json!([anna.id.to_string(), bert.id.to_string()])
    );
    let carl = Program::register(nodes[2], "13900000003", "Carl").await;
    assert_eq!(
        members(nodes[2], &carl, &group.to_string()).await["code"],
        -1,
        "members only"
    );

    let (mut annas, mut berts) = (anna.connect(nodes[0]).await, bert.connect(nodes[1]).await);
    annas.up(1, text(2, group, "to all", 111)).await;
    let (code, ack) = annas.ack().await;
    assert_eq!((code, ack.kind, ack.client_id), (200, 1, 1));
    let told = berts.push().await;
    assert_eq!(
        (
            told.session_type,
            told.receiver_id,
            told.sender_id,
            told.seq
        ),
        (2, group, anna.id, ack.seq)
    );
    assert_eq!(told.content, b"to all");
    assert!(told.send_time > 1_000_000_000_000, "the server's time");

    // The same message under another number, as its client retries, on another node too: one place in the log, and
    // each attempt has its ack.
    annas.up(2, text(2, group, "to all", 111)).await;
    assert_eq!(
        annas.ack().await.1,
        AckMsg {
            kind: 1,
            client_id: 2,
            seq: ack.seq
        }
    );
    let mut elsewhere = anna.connect(nodes[2]).await;
    elsewhere.up(9, text(2, group, "to all", 111)).await;
    assert_eq!(
        elsewhere.ack().await.1,
        AckMsg {
            kind: 1,
            client_id: 9,
            seq: ack.seq
        }
    );
    drop(elsewhere);
    // Numbers need not be consecutive, and without a time of sending they tell attempts apart.
    annas.up(40, text(1, bert.id, "private", 0)).await;
    let first = annas.ack().await.1;
    annas.up(40, text(1, bert.id, "private", 0)).await;
    assert_eq!(annas.ack().await.1.seq, first.seq);
    annas.up(41, text(1, bert.id, "private", 0)).await;
    assert!(annas.ack().await.1.seq > first.seq);
    for _ in 0..2 {
        let told = berts.push().await;
        assert_eq!(
            (told.session_type, told.receiver_id, told.content.as_slice()),
            (1, bert.id, &b"private"[..])
        );
    }
    // A heartbeat has no answer; what is delivered is told without one.
    berts.send(2, &LoginMsg::default()).await;
    berts
        .send(
            4,
            &AckMsg {
                kind: 2,
                client_id: 0,
                seq: told.seq,
            },
        )
        .await;

    // Offline: everything is there, the own messages too, and then what happens.
    drop(berts);
    annas.up(50, text(1, bert.id, "while away", 0)).await;
    annas.ack().await;
    let mut berts = bert.connect(nodes[2]).await;
    let missed = berts.sync(first.seq).await;
    let texts: Vec<&[u8]> = missed
        .messages
        .iter()
        .map(|message| message.content.as_slice())
        .collect();
    assert_eq!(texts, [&b"private"[..], b"while away"]);
    assert!(!missed.has_more);
    annas.up(51, text(1, bert.id, "now", 0)).await;
    assert_eq!(berts.push().await.content, b"now");
    let mut annas_again = anna.connect(nodes[1]).await;
    let all = annas_again.sync(0).await;
    assert!(
        all.messages
            .iter()
            .filter(|message| message.sender_id == anna.id)
            .count()
            >= 4,
        "own ones too"
    );
    assert!(
        all.messages
            .windows(2)
            .all(|pair| pair[0].seq < pair[1].seq)
    );
}

#[tokio::test]
async fn an_ack_never_overtakes_what_is_below_it() {
    let cluster = Plan::nodes(2).start().await;
    let nodes = cluster.addresses();
    let anna = Program::register(nodes[0], "13900000001", "Anna").await;
    let bert = Program::register(nodes[1], "13900000002", "Bert").await;
    let (mut annas, mut berts) = (anna.connect(nodes[0]).await, bert.connect(nodes[1]).await);
    annas.sync(0).await;
    berts.sync(0).await;
    // Both talk at once: whoever reads the numbers in the order they come never sees one that is lower.
    for number in 0..50 {
        annas.up(number, text(1, bert.id, "a", 0)).await;
        berts.up(number, text(1, anna.id, "b", 0)).await;
    }
    for socket in [&mut annas, &mut berts] {
        let mut cursor = 0;
        for _ in 0..100 {
            let output = socket.hear().await;
            let seq = match output.kind {
                3 => prost_push(&output.data),
                4 => prost_ack(&output.data),
                other => panic!("{other}"),
            };
            assert!(seq > cursor, "{seq} after {cursor}");
            cursor = seq;
        }
    }
}

fn prost_push(data: &[u8]) -> u64 {
    use prost::Message as _;
    super::program::wire::PushMsg::decode(data)
        .unwrap()
        .msg
        .unwrap()
        .seq
}

fn prost_ack(data: &[u8]) -> u64 {
    use prost::Message as _;
    AckMsg::decode(data).unwrap().seq
}

#[tokio::test]
async fn what_is_refused_is_said_with_the_number_of_the_attempt_and_nothing_crashes() {
    let cluster = Plan::nodes(1).start().await;
    let node = cluster.nodes[0].http;
    let anna = Program::register(node, "13900000001", "Anna").await;
    let mut annas = anna.connect(node).await;
    for (client_id, message, expected) in [
        (1, text(1, 999_999, "x", 0), 1002),
        (2, text(2, 999_999, "x", 0), 1002),
        (3, text(7, 1, "x", 0), 1001),
        (4, text(1, 1, "", 0), 1001),
    ] {
        annas.up(client_id, message).await;
        let (code, ack) = annas.ack().await;
        assert_eq!((code, ack.kind, ack.client_id), (expected, 1, client_id));
    }
    // Without the message inside, with bytes that are no frame, and with one of an unknown type.
    annas
        .send(
            3,
            &UpMsg {
                msg: None,
                client_id: 5,
            },
        )
        .await;
    assert_eq!(annas.ack().await.1.client_id, 5);
    annas.send_bytes(vec![0xff; 40]).await;
    assert_eq!(annas.ack().await.0, 1001);
    annas.send(99, &LoginMsg::default()).await;
    assert_eq!(annas.ack().await.0, 1001);
    annas.up(6, text(1, anna.id, "note to self", 0)).await;
    assert_eq!(annas.ack().await.0, 200);

    for first in [b"nonsense".to_vec(), Vec::new()] {
        let mut stranger = ProgramSocket::open(node).await;
        stranger.send(1, &LoginMsg { token: first }).await;
        let (code, ack) = stranger.ack().await;
        assert_eq!((code, ack.kind), (1003, 3));
        let closed = tokio::time::timeout(Duration::from_secs(5), stranger.closed()).await;
        assert_eq!(closed.unwrap(), 4003);
    }
}

#[tokio::test]
async fn a_long_absence_is_synchronised_in_pages_and_then_what_happens_is_pushed() {
    const MISSED: u64 = 450;
    let cluster = Plan::nodes(2).start().await;
    let nodes = cluster.addresses();
    let anna = Program::register(nodes[0], "13900000001", "Anna").await;
    let bert = Program::register(nodes[1], "13900000002", "Bert").await;
    let mut annas = anna.connect(nodes[0]).await;
    for number in 0..MISSED {
        annas
            .up(number, text(1, bert.id, &number.to_string(), 0))
            .await;
    }
    let mut last = 0;
    for _ in 0..MISSED {
        last = annas.ack().await.1.seq;
    }
    let mut berts = bert.connect(nodes[1]).await;
    let (mut cursor, mut texts, mut pages) = (0, Vec::new(), 0);
    loop {
        let page = berts.sync(cursor).await;
        pages += 1;
        for message in page.messages {
            assert!(message.seq > cursor, "{} after {cursor}", message.seq);
            assert!(message.send_time > 1_000_000_000_000, "the server's time");
            cursor = message.seq;
            texts.push(String::from_utf8(message.content).unwrap());
        }
        if !page.has_more {
            break;
        }
    }
    let expected: Vec<String> = (0..MISSED).map(|number| number.to_string()).collect();
    assert_eq!((texts, cursor), (expected, last));
    assert!(pages > 1, "{pages} page");
    annas.up(MISSED, text(1, bert.id, "now", 0)).await;
    assert_eq!(berts.push().await.content, b"now");
}
