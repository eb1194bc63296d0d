//! The same for the ledgers of old pages: good ones are clean, and each harm is found as what it is.

use serde_json::{Value, json};

use super::truth::Logged;
use super::{Defect, Truth, Verdict, has_everything, judge};
use crate::client::{Dialect, Ledger, Room, Sent, Told, digest_of};

const ALICE: u64 = 3;
const BOB: u64 = 7;
const GROUP: u64 = 2;
/// When the text with this number is sent.
const EVERY_SECONDS: f64 = 10.0;

fn room(seq: u64) -> Room {
    match seq % 2 {
        0 => Room::Group(GROUP),
        _ => Room::pair(ALICE, BOB),
    }
}

/// Alice's texts 11 to 20: the odd ones to Bob, the others to the group of the two.
fn truth() -> Truth {
    let mut truth = Truth::default();
    for user in [ALICE, BOB] {
        truth.enter(GROUP, user, 1);
    }
    for seq in 11..=20 {
        let logged = Logged {
            room: room(seq),
            from: ALICE,
            is_message: true,
            digest: digest_of(&format!("text {seq}")),
            url: None,
            cid: format!("c{seq}"),
        };
        truth.put(seq, logged);
    }
    truth
}

fn sent_at(seq: u64) -> f64 {
    (seq - 10) as f64 * EVERY_SECONDS
}

fn sent(seq: u64) -> (String, Sent) {
    let at = sent_at(seq);
    let sent = Sent {
        room: room(seq),
        digest: digest_of(&format!("text {seq}")),
        at,
        last_at: at,
        attempts: 1,
        session: 0,
    };
    (format!("c{seq}"), sent)
}

/// Alice, whose page says all of it, and is told what she said to the group.
fn alice() -> Ledger {
    let mut ledger = page(Dialect::Imooc, ALICE);
    for seq in 11..=20 {
        let (cid, sent) = sent(seq);
        ledger.sent.insert(cid, sent);
        if seq % 2 == 0 {
            ledger.take(sent_at(seq) + 0.1, &entry(ALICE, seq));
        }
    }
    ledger
}

fn page(dialect: Dialect, user: u64) -> Ledger {
    let mut ledger = Ledger::new(user, "somebody", dialect);
    connect(&mut ledger, 0.0);
    ledger
}

fn connect(ledger: &mut Ledger, at: f64) {
    ledger.hello(at, &json!({"user": ledger.user, "node": {"name": "node0"}}));
}

fn entry(reader: u64, seq: u64) -> Value {
    json!({
        "type": "entry", "kind": "message", "seq": seq, "from": ALICE, "conv": room(seq).conv_for(reader),
        "content": format!("text {seq}"),
    })
}

/// Bob's page, told these as soon as they are sent, on one connection after the other; between two he is away for the
/// time of a text.
fn bob(dialect: Dialect, connections: &[&[u64]]) -> Ledger {
    let mut ledger = page(dialect, BOB);
    for (number, told) in connections.iter().enumerate() {
        let first = told.first().map_or(0.0, |seq| sent_at(*seq));
        if number > 0 {
            let last = ledger.receipts.last().map_or(0.0, |receipt| receipt.at);
            ledger.ended(last + 3.0, "cut");
            connect(&mut ledger, first.max(last) + 4.0);
        }
        for seq in *told {
            let hello = ledger
                .sessions
                .last()
                .map_or(0.0, |session| session.hello_at);
            ledger.take(sent_at(*seq).max(hello) + 0.1, &entry(BOB, *seq));
        }
    }
    ledger
}

fn verdict(dialect: Dialect, connections: &[&[u64]]) -> Verdict {
    judge(&[alice(), bob(dialect, connections)], &truth(), false)
}

fn found(dialect: Dialect, connections: &[&[u64]]) -> Vec<Defect> {
    verdict(dialect, connections).counts.into_keys().collect()
}

const ALL: [u64; 10] = [11, 12, 13, 14, 15, 16, 17, 18, 19, 20];

#[test]
fn a_page_that_was_told_everything_is_clean() {
    for dialect in [Dialect::Ginchat, Dialect::Imooc] {
        assert_eq!(found(dialect, &[&ALL]), []);
        let again = verdict(dialect, &[&ALL[..5], &ALL[4..]]);
        assert_eq!((again.is_clean(), again.told_again), (true, 1));
        assert!(has_everything(&bob(dialect, &[&ALL]), &truth()));
        assert!(!has_everything(&bob(dialect, &[&ALL[..9]]), &truth()));
    }
}

#[test]
fn what_is_missing_late_or_doubled_on_one_connection_is_found() {
    for dialect in [Dialect::Ginchat, Dialect::Imooc] {
        assert_eq!(
            found(dialect, &[&[11, 12, 14, 15, 16, 17, 18, 19, 20]]),
            [Defect::Lost]
        );
        assert_eq!(
            found(dialect, &[&ALL[..9]]),
            [Defect::Lost],
            "the last of all"
        );
        let mut twice = ALL.to_vec();
        twice.insert(5, 15);
        assert_eq!(found(dialect, &[&twice]), [Defect::Duplicated]);
        let mut late = ALL;
        late.swap(3, 4);
        assert_eq!(found(dialect, &[&late]), [Defect::OutOfOrder]);
    }
}

#[test]
fn what_was_said_between_two_connections_comes_with_the_next_or_from_the_history() {
    // Texts 15 and 16 are said while he is away; he is back just after 16.
    let connections: [&[u64]; 2] = [&[11, 12, 13, 14], &[16, 17, 18, 19, 20]];
    assert_eq!(found(Dialect::Imooc, &connections), [Defect::Lost]);
    assert_eq!(
        found(Dialect::Ginchat, &connections),
        [],
        "private: the history has it"
    );
    let connections: [&[u64]; 2] = [&[11, 12, 13, 14], &[17, 18, 19, 20]];
    assert_eq!(found(Dialect::Ginchat, &connections), [Defect::Lost]);
    let mut long_ago = bob(Dialect::Imooc, &[&ALL[..5], &ALL[2..]]);
    assert_eq!(kinds(&long_ago), [Defect::Duplicated]);
    // What was on its way when the connection broke may be lost, and is counted.
    long_ago = bob(Dialect::Imooc, &[&ALL[..4], &ALL[5..]]);
    long_ago.sessions[0].ended = Some((sent_at(15) + 1.0, "cut".to_owned()));
    let verdict = judge(&[alice(), long_ago], &truth(), false);
    assert_eq!(
        (verdict.is_clean(), verdict.untold),
        (true, 1),
        "{:?}",
        verdict.findings
    );
}

fn kinds(ledger: &Ledger) -> Vec<Defect> {
    let verdict = judge(&[alice(), ledger.clone()], &truth(), false);
    verdict.counts.into_keys().collect()
}

#[test]
fn what_is_forbidden_altered_or_nowhere_is_found() {
    let mut stranger = page(Dialect::Imooc, 99);
    stranger.take(11.0, &entry(BOB, 12));
    assert_eq!(kinds(&stranger), [Defect::Forbidden]);
    let with = |change: &dyn Fn(&mut Value)| {
        let mut ledger = page(Dialect::Imooc, BOB);
        for seq in ALL {
            let mut entry = entry(BOB, seq);
            if seq == 20 {
                change(&mut entry);
            }
            ledger.take(sent_at(seq) + 0.1, &entry);
        }
        kinds(&ledger)
    };
    assert_eq!(with(&|entry| entry["seq"] = json!(21)), [Defect::Altered]);
    assert_eq!(with(&|entry| entry["from"] = json!(BOB)), [Defect::Altered]);
    let unheard_of = with(&|entry| entry["content"] = json!("nobody said this"));
    assert_eq!(unheard_of, [Defect::Vanished, Defect::Lost]);
}

#[test]
fn what_a_page_said_is_stored_once_or_refused_or_its_connection_broke() {
    let with = |change: &dyn Fn(&mut Ledger, &mut Truth)| {
        let (mut ledger, mut truth) = (alice(), truth());
        let (_, unstored) = sent(20);
        let digest = digest_of("text 21");
        ledger
            .sent
            .insert("c21".to_owned(), Sent { digest, ..unstored });
        change(&mut ledger, &mut truth);
        judge(&[ledger], &truth, false)
    };
    let silent = with(&|_, _| {});
    assert_eq!(
        silent.counts.into_keys().collect::<Vec<_>>(),
        [Defect::Unanswered]
    );
    let refused = with(&|ledger, _| ledger.turned_away.push((100.2, 0)));
    assert_eq!((refused.is_clean(), refused.refused), (true, 1));
    let broken = with(&|ledger, _| ledger.ended(100.3, "cut"));
    assert_eq!((broken.is_clean(), broken.unread), (true, 1));
    let twice = with(&|ledger, truth| {
        ledger.sent.remove("c21");
        let again = truth.entries[&19].clone();
        truth.put(21, again);
    });
    assert_eq!(
        twice.counts.into_keys().collect::<Vec<_>>(),
        [Defect::StoredTwice]
    );
}

#[test]
fn a_history_shows_everything_in_order() {
    let told = |seqs: &[u64]| -> Vec<Told> {
        let told = |seq: &u64| Told {
            seq: *seq,
            digest: digest_of(&format!("text {seq}")),
            url: None,
        };
        seqs.iter().map(told).collect()
    };
    for (seqs, defects) in [
        (&[11, 13, 15, 17, 19][..], &[][..]),
        (&[11, 13, 17, 19], &[Defect::Lost]),
        (&[11, 13, 15, 17], &[Defect::Lost]),
        (&[11, 15, 13, 17, 19], &[Defect::Lost]),
    ] {
        let mut ledger = bob(Dialect::Ginchat, &[&ALL]);
        ledger.histories.insert(Room::pair(ALICE, BOB), told(seqs));
        assert_eq!(kinds(&ledger), defects, "{seqs:?}");
    }
}
