//! The command line as a person or a script meets it: the real binary, its exit codes and its sentences.

#![expect(
    clippy::unwrap_used,
    reason = "the harness of a test fails where it stands"
)]

use std::path::Path;
use std::process::{Command, Output};

/// Runs the binary in an empty environment and folder of its own.
fn starling(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling"))
        .args(arguments)
        .env_clear()
        .current_dir(folder)
        .output()
        .unwrap()
}

/// Exit code, standard output, standard error.
fn outcome(folder: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = starling(folder, arguments);
    (
        output.status.code().unwrap(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[test]
fn wrong_usage_ends_with_2() {
    let folder = folder();
    for arguments in [
        &["fly"][..],
        &["check", "--set", "limits.ping_ms"],
        &["check", "--set", "limits.pings=1"],
        &["check", "--set", "limits.ping_ms=0"],
        &["check", "--config", "nowhere.toml"],
        &["check", "--set", "cluster.keys=1:short"],
        &["check", "--set", "redis.url=redis://:hunter2@host:port"],
        &["serve", "--set", "redis.url=redis://:hunter2@host:port"],
        &["keygen", "--id", "0"],
        &["serve", "--listen", "nowhere"],
    ] {
        let (code, out, err) = outcome(folder.path(), arguments);
        assert_eq!(code, 2, "{arguments:?}: {err}");
        assert_eq!(out, "", "{arguments:?}");
        assert!(!err.is_empty(), "{arguments:?}");
        assert!(!err.contains("hunter2"), "{err}");
    }
}

#[test]
fn a_mistake_is_one_sentence_with_key_origin_and_remedy() {
    let folder = folder();
    let (_, _, err) = outcome(folder.path(), &["check", "--set", "limits.pings_ms=1"]);
    assert_eq!(
        err,
        "starling: limits.pings_ms: unknown key; did you mean limits.ping_ms? (from --set)\n"
    );
}

#[test]
fn check_prints_what_is_in_effect_without_secrets() {
    let folder = folder();
    let key = outcome(folder.path(), &["keygen"]).1;
    let keys = format!("cluster.keys={}", key.trim());
    let (code, out, err) = outcome(folder.path(), &["check", "--set", &keys]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("keys = [\"***\"]  # --set\n"), "{out}");
    assert!(!out.contains(key.trim()), "{out}");
}

#[test]
fn the_file_of_the_folder_is_read_and_flags_win_over_it() {
    let folder = folder();
    std::fs::create_dir(folder.path().join("config")).unwrap();
    let file = folder.path().join("config/starling.toml");
    std::fs::write(
        file,
        "[http]\nlisten = ['127.0.0.1:1']\n[node]\nname = 'alder'\n",
    )
    .unwrap();
    let (_, out, _) = outcome(folder.path(), &["check", "--listen", "127.0.0.1:2,[::1]:3"]);
    assert!(
        out.contains("listen = [\"127.0.0.1:2\", \"[::1]:3\"]  # --listen\n"),
        "{out}"
    );
    assert!(
        out.contains("name = \"alder\"  # config/starling.toml\n"),
        "{out}"
    );
}

#[test]
fn the_environment_is_read() {
    let folder = folder();
    let output = Command::new(env!("CARGO_BIN_EXE_starling"))
        .arg("check")
        .env_clear()
        .env("STARLING__NODE__NAME", "elm")
        .current_dir(folder.path())
        .output()
        .unwrap();
    let out = String::from_utf8(output.stdout).unwrap();
    assert!(
        out.contains("name = \"elm\"  # STARLING__NODE__NAME\n"),
        "{out}"
    );
}

#[test]
fn every_key_is_another_and_carries_its_number() {
    let folder = folder();
    let (code, first, _) = outcome(folder.path(), &["keygen", "--id", "7"]);
    let (_, second, _) = outcome(folder.path(), &["keygen", "--id", "7"]);
    assert_eq!(code, 0);
    assert!(first.starts_with("7:"), "{first}");
    assert_ne!(first, second);
}

#[test]
fn a_store_that_cannot_be_opened_ends_with_3() {
    let folder = folder();
    std::fs::write(
        folder.path().join("text"),
        "not a database, but long enough to be looked at",
    )
    .unwrap();
    for arguments in [
        &["user", "list"][..],
        &["user", "list", "--store", "sqlite://text"],
        &["migrate", "--store", "sqlite://text"],
        &["migrate", "--store", "sqlite:///proc/starling.db"],
    ] {
        let (code, _, err) = outcome(folder.path(), arguments);
        assert_eq!(code, 3, "{arguments:?}: {err}");
        assert!(err.starts_with("starling: "), "{err}");
    }
}

#[test]
fn migrate_makes_the_store_and_can_be_repeated() {
    let folder = folder();
    let (code, first, err) = outcome(folder.path(), &["migrate"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        first.starts_with("sqlite://data/starling.db is at schema "),
        "{first}"
    );
    assert_eq!(outcome(folder.path(), &["migrate"]).1, first);
    assert_eq!(
        outcome(folder.path(), &["user", "list"]),
        (0, String::new(), String::new())
    );
}

#[test]
fn an_account_nobody_has_ends_with_1() {
    let folder = folder();
    outcome(folder.path(), &["migrate"]);
    let (code, _, err) = outcome(folder.path(), &["user", "promote", "nobody"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "starling: there is no account named nobody\n")
    );
}

#[test]
fn a_node_that_does_not_answer_ends_with_1() {
    let folder = folder();
    // Port 1 is tcpmux: nothing of ours, and nobody's today.
    let (code, _, err) = outcome(folder.path(), &["cluster", "--url", "http://127.0.0.1:1"]);
    assert_eq!(code, 1, "{err}");
    assert!(
        err.starts_with("starling: no answer from http://127.0.0.1:1: "),
        "{err}"
    );
}

#[test]
fn nginx_lines_are_printed_for_named_nodes() {
    let folder = folder();
    let arguments = [
        "nginx",
        "--node",
        "10.0.0.1:8080",
        "--node",
        "10.0.0.2:8080",
    ];
    let (code, out, _) = outcome(folder.path(), &arguments);
    assert_eq!(code, 0);
    assert_eq!(out.lines().count(), 2);
}

/// Makes a password as cheap as a test can afford.
const CHEAP: [&str; 2] = ["--set", "auth.scrypt_log_n=2"];

#[test]
fn accounts_are_made_listed_and_promoted() {
    let folder = folder();
    let user = |arguments: &[&str]| {
        let all = [&["user"], arguments, &CHEAP].concat();
        outcome(folder.path(), &all)
    };
    outcome(folder.path(), &["migrate"]);
    let (code, out, err) = user(&["add", "alder"]);
    assert_eq!(code, 0, "{err}");
    let drawn = out.strip_prefix("alder has the password ").unwrap();
    assert_eq!(drawn.trim().len(), 16, "{out}");
    assert_eq!(user(&["add", "birch", "--nickname", "White"]).0, 0);
    let (_, out, _) = user(&["list"]);
    assert_eq!(out, "1\talder\talder\tadmin\n2\tbirch\tWhite\t\n");
    user(&["promote", "birch"]);
    user(&["promote", "alder", "--demote"]);
    let (_, out, _) = user(&["list"]);
    assert_eq!(out, "1\talder\talder\t\n2\tbirch\tWhite\tadmin\n");
    let (code, _, err) = user(&["add", "birch"]);
    assert_eq!(
        (code, err.as_str()),
        (1, "starling: name: That name is taken.\n")
    );
}

#[test]
fn a_password_comes_from_a_file_and_is_judged() {
    let folder = folder();
    outcome(folder.path(), &["migrate"]);
    outcome(
        folder.path(),
        &[&["user", "add", "alder"][..], &CHEAP].concat(),
    );
    let passwd = |text: &str| {
        std::fs::write(folder.path().join("password"), text).unwrap();
        let command = ["user", "passwd", "alder", "--password-file", "password"];
        outcome(folder.path(), &[&command[..], &CHEAP].concat())
    };
    let (code, out, _) = passwd("a long enough one\n");
    assert_eq!((code, out.as_str()), (0, "alder has the password given\n"));
    let (code, _, err) = passwd("short\n");
    assert_eq!(code, 1);
    assert!(err.starts_with("starling: password: "), "{err}");
}

#[test]
fn a_store_is_saved_and_put_back_without_overwriting_unasked() {
    let folder = folder();
    let run = |arguments: &[&str]| outcome(folder.path(), arguments);
    let (code, _, err) = run(&["backup", "saved.db"]);
    assert_eq!(code, 3, "there is no store yet: {err}");
    run(&["migrate"]);
    let (code, _, err) = run(&["backup"]);
    assert_eq!(code, 2, "a file is needed: {err}");
    let (code, out, err) = run(&["backup", "saved.db"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("saved.db holds the store up to entry 0 (0 entries)"),
        "{out}"
    );
    let (code, _, err) = run(&["backup", "saved.db"]);
    assert_eq!(code, 2);
    assert!(
        err.contains("--force overwrites") && err.contains("saved.db exists already"),
        "{err}"
    );
    assert_eq!(run(&["backup", "saved.db", "--force"]).0, 0);
    assert_eq!(run(&["restore", "saved.db"]).0, 2, "there is a store");
    let (code, out, err) = run(&["restore", "saved.db", "--force"]);
    assert_eq!(code, 0, "{err}");
    assert!(
        out.starts_with("sqlite://data/starling.db holds entries up to 0 as a log of its own"),
        "{out}"
    );
    assert_eq!(run(&["restore"]).0, 0);
    assert_eq!(run(&["restore", "nothing.db", "--force"]).0, 3);
    let (code, out, _) = run(&["user", "list"]);
    assert_eq!((code, out.as_str()), (0, ""));
}

#[test]
fn a_server_is_saved_by_its_own_tool_and_nobody_thinks_otherwise() {
    let folder = folder();
    let store = "mysql://star:hunter2@db.lan/chat";
    let (code, out, err) = outcome(folder.path(), &["backup", "--store", store]);
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(out.contains("mariadb-dump --host=db.lan "), "{out}");
    assert!(!out.contains("hunter2"), "{out}");
    let (code, _, err) = outcome(folder.path(), &["backup", "x.sql", "--store", store]);
    assert_eq!(code, 2);
    assert!(err.contains("nothing was saved"), "{err}");
}

#[test]
fn a_deployment_moves_to_a_new_store() {
    let folder = folder();
    let run = |arguments: &[&str]| outcome(folder.path(), arguments);
    run(&["migrate"]);
    run(&[&["user", "add", "alder"][..], &CHEAP].concat());
    let (from, to) = ("sqlite://data/starling.db", "sqlite://new/starling.db");
    for wrong in [
        &["migrate", "--from", from][..],
        &["migrate", "--to", to],
        &["migrate", "--from", from, "--to", from],
        &["migrate", "--from", from, "--to", "ftp://x"],
        &["migrate", "--force"],
    ] {
        assert_eq!(run(wrong).0, 2, "{wrong:?}");
    }
    assert_eq!(
        run(&["migrate", "--from", "sqlite://nowhere.db", "--to", to]).0,
        3
    );
    let (code, out, err) = run(&["migrate", "--from", from, "--to", to]);
    assert_eq!(code, 0, "{err}");
    assert!(out.contains("           1  users\n"), "{out}");
    assert!(
        out.contains("set store.url to sqlite://new/starling.db"),
        "{out}"
    );
    let (_, out, _) = run(&["user", "list", "--store", to]);
    assert_eq!(out, "1\talder\talder\tadmin\n");
    assert_eq!(
        run(&["migrate", "--from", from, "--to", to]).0,
        2,
        "not empty"
    );
}

#[test]
fn what_is_done_to_accounts_from_the_command_line_leaves_traces() {
    let folder = folder();
    assert_eq!(outcome(folder.path(), &["migrate"]).0, 0);
    for command in [
        &["add", "alder", "--admin"][..],
        &["passwd", "alder"],
        &["promote", "alder", "--demote"],
        &["list"],
    ] {
        let all = [&["user"], command, &CHEAP].concat();
        assert_eq!(outcome(folder.path(), &all).0, 0, "{command:?}");
    }
    let file = folder.path().join("data").join("starling.db");
    let options = starling::store::sqlite::OpenOptions::default();
    let stores = starling::store::sqlite::open(file.to_str().unwrap(), options).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let traces = runtime.block_on(stores.audit.traces(1_000, 10)).unwrap();
    let traces: Vec<_> = traces
        .iter()
        .rev()
        .map(|trace| (&*trace.action, trace.admin.0, &*trace.detail))
        .collect();
    let expected = [
        "user_added",
        "user_promoted",
        "password_reset",
        "user_demoted",
    ];
    assert_eq!(traces, expected.map(|action| (action, 0, "alder")));
}
