//! Bringing users, friendships, groups and messages in from another chat system.
//!
//! Reads its tables in order, a page at a time, and takes every row through the same rules as anything a client asks
//! for: accounts by [`crate::store::UserStore::create`], all else by appends whose client ids are made of the old ids.
//! So a run that was cut short is continued by the next, and a finished one repeated changes nothing. No row, however
//! odd, ends a run: what cannot be brought is reported with the reason. What the columns mean is `layout`'s business,
//! what is written where `target`'s; a dry run differs in the target alone.

mod frames;
mod layout;
mod people;
mod rehearsal;
mod report;
mod rooms;
mod talk;
mod target;

use std::collections::{BTreeMap, BTreeSet};

use ring::digest::{SHA256, digest};

use crate::model::draft::{Draft, Outcome, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Cid, Seq};
use crate::model::policy::StoreRules;
use crate::store::foreign::redis::MessageLists;
use crate::store::foreign::{ForeignError, ForeignRow, ForeignTables};
use crate::store::{StoreError, Stores};
use layout::Layout;
pub use layout::System;
use rehearsal::Rehearsal;
pub use report::{Kind, Report};
use target::{Real, Target};

/// Rows read at a time.
const ROWS_PER_PAGE: usize = 500;
/// Drafts in one append.
const DRAFTS_PER_APPEND: usize = 500;
/// What they may weigh together: far below what a server takes in one packet.
const APPEND_BYTES_MAX: usize = 512 * 1024;
/// Longest name of a deployment.
const LABEL_BYTES_MAX: usize = 16;

/// 1 January 2000: none of the systems is older.
const PLAUSIBLE_FROM: UnixMillis = 946_684_800_000;

/// What to bring, and how to read it.
pub struct Plan {
    pub system: System,
    /// Tells two deployments of one system apart; empty for the only one.
    pub label: String,
    pub tables: Box<dyn ForeignTables>,
    /// The servers with message lists; all masters of a cluster.
    pub lists: Vec<MessageLists>,
    /// The salt that all passwords there have in common.
    pub salt: String,
    /// Where the other system served its uploads, for addresses it stored without a host.
    pub files_url: String,
    pub rules: StoreRules,
    /// Write nothing, and report what would be.
    pub dry_run: bool,
}

/// Why a run ended early. What it brought until then stays; the next run continues.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error(transparent)]
    Foreign(#[from] ForeignError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the report cannot be written: {0}")]
    Report(#[from] std::io::Error),
    #[error("{0}")]
    Plan(String),
}

/// Brings in what the plan says and tells the report about every row.
pub async fn run(stores: &Stores, plan: Plan, report: &mut Report) -> Result<(), ImportError> {
    let source = source(plan.system, &plan.label)?;
    let started_at = stores.log.head().await?.head;
    let real = Real::new(stores.clone(), source.clone());
    let target: Box<dyn Target> = if plan.dry_run {
        Box::new(Rehearsal::new(real, plan.rules.group_max))
    } else {
        Box::new(real)
    };
    let there = plan.tables.tables().await?;
    let layout = plan.system.layout();
    if layout.table(&there, layout.users).is_none() {
        let (name, table) = (plan.system.name(), layout.users[0]);
        return Err(ImportError::Plan(format!(
            "this is no database of {name}: it has no table {table}"
        )));
    }
    let mut run = Run {
        source,
        layout,
        there,
        tables: plan.tables,
        target,
        salt: plan.salt,
        files_url: plan.files_url,
        group_max: usize::try_from(plan.rules.group_max).unwrap_or(usize::MAX),
        started_at,
        report,
    };
    let frames = frames::read(&mut run, plan.lists).await?;
    let first_message = match frames.first() {
        Some(frame) => Some(frame.at),
        None => run.first_message().await?,
    };
    run.users().await?;
    run.friends(first_message).await?;
    run.groups(first_message).await?;
    run.messages().await?;
    run.frames(frames).await
}

/// A time that a chat of people can have: zeros and broken clocks stand in many rows.
fn plausible(at: Option<UnixMillis>) -> Option<UnixMillis> {
    at.filter(|at| *at >= PLAUSIBLE_FROM)
}

/// What the imports of one deployment are remembered under.
fn source(system: System, label: &str) -> Result<String, ImportError> {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    if label.len() > LABEL_BYTES_MAX || !label.bytes().all(plain) {
        return Err(ImportError::Plan(format!(
            "the label {label:?} is not valid: at most {LABEL_BYTES_MAX} lower-case letters and digits"
        )));
    }
    Ok(match label {
        "" => system.name().to_owned(),
        label => format!("{}-{label}", system.name()),
    })
}

/// One run, and what its parts share.
struct Run<'r> {
    source: String,
    layout: &'static Layout,
    there: BTreeSet<String>,
    tables: Box<dyn ForeignTables>,
    target: Box<dyn Target>,
    salt: String,
    files_url: String,
    group_max: usize,
    /// The log's head before: what has a higher place came by this run.
    started_at: Seq,
    report: &'r mut Report,
}

/// A draft and the row it came from.
struct Pending {
    old_id: String,
    /// When it was there.
    at: UnixMillis,
    draft: Draft,
}

/// What became of a row's draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    New(Seq),
    /// Another row of this run said the same.
    Repeated,
    /// An earlier run brought it, or people did it themselves meanwhile.
    Already,
    Refused,
}

impl Run<'_> {
    /// The client id of what came from there: the same in every run.
    fn cid(&self, parts: &[&str]) -> Cid {
        let told = format!("import:{}:{}", self.source, parts.join(":"));
        told.parse().unwrap_or_else(|_| {
            // Numbers of the other system may be too long, or no numbers.
            let hash = digest(&SHA256, told.as_bytes());
            let hex: Vec<String> = hash.as_ref()[..24]
                .iter()
                .map(|b| format!("{b:02x}"))
                .collect();
            let short = format!("import:{}", hex.concat());
            short.parse().unwrap_or_else(|_| Cid::unreadable())
        })
    }

    /// Which of ours the old ids are.
    async fn known(&self, kind: Kind, ids: &[u64]) -> Result<BTreeMap<u64, u64>, ImportError> {
        let mut known = BTreeMap::new();
        for some in ids.chunks(ROWS_PER_PAGE) {
            let some: Vec<String> = some.iter().map(u64::to_string).collect();
            let mapped = self.target.mapped(kind.name(), &some).await?;
            let pair = |(old, new): (String, u64)| Some((old.parse().ok()?, new));
            known.extend(mapped.into_iter().filter_map(pair));
        }
        Ok(known)
    }

    /// The time a row of no message gets: its own, but no later than the first message, whose time it would delay.
    fn time_before(first_message: Option<UnixMillis>, own: Option<UnixMillis>) -> UnixMillis {
        let latest = first_message.unwrap_or(UnixMillis::MAX);
        plausible(own).map_or(latest, |own| own.min(latest))
    }

    /// An address of an upload as it can be stored here.
    fn url(&self, stored: &str) -> String {
        let stored = stored.trim();
        let path = stored.strip_prefix('.').unwrap_or(stored);
        if !self.files_url.is_empty() && path.starts_with('/') {
            return format!("{}{path}", self.files_url.trim_end_matches('/'));
        }
        path.to_owned()
    }

    /// Whether the row was deleted there; then it is reported.
    fn was_deleted(
        &mut self,
        row: &ForeignRow,
        kind: Kind,
        old_id: &str,
    ) -> Result<bool, ImportError> {
        let deleted = row.holds(layout::DELETED);
        if deleted {
            self.report.skipped(kind, old_id, "deleted there")?;
        }
        Ok(deleted)
    }

    /// Appends drafts in their order and reports each. Those of one `step` of time are put into one append.
    async fn append(
        &mut self,
        kind: Kind,
        pending: Vec<Pending>,
        step: UnixMillis,
    ) -> Result<Vec<Fate>, ImportError> {
        let mut fates = Vec::with_capacity(pending.len());
        let mut batch: Vec<Pending> = Vec::new();
        let mut bytes = 0;
        for next in pending {
            let weight = next.draft.weight();
            let full = batch.len() == DRAFTS_PER_APPEND || bytes + weight > APPEND_BYTES_MAX;
            let later = batch
                .first()
                .is_some_and(|first| next.at.div_euclid(step) != first.at.div_euclid(step));
            if full || later {
                fates.extend(self.append_batch(kind, std::mem::take(&mut batch)).await?);
                bytes = 0;
            }
            bytes += weight;
            batch.push(next);
        }
        fates.extend(self.append_batch(kind, batch).await?);
        Ok(fates)
    }

    async fn append_batch(
        &mut self,
        kind: Kind,
        batch: Vec<Pending>,
    ) -> Result<Vec<Fate>, ImportError> {
        let Some(at) = batch.first().map(|first| first.at) else {
            return Ok(Vec::new());
        };
        let (ids, drafts): (Vec<String>, Vec<Draft>) = batch
            .into_iter()
            .map(|pending| (pending.old_id, pending.draft))
            .unzip();
        let outcomes = self.target.append(at, drafts).await?;
        let mut fates = Vec::with_capacity(ids.len());
        for (old_id, outcome) in ids.iter().zip(outcomes) {
            fates.push(self.told(kind, old_id, at, outcome)?);
        }
        Ok(fates)
    }

    fn told(
        &mut self,
        kind: Kind,
        old_id: &str,
        wanted: UnixMillis,
        outcome: Outcome,
    ) -> Result<Fate, ImportError> {
        match outcome {
            Outcome::Appended { seq, at } => {
                self.report.imported(kind);
                if kind == Kind::Messages && at > wanted {
                    self.report.later(at);
                }
                Ok(Fate::New(seq))
            }
            Outcome::Duplicate { seq, .. } if seq > self.started_at => {
                self.report.repeated(kind);
                Ok(Fate::Repeated)
            }
            Outcome::Duplicate { .. }
            | Outcome::Refused(Refusal::AlreadyFriends | Refusal::AlreadyMember) => {
                self.report.already(kind);
                Ok(Fate::Already)
            }
            Outcome::Refused(refusal) => {
                self.report
                    .skipped(kind, old_id, &format!("refused here: {refusal}"))?;
                Ok(Fate::Refused)
            }
        }
    }
}
