//! Moves between stores that hold something of everything.

use std::path::Path;
use std::time::Duration;

use crate::cli::Failure;
use crate::config::Config;
use crate::model::conversation::Conv;
use crate::model::ids::{Incarnation, Seq, UserId};
use crate::store::conformance::likeness::{assert_alike, fill};
use crate::store::conformance::stage::Stage;
use crate::store::mysql;
use crate::store::mysql::tests::mariadb::Database;
use crate::store::sqlite::{OpenError, OpenOptions, open};
use crate::store::tables::TABLES;
use crate::store::{NodeRow, Stores};

fn url(path: &Path) -> String {
    format!("sqlite://{}", path.display())
}

fn open_at(path: &Path) -> Stores {
    open(path.to_str().unwrap(), OpenOptions::default()).unwrap()
}

async fn moved_between(from: &str, to: &str) -> String {
    let mut out = Vec::new();
    super::run(&Config::default(), from, to, false, &mut out)
        .await
        .unwrap();
    String::from_utf8(out).unwrap()
}

async fn moved(from: &Path, to: &Path, force: bool) -> Result<String, Failure> {
    let mut out = Vec::new();
    super::run(&Config::default(), &url(from), &url(to), force, &mut out).await?;
    Ok(String::from_utf8(out).unwrap())
}

fn refused(outcome: Result<String, Failure>, words: &str) {
    let said = outcome.unwrap_err().to_string();
    assert!(said.contains(words), "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_arrives_and_the_target_goes_on_where_the_source_ended() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    let stage = Stage::new(open_at(&from), ());
    fill(&stage).await;
    let said = moved(&from, &to, false).await.unwrap();
    assert!(said.contains(" entries\n"), "{said}");
    let target = Stage::new(open_at(&to), ());
    assert_alike(&stage.stores, &target.stores).await;
    // New ones get ids and places nothing has had.
    let users = target.stores.users.list(UserId::SYSTEM, 100).await.unwrap();
    let head = target.head().await;
    let new = target.user("emil").await;
    assert!(users.iter().all(|user| user.id < new));
    let (group, seq) = target.group(new, &[]).await;
    assert_eq!((group.0, seq), (4, head.next()));
}

#[tokio::test]
async fn only_a_new_store_is_filled() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    refused(moved(&from, &to, false).await, "there is no database");
    refused(moved(&from, &from, false).await, "the same store");
    let stage = Stage::new(open_at(&from), ());
    stage.user("anna").await;
    let other = Stage::new(open_at(&to), ());
    other.stores.groups.draw_id().await.unwrap();
    refused(moved(&from, &to, true).await, "is not empty (it has ids)");
    let bert = other.user("bert").await;
    other.say(bert, Conv::private(bert, bert), "mine").await;
    refused(
        moved(&from, &to, true).await,
        "is not empty (it has entries)",
    );
    assert_eq!(other.head().await, Seq(1), "nothing was done");
}

#[tokio::test]
async fn a_target_left_incomplete_is_no_store_until_it_is_filled_anew() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    let stage = Stage::new(open_at(&from), ());
    fill(&stage).await;
    {
        // As an interrupted move leaves it.
        let target = open_at(&to);
        target.tables.clear().await.unwrap();
        for table in TABLES.iter().take(2) {
            let rows = stage.stores.tables.rows(table, None, 1).await.unwrap();
            target.tables.put(table, rows).await.unwrap();
        }
    }
    let opened = open(to.to_str().unwrap(), OpenOptions::default());
    assert!(matches!(opened, Err(OpenError::Incomplete(_))));
    refused(moved(&from, &to, false).await, "--force empties it");
    moved(&from, &to, true).await.unwrap();
    assert_alike(&stage.stores, &open_at(&to)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_on_which_a_node_runs_is_not_moved() {
    let folder = tempfile::tempdir().unwrap();
    let [from, to] = ["from.db", "to.db"].map(|name| folder.path().join(name));
    let stage = Stage::new(open_at(&from), ());
    let nodes = std::sync::Arc::clone(&stage.stores.nodes);
    let row = |counter| NodeRow {
        incarnation: Incarnation([7; 16]),
        name: "alder".to_owned(),
        address: "127.0.0.1:3001".parse().unwrap(),
        version: 1,
        packet_number: 0,
        counter,
    };
    nodes.beat(row(1)).await.unwrap();
    let beating = tokio::spawn(async move {
        for counter in 2.. {
            nodes.beat(row(counter)).await.unwrap();
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    });
    refused(moved(&from, &to, false).await, "node alder runs on");
    beating.abort();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deployment_moves_to_a_server_and_back() {
    let folder = tempfile::tempdir().unwrap();
    let [from, back] = ["from.db", "back.db"].map(|name| folder.path().join(name));
    let database = Database::fresh();
    let stage = Stage::new(open_at(&from), ());
    fill(&stage).await;
    moved_between(&url(&from), &database.url()).await;
    let server = mysql::open(&database.url(), mysql::OpenOptions::default()).await;
    let server = Stage::new(server.unwrap(), ());
    assert_alike(&stage.stores, &server.stores).await;
    // It is used there before it moves on.
    let users = server.stores.users.list(UserId::SYSTEM, 100).await.unwrap();
    let new = server.user("emil").await;
    assert!(users.iter().all(|user| user.id < new));
    let (group, _) = server.group(new, &[users[0].id]).await;
    server.say(users[0].id, Conv::Group(group), "here 🐦").await;
    server.leave(new, group).await;
    server.stores.retention.prune(Seq(9), 10).await.unwrap();
    let said = moved_between(&database.url(), &url(&back)).await;
    assert!(said.contains("moved and compared"), "{said}");
    assert_alike(&server.stores, &open_at(&back)).await;
}
