//! Who gets a turn where several processes write without pause. How long the wait for it is depends on the machine:
//! `scripts/bench` tells it.

use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::EntryKind;
use crate::model::ids::{Seq, UserId};
use crate::store::conformance::stage::{Stage, body};
use crate::store::sqlite::{OpenOptions, open};

/// Names the file to a child process, and whose messages it writes.
const FILE: &str = "STARLING_TEST_STORE";
const AUTHOR: &str = "STARLING_TEST_AUTHOR";

const SATURATED_FOR: Duration = Duration::from_secs(2);
const BATCH: u64 = 10;
/// One in so many appends is everybody's at least: a third would be fair, and the machine has other things to do.
const SHARE_MIN: u64 = 20;

fn numbered(author: UserId, n: u64) -> Draft {
    Draft {
        conv: Conv::private(author, author),
        from: author,
        kind: EntryKind::Message,
        cid: format!("n-{n}").parse().unwrap(),
        body: body(&format!(
            "message {n}, about as long as those that people write"
        )),
        change: Change::Message,
    }
}

fn child(path: &Path, author: UserId) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "--nocapture"])
        .arg("store::sqlite::tests::waiting::appends_without_pause")
        .env(FILE, path)
        .env(AUTHOR, author.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

/// The child's side of the test below: begins when it is told to, and tells how often it appended.
#[tokio::test]
#[ignore = "only in a process that another test starts"]
async fn appends_without_pause() {
    let Ok(path) = std::env::var(FILE) else {
        return;
    };
    let author = UserId(std::env::var(AUTHOR).unwrap().parse().unwrap());
    let stores = open(&path, OpenOptions::default()).unwrap();
    println!("ready");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    let began = Instant::now();
    let mut appends = 0;
    while began.elapsed() < SATURATED_FOR {
        let drafts = (0..BATCH).map(|n| numbered(author, appends * BATCH + n));
        let verdicts = stores.log.append(drafts.collect()).await.unwrap();
        let new = |outcome: &Outcome| matches!(outcome, Outcome::Appended { .. });
        assert!(verdicts.outcomes.iter().all(new), "{verdicts:?}");
        appends += 1;
    }
    println!("appended {appends}");
}

#[tokio::test]
async fn no_process_starves_where_three_append_without_pause() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starling.db");
    let stores = open(path.to_str().unwrap(), OpenOptions::default()).unwrap();
    let stage = Stage::new(stores, folder);
    let mut children = Vec::new();
    for author in stage.users(["anna", "bert", "carl"]).await {
        let mut child = child(&path, author);
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // The runner's own words come first, on the same line.
        assert!(lines.any(|line| line.unwrap().ends_with("ready")));
        children.push((child, lines));
    }
    for (child, _) in &mut children {
        writeln!(child.stdin.as_mut().unwrap(), "go").unwrap();
    }
    let mut appends: Vec<u64> = Vec::new();
    for (mut child, lines) in children {
        let told = lines.map_while(Result::ok);
        appends.extend(told.filter_map(|line| line.strip_prefix("appended ")?.parse::<u64>().ok()));
        assert!(child.wait().unwrap().success());
    }
    assert_eq!(appends.len(), 3);
    let all: u64 = appends.iter().sum();
    assert_eq!(stage.head().await, Seq(all * BATCH), "dense, none lost");
    let fewest = appends.iter().min().unwrap();
    assert!(
        fewest * SHARE_MIN >= all,
        "appends per process: {appends:?}"
    );
}
