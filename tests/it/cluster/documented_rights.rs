//! An account with exactly the rights that the README grants: it sets a store up, saves it and puts it back with the
//! commands that are printed; with less, nodes work daily.

use std::process::{Command, Output};

use crate::mariadb::MariaDb;

const README: &str = include_str!("../../../README.md");
const PASSWORD: &str = "p@ss/w:rd%#?";
const ENCODED: &str = "p%40ss%2Fw%3Ard%25%23%3F";

/// The statements of the README, for these databases, with another password.
fn documented(server: &MariaDb) {
    let begin = README.find("CREATE DATABASE starling").unwrap();
    let statements = README[begin..].split("```").next().unwrap();
    let statements = statements.replace("a long random password", PASSWORD);
    let grant = &statements[statements.find("GRANT").unwrap()..];
    server.sql(&statements);
    server.create_database("again");
    server.sql(&grant.replace("starling.*", "again.*"));
    server.sql(&format!(
        "CREATE USER daily@'%' IDENTIFIED BY '{PASSWORD}';
         GRANT SELECT, INSERT, UPDATE, DELETE, EXECUTE ON again.* TO daily@'%'"
    ));
}

fn starling(url: &str, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling"))
        .args(arguments)
        .env_clear()
        .env("STARLING__STORE__URL", url)
        .output()
        .unwrap()
}

fn said(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// The printed commands from one word to the next, as an operator would paste them.
fn typed(commands: &str, from: &str, to: &str, folder: &std::path::Path) {
    let begin = commands.find(from).unwrap();
    let end = begin + commands[begin..].find(to).unwrap();
    let output = Command::new("sh")
        .args(["-c", &commands[begin..end].replace(" --password", "")])
        .env("MYSQL_PWD", PASSWORD)
        .env("HOME", folder)
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn a_dump_as_printed_is_put_back_by_the_documented_account() {
    let server = MariaDb::start();
    documented(&server);
    let url = |user: &str, database: &str| {
        format!("mysql://{user}:{ENCODED}@{}/{database}", server.address())
    };
    let (own, again) = (url("starling", "starling"), url("starling", "again"));
    said(starling(&own, &["migrate"]));
    said(starling(&own, &["user", "add", "anna"]));
    let folder = tempfile::tempdir().unwrap();
    let commands = said(starling(&own, &["backup"]));
    typed(&commands, "mariadb-dump ", "# Put back", folder.path());
    let commands = said(starling(&again, &["backup"]));
    typed(&commands, "mariadb ", "# Then", folder.path());
    said(starling(&again, &["restore"]));
    // The first account is an admin.
    let list = said(starling(&url("daily", "again"), &["user", "list"]));
    assert_eq!(list, "1\tanna\tanna\tadmin\n");
    said(starling(&url("daily", "again"), &["user", "add", "bert"]));
    said(starling(&url("daily", "again"), &["migrate"]));
}

#[test]
fn a_database_that_is_not_there_is_told_to_who_may_not_look() {
    let server = MariaDb::start();
    documented(&server);
    let url = format!("mysql://daily:{ENCODED}@{}/elsewhere", server.address());
    let refused = starling(&url, &["migrate"]);
    assert_eq!(refused.status.code(), Some(3));
    let told = String::from_utf8(refused.stderr).unwrap();
    assert!(told.contains("or there is none of this name"), "{told}");
    assert!(told.contains("CREATE ROUTINE, ALTER ROUTINE"), "{told}");
}
