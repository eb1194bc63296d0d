//! Opening: what stands in the way is said with its remedy, and several nodes may start at once.

use super::mariadb::{Database, MariaDb};
use super::{OpenOptions, open};
use crate::store::mysql::{OpenError, Tls, migrate};

async fn refused(url: &str) -> OpenError {
    match open(url, OpenOptions::default()).await {
        Ok(_) => panic!("{url} should not be opened"),
        Err(error) => error,
    }
}

fn with_login(url: &str, login: &str) -> String {
    let (_, host) = url.split_once('@').unwrap();
    format!("mysql://{login}@{host}")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nodes_that_start_at_once_share_the_work() {
    let database = Database::fresh();
    let starts: Vec<_> = (0..5)
        .map(|_| {
            let url = database.url();
            tokio::spawn(async move { open(&url, OpenOptions::default()).await.map(|_| ()) })
        })
        .collect();
    for start in starts {
        start.await.unwrap().unwrap();
    }
    let version = migrate(&database.url(), &Tls::Off).await.unwrap();
    assert_eq!(version, migrate(&database.url(), &Tls::Off).await.unwrap());
}

#[tokio::test]
async fn a_url_must_name_a_server_that_answers_and_a_database_that_is_there() {
    let database = Database::fresh();
    let url = database.url();
    let (server, _) = url.rsplit_once('/').unwrap();
    assert!(matches!(refused(server).await, OpenError::NoDatabase));
    let missing = refused(&format!("{server}/no_such_database")).await;
    assert!(
        matches!(missing, OpenError::UnknownDatabase { .. }),
        "{missing:?}"
    );
    assert!(
        missing.to_string().contains("CHARACTER SET utf8mb4"),
        "{missing}"
    );
    let nobody = refused("mysql://root@127.0.0.1:9/x").await;
    assert!(
        matches!(nobody, OpenError::Unreachable { .. }),
        "{nobody:?}"
    );
}

#[tokio::test]
async fn a_wrong_password_is_told_and_not_shown() {
    let database = Database::fresh();
    let error = refused(&with_login(&database.url(), "nobody:hunter2")).await;
    assert!(matches!(error, OpenError::Login { .. }), "{error:?}");
    assert!(!error.to_string().contains("hunter2"), "{error}");
}

#[tokio::test]
async fn a_database_of_another_program_is_left_alone() {
    let database = Database::fresh();
    database.sql("CREATE TABLE wp_posts (id INT PRIMARY KEY)");
    let error = refused(&database.url()).await;
    assert!(matches!(error, OpenError::Foreign(_)), "{error:?}");
}

#[tokio::test]
async fn a_newer_schema_names_the_version_it_needs() {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    database.sql("UPDATE schema_info SET version = 99, min_reader = 99");
    let error = refused(&database.url()).await;
    assert!(
        matches!(error, OpenError::TooNew { needed: 99, .. }),
        "{error:?}"
    );
    // Newer, but this program can still work with it.
    database.sql("UPDATE schema_info SET version = 99, min_reader = 1");
    open(&database.url(), OpenOptions::default()).await.unwrap();
}

#[tokio::test]
async fn an_older_schema_that_may_not_be_changed_names_the_rights() {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    database.sql("UPDATE schema_info SET version = 0; DELETE FROM refinery_schema_history");
    let user = format!("reader_{}", std::process::id());
    database.sql(&format!(
        "CREATE OR REPLACE USER {user}@'%' IDENTIFIED BY 'x'; GRANT SELECT ON *.* TO {user}@'%'"
    ));
    let error = refused(&with_login(&database.url(), &format!("{user}:x"))).await;
    database.sql(&format!("DROP USER {user}@'%'"));
    assert!(
        matches!(error, OpenError::Older { found: 0, .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains(&user), "{error}");
}

#[tokio::test]
async fn what_was_hidden_before_an_upgrade_stays_hidden_until_something_new_is_in_it() {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    // An older program knew no more than whether it is.
    database.sql(
        "ALTER TABLE conversation_settings MODIFY hidden TINYINT UNSIGNED NOT NULL;
         INSERT INTO conversation_settings (user_id, conv, muted, pinned, hidden, draft, marked_unread)
             VALUES (1, 'p:1:1', 0, 0, 1, '', 0), (1, 'p:1:2', 0, 0, 0, '', 0);
         UPDATE log_head SET head = 300;
         UPDATE schema_info SET version = 10;
         DELETE FROM refinery_schema_history WHERE version > 10",
    );
    open(&database.url(), OpenOptions::default()).await.unwrap();
    let hidden = database.sql("SELECT conv, hidden FROM conversation_settings ORDER BY conv");
    let hidden: Vec<&str> = hidden.split_whitespace().collect();
    assert_eq!(hidden, ["p:1:1", "300", "p:1:2", "0"]);
}

#[tokio::test]
async fn a_changed_procedure_is_replaced_by_migrate() {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    let comment = "SELECT routine_comment FROM information_schema.routines
         WHERE routine_schema = DATABASE() AND routine_name = 'starling_append_1'";
    let before = database.sql(comment);
    database.sql("ALTER PROCEDURE starling_append_1 COMMENT 'mine'");
    open(&database.url(), OpenOptions::default()).await.unwrap();
    assert_eq!(database.sql(comment).trim(), "mine");
    migrate(&database.url(), &Tls::Off).await.unwrap();
    assert_eq!(database.sql(comment), before);
}

#[tokio::test]
async fn a_server_that_is_read_only_or_takes_small_packets_names_its_setting() {
    let server = MariaDb::start_with(&["--max-allowed-packet=1M"]);
    server.create_database("chat");
    let error = refused(&server.url("chat")).await;
    assert!(
        matches!(error, OpenError::PacketTooSmall { .. }),
        "{error:?}"
    );
    server.sql("SET GLOBAL read_only = 1");
    let error = refused(&server.url("chat")).await;
    assert!(matches!(error, OpenError::ReadOnly(_)), "{error:?}");
}

#[tokio::test]
async fn a_server_without_a_certificate_is_not_spoken_to_in_the_clear() {
    let database = Database::fresh();
    for tls in [Tls::On { ca: None }, Tls::Unverified] {
        let options = OpenOptions {
            tls,
            ..OpenOptions::default()
        };
        match open(&database.url(), options).await {
            Err(error) => assert!(matches!(error, OpenError::Tls { .. }), "{error:?}"),
            Ok(_) => panic!("it was opened without encryption"),
        }
    }
}
