//! Seeded runs of a replica against a model log: whatever the timing of loading, applying, joining, leaving
//! and reconnecting, a connection gets exactly what its user was entitled to, once and in order, and nothing of what
//! was taken back at or below its position.

use std::collections::BTreeSet;

use super::*;
use crate::journal::view::View;
use crate::model::alteration::{altered_body, forgotten_body, rewritten_by};
use crate::model::conversation::Conv;
use crate::model::entry::EntryKind;
use crate::model::group::Interval;
use crate::model::ids::Epoch;

const USERS: u64 = 5;
const GROUPS: u64 = 3;
const STEPS: usize = 160;
const WINDOW: WindowBounds = WindowBounds {
    entries: 24,
    bytes: 1 << 20,
};
const LAG_MAX: u64 = 20;

/// A client in the model: what the hub would do for it, and what it got.
#[derive(Default)]
struct Client {
    user: UserId,
    groups: BTreeSet<GroupId>,
    live: bool,
    began_at: Seq,
    position: Seq,
    got: Vec<u64>,
}

#[derive(Default)]
struct ModelHub {
    clients: BTreeMap<ConnId, Client>,
    /// Connections whose wish was declined: they ask again.
    declined: Vec<(ConnId, NotLive)>,
    /// Messages that were taken back, and where.
    recalled: BTreeMap<Seq, Seq>,
}

impl ModelHub {
    /// Whoever reads at or above a recall gets nothing of what the message said.
    fn judge_words(&self, entries: &[Arc<Entry>], position: Seq) {
        for entry in entries {
            let body: serde_json::Value = serde_json::from_slice(&entry.body).unwrap();
            let Some(message) = body["content"].as_str() else {
                continue;
            };
            let message: u64 = message.parse().unwrap();
            let recalled = self.recalled.get(&Seq(message));
            assert!(
                recalled.is_none_or(|recall| *recall > position),
                "{} still says at {position} what was recalled at {recalled:?}",
                entry.seq
            );
        }
    }
}

impl Dispatch for ModelHub {
    type Ticket = ConnId;

    fn deliver(&mut self, entry: &Arc<Entry>, origin: Option<ConnId>) {
        for (conn, client) in &mut self.clients {
            let mine = match entry.conv {
                Conv::Private(low, high) => client.user == low || client.user == high,
                Conv::Group(group) => client.groups.contains(&group),
                Conv::Notices => true,
                Conv::Account(_) => false,
            };
            if client.live && mine && origin != Some(*conn) && entry.kind.name().is_some() {
                client.got.push(entry.seq.0);
            }
        }
    }

    fn open(&mut self, user: UserId, group: GroupId) {
        for client in self
            .clients
            .values_mut()
            .filter(|client| client.user == user)
        {
            client.groups.insert(group);
        }
    }

    fn close(&mut self, user: UserId, group: GroupId) {
        for client in self
            .clients
            .values_mut()
            .filter(|client| client.user == user)
        {
            client.groups.remove(&group);
        }
    }

    fn end_sessions(&mut self, _: &[SessionId]) {}

    fn live(&mut self, going: GoingLive<ConnId>) {
        self.judge_words(&going.missed, going.position);
        let Some(client) = self.clients.get_mut(&going.conn) else {
            return;
        };
        client.live = true;
        client.groups = going.groups.into_iter().collect();
        client
            .got
            .extend(going.missed.iter().map(|entry| entry.seq.0));
        client.position = going.position;
    }

    fn not_live(&mut self, ticket: ConnId, why: NotLive) {
        self.declined.push((ticket, why));
    }

    fn reset(&mut self, _: LogHead) {}
}

/// The truth: the whole log, and everybody's stays as of its head.
struct Model {
    random: fastrand::Rng,
    /// As the store has it.
    log: Vec<Arc<Entry>>,
    /// As it went over the bus, each entry as it was when it was appended.
    told: Vec<Arc<Entry>>,
    stays: BTreeMap<(UserId, GroupId), Vec<Interval>>,
    replica: Replica<ModelHub>,
    next_conn: u64,
    /// Snapshots that were read and are on their way, with the connection they are for.
    on_the_way: Vec<(ConnId, UserSnapshot)>,
}

impl Model {
    fn new(seed: u64, safeguards: Safeguards) -> Model {
        let settings = ReplicaSettings {
            history: History::Joined,
            window: WINDOW,
            safeguards,
        };
        Model {
            random: fastrand::Rng::with_seed(seed),
            log: Vec::new(),
            told: Vec::new(),
            stays: BTreeMap::new(),
            replica: Replica::new(
                Seq(0),
                settings,
                Position::new(Epoch(1), Seq(0)),
                ModelHub::default(),
            ),
            next_conn: 0,
            on_the_way: Vec::new(),
        }
    }

    fn head(&self) -> Seq {
        Seq(self.log.len() as u64)
    }

    fn is_in(&self, user: UserId, group: GroupId) -> bool {
        self.stays
            .get(&(user, group))
            .is_some_and(|all| all.iter().any(|stay| stay.to.is_none()))
    }

    /// Something is said, somebody joins, somebody leaves.
    fn append(&mut self) {
        let seq = self.head().next();
        let user = UserId(self.random.u64(1..=USERS));
        let group = GroupId(self.random.u64(1..=GROUPS));
        let (conv, kind) = match self.random.u8(..10) {
            0..=1 => (
                Conv::private(user, UserId(self.random.u64(1..=USERS))),
                EntryKind::Message,
            ),
            2..=5 => (Conv::Group(group), EntryKind::Message),
            _ if self.is_in(user, group) => (Conv::Group(group), EntryKind::Left),
            _ => (Conv::Group(group), EntryKind::Joined),
        };
        let stays = self.stays.entry((user, group)).or_default();
        if kind == EntryKind::Joined {
            stays.push(Interval {
                group,
                from: seq,
                to: None,
            });
        } else if kind == EntryKind::Left
            && let Some(open) = stays.iter_mut().find(|stay| stay.to.is_none())
        {
            open.to = Some(seq);
        }
        // What it says is its place: a number, so that it is known wherever it turns up.
        let body = if kind == EntryKind::Message {
            format!(r#"{{"media":1,"meta":{{}},"content":"{seq}"}}"#)
        } else {
            format!(r#"{{"users":[{user}]}}"#)
        };
        self.push(conv, user, kind, body);
    }

    fn push(&mut self, conv: Conv, from: UserId, kind: EntryKind, body: String) {
        let entry = Arc::new(Entry {
            seq: self.head().next(),
            conv,
            from,
            at: 0,
            kind,
            cid: "c".parse().unwrap(),
            body: body.into(),
        });
        self.told.push(Arc::clone(&entry));
        self.log.push(entry);
    }

    /// A message is edited or taken back: the store rewrites it, and the words of its edits, in the same append.
    fn alter(&mut self) {
        let head = self.head().0;
        let Some(target) = self.random.u64(0..=head.min(LAG_MAX)).checked_sub(1) else {
            return;
        };
        let message = Arc::clone(&self.log[usize::try_from(head - 1 - target).unwrap()]);
        let seq = message.seq;
        let recalled = self.replica.dispatch().recalled.contains_key(&seq);
        if message.kind != EntryKind::Message || recalled {
            return;
        }
        let (conv, from) = (message.conv, message.from);
        if self.random.bool() {
            let body = format!(r#"{{"target":{seq},"content":"{seq}"}}"#);
            self.push(conv, from, EntryKind::Edit, body);
        } else {
            self.push(
                conv,
                from,
                EntryKind::Recall,
                format!(r#"{{"target":{seq}}}"#),
            );
            let end = self.head();
            self.replica.dispatch().recalled.insert(seq, end);
        }
        let alteration = self.log.last().cloned().unwrap();
        for entry in &mut self.log {
            let is_edit = entry.kind == EntryKind::Edit && rewritten_by(entry) == Some(seq);
            let body = if entry.seq == seq {
                altered_body(entry, &alteration)
            } else {
                let is_recalled = alteration.kind == EntryKind::Recall && is_edit;
                is_recalled.then(|| forgotten_body(seq))
            };
            if let Some(body) = body {
                *entry = Arc::new(Entry {
                    body,
                    ..Entry::clone(entry)
                });
            }
        }
    }

    fn snapshot(&self, user: UserId) -> UserSnapshot {
        let of_user = self.stays.iter().filter(|((one, _), _)| *one == user);
        let intervals = of_user
            .flat_map(|(_, stays)| stays.iter().copied())
            .collect();
        let log = LogHead {
            epoch: Epoch(1),
            floor: Seq(0),
            head: self.head(),
        };
        UserSnapshot {
            log,
            registered_seq: Seq(0),
            intervals,
        }
    }

    fn entitled(&self, user: UserId, entry: &Entry) -> bool {
        match entry.conv {
            Conv::Private(low, high) => user == low || user == high,
            Conv::Group(group) => self
                .stays
                .get(&(user, group))
                .is_some_and(|all| all.iter().any(|stay| stay.holds(entry.seq))),
            Conv::Notices | Conv::Account(_) => false,
        }
    }

    fn apply(&mut self) {
        let next = self.replica.applied().next();
        // From the bus as it was, or from the store as it is by now.
        let source = if self.random.bool() {
            &self.told
        } else {
            &self.log
        };
        if let Some(entry) = source.get(usize::try_from(next.0).unwrap() - 1) {
            self.replica.apply(Arc::clone(entry), None);
        }
    }

    fn connect(&mut self) {
        self.next_conn += 1;
        let (conn, user) = (ConnId(self.next_conn), UserId(self.random.u64(1..=USERS)));
        let after = Seq(self.random.u64(
            self.head().0.saturating_sub(LAG_MAX * 2)..=self.replica.applied().0.max(self.head().0),
        ));
        let client = Client {
            user,
            began_at: after,
            position: after,
            ..Client::default()
        };
        self.replica.dispatch().clients.insert(conn, client);
        let snapshot = self.snapshot(user);
        self.on_the_way.push((conn, snapshot));
    }

    fn disconnect(&mut self) {
        let conns: Vec<ConnId> = self.replica.dispatch().clients.keys().copied().collect();
        if let Some(conn) = self.random.choice(conns) {
            self.replica.detach(conn);
            let client = self.replica.dispatch().clients.remove(&conn).unwrap();
            // Where it stopped, it comes back as another connection at once or never: judged as it is.
            let upto = if client.live {
                self.replica.applied()
            } else {
                client.position
            };
            self.judge(&client, upto);
        }
    }

    fn attach_one(&mut self) {
        if self.on_the_way.is_empty() {
            return;
        }
        let (conn, snapshot) = self
            .on_the_way
            .swap_remove(self.random.usize(..self.on_the_way.len()));
        let Some(client) = self.replica.dispatch().clients.get(&conn) else {
            return;
        };
        let attach = Attach {
            conn,
            user: client.user,
            after: client.position,
            snapshot,
            ticket: conn,
        };
        self.replica.attach(attach);
        self.serve_declined();
    }

    /// Who is too far behind reads the store up to what this node has applied, and asks again.
    fn serve_declined(&mut self) {
        for (conn, why) in std::mem::take(&mut self.replica.dispatch().declined) {
            let applied = self.replica.applied();
            let Some(client) = self.replica.dispatch().clients.get(&conn) else {
                continue;
            };
            let (user, position) = (client.user, client.position);
            if why == NotLive::Behind && position < applied {
                let between = self
                    .log
                    .iter()
                    .filter(|entry| position < entry.seq && entry.seq <= applied);
                let page: Vec<u64> = between
                    .filter(|entry| self.entitled(user, entry))
                    .map(|entry| entry.seq.0)
                    .collect();
                let client = self.replica.dispatch().clients.get_mut(&conn).unwrap();
                client.got.extend(page);
                client.position = applied;
            }
            let snapshot = self.snapshot(user);
            self.on_the_way.push((conn, snapshot));
        }
    }

    fn judge(&self, client: &Client, upto: Seq) {
        let due = self
            .log
            .iter()
            .filter(|entry| client.began_at < entry.seq && entry.seq <= upto);
        let expected: Vec<u64> = due
            .filter(|entry| self.entitled(client.user, entry))
            .map(|entry| entry.seq.0)
            .collect();
        assert_eq!(
            client.got, expected,
            "user {} from {} to {upto}",
            client.user, client.began_at
        );
    }

    fn run(mut self) {
        for _ in 0..STEPS {
            match self.random.u8(..12) {
                0..=2 if self.head().0 - self.replica.applied().0 < LAG_MAX => self.append(),
                3 if self.head().0 - self.replica.applied().0 < LAG_MAX => self.alter(),
                0..=6 => self.apply(),
                7..=8 => self.connect(),
                9..=10 => self.attach_one(),
                _ => self.disconnect(),
            }
            self.serve_declined();
        }
        while self.replica.applied() < self.head() || !self.on_the_way.is_empty() {
            self.apply();
            self.attach_one();
            self.serve_declined();
        }
        let head = self.head();
        for client in std::mem::take(&mut self.replica.dispatch().clients).into_values() {
            assert!(client.live, "everybody is live in the end");
            self.judge(&client, head);
        }
    }
}

fn violates(seed: u64, safeguards: Safeguards) -> bool {
    std::panic::catch_unwind(|| Model::new(seed, safeguards).run()).is_err()
}

#[test]
fn a_connection_gets_exactly_what_its_user_was_entitled_to_whatever_the_timing() {
    for seed in 0..3_000 {
        eprintln!("seed {seed}");
        Model::new(seed, Safeguards::default()).run();
    }
}

#[test]
fn each_rule_is_needed() {
    let all = Safeguards::default();
    let without = [
        Safeguards {
            wait_for_snapshot: false,
            ..all
        },
        Safeguards {
            replay_since_snapshot: false,
            ..all
        },
        Safeguards {
            filter_by_stays: false,
            ..all
        },
        Safeguards {
            rewrite_window: false,
            ..all
        },
    ];
    for safeguards in without {
        let caught = (0..300).any(|seed| violates(seed, safeguards));
        assert!(caught, "no seed notices {safeguards:?}");
    }
}

#[test]
fn a_view_of_nobody_lets_nobody_see_anything() {
    let view = View::new(History::All);
    let mut model = Model::new(1, Safeguards::default());
    model.append();
    assert!(!view.entitled(UserId(1), &model.log[0]));
}
