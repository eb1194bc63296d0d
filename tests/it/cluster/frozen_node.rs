//! A node stops in the midst of its writes (SIGSTOP, as a machine does that swaps or is being moved): the others neither
//! wait for it nor notice more than its silence.

use std::net::SocketAddr;
use std::time::Duration;

use hyper::Method;
use serde_json::json;
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
/// Times as slow as undisturbed the acks of the others may be, and what counts as undisturbed at least: below, the
/// ratio would measure the machine.
const SLOWER_AT_MOST: u32 = 3;
const QUIET_P99_LEAST: Duration = Duration::from_millis(5);

/// Sends with texts and writes of every other kind through the node that freezes, one of each kind always under way.
struct Busy {
    node: SocketAddr,
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
            node: cluster.nodes[LIVELY].http,
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

    async fn change_profile(&self) {
        let http = Http::new(self.node);
        for number in 0_u64.. {
            let change = json!({"memo": format!("memo {number}")});
            http.call(
                Method::PATCH,
                "/api/v1/me",
                Some(&self.guest.token),
                Some(change),
            )
            .await
            .expect(200);
        }
    }

    async fn let_in_and_kick(&self) {
        let http = Http::new(self.node);
        let members = format!("/api/v1/groups/{}/members", self.group);
        let guest = format!("{members}/{}", self.guest.id);
        loop {
            let body = json!({"users": [self.guest.id]});
            http.post(&members, &self.owner.token, body)
                .await
                .expect(201);
            http.call(Method::DELETE, &guest, Some(&self.owner.token), None)
                .await
                .expect(204);
        }
    }

    async fn block_and_unblock(&self) {
        let http = Http::new(self.node);
        let block = format!("/api/v1/blocks/{}", self.guest.id);
        loop {
            for method in [Method::PUT, Method::DELETE] {
                // A node that slept through its own deadline says so; then it is asked again, as clients do.
                loop {
                    let method = method.clone();
                    let reply = http
                        .call(method, &block, Some(&self.owner.token), None)
                        .await;
                    if reply.status != 503 {
                        reply.expect(204);
                        break;
                    }
                }
            }
        }
    }

    /// Read positions only move forward: each stands behind a message of its own.
    async fn mark_read(&self) {
        let http = Http::new(self.node);
        let (mut socket, _) = Socket::login(self.node, &self.owner).await;
        let path = format!("/api/v1/conversations/u:{}/messages", self.owner.id);
        for number in 0_u64.. {
            let note = json!({"cid": format!("note-{number}"), "media": 1, "content": "note"});
            let ack = http.post(&path, &self.owner.token, note).await.expect(201);
            let conv = format!("u:{}", self.owner.id);
            socket
                .say(&json!({"type": "read", "conv": conv, "seq": ack["seq"]}))
                .await;
        }
    }
}

/// The latencies of acks of what was sent between two moments at the nodes that never freeze.
fn p99(chatters: &[Chatter], spans: &[(Instant, Instant)]) -> (usize, Duration) {
    let mut all = Vec::new();
    for chatter in chatters {
        let ledger = chatter.ledger();
        for (cid, sent) in &ledger.sent {
            if spans
                .iter()
                .any(|(from, to)| *from <= sent.at && sent.at < *to)
            {
                all.push(ledger.acks[cid].at - sent.at);
            }
        }
    }
    all.sort();
    (all.len(), all[all.len() * 99 / 100])
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
    let (quiet_acks, quiet_p99) = p99(&lively, &[quiet]);
    let (acks, frozen_p99) = p99(&lively, &freezes);
    eprintln!(
        "ack p99 undisturbed {quiet_p99:?} of {quiet_acks}, during freezes {frozen_p99:?} of {acks}"
    );
    let allowed = quiet_p99.max(QUIET_P99_LEAST) * SLOWER_AT_MOST;
    assert!(frozen_p99 <= allowed, "{frozen_p99:?} above {allowed:?}");
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
