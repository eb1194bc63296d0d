//! Appends on a server that is held up, loses connections, and refuses.

use std::time::{Duration, Instant};

use mysql_async::Conn;
use mysql_async::prelude::Queryable;

use super::mariadb::Database;
use super::{OpenOptions, open};
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::EntryKind;
use crate::model::ids::{GroupId, Seq, UserId};
use crate::model::user::{NewSession, TokenHash};
use crate::store::conformance::stage::{Stage, body};
use crate::store::{StoreError, Stores};

const PATIENCE: Duration = Duration::from_secs(20);

/// A store with somebody in it who writes notes to himself.
struct Desk {
    database: Database,
    stage: Stage,
    author: UserId,
}

impl Desk {
    async fn new() -> Desk {
        let database = Database::fresh();
        let stage = Stage::new(store(&database).await, ());
        let author = stage.user("anna").await;
        Desk {
            database,
            stage,
            author,
        }
    }

    fn note(&self, text: &str) -> Draft {
        let conv = Conv::private(self.author, self.author);
        self.stage.message(self.author, conv, text)
    }

    async fn outsider(&self) -> Conn {
        Conn::from_url(self.database.url()).await.unwrap()
    }

    /// Takes the row that appends wait for.
    async fn hold_head(&self) -> Conn {
        let mut holder = self.outsider().await;
        holder.query_drop("START TRANSACTION").await.unwrap();
        holder
            .query_drop("SELECT * FROM log_head FOR UPDATE")
            .await
            .unwrap();
        holder
    }

    /// The server's number of a connection that is in the middle of an append.
    async fn appending(&self, outsider: &mut Conn) -> u64 {
        let began = Instant::now();
        loop {
            let found: Option<u64> = outsider
                .query_first(
                    "SELECT p.id FROM information_schema.processlist p JOIN information_schema.innodb_trx t
                     ON t.trx_mysql_thread_id = p.id WHERE p.db = DATABASE() AND t.trx_state = 'LOCK WAIT'",
                )
                .await
                .unwrap();
            if let Some(id) = found {
                return id;
            }
            assert!(began.elapsed() < PATIENCE, "nobody waits");
            // The server shows this table anew only to who has not looked for a tenth of a second.
            tokio::time::sleep(Duration::from_millis(150)).await;
        }
    }

    fn number(&self, query: &str) -> u64 {
        self.database.sql(query).trim().parse().unwrap()
    }
}

async fn store(database: &Database) -> Stores {
    open(&database.url(), OpenOptions::default()).await.unwrap()
}

fn place(outcome: Outcome) -> Seq {
    match outcome {
        Outcome::Appended { seq, .. } | Outcome::Duplicate { seq, .. } => seq,
        Outcome::Refused(refusal) => panic!("refused: {refusal}"),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_whose_connection_is_killed_is_in_the_log_once() {
    let desk = Desk::new().await;
    let mut killer = desk.outsider().await;
    for round in 0..20 {
        let mut holder = desk.hold_head().await;
        let log = desk.stage.stores.log.clone();
        let drafts: Vec<Draft> = (0..3).map(|_| desk.note("hello")).collect();
        let append = tokio::spawn(async move { log.append(drafts).await });
        let id = desk.appending(&mut killer).await;
        if round % 2 == 0 {
            killer.query_drop(format!("KILL {id}")).await.unwrap();
            holder.query_drop("COMMIT").await.unwrap();
        } else {
            // In whatever state it is then: waiting, writing, answering.
            holder.query_drop("COMMIT").await.unwrap();
            // It may have ended.
            let _ = killer.query_drop(format!("KILL {id}")).await;
        }
        let verdicts = append.await.unwrap().unwrap();
        let seqs: Vec<u64> = verdicts.outcomes.into_iter().map(|o| place(o).0).collect();
        let first = round * 3 + 1;
        assert_eq!(seqs, [first, first + 1, first + 2]);
    }
    let range = desk.stage.stores.log.range(Seq::ZERO, 1_000).await.unwrap();
    assert_eq!(range.entries.len(), 60);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_outlives_a_lock_that_is_held_longer_than_the_server_waits() {
    let desk = Desk::new().await;
    let mut holder = desk.hold_head().await;
    let log = desk.stage.stores.log.clone();
    let drafts = vec![desk.note("hello")];
    let append = tokio::spawn(async move { log.append(drafts).await });
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!append.is_finished());
    holder.query_drop("COMMIT").await.unwrap();
    let verdicts = append.await.unwrap().unwrap();
    assert_eq!(place(verdicts.outcomes[0]), Seq(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_append_that_a_deadlock_undid_is_repeated() {
    let desk = Desk::new().await;
    desk.stage.one(desk.note("the conversation begins")).await;
    let mut rival = desk.outsider().await;
    rival.query_drop("START TRANSACTION").await.unwrap();
    // Heavier than the append, so that the server undoes the append.
    rival
        .query_drop("INSERT INTO ids (name, last_id) SELECT CONCAT('x', n), 0 FROM numbers")
        .await
        .unwrap();
    rival
        .query_drop(
            "INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
             VALUES (2, 'c:0', 0, 0, 8, 'rival', 0, '')",
        )
        .await
        .unwrap();
    let before = desk.number(
        "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'",
    );
    let log = desk.stage.stores.log.clone();
    let drafts = vec![desk.note("hello")];
    let append = tokio::spawn(async move { log.append(drafts).await });
    let mut outsider = desk.outsider().await;
    desk.appending(&mut outsider).await;
    rival
        .query_drop("SELECT * FROM log_head FOR UPDATE")
        .await
        .unwrap();
    rival.query_drop("ROLLBACK").await.unwrap();
    let verdicts = append.await.unwrap().unwrap();
    assert_eq!(place(verdicts.outcomes[0]), Seq(2));
    let after = desk.number(
        "SELECT count FROM information_schema.innodb_metrics WHERE name = 'lock_deadlocks'",
    );
    assert!(after > before, "there was no deadlock");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_vanishes_does_not_hold_the_counter() {
    let desk = Desk::new().await;
    let mut holder = desk.hold_head().await;
    let log = desk.stage.stores.log.clone();
    let draft = desk.note("from one who vanishes");
    let drafts = vec![draft.clone()];
    let append = tokio::spawn(async move { log.append(drafts).await });
    let mut outsider = desk.outsider().await;
    desk.appending(&mut outsider).await;
    append.abort();
    assert!(append.await.unwrap_err().is_cancelled());
    holder.query_drop("COMMIT").await.unwrap();

    let other = store(&desk.database).await;
    let began = Instant::now();
    let verdicts = other.log.append(vec![desk.note("next")]).await.unwrap();
    assert!(
        began.elapsed() < Duration::from_secs(2),
        "{:?}",
        began.elapsed()
    );
    // Whether the first one came to be is the server's business; repeated, it is there once.
    let again = other.log.append(vec![draft]).await.unwrap();
    let mut seqs = vec![place(verdicts.outcomes[0]).0, place(again.outcomes[0]).0];
    seqs.sort_unstable();
    assert_eq!(seqs, [1, 2]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn appenders_of_several_nodes_share_one_dense_order() {
    let desk = Desk::new().await;
    let mut tasks = Vec::new();
    for _ in 0..4 {
        let stores = store(&desk.database).await;
        let batches: Vec<Vec<Draft>> = (0..25)
            .map(|_| (0..4).map(|_| desk.note("hello")).collect())
            .collect();
        tasks.push(tokio::spawn(async move {
            let mut seqs = Vec::new();
            for batch in batches {
                let verdicts = stores.log.append(batch).await.unwrap();
                seqs.extend(
                    verdicts
                        .outcomes
                        .into_iter()
                        .map(|outcome| place(outcome).0),
                );
            }
            assert!(seqs.is_sorted());
            seqs
        }));
    }
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all.sort_unstable();
    assert_eq!(all, (1..=400).collect::<Vec<u64>>());
}

#[tokio::test]
async fn an_append_that_only_finds_is_a_commit_too() {
    let desk = Desk::new().await;
    let note = desk.note("hello");
    desk.stage.one(note.clone()).await;
    let before = desk.number("SELECT writes FROM log_head");
    assert!(matches!(
        desk.stage.one(note).await,
        Outcome::Duplicate { seq: Seq(1), .. }
    ));
    assert_eq!(desk.number("SELECT writes FROM log_head"), before + 1);
    let change = desk.stage.draft(
        desk.author,
        Conv::Group(GroupId(77)),
        EntryKind::Joined,
        Change::Join,
    );
    assert_eq!(
        desk.stage.one(change).await,
        Outcome::Refused(Refusal::NotFound)
    );
    assert_eq!(desk.number("SELECT writes FROM log_head"), before + 2);
}

#[tokio::test]
async fn an_entry_larger_than_the_server_takes_is_refused_alone() {
    let desk = Desk::new().await;
    let packet = desk.number("SELECT @@max_allowed_packet");
    let mut drafts: Vec<Draft> = (0..9).map(|_| desk.note("hello")).collect();
    drafts[4].body = body(&"x".repeat(usize::try_from(packet).unwrap() + 1));
    let outcomes = desk.stage.append(drafts).await;
    assert_eq!(outcomes[4], Outcome::Refused(Refusal::Unstorable));
    let seqs: Vec<u64> = (0..9)
        .filter(|i| *i != 4)
        .map(|i| place(outcomes[i]).0)
        .collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6, 7, 8]);
}

#[tokio::test]
async fn a_batch_larger_than_a_call_takes_keeps_its_order() {
    let desk = Desk::new().await;
    let drafts: Vec<Draft> = (0..2_500).map(|_| desk.note("hello")).collect();
    let seqs: Vec<u64> = desk
        .stage
        .append(drafts)
        .await
        .into_iter()
        .map(|o| place(o).0)
        .collect();
    assert_eq!(seqs, (1..=2_500).collect::<Vec<u64>>());
    let large = "x".repeat(60_000);
    let drafts: Vec<Draft> = (0..40).map(|_| desk.note(&large)).collect();
    let seqs: Vec<u64> = desk
        .stage
        .append(drafts)
        .await
        .into_iter()
        .map(|o| place(o).0)
        .collect();
    assert_eq!(seqs, (2_501..=2_540).collect::<Vec<u64>>());
}

#[tokio::test]
async fn dropped_procedures_are_made_again() {
    let desk = Desk::new().await;
    desk.database
        .sql("DROP PROCEDURE starling_append_1; DROP PROCEDURE starling_append_one_1; DROP PROCEDURE starling_change_1");
    assert_eq!(place(desk.stage.one(desk.note("hello")).await), Seq(1));
    let (_, seq) = desk.stage.group(desk.author, &[]).await;
    assert_eq!(seq, Seq(2));
}

#[tokio::test]
async fn a_dropped_procedure_that_may_not_be_made_again_names_the_remedy() {
    let desk = Desk::new().await;
    let user = format!("limited_{}", std::process::id());
    desk.database.sql(&format!(
        "CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY 'x';
         GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON *.* TO {user}@'%'"
    ));
    let url = desk.database.url();
    let (_, host) = url.split_once('@').unwrap();
    let limited = open(&format!("mysql://{user}:x@{host}"), OpenOptions::default())
        .await
        .unwrap();
    desk.database.sql("DROP PROCEDURE starling_append_one_1");
    let error = limited
        .log
        .append(vec![desk.note("hello")])
        .await
        .unwrap_err();
    desk.database.sql(&format!("DROP USER {user}@'%'"));
    match error {
        StoreError::Unavailable(text) => assert!(text.contains("starling migrate"), "{text}"),
        StoreError::Corrupt(text) => panic!("{text}"),
    }
}

/// Whoever waits while he holds the log's head stops every node.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_append_waits_for_rows_that_others_write() {
    let desk = Desk::new().await;
    let (anna, stage) = (desk.author, &desk.stage);
    let [bert, carl] = stage.users(["bert", "carl"]).await;
    let (group, _) = stage.group(anna, &[bert]).await;
    let mut writer = desk.outsider().await;
    for statement in [
        "START TRANSACTION",
        "UPDATE users SET memo = 'new'",
        "INSERT INTO blocks SELECT a.id, b.id FROM users a JOIN users b",
    ] {
        writer.query_drop(statement).await.unwrap();
    }
    desk.stage.group(anna, &[bert, carl]).await;
    let to_group = Conv::Group(group);
    let to_bert = Conv::private(anna, bert);
    let others = vec![carl];
    let befriend = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: false,
    };
    for (conv, kind, change) in [
        (to_group, EntryKind::Joined, Change::Add { users: others }),
        (to_group, EntryKind::Left, Change::Kick { user: carl }),
        (to_bert, EntryKind::Friend, befriend),
        (to_group, EntryKind::Group, Change::Dissolve),
    ] {
        stage.done(anna, conv, kind, change).await;
    }
    stage.say(anna, to_bert, "hello").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_makes_an_account_does_not_ask_for_the_row_of_the_head() {
    let desk = Desk::new().await;
    let _holder = desk.hold_head().await;
    desk.stage.user("bert").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_head_below_the_last_entry_is_the_databases_fault_and_not_the_senders() {
    let desk = Desk::new().await;
    let log = &desk.stage.stores.log;
    log.append(vec![desk.note("one")]).await.unwrap();
    desk.database.sql("UPDATE log_head SET head = 0");
    let notes = vec![desk.note("two"), desk.note("three")];
    let refused = log.append(notes.clone()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused:?}");
    desk.database.sql("UPDATE log_head SET head = 1");
    let verdicts = log.append(notes).await.unwrap();
    let seqs: Vec<Seq> = verdicts.outcomes.into_iter().map(place).collect();
    assert_eq!(seqs, [Seq(2), Seq(3)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_waits_for_what_others_write_before_it_takes_the_head() {
    let desk = Desk::new().await;
    let (anna, stage) = (desk.author, &desk.stage);
    let bert = stage.user("bert").await;
    let befriend = Change::Befriend {
        other: bert,
        message: String::new(),
        auto: true,
    };
    let to_bert = Conv::private(anna, bert);
    stage.done(anna, to_bert, EntryKind::Friend, befriend).await;
    let session = NewSession {
        user: anna,
        token: TokenHash([7; 32]),
        device: "a phone".to_owned(),
        address: "::1".to_owned(),
        expires_at: 9_000_000_000_000,
    };
    let session = stage.stores.sessions.create(session).await.unwrap().id;
    let sessions = vec![session];
    let unfriend = Change::Unfriend { other: bert };
    let revoke = Change::Revoke { sessions };
    for (written, conv, kind, change) in [
        (
            "UPDATE friendships SET remark = 'new'",
            to_bert,
            EntryKind::Friend,
            unfriend,
        ),
        (
            "UPDATE sessions SET last_seen_at = 9",
            Conv::Account(anna),
            EntryKind::Revoked,
            revoke,
        ),
    ] {
        let mut writer = desk.outsider().await;
        writer.query_drop("START TRANSACTION").await.unwrap();
        writer.query_drop(written).await.unwrap();
        let log = stage.stores.log.clone();
        let draft = stage.draft(anna, conv, kind, change);
        let append = tokio::spawn(async move { log.append(vec![draft]).await });
        let mut other = desk.outsider().await;
        desk.appending(&mut other).await;
        let free = "SELECT head FROM log_head FOR UPDATE NOWAIT";
        other.query_drop(free).await.unwrap();
        writer.query_drop("COMMIT").await.unwrap();
        let verdicts = append.await.unwrap().unwrap();
        assert!(
            matches!(verdicts.outcomes[..], [Outcome::Appended { .. }]),
            "{verdicts:?}"
        );
    }
}
