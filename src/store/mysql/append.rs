//! The append: hands batches of drafts to the procedures that judge them and give each new entry its seq.
//!
//! Cuts a batch into calls, repeats a call whose outcome is unknown or that met others at the wrong moment, and splits
//! out what the server refuses for good. Decides nothing about drafts: the procedures do, under the lock of the log's
//! head. A repeated call is harmless, since a draft that is in the log is found there.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use mysql_async::{Params, Row};
use tokio::time::{Instant, sleep};
use tracing::{debug, info, warn};

use super::Mysql;
use super::altering::{self, ALTER};
use super::link::Fault;
use super::packed::{self, APPEND, APPEND_ONE, CHANGE};
use super::packets;
use super::read;
use super::verdict::{self, Judged};
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::ids::Epoch;
use crate::store::{Result, StoreError, Verdicts};

/// Most drafts in a call: the table `numbers` counts no further.
const DRAFTS_MAX: usize = 1_024;
/// How long an append is repeated before its caller is told that the store is unavailable. Longer than one lock wait, so
/// that somebody who holds the log's head for a moment is waited for.
const PATIENCE: Duration = Duration::from_secs(8);
/// Most repetitions of one call in that time.
const REPETITIONS_MAX: u32 = 8;
/// The first pause before a repetition; each further one is twice as long.
const PAUSE: Duration = Duration::from_millis(10);

/// Does [`crate::store::LogStore::append`], and `append_at` with the clock put back to `past`.
pub(super) async fn append(
    mysql: &Mysql,
    drafts: &[Draft],
    past: Option<UnixMillis>,
) -> Result<Verdicts> {
    let mut batch = Batch {
        mysql,
        drafts,
        fingerprints: drafts.iter().map(Draft::fingerprint).collect(),
        past,
        until: Instant::now() + PATIENCE,
        epoch: None,
        outcomes: vec![None; drafts.len()],
    };
    let mut calls = cut(drafts, mysql.batch_bytes);
    while let Some(call) = calls.pop_front() {
        for rest in batch.take(call).await?.into_iter().rev() {
            calls.push_front(rest);
        }
    }
    batch.verdicts().await
}

/// Which drafts, by their places in the batch, go together.
type Call = Vec<usize>;

/// Cuts a batch into runs of messages in which no author uses a client id twice, and single changes. No drafts are a
/// run, too: its answer tells the epoch.
fn cut(drafts: &[Draft], bytes_max: usize) -> VecDeque<Call> {
    let mut calls = VecDeque::new();
    let mut run = Vec::new();
    let mut known = BTreeSet::new();
    let mut bytes = 0;
    for (place, draft) in drafts.iter().enumerate() {
        let is_message = matches!(draft.change, Change::Message);
        let weight = packed::weight(draft);
        let is_new = known.insert((draft.from, &draft.cid));
        let fits = is_message && is_new && run.len() < DRAFTS_MAX && bytes + weight <= bytes_max;
        if !fits && !run.is_empty() {
            calls.push_back(std::mem::take(&mut run));
            known.clear();
            known.insert((draft.from, &draft.cid));
            bytes = 0;
        }
        if is_message {
            run.push(place);
            bytes += weight;
        } else {
            calls.push_back(vec![place]);
            known.clear();
        }
    }
    if !run.is_empty() || drafts.is_empty() {
        calls.push_back(run);
    }
    calls
}

fn unrestored(error: &StoreError) -> StoreError {
    StoreError::Unavailable(format!(
        "a procedure is missing in the database and cannot be made: run `starling migrate` with a user who may ({error})"
    ))
}

struct Batch<'a> {
    mysql: &'a Mysql,
    drafts: &'a [Draft],
    fingerprints: Vec<i64>,
    past: Option<UnixMillis>,
    until: Instant,
    epoch: Option<Epoch>,
    outcomes: Vec<Option<Outcome>>,
}

impl Batch<'_> {
    /// Makes the call and notes its verdicts. Returns the calls to make in its place.
    async fn take(&mut self, call: Call) -> Result<Vec<Call>> {
        let judged = match self.judge(&call).await? {
            Ok(judged) => judged,
            Err(refused) => {
                let [place] = call[..] else {
                    // The one that cannot be stored is in one of the halves.
                    let (left, right) = call.split_at(call.len() / 2);
                    return Ok(vec![left.to_vec(), right.to_vec()]);
                };
                warn!(error = %refused, kind = ?self.drafts[place].kind, "the store cannot hold an entry, its sender is told");
                self.outcomes[place] = Some(Outcome::Refused(Refusal::Unstorable));
                return Ok(Vec::new());
            }
        };
        // Seqs of two logs cannot be told in one answer.
        if self.epoch.is_some_and(|epoch| epoch != judged.epoch) {
            return Err(StoreError::Unavailable(
                "the log was replaced by another one during an append".to_owned(),
            ));
        }
        self.epoch = Some(judged.epoch);
        let mut again = Vec::new();
        for (place, outcome) in call.into_iter().zip(judged.outcomes) {
            self.outcomes[place] = outcome;
            if outcome.is_none() {
                again.push(place);
            }
        }
        if again.is_empty() {
            return Ok(Vec::new());
        }
        self.check_patience("what appends depend on keeps changing")?;
        Ok(vec![again])
    }

    /// Makes the call until it is answered. The inner error is the server's refusal of the content itself.
    async fn judge(&self, call: &[usize]) -> Result<std::result::Result<Judged, Fault>> {
        let mut pause = PAUSE;
        let mut repetitions = 0;
        loop {
            let fault = match self.attempt(call).await {
                Ok(rows) if self.is_run(call) => return verdict::of_run(rows, call.len()).map(Ok),
                Ok(rows) => return verdict::of_change(rows).map(Ok),
                // Of all a run writes, only entries can meet their like: in a database put together from two moments.
                Err(fault) if self.is_run(call) && fault.duplicate_key() == Some("PRIMARY") => {
                    return Err(StoreError::Corrupt(
                        "the log has an entry above its head: restore a backup that is one moment of the database"
                            .to_owned(),
                    ));
                }
                Err(fault) if fault.refuses_content() && !call.is_empty() => return Ok(Err(fault)),
                Err(fault) => fault,
            };
            let is_late = Instant::now() + pause >= self.until;
            if !fault.is_passing() || repetitions >= REPETITIONS_MAX || is_late {
                return Err(fault.into());
            }
            // Whoever called tells it, should the repetitions fail too.
            debug!(error = %fault, "an append is repeated");
            if fault.is_missing_routine() {
                match self.mysql.restore_routines().await {
                    Ok(()) => {
                        info!(error = %fault, "what was missing in the database is made again");
                    }
                    Err(error) => return Err(unrestored(&error)),
                }
            }
            repetitions += 1;
            sleep(pause).await;
            pause *= 2;
        }
    }

    async fn attempt(&self, call: &[usize]) -> Result<Vec<Row>, Fault> {
        let weights = call
            .iter()
            .map(|place| packed::weight(&self.drafts[*place]));
        if weights.sum::<usize>() > self.mysql.packet_bytes {
            // Sent nevertheless, it would only cost the connection.
            return Err(Fault::Unsendable(
                "an entry is larger than the server's max_allowed_packet".to_owned(),
            ));
        }
        let mut link = self.mysql.appender.link().await?;
        if let [place] = *call
            && self.is_run(call)
        {
            let (draft, mark) = (&self.drafts[place], self.fingerprints[place]);
            let params = packed::one(draft, mark, self.past, &self.mysql.rules);
            let rows = link.call(APPEND_ONE, params).await?;
            if !verdict::is_passed_on(&rows) {
                return Ok(rows);
            }
        }
        let (sql, params) = self.statement(call);
        link.call(sql, params).await
    }

    fn is_run(&self, call: &[usize]) -> bool {
        call.first()
            .is_none_or(|place| matches!(self.drafts[*place].change, Change::Message))
    }

    fn statement(&self, call: &[usize]) -> (&'static str, Params) {
        let rules = &self.mysql.rules;
        let mut drafts = call
            .iter()
            .map(|place| (&self.drafts[*place], self.fingerprints[*place]));
        if self.is_run(call) {
            return (APPEND, packed::run(drafts, self.past, rules));
        }
        match drafts.next() {
            Some((draft, fingerprint)) => {
                let past = self.past;
                if let Some(params) = altering::parameters(draft, fingerprint, past, rules) {
                    (ALTER, params)
                } else if let Some(params) = packets::params(draft, fingerprint, past, rules) {
                    (packets::PACKET, params)
                } else {
                    (CHANGE, packed::change(draft, fingerprint, past, rules))
                }
            }
            None => (APPEND, packed::run(drafts, self.past, rules)),
        }
    }

    fn check_patience(&self, reason: &str) -> Result<()> {
        if Instant::now() < self.until {
            return Ok(());
        }
        Err(StoreError::Unavailable(reason.to_owned()))
    }

    async fn verdicts(self) -> Result<Verdicts> {
        let outcomes: Option<Vec<Outcome>> = self.outcomes.into_iter().collect();
        match (self.epoch, outcomes) {
            (Some(epoch), Some(outcomes)) => Ok(Verdicts { epoch, outcomes }),
            // Nothing but refusals of content, which name no log.
            (None, Some(outcomes)) => Ok(Verdicts {
                epoch: read::head(self.mysql).await?.epoch,
                outcomes,
            }),
            (_, None) => Err(StoreError::Corrupt("a draft has no verdict".to_owned())),
        }
    }
}
