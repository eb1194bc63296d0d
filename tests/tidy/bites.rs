//! Each check of the rules finds what it is for, and nothing else.

use super::*;

const NOTHING: [&str; 0] = [];

/// What is found in a file whose first line is fine.
fn found(path: &str, code: &str) -> Vec<String> {
    check(path, &format!("//! Doc.\n{code}"))
}

#[test]
fn an_import_against_the_table_is_found_in_every_spelling() {
    for code in [
        "use crate::store::Stores;",
        "use crate::{model::ids::Seq, store::{self, Stores}};",
        "use crate::{\n    model::{ids::{Seq}, entry},\n    store,\n};",
        "fn f() { crate::store::open(); }",
        "use super::super::store::Stores;",
        "pub(super) use crate::store::*;",
        "const C: char = '\"';\nuse crate::store::X;\nconst D: char = '\\'';",
    ] {
        let findings = found("src/hub/queue.rs", code);
        let expected = |line: &String| line.contains("`hub` may not use `store");
        assert!(findings.iter().any(expected), "{code}: {findings:?}");
    }
}

#[test]
fn an_import_by_the_table_is_fine() {
    let code = "use crate::model::ids::{ConnId, Seq};\nuse super::queue::Queue;\n\
                use crate::hub::X;\nuse super::{a, b::C};";
    assert_eq!(found("src/hub/shard.rs", code), NOTHING);
    let code = "use crate::store::sqlite::open;";
    assert_eq!(found("src/node.rs", code), NOTHING);
    let code = "use crate::store::Stores;";
    assert_eq!(found("src/store/sqlite/read.rs", code), NOTHING);
}

#[test]
fn the_core_may_use_ids_alone() {
    let wire = |code: &str| found("src/cluster/core/wire.rs", code);
    assert_eq!(wire("use crate::model::entry::Entry;").len(), 1);
    assert_eq!(wire("use crate::cluster::driver::Driver;").len(), 1);
    assert_eq!(wire("use crate::model::ids::Seq;"), NOTHING);
}

#[test]
fn comments_strings_and_tests_are_not_imports() {
    let code = "// use crate::store::X;\n/* crate::store::X */\nconst A: &str = \"crate::store::X\";\n\
                const B: &str = r#\"\"crate::store::X\"#;\nfn f<'a>(x: &'a str) {}\n\
                #[cfg(test)]\nmod tests {\n    use crate::store::X;\n}\n";
    assert_eq!(found("src/hub/queue.rs", code), NOTHING);
}

#[test]
fn a_crate_outside_its_place_is_found() {
    for (path, code) in [
        ("src/service/accounts.rs", "use warp::Filter;"),
        ("src/service/accounts.rs", "fn f() -> hyper::Status { x }"),
        ("src/store/contract.rs", "use rusqlite::Connection;"),
        ("src/hub/shard.rs", "use std::net::UdpSocket;"),
        ("src/presence/gossip.rs", "use redis::Client;"),
        ("src/store/sqlite.rs", "use anyhow::Result;"),
    ] {
        assert_eq!(found(path, code).len(), 1, "{path}: {code}");
    }
    for (path, code) in [
        ("src/http/v1/me.rs", "use warp::Filter;"),
        ("src/config.rs", "mod redis;\npub use redis::Redis;"),
        ("src/cluster/udp.rs", "use tokio::net::UdpSocket;"),
    ] {
        assert_eq!(found(path, code), NOTHING);
    }
}

#[test]
fn impurity_in_the_core_is_found() {
    let holes = |code: &str| found("src/cluster/core/holes.rs", code);
    for code in [
        "use std::time::Instant;",
        "let now = std::time::SystemTime::now();",
        "use std::collections::HashMap;",
        "async fn f() {}",
        "use tokio::sync::mpsc;",
        "std::thread::spawn(f);",
    ] {
        assert_eq!(holes(code).len(), 1, "{code}");
    }
    assert_eq!(holes("use std::time::Duration;"), NOTHING);
}

#[test]
fn a_missing_doc_an_empty_name_and_a_long_file_are_found() {
    assert_eq!(check("src/hub.rs", "use std::fmt;\n").len(), 1);
    for path in ["src/hub/utils.rs", "src/helpers/hub.rs", "src/hub/mod.rs"] {
        assert_eq!(found(path, "").len(), 1, "{path}");
    }
    let lines = |count| "\n".repeat(count - 1);
    assert_eq!(found("src/hub.rs", &lines(FILE_LINES_MAX)), NOTHING);
    assert_eq!(found("src/hub.rs", &lines(FILE_LINES_MAX + 1)).len(), 1);
}

#[test]
fn a_long_function_is_found_unless_it_says_why() {
    let long = |attribute: &str| {
        let body = "    // not code\n    call();\n".repeat(FUNCTION_LINES_MAX);
        format!("{attribute}fn long(x: [u8; 4]) -> u8\nwhere\n    T: X,\n{{\n{body}}}\n")
    };
    assert_eq!(found("src/hub.rs", &long("")).len(), 1);
    let excused = "#[expect(clippy::too_many_lines, reason = \"one table\")]\n";
    assert_eq!(found("src/hub.rs", &long(excused)), NOTHING);
    let short = "fn short() {\n    call();\n}\n".repeat(100);
    assert_eq!(found("src/hub.rs", &short), NOTHING);
}
