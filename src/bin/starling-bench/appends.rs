//! How fast the store itself takes entries, beside plain inserts of the same rows into a table of the same form in
//! the same database.
//!
//! Both sides are measured in turns, so that what the machine does meanwhile is done to both; what is printed is the
//! round in which their ratio was the median one.

mod mysql;
pub(crate) mod people;
mod sqlite;

use std::time::{Duration, Instant};

use starling::model::draft::{Draft, Outcome};
use starling::store::{LogStore, Stores};

use crate::table::{Table, quantile_ms};
pub(crate) use people::People;

/// Entries in an append, and appends in a round.
const BATCHES: [(usize, usize); 4] = [(1, 200), (10, 100), (200, 25), (1_000, 8)];
const ROUNDS: usize = 11;
/// Appends of each side before a size is measured.
const WARM_UP: usize = 3;

/// What an entry's row holds.
pub(crate) struct Row {
    seq: u64,
    conv: String,
    sender: u64,
    at: i64,
    kind: u8,
    cid: String,
    fingerprint: i64,
    body: Vec<u8>,
}

/// A table of the same form as that of the entries, which knows nothing of what the rows mean.
trait Plain {
    /// What it is called in the table.
    const NAME: &str;

    /// Adds rows in one commit, which is durable when this returns.
    async fn insert(&mut self, rows: &[Row]) -> anyhow::Result<()>;
}

pub(crate) async fn measure(mysql: Option<&str>, table: &mut Table) -> anyhow::Result<()> {
    let (stores, mut plain, _folder) = sqlite::open()?;
    compare("SQLite", &stores, &mut plain, table).await?;
    drop(stores);
    let Some(url) = mysql else {
        eprintln!("  no --mysql: a server is not measured");
        return Ok(());
    };
    let (stores, mut plain) = mysql::open(url).await?;
    compare("MySQL", &stores, &mut plain, table).await
}

async fn compare<P: Plain>(
    store: &str,
    stores: &Stores,
    plain: &mut P,
    table: &mut Table,
) -> anyhow::Result<()> {
    let people = People::settle(stores).await?;
    let mut sides = Sides {
        log: stores.log.as_ref(),
        plain,
        people,
        seq: 0,
    };
    for (batch, appends) in BATCHES {
        sides.round(batch, WARM_UP).await?;
        let mut rounds = Vec::new();
        for _ in 0..ROUNDS {
            rounds.push(sides.round(batch, appends).await?);
        }
        let rate = |times: &[Duration]| {
            let seconds: f64 = times.iter().map(Duration::as_secs_f64).sum();
            #[expect(clippy::cast_precision_loss, reason = "far below 2^52")]
            let entries = (batch * times.len()) as f64;
            entries / seconds
        };
        let (ours, theirs) = median_ratio(&mut rounds, |times| rate(times));
        let what = format!("{store}: entries appended, {batch} at a time");
        table.compare(what, ours, "per s", Some((P::NAME, theirs)));
        if batch == 1 {
            let (ours, theirs) = median_ratio(&mut rounds, |times| quantile_ms(times, 0.5));
            let what = format!("{store}: append of a single entry, median");
            table.compare(what, ours, "ms", Some((P::NAME, theirs)));
        }
    }
    Ok(())
}

/// How long each append of one round took, and each insert.
type Round = (Vec<Duration>, Vec<Duration>);

/// The store under measurement and the table beside it.
struct Sides<'s, P> {
    log: &'s dyn LogStore,
    plain: &'s mut P,
    people: People,
    /// The last place given in the plain table.
    seq: u64,
}

impl<P: Plain> Sides<'_, P> {
    /// So many appends and inserts of the same entries, one of each after the other.
    async fn round(&mut self, batch: usize, appends: usize) -> anyhow::Result<Round> {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..appends {
            let drafts = self.people.say(batch)?;
            let rows: Vec<Row> = drafts.iter().map(|draft| self.row(draft)).collect();
            let started = Instant::now();
            let verdicts = self.log.append(drafts).await?;
            ours.push(started.elapsed());
            let new = |outcome: &Outcome| matches!(outcome, Outcome::Appended { .. });
            anyhow::ensure!(verdicts.outcomes.iter().all(new), "{verdicts:?}");
            let started = Instant::now();
            self.plain.insert(&rows).await?;
            theirs.push(started.elapsed());
        }
        Ok((ours, theirs))
    }

    fn row(&mut self, draft: &Draft) -> Row {
        self.seq += 1;
        Row {
            seq: self.seq,
            conv: draft.conv.to_string(),
            sender: draft.from.0,
            at: 1_700_000_000_000,
            kind: draft.kind.code(),
            cid: draft.cid.as_str().to_owned(),
            fingerprint: draft.fingerprint(),
            body: draft.body.to_vec(),
        }
    }
}

/// What `measure` says of both sides in the round where the two are in the median ratio.
fn median_ratio(rounds: &mut [Round], measure: impl Fn(&mut [Duration]) -> f64) -> (f64, f64) {
    let mut measured: Vec<(f64, f64)> = rounds
        .iter_mut()
        .map(|(ours, theirs)| (measure(ours), measure(theirs)))
        .collect();
    measured.sort_by(|one, other| (one.0 / one.1).total_cmp(&(other.0 / other.1)));
    measured[measured.len() / 2]
}
