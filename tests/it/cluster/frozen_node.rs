//! A node stops in the midst of its writes (SIGSTOP, as a machine does that swaps or is being moved): the others neither
//! wait for it nor notice more than its silence.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::checker::check;
use super::client::{Account, Chatter, Http, Room, Socket};
use super::crowd::{Crowd, Talk, settle};
use super::harness::{Cluster, Plan};
use crate::mariadb::Database;

/// Rounds by default, and with `STARLING_LONG`.
const ROUNDS: (usize, usize) = (5, 20);
const FROZEN_FOR: Duration = Duration::from_secs(3);
const UNDISTURBED_FOR: Duration = Duration::from_secs(3);
const SETTLED_WITHIN: Duration = Duration::from_secs(20);
/// The nodes whose clients' acks are timed; the third is the one that freezes.
const LIVELY: usize = 2;
const USERS: usize = 9;
const PER_SECOND: usize = 150;
/// Times as slow as undisturbed the acks of the others may be (in the middle one of all freezes), and what counts as
/// undisturbed at least: below, the ratio would measure the machine.
const SLOWER_AT_MOST: u32 = 3;
const QUIET_P99_LEAST: Duration = Duration::from_millis(5);
/// Half of what the store lets anybody wait for a lock.
const WAITED_FOR_A_LOCK: Duration = Duration::from_secs(1);

/// Sends with texts and writes of every other kind through the node that freezes, one of each kind always under way.
struct Busy {
    http: Http,
    owner: Account,
    guest: Account,
    group: u64,
}

impl Busy {
    async fn at(cluster: &Cluster) -> Busy {
        let http = Http::new(cluster.nodes[0].http);
        let (owner, guest) = (http.register("owner").await, http.register("guest").await);
        let group = http.group(&owner, "in and out", &[]).await;
        Busy {
            http: Http::new(cluster.nodes[LIVELY].http),
            owner,
            guest,
            group,
        }
    }

    async fn go_on(&self) {
        tokio::join!(
            self.change_profile(),
            self.let_in_and_kick(),
            self.block_and_unblock(),
            self.mark_read()
        );
    }

    /// A change as clients make it: what the node could not answer in time (it slept through its own deadline) did not
    /// happen, or did and is asked for again without harm.
    async fn change(
        &self,
        method: Method,
        path: &str,
        by: &Account,
        body: Option<Value>,
        answers: Answers,
    ) -> Value {
        let mut allowed = vec![answers.done];
        loop {
            let token = Some(by.token.as_str());
            let reply = self
                .http
                .call(method.clone(), path, token, body.clone())
                .await;
            if reply.status != 503 {
                assert!(allowed.contains(&reply.status), "{}", reply.text);
                return reply.body;
            }
            allowed.extend(answers.done_before);
        }
    }

    async fn change_profile(&self) {
        for number in 0_u64.. {
            let body = json!({"memo": format!("memo {number}")});
            let answers = Answers::same(200);
            self.change(
                Method::PATCH,
                "/api/v1/me",
                &self.guest,
                Some(body),
                answers,
            )
            .await;
        }
    }

    async fn let_in_and_kick(&self) {
        let members = format!("/api/v1/groups/{}/members", self.group);
        let guest = format!("{members}/{}", self.guest.id);
        let let_in = Answers {
            done: 201,
            done_before: Some(409),
        };
        let kicked = Answers {
            done: 204,
            done_before: Some(403),
        };
        loop {
            let body = json!({"users": [self.guest.id]});
            self.change(Method::POST, &members, &self.owner, Some(body), let_in)
                .await;
            self.change(Method::DELETE, &guest, &self.owner, None, kicked)
                .await;
        }
    }

    async fn block_and_unblock(&self) {
        let block = format!("/api/v1/blocks/{}", self.guest.id);
        loop {
            for method in [Method::PUT, Method::DELETE] {
                self.change(method, &block, &self.owner, None, Answers::same(204))
                    .await;
            }
        }
    }

    /// Read positions only move forward: each stands behind a message of its own.
    async fn mark_read(&self) {
        let (mut socket, _) = Socket::login(self.http.address(), &self.owner).await;
        let conv = format!("u:{}", self.owner.id);
        let path = format!("/api/v1/conversations/{conv}/messages");
        for number in 0_u64.. {
            let note = json!({"cid": format!("note-{number}"), "media": 1, "content": "note"});
            let answers = Answers::same(201);
            let ack = self
                .change(Method::POST, &path, &self.owner, Some(note), answers)
                .await;
            socket
                .say(&json!({"type": "read", "conv": conv, "seq": ack["seq"]}))
                .await;
        }
    }
}

/// What a change is answered.
#[derive(Clone, Copy)]
struct Answers {
    done: u16,
    /// When it is asked for a second time; none: the same.
    done_before: Option<u16>,
}

impl Answers {
    fn same(done: u16) -> Answers {
        Answers {
            done,
            done_before: None,
        }
    }
}

/// How long the acks of what was sent in a span took at the nodes that never freeze.
struct Acks {
    count: usize,
    p99: Duration,
    slowest: Duration,
}

impl Acks {
    fn of(chatters: &[Chatter], (from, to): Span) -> Acks {
        let mut took = Vec::new();
        for chatter in chatters {
            let ledger = chatter.ledger();
            let sent = ledger.sent.iter();
            let sent = sent.filter(|(_, sent)| from <= sent.at && sent.at < to);
            took.extend(sent.map(|(cid, sent)| ledger.acks[cid].at - sent.at));
        }
        took.sort();
        Acks {
            count: took.len(),
            p99: took[took.len() * 99 / 100],
            slowest: took[took.len() - 1],
        }
    }
}

/// Nobody waited for what the frozen node holds. One freeze may meet a busy machine, most do not; and who waits for a
/// lock waits far longer than any machine is busy, be it in one freeze only.
fn assert_nobody_waited(chatters: &[Chatter], quiet: Span, freezes: &[Span]) {
    let quiet = Acks::of(chatters, quiet);
    eprintln!("undisturbed: ack p99 {:?} of {}", quiet.p99, quiet.count);
    let mut p99s = Vec::new();
    for freeze in freezes {
        let acks = Acks::of(chatters, *freeze);
        let Acks {
            count,
            p99,
            slowest,
        } = acks;
        eprintln!("frozen: ack p99 {p99:?} of {count}, slowest {slowest:?}");
        assert!(slowest < WAITED_FOR_A_LOCK, "an ack took {slowest:?}");
        p99s.push(p99);
    }
    p99s.sort();
    let median = p99s[p99s.len() / 2];
    let allowed = quiet.p99.max(QUIET_P99_LEAST) * SLOWER_AT_MOST;
    assert!(median <= allowed, "{median:?} above {allowed:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_that_freezes_in_the_midst_of_its_writes_holds_up_nobody() {
    let rounds = match std::env::var_os("STARLING_LONG") {
        None => ROUNDS.0,
        Some(_) => ROUNDS.1,
    };
    let database = Database::fresh();
    let cluster = Plan::nodes(LIVELY + 1).store(&database.url()).start().await;
    let mut crowd = Crowd::register(&cluster, USERS).await;
    let rooms = crowd.rooms(&cluster).await;
    let busy = Busy::at(&cluster).await;
    // Everybody stays at his node, so that whose ack is timed never depends on who moved.
    let mut lively = Vec::new();
    let mut frozen = Vec::new();
    for (index, account) in crowd.accounts.iter().enumerate() {
        let node = index % (LIVELY + 1);
        let at = [cluster.nodes[node].http];
        let chatter = Chatter::connect(account, &at, 0).await;
        if node < LIVELY {
            lively.push(chatter);
        } else {
            frozen.push(chatter);
        }
    }

    let freezes = freeze_again_and_again(&cluster, rounds);
    let mut talk = Talk::new(41, rooms.clone());
    let mut talk_there = Talk::new(42, with_somebody_of(&crowd, &frozen, &rooms));
    let (quiet, freezes) = tokio::select! {
        spans = freezes => spans,
        () = talk.never_end(&crowd, &lively, PER_SECOND) => unreachable!("it never ends"),
        () = talk_there.never_end(&crowd, &frozen, PER_SECOND) => unreachable!("it never ends"),
        () = busy.go_on() => unreachable!("it never ends"),
    };
    settle(&lively, SETTLED_WITHIN).await;
    settle(&frozen, SETTLED_WITHIN).await;
    assert_nobody_waited(&lively, quiet, &freezes);
    let mut all = lively;
    all.extend(frozen);
    settle(&all, SETTLED_WITHIN).await;
    check(&crowd, cluster.nodes[LIVELY].http, &all).await;
}

/// The rooms in which one of these can speak.
fn with_somebody_of(crowd: &Crowd, chatters: &[Chatter], rooms: &[Room]) -> Vec<Room> {
    let rooms = rooms.iter().filter(|room| {
        let ids = chatters.iter().map(|chatter| chatter.account.id);
        ids.into_iter().any(|id| crowd.may_hear(id, **room))
    });
    rooms.copied().collect()
}

type Span = (Instant, Instant);

/// Lets the cluster work undisturbed, then freezes the last node at random moments. Returns when it was undisturbed
/// and when the node was frozen.
async fn freeze_again_and_again(cluster: &Cluster, rounds: usize) -> (Span, Vec<Span>) {
    let mut rng = fastrand::Rng::with_seed(43);
    let begin = Instant::now();
    tokio::time::sleep(UNDISTURBED_FOR).await;
    let quiet = (begin, Instant::now());
    let mut freezes = Vec::new();
    for _ in 0..rounds {
        tokio::time::sleep(Duration::from_millis(rng.u64(300..1_300))).await;
        cluster.nodes[LIVELY].freeze();
        let begin = Instant::now();
        tokio::time::sleep(FROZEN_FOR).await;
        freezes.push((begin, Instant::now()));
        cluster.nodes[LIVELY].thaw();
    }
    (quiet, freezes)
}
