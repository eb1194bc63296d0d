//! `starling-harness` from the outside: what it says and which exit code it ends with before anything runs.

#![expect(clippy::expect_used, reason = "a test says what it could not do")]

use std::path::Path;
use std::process::{Command, Output};

fn harness(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling-harness"))
        .args(arguments)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("the harness starts")
}

#[test]
fn every_ready_made_scenario_is_read_and_listed() {
    let output = harness(&["list"]);
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let listed = String::from_utf8_lossy(&output.stdout).lines().count();
    let files = std::fs::read_dir("tests/scenarios").expect("scenarios");
    assert_eq!(listed, files.count());
}

#[test]
fn a_wrong_scenario_ends_with_2_and_its_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("wrong.toml");
    std::fs::write(&path, "name = \"x\"\nabout = \"y\"\nseconds = 0\n").expect("written");
    let output = harness(&["run", &path.display().to_string()]);
    assert_eq!(output.status.code(), Some(2));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("wrong.toml:3: seconds: 1 to"), "{said}");
    assert_eq!(harness(&["run", "no-such-scenario"]).status.code(), Some(2));
    assert_eq!(harness(&["walk"]).status.code(), Some(2));
}

#[test]
fn what_the_machine_lacks_ends_with_3_and_the_remedy() {
    let output = harness(&["run", "calm", "--server", "/nowhere/starling"]);
    assert_eq!(output.status.code(), Some(3));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("remedy: cargo build --bins"), "{said}");
}

#[test]
fn the_same_seed_draws_the_same_scenario() {
    let drawn = |seed| harness(&["random", "--seed", seed, "--print"]).stdout;
    assert!(!drawn("3").is_empty());
    assert_eq!(drawn("3"), drawn("3"));
    assert_ne!(drawn("3"), drawn("4"));
}
