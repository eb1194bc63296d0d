//! The store is missing, foreign, locked or gone: a clear word at the start, patience at run time.

use std::io::Write as _;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::Connection;

use super::checker::check;
use super::client::{Chatter, Http};
use super::crowd::{Crowd, settle};
use super::harness::{Cluster, Plan, until};

const EXITED_WITHIN: Duration = Duration::from_secs(15);
const RECOVERED_WITHIN: Duration = Duration::from_secs(15);
const EXIT_STORE: i32 = 3;
/// An account without rights, for when the tests run as root, whom no permission stops.
const NOBODY: u32 = 65_534;

/// Starts a node that cannot open its store, and expects exit code 3 and a sentence with these words.
async fn refuses_to_start(cluster: &mut Cluster, words: &[&str]) {
    let node = &mut cluster.nodes[0];
    node.start();
    let status = node.wait_exit(EXITED_WITHIN).await;
    let log = node.log();
    assert_eq!(status.code(), Some(EXIT_STORE), "{log}");
    let last = log.lines().last().unwrap_or_default().to_lowercase();
    for word in words {
        assert!(last.contains(word), "no word of {word:?} in {last:?}");
    }
    assert!(!log.contains("panicked"), "{log}");
}

fn set_mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Lets the node run as somebody whom permissions stop.
fn without_root(cluster: &mut Cluster) {
    let folder = cluster.folder().to_owned();
    if std::fs::metadata(&folder).unwrap().uid() == 0 {
        set_mode(&folder, 0o755);
        let binary = cluster.folder().join("starling");
        // The build folder may be closed to others.
        std::fs::copy(env!("CARGO_BIN_EXE_starling"), &binary).unwrap();
        cluster.nodes[0].run_as(NOBODY, binary);
    }
}

/// A store that a node has made and left in order.
async fn made_store(cluster: &mut Cluster) -> PathBuf {
    let node = &mut cluster.nodes[0];
    node.start();
    node.wait_ready().await;
    node.terminate();
    assert_eq!(node.wait_exit(EXITED_WITHIN).await.code(), Some(0));
    cluster.store.clone()
}

#[tokio::test]
async fn a_store_in_a_folder_that_cannot_be_written_stops_the_start_with_code_3() {
    let mut cluster = Plan::nodes(1).prepare();
    set_mode(cluster.store.parent().unwrap(), 0o555);
    without_root(&mut cluster);
    refuses_to_start(&mut cluster, &["folder", "cannot be written"]).await;
    set_mode(cluster.store.parent().unwrap(), 0o755);
}

#[tokio::test]
async fn a_file_that_is_no_database_stops_the_start_with_code_3() {
    let mut cluster = Plan::nodes(1).prepare();
    std::fs::write(
        &cluster.store,
        "this is a letter, not a database. ".repeat(100),
    )
    .unwrap();
    refuses_to_start(&mut cluster, &["not an sqlite database"]).await;
    let kept = std::fs::read_to_string(&cluster.store).unwrap();
    assert!(
        kept.starts_with("this is a letter"),
        "somebody's file was overwritten"
    );
}

#[tokio::test]
async fn a_store_that_may_only_be_read_stops_the_start_with_code_3() {
    let mut cluster = Plan::nodes(1).prepare();
    let store = made_store(&mut cluster).await;
    set_mode(&store, 0o444);
    without_root(&mut cluster);
    if std::fs::metadata(&store).unwrap().uid() == 0 {
        chown(store.parent().unwrap(), Some(NOBODY), None).unwrap();
    }
    refuses_to_start(&mut cluster, &["cannot be written"]).await;
}

#[tokio::test]
async fn a_store_that_somebody_else_keeps_locked_stops_the_start_with_code_3() {
    let mut cluster = Plan::nodes(1).prepare();
    let store = made_store(&mut cluster).await;
    let other = Connection::open(&store).unwrap();
    other.execute_batch("BEGIN EXCLUSIVE").unwrap();
    refuses_to_start(&mut cluster, &["locked"]).await;
    other.execute_batch("ROLLBACK").unwrap();
    cluster.nodes[0].start();
    cluster.nodes[0].wait_ready().await;
}

/// Two who talk over one node with a store that can be troubled.
async fn pair() -> (Cluster, Crowd, Vec<Chatter>) {
    let cluster = Plan::nodes(1).start().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    (cluster, crowd, chatters)
}

/// Sends in the middle of the trouble, sees it put off, ends the trouble, and sees everything arrive once.
async fn bears(
    cluster: &mut Cluster,
    crowd: &Crowd,
    chatters: &[Chatter],
    end_trouble: impl FnOnce(),
) {
    let room = crowd.pair(0, 1);
    for n in 0..5 {
        chatters[0].send(room, &format!("during {n}"));
    }
    chatters[0]
        .until(
            "the sends are put off as unavailable",
            RECOVERED_WITHIN,
            |l| l.put_off > 0,
        )
        .await;
    assert!(chatters[0].ledger().refused.is_empty());
    assert_eq!(chatters[1].ledger().times_received("during 0"), 0);
    end_trouble();
    settle(chatters, RECOVERED_WITHIN).await;
    chatters[0].send(room, "after");
    settle(chatters, RECOVERED_WITHIN).await;
    check(crowd, cluster.nodes[0].http, chatters).await;
    assert!(cluster.nodes[0].is_running());
    cluster.nodes[0].wait_ready().await;
    for chatter in chatters {
        assert_eq!(chatter.ledger().resets, 0, "nothing went back");
    }
}

#[tokio::test]
async fn while_somebody_holds_the_store_sends_are_unavailable_and_afterwards_all_is_well() {
    let (mut cluster, crowd, chatters) = pair().await;
    let other = Connection::open(&cluster.store).unwrap();
    other.busy_timeout(Duration::from_secs(5)).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let http = Http::new(cluster.nodes[0].http);
    chatters[0].send(crowd.pair(0, 1), "early");
    until(
        "the node says that it is degraded",
        RECOVERED_WITHIN,
        || async {
            let ready = http.try_get("/readyz").await.unwrap();
            ready.body["degraded"] == true && ready.text.contains("takes no entries")
        },
    )
    .await;
    bears(&mut cluster, &crowd, &chatters, || {
        other.execute_batch("ROLLBACK").unwrap();
    })
    .await;
}

#[tokio::test]
async fn while_the_store_is_moved_away_sends_are_unavailable_and_back_in_place_all_is_well() {
    let (mut cluster, crowd, chatters) = pair().await;
    let home = cluster.store.parent().unwrap().to_owned();
    let away = cluster.folder().join("away");
    std::fs::rename(&home, &away).unwrap();
    bears(&mut cluster, &crowd, &chatters, || {
        // A node must not have made a new store in the meantime.
        assert!(!home.exists(), "somebody made a new folder for the store");
        std::fs::rename(&away, &home).unwrap();
    })
    .await;
}

#[tokio::test]
async fn without_its_store_a_node_is_not_ready_and_says_why() {
    let (cluster, _crowd, _chatters) = pair().await;
    let http = Http::new(cluster.nodes[0].http);
    assert_eq!(http.try_get("/healthz").await.unwrap().status, 200);
    let home = cluster.store.parent().unwrap().to_owned();
    let away = cluster.folder().join("away");
    std::fs::rename(&home, &away).unwrap();
    until(
        "/readyz says that the store is gone",
        RECOVERED_WITHIN,
        || async {
            let ready = http.try_get("/readyz").await.unwrap();
            ready.status == 503 && ready.text.contains("store")
        },
    )
    .await;
    assert_eq!(http.try_get("/healthz").await.unwrap().status, 200);
    std::fs::rename(&away, &home).unwrap();
    cluster.nodes[0].wait_ready().await;
}

/// Lets the node have a small file system of its own where the store is; false where the system forbids that.
fn with_a_small_disk(cluster: &mut Cluster) -> bool {
    let folder = cluster.store.parent().unwrap().display().to_string();
    let unshare = ["unshare", "--user", "--map-root-user", "--mount"];
    let mount = format!("mount -t tmpfs -o size=4M tmpfs {folder} && exec \"$0\" \"$@\"");
    let wrapper = [&unshare[..], &["sh", "-c", &mount]].concat();
    let mut attempt = std::process::Command::new(wrapper[0]);
    let possible = attempt.args(&wrapper[1..]).arg("true").status();
    cluster.nodes[0].run_by(&wrapper);
    possible.is_ok_and(|status| status.success())
}

/// Writes until nothing more fits.
fn fill(folder: &Path) -> PathBuf {
    let ballast = folder.join("ballast");
    let mut file = std::fs::File::create(&ballast).unwrap();
    for size in [1 << 16, 1 << 10, 1] {
        while file.write_all(&vec![0; size]).is_ok() {}
    }
    ballast
}

#[tokio::test]
async fn while_the_disk_is_full_sends_are_unavailable_and_with_room_again_all_is_well() {
    let mut cluster = Plan::nodes(1).prepare();
    if !with_a_small_disk(&mut cluster) {
        eprintln!("not run: this system lets nobody mount a file system of his own");
        return;
    }
    cluster.nodes[0].start();
    cluster.nodes[0].wait_ready().await;
    let crowd = Crowd::register(&cluster, 2).await;
    let chatters = crowd.connect(&cluster).await;
    let folder = cluster.nodes[0].inside(cluster.store.parent().unwrap());
    let ballast = fill(&folder);
    // The log beside the file has room left from before.
    for n in 0..200 {
        chatters[0].send(crowd.pair(0, 1), &format!("{n} {}", "x".repeat(1_000)));
    }
    let http = Http::new(cluster.nodes[0].http);
    until("the node says so", RECOVERED_WITHIN, || async {
        let ready = http.try_get("/readyz").await.unwrap();
        let log = cluster.nodes[0].log();
        ready.body["degraded"] == true && log.contains("disk is full")
    })
    .await;
    bears(&mut cluster, &crowd, &chatters, || {
        std::fs::remove_file(ballast).unwrap();
    })
    .await;
}
