//! Several stores on one file, in this process and in others, one of which is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::EntryKind;
use crate::model::ids::{Seq, UserId};
use crate::store::Stores;
use crate::store::conformance::stage::{Stage, body, seqs};
use crate::store::sqlite::{OpenOptions, open};

/// Names the file to a child process, and whose messages it writes.
const FILE: &str = "STARLING_TEST_STORE";
const AUTHOR: &str = "STARLING_TEST_AUTHOR";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starling.db");
    (folder, path)
}

fn open_at(path: &Path) -> Stores {
    open(path.to_str().unwrap(), OpenOptions::default()).unwrap()
}

fn numbered(user: UserId, n: u64) -> Draft {
    Draft {
        conv: Conv::private(user, user),
        from: user,
        kind: EntryKind::Message,
        cid: format!("n-{n}").parse().unwrap(),
        body: body(&n.to_string()),
        change: Change::Message,
    }
}

#[test]
fn many_that_open_a_new_file_at_once_all_succeed() {
    for _ in 0..5 {
        let (_folder, path) = folder();
        std::thread::scope(|scope| {
            let opening: Vec<_> = (0..8).map(|_| scope.spawn(|| open_at(&path))).collect();
            for thread in opening {
                thread.join().unwrap();
            }
        });
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_append_to_one_dense_log() {
    let (_folder, path) = folder();
    let stores = [open_at(&path), open_at(&path)];
    let stage = Stage::new(stores[0].clone(), ());
    let mut callers = Vec::new();
    for n in 0..4 {
        let user = stage.user(&format!("user{n}")).await;
        let log = Arc::clone(&stores[n % 2].log);
        callers.push(tokio::spawn(async move {
            for n in 0..40 {
                log.append(vec![numbered(user, n)]).await.unwrap();
            }
            user
        }));
    }
    let mut users = Vec::new();
    for caller in callers {
        users.push(caller.await.unwrap());
    }
    let [one, other] = [&stores[0], &stores[1]].map(|stores| stores.log.range(Seq::ZERO, 1_000));
    let (one, other) = (one.await.unwrap(), other.await.unwrap());
    assert_eq!(one.entries, other.entries);
    assert_eq!(seqs(&one.entries), (1..=160).map(Seq).collect::<Vec<_>>());
    for user in users {
        let own = one.entries.iter().filter(|entry| entry.from == user);
        let cids: Vec<&str> = own.map(|entry| entry.cid.as_str()).collect();
        let expected: Vec<String> = (0..40).map(|n| format!("n-{n}")).collect();
        assert_eq!(cids, expected);
    }
}

#[tokio::test]
async fn what_one_process_stored_another_sees_at_once() {
    let (_folder, path) = folder();
    let here = Stage::new(open_at(&path), ());
    let there = Stage::new(open_at(&path), ());
    let anna = here.user("anna").await;
    for n in 0..50 {
        let seq = here.say(anna, Conv::private(anna, anna), "ping").await;
        assert_eq!(there.head().await, seq);
        assert_eq!(seq, Seq(n + 1));
    }
    let draft = here.message(anna, Conv::private(anna, anna), "both");
    let Outcome::Appended { seq, at } = here.one(draft.clone()).await else {
        panic!("not appended");
    };
    assert_eq!(there.one(draft).await, Outcome::Duplicate { seq, at });
}

fn child(path: &Path, author: UserId) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("store::sqlite::tests::sharing::appends_until_killed")
        .env(FILE, path)
        .env(AUTHOR, author.to_string())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The child's side of the test below.
#[tokio::test]
#[ignore = "only in a process that another test starts"]
async fn appends_until_killed() {
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let author = UserId(std::env::var(AUTHOR).unwrap().parse().unwrap());
    let stores = open_at(Path::new(&path));
    for batch in 0.. {
        let drafts: Vec<Draft> = (0..3).map(|n| numbered(author, batch * 3 + n)).collect();
        for outcome in stores.log.append(drafts).await.unwrap().outcomes {
            let Outcome::Appended { seq, .. } = outcome else {
                panic!("{outcome:?}");
            };
            println!("acked {seq}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_share_a_file_and_a_kill_loses_nothing_that_was_acknowledged() {
    let (_folder, path) = folder();
    let stage = Stage::new(open_at(&path), ());
    let users = stage.users(["anna", "bert", "carl"]).await;
    let readers: Vec<_> = users
        .map(|user| {
            let mut child = child(&path, user);
            std::thread::spawn(move || {
                let lines = BufReader::new(child.stdout.take().unwrap()).lines();
                let mut acked = BTreeSet::new();
                for line in lines {
                    let line = line.unwrap();
                    let Some((_, seq)) = line.split_once("acked ") else {
                        continue;
                    };
                    acked.insert(Seq(seq.parse().unwrap()));
                    if acked.len() == 150 {
                        child.kill().unwrap();
                    }
                }
                child.wait().unwrap();
                acked
            })
        })
        .into_iter()
        .collect();
    let acked: Vec<BTreeSet<Seq>> = tokio::task::spawn_blocking(|| {
        let join = |reader: std::thread::JoinHandle<_>| reader.join().unwrap();
        readers.into_iter().map(join).collect()
    })
    .await
    .unwrap();
    let range = stage.stores.log.range(Seq::ZERO, 100_000).await.unwrap();
    assert_eq!(range.entries.len() as u64, range.log.head.0);
    for (user, acked) in users.into_iter().zip(acked) {
        assert!(acked.len() >= 150);
        let own = range.entries.iter().filter(|entry| entry.from == user);
        let stored: BTreeSet<Seq> = own.map(|entry| entry.seq).collect();
        assert!(acked.is_subset(&stored));
    }
    let next = stage.say(users[0], Conv::private(users[0], users[0]), "on");
    assert_eq!(next.await, range.log.head.next());
}
