//! Proves from the clients' ledgers and the store what the server promises: what was acknowledged is stored once, and
//! everybody entitled received it once, in order, and nobody else.
//!
//! The store is read as people would: each user logs in again and reads the history.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use super::client::{Chatter, Http, Ledger, Room};
use super::crowd::Crowd;

/// Events around the point of interest that a counter-example shows.
const EVENTS_SHOWN: usize = 12;

/// A message as the store has it.
#[derive(Clone, Debug, PartialEq)]
struct Stored {
    room: Room,
    from: u64,
    content: String,
}

/// What was checked, for the record.
#[derive(Debug, Default)]
pub(crate) struct Proof {
    pub(crate) stored: usize,
    pub(crate) acked: usize,
    pub(crate) received: usize,
    pub(crate) by_sync: usize,
    pub(crate) own_by_ack: usize,
    pub(crate) connections: u32,
}

/// Checks everything, once every send is answered, and fails the test with the first counter-example.
pub(crate) async fn check(crowd: &Crowd, node: SocketAddr, chatters: &[Chatter]) -> Proof {
    let store = StoredLog::read(crowd, node, chatters).await;
    let mut proof = Proof {
        stored: store.messages.len(),
        ..Proof::default()
    };
    for chatter in chatters {
        let ledger = chatter.ledger();
        let checked = Checked {
            crowd,
            store: &store,
            ledger: &ledger,
        };
        if let Err(counter_example) = checked.all(&mut proof) {
            let who = &chatter.account.name;
            panic!(
                "counter-example at {who} ({}): {counter_example}",
                ledger.user
            );
        }
    }
    assert_eq!(
        proof.stored, proof.acked,
        "something is stored twice or without an ack"
    );
    eprintln!("checked: {proof:?}");
    proof
}

/// All messages by seq, and every user's own by cid.
struct StoredLog {
    messages: BTreeMap<u64, Stored>,
    by_cid: BTreeMap<(u64, String), u64>,
}

impl StoredLog {
    async fn read(crowd: &Crowd, node: SocketAddr, chatters: &[Chatter]) -> StoredLog {
        let mut log = StoredLog {
            messages: BTreeMap::new(),
            by_cid: BTreeMap::new(),
        };
        let http = Http::new(node);
        let rooms: BTreeSet<Room> = chatters
            .iter()
            .flat_map(|chatter| {
                let ledger = chatter.ledger();
                ledger
                    .sent
                    .values()
                    .map(|sent| sent.room)
                    .collect::<Vec<_>>()
            })
            .collect();
        for account in &crowd.accounts {
            let reader = http.login(&account.name).await;
            for room in rooms
                .iter()
                .filter(|room| crowd.may_hear(reader.id, **room))
            {
                for entry in http.history(&reader, &room.conv_for(reader.id)).await {
                    if entry["kind"] == "message" {
                        log.take(&entry, *room, reader.id);
                    }
                }
            }
        }
        log
    }

    fn take(&mut self, entry: &serde_json::Value, room: Room, reader: u64) {
        let seq = entry["seq"].as_u64().unwrap();
        let from = entry["from"].as_u64().unwrap();
        let stored = Stored {
            room,
            from,
            content: entry["content"].as_str().unwrap_or_default().to_owned(),
        };
        assert_eq!(
            Room::of(entry["conv"].as_str().unwrap(), reader),
            Some(room),
            "history of {room:?} holds an entry of another conversation"
        );
        let first = self.messages.entry(seq).or_insert_with(|| stored.clone());
        assert_eq!(*first, stored, "two readers see different entries {seq}");
        match entry["cid"].as_str() {
            Some(cid) if from == reader => {
                let first = *self.by_cid.entry((from, cid.to_owned())).or_insert(seq);
                assert_eq!(first, seq, "cid {cid} of {from} is stored twice");
            }
            Some(cid) => panic!("user {reader} sees the cid {cid} of user {from}"),
            None => assert_ne!(from, reader, "own entry {seq} has no cid"),
        }
    }
}

/// One client's ledger against the store.
struct Checked<'a> {
    crowd: &'a Crowd,
    store: &'a StoredLog,
    ledger: &'a Ledger,
}

impl Checked<'_> {
    fn all(&self, proof: &mut Proof) -> Result<(), String> {
        let ledger = self.ledger;
        if let Some(breach) = ledger.breaches.first() {
            return Err(format!("{breach}\n{}", self.around(None)));
        }
        self.acked_is_stored_once()?;
        self.received_once_in_order_as_stored()?;
        let own_by_ack = self.nothing_is_missing()?;
        proof.acked += ledger.acks.len();
        proof.received += ledger.received.len();
        proof.by_sync += ledger.received.iter().filter(|r| r.by_sync).count();
        proof.own_by_ack += own_by_ack;
        proof.connections += ledger.connections;
        Ok(())
    }

    fn acked_is_stored_once(&self) -> Result<(), String> {
        let user = self.ledger.user;
        for (cid, sent) in &self.ledger.sent {
            let stored = self.store.by_cid.get(&(user, cid.clone())).copied();
            let acked = self.ledger.acks.get(cid).map(|ack| ack.seq);
            if acked.is_some() && stored != acked {
                return Err(format!(
                    "cid {cid} was acked as {acked:?} and is stored as {stored:?}\n{}",
                    self.around(acked)
                ));
            }
            let Some(seq) = stored else { continue };
            let expected = Stored {
                room: sent.room,
                from: user,
                content: sent.content.clone(),
            };
            if self.store.messages[&seq] != expected {
                return Err(format!("entry {seq} is not what was sent as {cid}"));
            }
        }
        Ok(())
    }

    fn received_once_in_order_as_stored(&self) -> Result<(), String> {
        let mut last = self.ledger.began_at.unwrap_or_default();
        for receipt in &self.ledger.received {
            let seq = receipt.seq;
            if seq <= last {
                return Err(format!(
                    "entry {seq} came after {last}\n{}",
                    self.around(Some(seq))
                ));
            }
            last = seq;
            if !self.crowd.may_hear(self.ledger.user, receipt.room) {
                return Err(format!(
                    "entry {seq} of {:?} is not for this user",
                    receipt.room
                ));
            }
            if receipt.kind != "message" {
                continue;
            }
            if receipt.cid.is_some() != (receipt.from == self.ledger.user) {
                return Err(format!("the cid of {receipt:?} is for its sender only"));
            }
            let received = Stored {
                room: receipt.room,
                from: receipt.from,
                content: receipt.content.clone(),
            };
            match self.store.messages.get(&seq) {
                Some(stored) if *stored == received => {}
                other => {
                    return Err(format!(
                        "entry {seq} was received as {received:?} and is stored as {other:?}\n{}",
                        self.around(Some(seq))
                    ));
                }
            }
        }
        Ok(())
    }

    /// Everything stored between the client's first and its last position was received; an own message may have come
    /// as its ack alone. Returns how many did.
    fn nothing_is_missing(&self) -> Result<usize, String> {
        let user = self.ledger.user;
        let received: BTreeSet<u64> = self.ledger.received.iter().map(|r| r.seq).collect();
        let acked: BTreeSet<u64> = self.ledger.acks.values().map(|ack| ack.seq).collect();
        let (Some(began), Some(position)) = (self.ledger.began_at, self.ledger.position) else {
            return Err("the client never had a position".to_owned());
        };
        let mut by_ack = 0;
        for (seq, stored) in self.store.messages.range(began + 1..=position) {
            if !self.crowd.may_hear(user, stored.room) || received.contains(seq) {
                continue;
            }
            if stored.from == user && acked.contains(seq) {
                by_ack += 1;
                continue;
            }
            return Err(format!(
                "entry {seq} of {:?} from {} never came, position {position}\n{}",
                stored.room,
                stored.from,
                self.around(Some(*seq))
            ));
        }
        Ok(by_ack)
    }

    /// The client's history around the first event at or above this seq; without one, its end.
    fn around(&self, seq: Option<u64>) -> String {
        let events = &self.ledger.events;
        let middle = seq
            .and_then(|seq| events.iter().position(|event| event.seq >= Some(seq)))
            .unwrap_or(events.len());
        let from = middle.saturating_sub(EVENTS_SHOWN);
        let to = (middle + EVENTS_SHOWN).min(events.len());
        let Some(start) = events.first().map(|event| event.at) else {
            return String::new();
        };
        let lines: Vec<String> = events[from..to]
            .iter()
            .map(|event| format!("  {:>8.3} s  {event}", (event.at - start).as_secs_f64()))
            .collect();
        lines.join("\n")
    }
}

/// A checker that cannot fail proves nothing: each kind of harm is done to a good ledger and must be found.
mod harm {
    use std::collections::{BTreeMap, BTreeSet};

    use serde_json::{Value, json};

    use super::{Checked, Proof, Stored, StoredLog};
    use crate::it::cluster::client::{Account, Ledger, Room};
    use crate::it::cluster::crowd::Crowd;

    const ALICE: u64 = 3;
    const BOB: u64 = 7;

    fn entry(seq: u64) -> Value {
        json!({"type": "entry", "seq": seq, "conv": "u:3", "from": ALICE, "kind": "message", "media": 1,
            "content": format!("text {seq}")})
    }

    /// Bob's findings about these frames; the store holds Alice's texts 11, 12 and 13 to him.
    fn found(frames: &[Value]) -> Result<usize, String> {
        let account = |id| Account {
            id,
            name: format!("user{id}"),
            token: String::new(),
        };
        let crowd = Crowd {
            accounts: vec![account(ALICE), account(BOB)],
            groups: BTreeMap::from([(9, BTreeSet::from([ALICE]))]),
        };
        let stored = |seq| Stored {
            room: Room::pair(ALICE, BOB),
            from: ALICE,
            content: format!("text {seq}"),
        };
        let store = StoredLog {
            messages: (11..=13).map(|seq| (seq, stored(seq))).collect(),
            by_cid: BTreeMap::new(),
        };
        let mut ledger = Ledger::new(BOB);
        let hello = json!({"user": {"id": BOB}, "head": 10, "epoch": 1});
        ledger.hello(([127, 0, 0, 1], 1).into(), &hello);
        for frame in frames {
            ledger.take(frame);
        }
        let checked = Checked {
            crowd: &crowd,
            store: &store,
            ledger: &ledger,
        };
        let mut proof = Proof::default();
        checked.all(&mut proof).map(|()| proof.received)
    }

    fn pong(after: u64, delivered: u64) -> Value {
        json!({"type": "pong", "n": 1, "after": after, "delivered": delivered})
    }

    #[test]
    fn a_complete_ledger_is_accepted_whether_live_or_synced() {
        assert_eq!(
            found(&[entry(11), entry(12), entry(13), pong(13, 3)]),
            Ok(3)
        );
        let sync =
            json!({"type": "sync", "entries": [entry(11), entry(12)], "after": 12, "more": false});
        assert_eq!(found(&[sync, entry(13)]), Ok(3));
        // What lies above the client's position is not missing yet.
        assert_eq!(found(&[entry(11)]), Ok(1));
    }

    #[test]
    fn every_harm_is_found() {
        let mut altered = entry(12);
        altered["content"] = json!("another text");
        let mut foreign = entry(12);
        foreign["conv"] = json!("g:9");
        let mut revealing = entry(12);
        revealing["cid"] = json!("c1");
        let harms = [
            ("a gap", vec![entry(11), entry(13)]),
            ("a gap that a pong hides", vec![entry(11), pong(13, 1)]),
            ("a duplicate", vec![entry(11), entry(11)]),
            ("a wrong order", vec![entry(12), entry(11)]),
            ("a wrong count", vec![entry(11), pong(11, 2)]),
            ("another text", vec![entry(11), altered]),
            ("a stranger's conversation", vec![entry(11), foreign]),
            ("another's cid", vec![entry(11), revealing]),
            (
                "an entry that is not stored",
                vec![entry(11), entry(12), entry(13), entry(14)],
            ),
            (
                "an ack for nothing",
                vec![json!({"type": "ack", "cid": "c1", "seq": 11})],
            ),
        ];
        for (what, frames) in harms {
            assert!(found(&frames).is_err(), "{what} was not found");
        }
    }
}
