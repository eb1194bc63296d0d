//! MariaDB is killed and comes back, as it stands: what was acknowledged is there, and nothing else ever was.

use std::time::Duration;

use tokio::task::block_in_place;

use super::checker::{Proof, check};
use super::client::{Chatter, Ledger};
use super::crowd::{Crowd, Talk, acked_more, settle};
use super::harness::{Cluster, Plan};
use crate::mariadb::MariaDb;

const KILLS: usize = 3;
/// Clients, on every node, that are waited for to hear of it.
const TOLD: usize = 3;
const USERS: usize = 30;
const PER_SECOND: usize = 200;
const ACKS_BETWEEN: usize = 200;
/// The server recovers, the nodes connect again, and clients repeat what was put off.
const BACK_WITHIN: Duration = Duration::from_secs(30);

/// Kills by polling nodes: few by default, as many as were once needed to see a loss with `STARLING_LONG`.
const BLIND_KILLS: (usize, usize) = (5, 20);
const BLIND_USERS: usize = 9;
const BLIND_PER_SECOND: usize = 400;

struct Scene {
    server: MariaDb,
    cluster: Cluster,
    crowd: Crowd,
    chatters: Vec<Chatter>,
    talk: Talk,
}

impl Scene {
    async fn set(users: usize, faults: &str) -> Scene {
        let server = block_in_place(MariaDb::start);
        server.create_database("starling");
        let plan = Plan::nodes(3).store(&server.url("starling"));
        let cluster = plan.start().await;
        let mut crowd = Crowd::register(&cluster, users).await;
        let rooms = crowd.rooms(&cluster).await;
        let chatters = crowd.connect(&cluster).await;
        cluster.bus_faults(faults);
        Scene {
            server,
            cluster,
            crowd,
            chatters,
            talk: Talk::new(21, rooms),
        }
    }

    async fn prove(&self) -> Proof {
        settle(&self.chatters, BACK_WITHIN).await;
        for node in &self.cluster.nodes {
            node.wait_ready().await;
        }
        for chatter in &self.chatters {
            let ledger = chatter.ledger();
            assert_eq!(ledger.resets, 0, "nothing went back");
            assert!(ledger.refused.is_empty(), "{:?}", ledger.refused);
        }
        check(&self.crowd, self.cluster.nodes[2].http, &self.chatters).await
    }
}

fn unanswered(chatters: &[Chatter]) -> usize {
    let ledgers = chatters.iter().map(Chatter::ledger);
    ledgers
        .map(|ledger| ledger.sent.len() - ledger.acks.len())
        .sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn mariadb_killed_three_times_under_load_loses_and_doubles_nothing() {
    let mut scene = Scene::set(USERS, "drop_in = 0.2\nseed = 9\n").await;
    let (server, chatters) = (&mut scene.server, &scene.chatters);
    let kills = async {
        for _ in 0..KILLS {
            acked_more(chatters, ACKS_BETWEEN, BACK_WITHIN).await;
            let before: Vec<u64> = chatters.iter().map(|c| c.ledger().put_off).collect();
            server.kill_9();
            for (chatter, before) in chatters.iter().zip(before).take(TOLD) {
                let told = |l: &Ledger| l.put_off > before;
                chatter
                    .until("sends are unavailable", BACK_WITHIN, told)
                    .await;
            }
            block_in_place(|| server.start_again());
        }
        acked_more(chatters, ACKS_BETWEEN, BACK_WITHIN).await;
    };
    tokio::select! {
        () = kills => {}
        () = scene.talk.never_end(&scene.crowd, chatters, PER_SECOND) => {}
    }
    let proof = scene.prove().await;
    assert!(proof.acked > 4 * ACKS_BETWEEN, "{proof:?}");
}

/// A server's readers see a commit before it is safely on disk. With the bus dead, nodes know of each other's entries
/// by reading alone; one that took such an entry for good would keep what no longer exists after the kill.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_node_keeps_or_delivers_an_entry_that_a_killed_mariadb_does_not_have() {
    let kills = match std::env::var_os("STARLING_LONG") {
        None => BLIND_KILLS.0,
        Some(_) => BLIND_KILLS.1,
    };
    let mut scene = Scene::set(BLIND_USERS, "block = true\n").await;
    let (server, chatters) = (&mut scene.server, &scene.chatters);
    let mut rng = fastrand::Rng::with_seed(23);
    let mut hit = 0;
    let kills = async {
        for _ in 0..kills {
            acked_more(chatters, ACKS_BETWEEN, BACK_WITHIN).await;
            tokio::time::sleep(Duration::from_millis(rng.u64(0..400))).await;
            server.kill_9();
            hit += unanswered(chatters);
            block_in_place(|| server.start_again());
        }
        acked_more(chatters, ACKS_BETWEEN, BACK_WITHIN).await;
    };
    tokio::select! {
        () = kills => {}
        () = scene.talk.never_end(&scene.crowd, chatters, BLIND_PER_SECOND) => {}
    }
    assert!(hit > 0, "no send was under way at any kill");
    scene.prove().await;
}
