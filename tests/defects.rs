//! A harness that finds nothing proves nothing: nodes that break a promise on purpose are caught each time.
//!
//! Needs the feature `defects`: `cargo test --features defects --test defects`.

#![expect(clippy::expect_used, reason = "a test says what it could not do")]

use std::path::Path;
use std::process::{Command, Output};

/// Runs a scenario in its short form with nodes that do this wrong.
fn run(scenario: &str, defect: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_starling-harness"))
        .args(["run", scenario, "--server", env!("CARGO_BIN_EXE_starling")])
        .env("STARLING_DEFECT", defect)
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")))
        .output()
        .expect("the harness starts")
}

#[test]
fn each_defect_is_found_and_a_good_node_passes() {
    assert_eq!(run("calm", "").status.code(), Some(0), "a good node");
    for (defect, found) in [
        ("skip", "found: lost"),
        ("double", "found: duplicated"),
        ("swap", "found: out of order"),
        ("early-ack", "found: vanished"),
    ] {
        let output = run("calm", defect);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{defect}: {said}");
        // A harm shows in several ways: a pong between two exchanged entries has a position that went back, earlier.
        assert!(said.starts_with("COUNTER-EXAMPLE to P"), "{defect}: {said}");
        assert!(said.contains(found), "{defect}: {said}");
    }
}

#[test]
fn nodes_that_take_replays_are_found() {
    let missed = "0, wanted more than 0: MISSED";
    for (defect, code) in [("", 0), ("replays", 1)] {
        let output = run("hostile", defect);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(code), "{defect}: {said}");
        let replayed = said
            .lines()
            .find(|line| line.contains("dropped_replayed moved"));
        let is_missed = replayed.is_some_and(|line| line.contains(missed));
        assert_eq!(is_missed, code == 1, "{defect}: {said}");
    }
}
