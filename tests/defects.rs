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
        ("skip", "COUNTER-EXAMPLE to P2: lost"),
        ("double", "COUNTER-EXAMPLE to P2: duplicated"),
        ("swap", "COUNTER-EXAMPLE to P3: out of order"),
        ("early-ack", "COUNTER-EXAMPLE to P1: vanished"),
    ] {
        let output = run("calm", defect);
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "{defect}: {said}");
        assert!(said.starts_with(found), "{defect}: {said}");
    }
}
