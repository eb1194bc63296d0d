//! A checker that cannot fail proves nothing: each kind of harm is done to good ledgers and must be found, and nothing
//! else.

use serde_json::{Value, json};

use super::truth::Logged;
use super::{Defect, Truth, Verdict, absences, deliveries, judge, percentiles};
use crate::client::{Dialect, Fetch, Got, Ledger, Room, Sent, digest_of};

const ALICE: u64 = 3;
const BOB: u64 = 7;
const CAROL: u64 = 9;
const GROUP: u64 = 2;
const EPOCH: u64 = 5;

/// Alice's texts 11 to 13 to Bob, one of hers to the group at 14; Carol came into the group at 10 and left at 15,
/// Alice says one more there at 16.
fn truth() -> Truth {
    let mut truth = Truth::default();
    truth.epoch = EPOCH;
    let said = |room, seq: u64, is_message| Logged {
        room,
        from: ALICE,
        is_message,
        digest: digest_of(&if is_message {
            format!("text {seq}")
        } else {
            String::new()
        }),
        url: None,
        cid: format!("c{seq}"),
    };
    for user in [ALICE, CAROL] {
        truth.enter(GROUP, user, 10);
    }
    truth.put(10, said(Room::Group(GROUP), 10, false));
    for seq in 11..=13 {
        truth.put(seq, said(Room::pair(ALICE, BOB), seq, true));
    }
    truth.put(14, said(Room::Group(GROUP), 14, true));
    truth.put(15, said(Room::Group(GROUP), 15, false));
    truth.leave(GROUP, CAROL, 15);
    truth.put(16, said(Room::Group(GROUP), 16, true));
    truth
}

fn entry(seq: u64) -> Value {
    json!({"type": "entry", "seq": seq, "conv": format!("u:{ALICE}"), "from": ALICE, "kind": "message", "content": format!("text {seq}")})
}

fn in_group(seq: u64, kind: &str) -> Value {
    let mut entry = entry(seq);
    entry["conv"] = json!(format!("g:{GROUP}"));
    entry["kind"] = json!(kind);
    if kind != "message" {
        entry["content"] = Value::Null;
    }
    entry
}

fn pong(after: u64, delivered: u64) -> Value {
    json!({"type": "pong", "n": 1, "after": after, "delivered": delivered})
}

fn client(user: u64, frames: &[Value]) -> Ledger {
    let mut ledger = Ledger::new(user, "somebody", Dialect::V1);
    ledger.hello(
        0.0,
        &json!({"user": {"id": user}, "node": {"name": "node0"}, "head": 10, "epoch": EPOCH}),
    );
    for (number, frame) in frames.iter().enumerate() {
        ledger.take(1.0 + number as f64, frame);
    }
    ledger
}

/// Alice, who sent all of it and has the acks.
fn alice() -> Ledger {
    let mut ledger = client(ALICE, &[]);
    for seq in [11, 12, 13, 14, 16] {
        let room = if seq < 14 {
            Room::pair(ALICE, BOB)
        } else {
            Room::Group(GROUP)
        };
        let digest = digest_of(&format!("text {seq}"));
        ledger.sent.insert(
            format!("c{seq}"),
            Sent {
                room,
                digest,
                at: 0.5,
                last_at: 0.5,
                attempts: 1,
                session: 0,
            },
        );
        ledger.take(0.6, &json!({"type": "ack", "cid": format!("c{seq}"), "seq": seq, "conv": room.conv_for(ALICE), "duplicate": false}));
    }
    ledger.take(5.0, &in_group(15, "left"));
    ledger.take(6.0, &pong(16, 1));
    ledger
}

fn found(ledgers: &[Ledger]) -> Vec<Defect> {
    judge(ledgers, &truth(), false).counts.into_keys().collect()
}

fn bob_heard(frames: &[Value]) -> Vec<Defect> {
    found(&[alice(), client(BOB, frames)])
}

fn carol_heard(frames: &[Value]) -> Vec<Defect> {
    found(&[alice(), client(CAROL, frames)])
}

#[test]
fn complete_ledgers_are_clean_whether_live_or_caught_up() {
    assert_eq!(
        bob_heard(&[entry(11), entry(12), entry(13), pong(16, 3)]),
        []
    );
    let sync =
        json!({"type": "sync", "entries": [entry(11), entry(12)], "after": 12, "more": false});
    assert_eq!(bob_heard(&[sync, entry(13), pong(16, 3)]), []);
    assert_eq!(
        carol_heard(&[in_group(14, "message"), in_group(15, "left"), pong(16, 2)]),
        []
    );
}

#[test]
fn what_is_missing_is_lost_or_the_client_is_behind() {
    assert_eq!(
        bob_heard(&[entry(11), entry(13), pong(16, 2)]),
        [Defect::Lost]
    );
    assert_eq!(bob_heard(&[entry(11), pong(16, 1)]), [Defect::Lost]);
    assert_eq!(bob_heard(&[entry(11)]), [Defect::Behind]);
    assert_eq!(
        carol_heard(&[in_group(14, "message"), pong(16, 1)]),
        [Defect::Lost],
        "the own leave is part of the stay"
    );
}

#[test]
fn what_comes_twice_or_late_is_told_apart() {
    assert_eq!(
        bob_heard(&[entry(11), entry(12), entry(12), entry(13), pong(16, 4)]),
        [Defect::Duplicated]
    );
    assert_eq!(
        bob_heard(&[entry(12), entry(11), entry(13), pong(16, 3)]),
        [Defect::OutOfOrder]
    );
    let jumped = [pong(12, 0), entry(11), entry(12), entry(13), pong(16, 3)];
    assert_eq!(bob_heard(&jumped), [Defect::OutOfOrder]);
}

#[test]
fn what_is_not_for_somebody_is_forbidden() {
    let after_leaving = [
        in_group(14, "message"),
        in_group(15, "left"),
        in_group(16, "message"),
        pong(16, 3),
    ];
    assert_eq!(carol_heard(&after_leaving), [Defect::Forbidden]);
    let mut revealing = entry(12);
    revealing["cid"] = json!("c12");
    assert_eq!(
        bob_heard(&[entry(11), revealing, entry(13), pong(16, 3)]),
        [Defect::Forbidden]
    );
}

#[test]
fn what_is_altered_or_not_in_the_log_is_found() {
    let mut altered = entry(12);
    altered["content"] = json!("another text");
    assert_eq!(
        bob_heard(&[entry(11), altered, entry(13), pong(16, 3)]),
        [Defect::Altered]
    );
    assert_eq!(
        bob_heard(&[entry(11), entry(12), entry(13), entry(17), pong(17, 4)]),
        [Defect::Vanished]
    );
}

#[test]
fn files_that_come_otherwise_or_not_at_all_are_found() {
    let heard = |user: u64, room: Room, got: Option<Got>| {
        let frames = match room {
            Room::Pair(..) => vec![entry(11), entry(12), entry(13), pong(16, 3)],
            Room::Group(_) => vec![in_group(14, "message"), in_group(15, "left"), pong(16, 2)],
        };
        let mut ledger = client(user, &frames);
        let fetch = Fetch {
            at: 2.0,
            room: Some(room),
            url: "/files/1/a".to_owned(),
            got,
        };
        ledger.fetches.insert(11, fetch);
        let mut sender = alice();
        sender
            .uploads
            .insert("/files/1/a".to_owned(), "abc".to_owned());
        judge(&[sender, ledger], &truth(), false)
    };
    let bytes = |digest: &str| Some(Got::Bytes(digest.to_owned()));
    let pair = Room::pair(ALICE, BOB);
    let good = heard(BOB, pair, bytes("abc"));
    assert_eq!((good.files, kinds(good)), (1, Vec::new()));
    for (got, defect) in [
        (bytes("abd"), Defect::Altered),
        (Some(Got::Refused(404)), Defect::Refused),
        (None, Defect::Lost),
    ] {
        let verdict = heard(BOB, pair, got);
        assert_eq!((verdict.files, kinds(verdict)), (0, vec![defect]));
    }
    // Carol was put out, perhaps before she asked for it.
    let gone = heard(CAROL, Room::Group(GROUP), Some(Got::Refused(403)));
    assert_eq!(kinds(gone), []);
    assert_eq!(
        kinds(with_alice(|ledger, _| ledger.uploading = 1)),
        [Defect::Unanswered]
    );
}

fn with_alice(change: impl FnOnce(&mut Ledger, &mut Truth)) -> Verdict {
    let (mut ledger, mut truth) = (alice(), truth());
    change(&mut ledger, &mut truth);
    judge(&[ledger], &truth, false)
}

fn kinds(verdict: Verdict) -> Vec<Defect> {
    verdict.counts.into_keys().collect()
}

#[test]
fn an_ack_without_its_entry_is_vanished_and_two_entries_are_one_too_many() {
    let vanished = with_alice(|_, truth| {
        truth.entries.remove(&16);
        truth.by_cid.remove(&(ALICE, "c16".to_owned()));
    });
    assert_eq!(kinds(vanished), [Defect::Vanished]);
    let twice = with_alice(|ledger, truth| {
        let again = truth.entries[&16].clone();
        truth.put(17, again);
        ledger.take(7.0, &in_group(17, "message"));
        ledger.receipts.iter_mut().for_each(|receipt| {
            receipt.has_cid = receipt.is_message;
            receipt.digest = if receipt.is_message {
                digest_of("text 16")
            } else {
                receipt.digest
            };
        });
    });
    assert_eq!(kinds(twice), [Defect::StoredTwice]);
}

#[test]
fn sends_without_an_answer_or_wrongly_refused_are_found() {
    let silent = with_alice(|ledger, _| {
        ledger.acks.remove("c11");
        ledger.take(7.0, &pong(16, 1));
    });
    assert!(kinds(silent).contains(&Defect::Unanswered));
    let refused = with_alice(|ledger, _| {
        let sent = ledger.sent["c11"].clone();
        ledger.sent.insert("c99".to_owned(), sent);
        ledger
            .refused
            .insert("c99".to_owned(), ("not_member".to_owned(), 2.0));
    });
    assert_eq!(
        kinds(refused),
        [Defect::Refused],
        "she was never out of that conversation"
    );
}

#[test]
fn broken_rules_and_resets_without_a_restore_are_found() {
    assert_eq!(
        bob_heard(&[entry(11), entry(12), entry(13), pong(16, 9)]),
        [Defect::Protocol]
    );
    assert_eq!(
        bob_heard(&[json!({"type": "reset", "head": 16}), pong(16, 0)]),
        [Defect::Reset]
    );
}

#[test]
fn after_a_restore_only_the_new_log_counts() {
    let mut ledger = client(BOB, &[entry(11), entry(12)]);
    ledger.hello(
        5.0,
        &json!({"user": {"id": BOB}, "node": {"name": "node1"}, "head": 10, "epoch": EPOCH}),
    );
    ledger.take(5.1, &json!({"type": "reset", "head": 12}));
    ledger.take(5.2, &entry(13));
    ledger.take(5.3, &pong(16, 1));
    let mut sender = alice();
    sender.acks.insert(
        "old".to_owned(),
        crate::client::Ack {
            seq: 99,
            duplicate: false,
            at: 1.0,
            session: 0,
            epoch: EPOCH - 1,
        },
    );
    let sent = sender.sent["c11"].clone();
    sender.sent.insert("old".to_owned(), sent);
    let verdict = judge(&[sender, ledger], &truth(), true);
    assert!(verdict.is_clean(), "{:?}", verdict.findings);
    assert_eq!(verdict.undone, 1);
}

#[test]
fn the_first_counter_example_is_the_earliest_and_has_its_history() {
    let verdict = judge(
        &[
            alice(),
            client(BOB, &[entry(12), entry(12), entry(13), pong(16, 3)]),
        ],
        &truth(),
        false,
    );
    let first = &verdict.findings[0];
    assert!(
        verdict
            .findings
            .windows(2)
            .all(|pair| pair[0].at <= pair[1].at)
    );
    assert!(
        first.history.iter().any(|line| line.contains("message 12")),
        "{:?}",
        first.history
    );
}

#[test]
fn times_to_sight_are_counted_from_the_send_or_the_recipients_hello() {
    let mut bob = client(BOB, &[entry(11)]);
    bob.ended(2.0, "cut");
    bob.hello(
        4.0,
        &json!({"user": {"id": BOB}, "node": {"name": "node1"}, "head": 10, "epoch": EPOCH}),
    );
    bob.take(
        4.5,
        &json!({"type": "sync", "entries": [entry(12)], "after": 12, "more": false}),
    );
    let ledgers = [alice(), bob];
    let seen = deliveries(&ledgers, &truth());
    let seconds: Vec<f64> = seen.iter().map(|delivery| delivery.seconds).collect();
    assert_eq!(seconds, [0.5, 0.5]);
    assert_eq!(
        seen.iter().map(|d| d.crosses).collect::<Vec<_>>(),
        [false, true]
    );
    assert_eq!(absences(&ledgers), [2.5]);
    let p = percentiles((1..=100).map(f64::from));
    assert_eq!(
        (p.p50, p.p99, p.max, p.count),
        (50_000.0, 99_000.0, 100_000.0, 100)
    );
}
