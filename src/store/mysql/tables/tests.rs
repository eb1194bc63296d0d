//! What this store does with its tables as tables, on a real server.

use std::collections::BTreeSet;
use std::path::Path;

use mysql_async::prelude::Queryable as _;
use mysql_async::{Opts, Row};

use crate::model::ids::Seq;
use crate::model::policy::StoreRules;
use crate::store::conformance::likeness::{assert_alike, fill};
use crate::store::conformance::stage::Stage;
use crate::store::mysql::Mysql;
use crate::store::mysql::link::Pool;
use crate::store::sqlite::{self, OpenOptions};
use crate::store::tables::{INCOMPLETE, TABLES, TableStore};
use crate::store::{RetentionStore as _, Stores};

#[path = "../../../../tests/support/mariadb.rs"]
mod mariadb;

use mariadb::Database;

const SCHEMA: &str = include_str!("../../migrations/mysql/V1__schema.sql");
const PRUNE: &str = include_str!("../routines/prune.sql");
/// Each belongs to one store alone, is derived, or travels in another way.
const NOT_MOVED: &[&str] = &[
    "schema_info",
    "log_head",
    "log_floor",
    "numbers",
    "nodes",
    "refinery_schema_history",
];

async fn fresh() -> (Mysql, Database) {
    let database = Database::fresh();
    let opts = Opts::from_url(&database.url()).unwrap();
    let pool = Pool::new(opts, 2);
    let mysql = Mysql {
        appender: pool.clone(),
        readers: pool.clone(),
        writers: pool,
        rules: StoreRules::default(),
    };
    let mut link = mysql.writers.link().await.unwrap();
    let lines = SCHEMA.lines().filter(|line| !line.starts_with("--"));
    let schema = lines.collect::<Vec<_>>().join("\n");
    for statement in schema.split(';').filter(|part| !part.trim().is_empty()) {
        link.execute(statement, ()).await.unwrap();
    }
    drop(link);
    database.sql(&format!("DELIMITER //\n{PRUNE}//\n"));
    (mysql, database)
}

fn sqlite_at(path: &Path) -> Stores {
    sqlite::open(path.to_str().unwrap(), OpenOptions::default()).unwrap()
}

async fn copy(from: &dyn TableStore, to: &dyn TableStore, rows_at_once: usize) {
    to.clear().await.unwrap();
    for table in TABLES {
        let mut after = None;
        loop {
            let rows = from.rows(table, after, rows_at_once).await.unwrap();
            let Some(last) = rows.last() else { break };
            after = Some(last[..table.key].to_vec());
            to.put(table, rows).await.unwrap();
        }
    }
    let record = from.record().await.unwrap();
    let log = to.finish(record).await.unwrap();
    assert_eq!((log.floor, log.head), (record.floor, record.head));
    assert_ne!(log.epoch, INCOMPLETE);
    assert_eq!(to.record().await.unwrap(), record);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_moved_here_and_back_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(sqlite_at(&folder.path().join("from.db")), ());
    fill(&stage).await;
    let (mysql, database) = fresh().await;
    copy(stage.stores.tables.as_ref(), &mysql, 200).await;
    // A second time as well: an interrupted move begins anew.
    copy(stage.stores.tables.as_ref(), &mysql, 500).await;
    let back = sqlite_at(&folder.path().join("back.db"));
    // Few at a time, so that every key is gone beyond.
    copy(&mysql, back.tables.as_ref(), 7).await;
    assert_alike(&stage.stores, &back).await;
    assert_eq!(
        database.sql(
            "SELECT count(*) FROM memberships WHERE (to_seq IS NULL) <> (present IS NOT NULL);
             SELECT count(*), count(open) FROM friend_requests;"
        ),
        "0\n2\t1\n"
    );
}

#[tokio::test]
async fn every_table_and_column_of_the_schema_is_moved() {
    let (mysql, _database) = fresh().await;
    let mut link = mysql.readers.link().await.unwrap();
    let rows: Vec<Row> = link
        .rows(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = database()",
            (),
        )
        .await
        .unwrap();
    let mut found: BTreeSet<(String, String)> =
        rows.into_iter().map(mysql_async::from_row).collect();
    found.retain(|(table, _)| !NOT_MOVED.contains(&table.as_str()));
    assert!(found.remove(&("memberships".to_owned(), "present".to_owned())));
    let named = TABLES.iter().flat_map(|table| {
        let columns = table.columns.iter();
        columns.map(|(column, _)| (table.name.to_owned(), (*column).to_owned()))
    });
    assert_eq!(found, named.collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_never_waits_for_the_head_nor_the_head_for_pruning() {
    let folder = tempfile::tempdir().unwrap();
    let stage = Stage::new(sqlite_at(&folder.path().join("from.db")), ());
    fill(&stage).await;
    let (mysql, database) = fresh().await;
    copy(stage.stores.tables.as_ref(), &mysql, 500).await;
    let before = mysql.record().await.unwrap();
    // Somebody holds the head, as an append does: pruning goes on.
    let mut holder = mysql_async::Conn::from_url(database.url()).await.unwrap();
    holder
        .query_drop("START TRANSACTION; SELECT * FROM log_head FOR UPDATE;")
        .await
        .unwrap();
    let pruned = mysql.prune(Seq(before.floor.0 + 10), 4).await.unwrap();
    assert_eq!(
        (pruned.floor.0, pruned.head),
        (before.floor.0 + 4, before.head)
    );
    holder.query_drop("ROLLBACK").await.unwrap();
    // Somebody prunes: the head is free.
    holder
        .query_drop(
            "START TRANSACTION; SELECT * FROM log_floor FOR UPDATE;
             DELETE FROM entries WHERE seq <= 20;",
        )
        .await
        .unwrap();
    let mut free = mysql.writers.link().await.unwrap();
    let done = free.execute("UPDATE log_head SET writes = writes + 1", ());
    assert_eq!(done.await.unwrap().affected, 1);
    holder.query_drop("ROLLBACK").await.unwrap();
    holder.disconnect().await.unwrap();
    assert_eq!(
        mysql.prune(Seq(u64::MAX), 5).await.unwrap().floor.0,
        pruned.floor.0 + 5
    );
}
