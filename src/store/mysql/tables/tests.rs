//! What this store does with its tables as tables, on a real server.

use std::collections::BTreeSet;
use std::path::Path;

use mysql_async::prelude::Queryable as _;

use crate::model::conversation::Conv;
use crate::model::ids::Seq;
use crate::store::Stores;
use crate::store::conformance::likeness::{assert_alike, fill};
use crate::store::conformance::stage::Stage;
use crate::store::mysql::tests::mariadb::Database;
use crate::store::mysql::{OpenError, OpenOptions, open};
use crate::store::sqlite;
use crate::store::tables::{INCOMPLETE, TABLES, TableStore};

/// Each belongs to one store alone, is derived, or travels in another way.
const NOT_MOVED: &[&str] = &[
    "schema_info",
    "log_head",
    "log_floor",
    "numbers",
    "file_owners",
    "nodes",
    "refinery_schema_history",
    "search_index",
    "search_postings",
];

async fn fresh() -> (Stores, Database) {
    let database = Database::fresh();
    let stores = open(&database.url(), OpenOptions::default()).await;
    (stores.unwrap(), database)
}

fn sqlite_at(path: &Path) -> Stores {
    sqlite::open(path.to_str().unwrap(), sqlite::OpenOptions::default()).unwrap()
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
    let here = mysql.tables.as_ref();
    copy(stage.stores.tables.as_ref(), here, 200).await;
    // A second time as well: an interrupted move begins anew.
    copy(stage.stores.tables.as_ref(), here, 500).await;
    assert_alike(&stage.stores, &mysql).await;
    let back = sqlite_at(&folder.path().join("back.db"));
    // Few at a time, so that every key is gone beyond.
    copy(here, back.tables.as_ref(), 7).await;
    assert_alike(&stage.stores, &back).await;
    assert_alike(&mysql, &back).await;
    assert_eq!(
        database.sql(
            "SELECT count(*) FROM memberships WHERE (to_seq IS NULL) <> (present IS NOT NULL);
             SELECT count(*), count(open) FROM friend_requests;"
        ),
        "0\n2\t1\n"
    );
}

#[tokio::test]
async fn a_store_that_is_being_filled_is_opened_only_to_be_filled() {
    let (mysql, database) = fresh().await;
    mysql.tables.clear().await.unwrap();
    let refused = open(&database.url(), OpenOptions::default()).await;
    assert!(matches!(refused, Err(OpenError::Incomplete(_))));
    let options = OpenOptions {
        incomplete: true,
        ..OpenOptions::default()
    };
    let filled = open(&database.url(), options).await.unwrap();
    let record = filled.tables.record().await.unwrap();
    filled.tables.finish(record).await.unwrap();
    open(&database.url(), OpenOptions::default()).await.unwrap();
}

#[tokio::test]
async fn every_table_and_column_of_the_schema_is_moved() {
    let (_stores, database) = fresh().await;
    let columns = database.sql(
        "SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = DATABASE()",
    );
    let pairs = columns.lines().filter_map(|line| line.split_once('\t'));
    let mut found: BTreeSet<(&str, &str)> = pairs.collect();
    found.retain(|(table, _)| !NOT_MOVED.contains(table));
    assert!(found.remove(&("memberships", "present")));
    let named = TABLES.iter().flat_map(|table| {
        let columns = table.columns.iter();
        columns.map(|(column, _)| (table.name, *column))
    });
    assert_eq!(found, named.collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pruning_does_not_wait_for_an_append() {
    let (mysql, database) = fresh().await;
    let stage = Stage::new(mysql, ());
    let anna = stage.user("anna").await;
    let conv = Conv::private(anna, anna);
    let drafts = (0..20).map(|n| stage.message(anna, conv, &n.to_string()));
    stage.append(drafts.collect()).await;
    // Somebody holds the head, as an append does.
    let mut holder = mysql_async::Conn::from_url(database.url()).await.unwrap();
    holder.query_drop("START TRANSACTION").await.unwrap();
    let held = "SELECT * FROM log_head FOR UPDATE";
    holder.query_drop(held).await.unwrap();
    let pruned = stage.stores.retention.prune(Seq(10), 4).await.unwrap();
    assert_eq!((pruned.floor, pruned.head), (Seq(4), Seq(20)));
    holder.query_drop("ROLLBACK").await.unwrap();
    holder.disconnect().await.unwrap();
}
