//! Reading what changes meanwhile, in few round trips, and rows that nobody could have written.

use mysql_async::Opts;

use super::mariadb::Database;
use crate::model::conversation::Conv;
use crate::model::ids::{Epoch, Seq, UserId};
use crate::model::policy::StoreRules;
use crate::store::calls::CallTimes;
use crate::store::conformance::stage::{END, new_user};
use crate::store::mysql::link::Pool;
use crate::store::mysql::{Mysql, Tls, migrate, places};
use crate::store::{ConversationStore, LogHead, LogStore, StoreError, UserStore};

/// Most statements of one answer over 500 conversations.
const STATEMENTS_MAX: u64 = 25;

/// A user with 500 private conversations of four entries each.
const CROWD: &str = "
    INSERT INTO users SELECT 1 + n, n, n, '', '', '', 'U', '', NULL, NULL, NULL, '', 0, 0, 0, 0, 0
        FROM numbers WHERE n <= 500;
    INSERT INTO entries SELECT 1 + a.n * 4 + b.n, CONCAT('p:1:', 2 + a.n), 2 + a.n, 0, 1, b.n, 0, '{}'
        FROM numbers a JOIN numbers b ON b.n < 4 WHERE a.n < 500;
    INSERT INTO private_peers SELECT 1, 2 + n, CONCAT('p:1:', 2 + n) FROM numbers WHERE n < 500;
    UPDATE log_head SET head = 2000";

/// A store whose every call uses the same connection.
async fn one_connection(filling: &str) -> (Mysql, Database) {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    database.sql(filling);
    let pool = Pool::new(Opts::from_url(&database.url()).unwrap(), 1);
    let mysql = Mysql {
        appender: pool.clone(),
        readers: pool.clone(),
        writers: pool,
        rules: StoreRules::default(),
        batch_bytes: 1 << 20,
        packet_bytes: 16 << 20,
        calls: CallTimes::new(),
    };
    (mysql, database)
}

async fn statements(mysql: &Mysql) -> u64 {
    let mut link = mysql.readers.link().await.unwrap();
    let row = link.first("SHOW SESSION STATUS LIKE 'Com_stmt_execute'", ());
    let row = row.await.unwrap().unwrap();
    row.get::<String, _>(1).unwrap().parse().unwrap()
}

#[tokio::test]
async fn five_hundred_conversations_take_a_handful_of_statements() {
    let (mysql, _database) = one_connection(CROWD).await;
    let user = UserId(1);
    let begin = statements(&mysql).await;
    let (_, states) = mysql.conversations(user, END).await.unwrap();
    let listed = statements(&mysql).await;
    assert_eq!(states.len(), 500);
    assert!(states.iter().all(|state| state.unread == 4));
    assert!(listed - begin <= STATEMENTS_MAX, "{}", listed - begin);
    let page = mysql.visible(user, Seq::ZERO, END, 500).await.unwrap();
    assert_eq!(page.entries.len(), 500);
    let caught_up = statements(&mysql).await - listed;
    assert!(caught_up <= STATEMENTS_MAX, "{caught_up}");
}

#[tokio::test]
async fn a_list_counts_the_same_where_there_is_much_to_count() {
    let (mysql, database) = one_connection(CROWD).await;
    database.sql(
        "INSERT INTO entries SELECT 2001 + a.n * 500 + b.n, CONCAT('p:1:', 2 + b.n), 2 + b.n, 0, 1, CONCAT('m', a.n), 0, '{}'
             FROM numbers a JOIN numbers b ON b.n < 500 WHERE a.n < 70;
         UPDATE log_head SET head = 37000",
    );
    let (_, states) = mysql.conversations(UserId(1), END).await.unwrap();
    assert!(states.iter().all(|state| state.unread == 74));
}

#[tokio::test]
async fn counting_goes_on_below_ones_own_messages_to_where_it_stops() {
    let (mysql, database) = one_connection(CROWD).await;
    let said = |first: u64, count: u64, peer: u64, sender: &str| {
        format!(
            "INSERT INTO entries SELECT {first} + n, 'p:1:{peer}', {sender}, 0, 1, CONCAT('d', {first} + n), 0, '{{}}'
             FROM (SELECT a.n * 32 + b.n AS n FROM numbers a JOIN numbers b ON b.n < 32) all_of WHERE n < {count};"
        )
    };
    let deep = said(2_001, 20_000, 2, "IF(n < 50, 2, 1)");
    let mixed = said(22_001, 3_000, 3, "IF(n % 2, 3, 1)");
    let few = said(25_001, 1_500, 4, "IF(n % 3, 1, 4)");
    database.sql(&format!(
        "{deep} {mixed} {few} UPDATE log_head SET head = 26500"
    ));
    let (_, states) = mysql.conversations(UserId(1), END).await.unwrap();
    for (peer, expected) in [(2, 50), (3, 1_000), (4, 504), (5, 4)] {
        let conv = Conv::private(UserId(1), UserId(peer));
        let listed = states.iter().find(|state| state.conv == conv).unwrap();
        assert_eq!(listed.unread, expected, "{conv}");
        let alone = mysql.unread(UserId(1), conv, Seq::ZERO, END).await.unwrap();
        assert_eq!(alone, expected, "{conv}");
    }
}

#[tokio::test]
async fn what_was_hidden_is_neither_last_nor_counted_in_a_long_list() {
    let (mysql, database) = one_connection(CROWD).await;
    database.sql("INSERT INTO hidden_entries (user_id, seq) VALUES (1, 2000), (1, 1), (2, 5)");
    let (_, states) = mysql.conversations(UserId(1), END).await.unwrap();
    let about = |seq: u64| {
        let state = states
            .iter()
            .find(|state| state.last.as_ref().is_some_and(|last| last.seq == Seq(seq)));
        state.unwrap().unread
    };
    assert_eq!(states.len(), 500);
    assert_eq!([about(1999), about(4), about(8)], [3, 3, 4]);
}

#[tokio::test]
async fn a_list_looks_below_what_is_shown_to_nobody() {
    let (mysql, database) = one_connection(CROWD).await;
    // The last of the first conversation is of a kind that this program does not know.
    database.sql("UPDATE entries SET kind = 99 WHERE seq = 4");
    let (_, states) = mysql.conversations(UserId(1), END).await.unwrap();
    let last: Vec<Seq> = states
        .iter()
        .filter_map(|s| s.last.as_ref())
        .map(|last| last.seq)
        .collect();
    assert_eq!(last.len(), 500);
    assert_eq!(last[..2], [Seq(2000), Seq(1996)]);
    assert_eq!(last[499], Seq(3));
    assert_eq!(states[499].unread, 3);
    // And up to a place that is not the end.
    let (_, states) = mysql.conversations(UserId(1), Seq(6)).await.unwrap();
    let last: Vec<Seq> = states
        .iter()
        .filter_map(|s| s.last.as_ref())
        .map(|last| last.seq)
        .collect();
    assert_eq!(last, [Seq(6), Seq(3)]);
}

#[tokio::test]
async fn what_is_pruned_while_it_is_read_is_left_out_and_told() {
    let (mysql, database) = one_connection(CROWD).await;
    let log = mysql.head().await.unwrap();
    let mut link = mysql.readers.link().await.unwrap();
    database.sql("DELETE FROM entries WHERE seq <= 2; UPDATE log_floor SET floor_seq = 2");
    let places = [Seq(1), Seq(3), Seq(4)];
    let (after, entries) = places::entries(&mut link, log, &places).await.unwrap();
    assert_eq!(
        after,
        LogHead {
            floor: Seq(2),
            ..log
        }
    );
    let seqs: Vec<Seq> = entries.iter().map(|entry| entry.seq).collect();
    assert_eq!(seqs, [Seq(3), Seq(4)]);
    // Also where nothing was found.
    let (after, _) = places::entries(&mut link, log, &[]).await.unwrap();
    assert_eq!(after.floor, Seq(2));
    // Above the floor nothing goes away, and a log is never read as another one's.
    database.sql("DELETE FROM entries WHERE seq = 4");
    let gap = places::entries(&mut link, log, &places).await;
    assert!(matches!(gap, Err(StoreError::Corrupt(_))), "{gap:?}");
    let other = LogHead {
        epoch: Epoch(log.epoch.0 + 1),
        ..log
    };
    let replaced = places::entries(&mut link, other, &places[1..2]).await;
    assert!(
        matches!(replaced, Err(StoreError::Unavailable(_))),
        "{replaced:?}"
    );
}

#[tokio::test]
async fn rows_that_nobody_could_have_written_are_named() {
    let (mysql, database) = one_connection(CROWD).await;
    database.sql(
        "UPDATE users SET sex = 'X' WHERE id = 2; UPDATE entries SET conv = 'p:9:1' WHERE seq = 1",
    );
    let user = mysql.user(UserId(2)).await;
    let entry = mysql.entry(Seq(1)).await;
    for (answer, column) in [(user.map(drop), "sex"), (entry.map(drop), "conv")] {
        match answer {
            Err(StoreError::Corrupt(text)) => assert!(text.contains(column), "{text}"),
            other => panic!("{other:?}"),
        }
    }
    assert!(mysql.user(UserId(3)).await.unwrap().is_some());
}

#[tokio::test]
async fn an_account_is_made_though_its_procedure_was_dropped() {
    let (mysql, database) = one_connection("DROP PROCEDURE starling_create_user_2").await;
    let anna = UserStore::create(&mysql, new_user("anna")).await.unwrap();
    assert!(anna.admin);
    assert_eq!(mysql.user(anna.id).await.unwrap(), Some(anna));
    assert_eq!(database.sql("SELECT COUNT(*) FROM users").trim(), "1");
}
