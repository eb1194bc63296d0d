//! The tests' own MariaDB keeps what was committed over a kill, and goes with whoever started it.

use crate::mariadb::{Database, MariaDb};

#[test]
fn what_was_committed_is_there_after_a_kill_and_a_start() {
    let mut server = MariaDb::start();
    server.create_database("chat");
    server.sql("CREATE TABLE chat.t (text VARCHAR(9)); INSERT INTO chat.t VALUES ('kept')");
    server.stop();
    server.cont();
    server.kill_9();
    server.start_again();
    assert_eq!(server.sql("SELECT text FROM chat.t"), "kept\n");
    server.shut_down();
    server.set("--max-allowed-packet=1M");
    server.start_again();
    assert_eq!(server.sql("SELECT @@max_allowed_packet"), "1048576\n");
    let end = format!("@{}/chat", server.address());
    assert!(server.url("chat").ends_with(&end));
}

#[test]
fn every_test_has_a_database_of_its_own() {
    let (one, other) = (Database::fresh(), Database::fresh());
    one.sql("CREATE TABLE t (number INT)");
    other.sql("CREATE TABLE t (text VARCHAR(9))");
    assert_eq!(one.sql("SELECT COUNT(*) FROM t"), "0\n");
}
