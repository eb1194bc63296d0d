//! How the server means to answer what reads the log: never by walking through it.

use mysql_async::{Opts, Row, Value};

use super::mariadb::Database;
use crate::store::mysql::conversations::{OWN_POSITIONS, PEERS_POSITIONS, SETTINGS};
use crate::store::mysql::link::{Link, Pool};
use crate::store::mysql::many::positional;
use crate::store::mysql::places::{entries_sql, few_sql, places_sql, unread_sql};
use crate::store::mysql::search::{STATE, postings_sql};
use crate::store::mysql::visible::{EVERY_STAY, EVERYTHING, HEAD, NEWS, RIGHTS, STAYS};
use crate::store::mysql::{Tls, migrate};
use crate::store::spans::Direction;

/// A database with 32,768 entries: half in one private conversation, and the rest in 64 groups of one user.
const FILLING: [&str; 7] = [
    "INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
     SELECT 1 + a.n * 32 + b.n, IF(a.n % 2, 'p:1:2', CONCAT('g:', a.n % 64)), 1 + b.n % 2, 0, 1, CONCAT(a.n, '-', b.n), 0, ''
     FROM numbers a JOIN numbers b ON b.n < 32",
    "INSERT INTO private_peers VALUES (1, 2, 'p:1:2'), (2, 1, 'p:1:2')",
    "INSERT INTO memberships (group_id, user_id, from_seq, role, joined_at, present)
     SELECT a.n, b.n, 1, 0, 0, 1 FROM numbers a JOIN numbers b ON b.n < 64 WHERE a.n < 64",
    "INSERT INTO read_positions SELECT m.user_id, CONCAT('g:', m.group_id), 5 FROM memberships m",
    "INSERT INTO search_postings SELECT 1, a.n, b.n, '' FROM numbers a JOIN numbers b ON b.n < 512 WHERE a.n < 16",
    "UPDATE log_head SET head = 32768",
    "ANALYZE TABLE entries, private_peers, memberships, read_positions, search_postings",
];

struct Plan {
    table: Option<String>,
    access: Option<String>,
    key: Option<String>,
    extra: Option<String>,
}

async fn plan(link: &mut Link, sql: &str, values: Vec<Value>) -> Vec<Plan> {
    let rows = link
        .rows(&format!("EXPLAIN {sql}"), positional(values))
        .await;
    let rows = rows.unwrap().into_iter();
    let of = |mut row: Row| Plan {
        table: row.take("table").unwrap(),
        access: row.take("type").unwrap(),
        key: row.take("key").unwrap(),
        extra: row.take("Extra").unwrap(),
    };
    rows.map(of).collect()
}

/// Everything that reads the log or what a user is in, and its values.
fn cases() -> Vec<(String, Vec<Value>)> {
    let user = || Value::from(1);
    let span = |low: u64| [Value::from("p:1:2"), low.into(), 32_768.into()];
    let mut cases = Vec::new();
    for (low, limit) in [(1_u64, 8_u32), (32_000, 1_024), (1, 20_000)] {
        for spans in [1, 64] {
            for direction in [Direction::Up, Direction::Down] {
                let values =
                    (0..spans).flat_map(|_| span(low).into_iter().chain([user(), limit.into()]));
                cases.push((places_sql(direction, spans), values.collect()));
            }
            let values = (0..spans).flat_map(|_| {
                std::iter::once(user())
                    .chain(span(low))
                    .chain([limit.into(), user()])
            });
            cases.push((unread_sql(spans), values.collect::<Vec<Value>>()));
        }
    }
    for spans in [8, 64] {
        let values = [1_u32, 9, 1].into_iter().map(Value::from);
        let values = values
            .chain((0..spans).flat_map(|_| span(7)))
            .chain([2_048.into(), user()]);
        cases.push((few_sql(spans), values.collect()));
    }
    for places in [1, 512] {
        cases.push((entries_sql(places), (1..=places).map(Value::from).collect()));
    }
    cases.push((
        format!("{HEAD} UNION ALL {NEWS}"),
        vec![user(), user(), 7.into(), user(), 7.into()],
    ));
    cases.push((
        format!("{HEAD} UNION ALL {STAYS}"),
        vec![user(), user(), 7.into()],
    ));
    cases.push((
        format!("{HEAD} UNION ALL {EVERY_STAY}"),
        vec![user(), user()],
    ));
    cases.push((
        format!("{HEAD} UNION ALL {EVERYTHING}"),
        vec![user(), 7.into(), user(), 7.into(), user()],
    ));
    cases.push((
        format!("{HEAD} UNION ALL {RIGHTS}"),
        vec![user(), user(), user()],
    ));
    for tokens in [1_u64, 8] {
        let values = (0..tokens).chain([1, 0, 16]).map(Value::from);
        let sql = postings_sql(usize::try_from(tokens).unwrap());
        cases.push((sql, values.collect()));
    }
    cases.push((STATE.to_owned(), Vec::new()));
    for sql in [OWN_POSITIONS, PEERS_POSITIONS, SETTINGS] {
        cases.push((sql.to_owned(), vec![user()]));
    }
    cases
}

#[tokio::test]
async fn nothing_is_found_by_scanning_the_log() {
    let database = Database::fresh();
    migrate(&database.url(), &Tls::Off).await.unwrap();
    let pool = Pool::new(Opts::from_url(&database.url()).unwrap(), 1);
    let mut link = pool.link().await.unwrap();
    for statement in FILLING {
        link.rows(statement, ()).await.unwrap();
    }

    for (sql, values) in cases() {
        let mut looked = 0;
        for Plan {
            table,
            access,
            key,
            extra,
        } in plan(&mut link, &sql, values).await
        {
            let (Some(table), Some(access)) = (table, access) else {
                continue;
            };
            // What the server made up on the way.
            if table.starts_with('<') {
                continue;
            }
            looked += 1;
            assert!(
                ["system", "const", "eq_ref", "ref", "range"].contains(&access.as_str()),
                "{table} {access} in {sql}"
            );
            let extra = extra.unwrap_or_default();
            assert!(!extra.contains("filesort"), "sorted by hand in {sql}");
            if table == "p" && sql.contains("search_postings") {
                assert_eq!(access, "eq_ref", "{sql}");
            }
            if table == "entries" {
                assert_eq!(key.as_deref(), Some("entries_by_conv"), "{sql}");
                assert!(extra.contains("Using index"), "{sql}: {extra}");
            }
        }
        assert!(looked > 0, "{sql}");
    }
}
