//! The conformance suite on a real server, and what only a server can do: vanish, refuse, be held up, be set wrongly.

#![expect(
    clippy::disallowed_methods,
    reason = "tests of locks and lost connections take time"
)]

mod faults;
mod opening;
mod plans;
mod reading;

#[path = "../../../tests/support/mariadb.rs"]
#[expect(dead_code, reason = "tests of whole clusters use the rest of it")]
pub(crate) mod mariadb;

use self::mariadb::Database;
use super::{OpenOptions, open};
use crate::model::policy::StoreRules;
use crate::store::conformance::conformance;
use crate::store::conformance::stage::Stage;

async fn fresh(rules: StoreRules) -> Stage {
    let database = Database::fresh();
    let options = OpenOptions {
        rules,
        ..OpenOptions::default()
    };
    let url = database.url();
    let stores = open(&url, options.clone()).await.unwrap();
    Stage::new(stores, database).reopened_by(move || {
        let (url, options) = (url.clone(), options.clone());
        async move { open(&url, options).await.unwrap() }
    })
}

conformance!(fresh);
