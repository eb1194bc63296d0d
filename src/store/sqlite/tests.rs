//! The conformance suite on SQLite, and what only a file can do: vanish, be locked, be shared by processes.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of locks and processes take time, and children are told through their environment"
)]

mod backup;
mod file;
mod sharing;
mod waiting;

use super::{OpenOptions, open};
use crate::model::policy::StoreRules;
use crate::store::conformance::conformance;
use crate::store::conformance::stage::Stage;

async fn fresh(rules: StoreRules) -> Stage {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("starling.db");
    let options = OpenOptions {
        rules,
        ..OpenOptions::default()
    };
    let location = path.to_str().unwrap().to_owned();
    let stores = open(&location, options).unwrap();
    Stage::new(stores, folder).reopened_by(move || {
        let stores = open(&location, options).unwrap();
        async { stores }
    })
}

conformance!(fresh);
