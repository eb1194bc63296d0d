//! The append: one transaction that judges a batch of drafts in order and gives each new entry its seq.
//!
//! What a draft's change asks for and does is `changes`' business; here are the order, the duplicates, the heads
//! and what a failure of one draft means for the others. Runs on the writing thread.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, Transaction, params};
use tracing::warn;

use super::changes::{self, Place, Stop};
use super::failure::is_refused_content;
use super::now;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Cid, Epoch, Seq, UserId};
use crate::model::policy::StoreRules;
use crate::store::{Result, Verdicts};

/// Does [`crate::store::LogStore::append`], and `append_at` with the clock put back to `past`.
pub(super) fn append(
    connection: &mut Connection,
    rules: &StoreRules,
    drafts: &[Draft],
    past: Option<UnixMillis>,
) -> Result<Verdicts> {
    // Hashing before the lock: other processes wait for it.
    let fingerprints: Vec<i64> = drafts.iter().map(Draft::fingerprint).collect();
    let tx = connection.transaction()?;
    let mut batch = Batch::begin(&tx, rules, past)?;
    let epoch = batch.epoch;
    let mut outcomes = Vec::with_capacity(drafts.len());
    for (draft, fingerprint) in drafts.iter().zip(fingerprints) {
        outcomes.push(batch.take(draft, fingerprint)?);
    }
    batch.finish()?;
    tx.commit()?;
    Ok(Verdicts { epoch, outcomes })
}

/// Where the entry of this sender and client id is, and its fingerprint.
pub(super) fn find(
    connection: &Connection,
    sender: UserId,
    cid: &Cid,
) -> rusqlite::Result<Option<(Seq, UnixMillis, i64)>> {
    connection
        .prepare_cached("SELECT seq, at, fingerprint FROM entries WHERE sender = ?1 AND cid = ?2")?
        .query_row(params![sender, cid], |row| {
            Ok((row.get(0)?, row.get(1)?, row.get(2)?))
        })
        .optional()
}

struct Batch<'t> {
    tx: &'t Transaction<'t>,
    rules: &'t StoreRules,
    epoch: Epoch,
    began_at: Seq,
    head: Seq,
    at: UnixMillis,
    /// The last entry of each conversation this batch adds to.
    last: BTreeMap<Conv, Seq>,
    /// Who may write; nothing in an append changes it.
    enabled: BTreeMap<UserId, bool>,
}

impl<'t> Batch<'t> {
    fn begin(
        tx: &'t Transaction<'t>,
        rules: &'t StoreRules,
        past: Option<UnixMillis>,
    ) -> Result<Self> {
        let (epoch, head, last_at): (Epoch, Seq, UnixMillis) = tx
            .prepare_cached("SELECT epoch, head, last_at FROM log_head")?
            .query_row([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let clock = now();
        Ok(Batch {
            tx,
            rules,
            epoch,
            began_at: head,
            head,
            at: last_at.max(past.map_or(clock, |past| past.min(clock))),
            last: BTreeMap::new(),
            enabled: BTreeMap::new(),
        })
    }

    fn take(&mut self, draft: &Draft, fingerprint: i64) -> Result<Outcome> {
        if let Some((seq, at, stored)) = find(self.tx, draft.from, &draft.cid)? {
            return Ok(if stored == fingerprint {
                Outcome::Duplicate { seq, at }
            } else {
                Outcome::Refused(Refusal::CidReused)
            });
        }
        match self.store(draft, fingerprint) {
            Ok(seq) => {
                self.head = seq;
                self.last.insert(draft.conv, seq);
                Ok(Outcome::Appended { seq, at: self.at })
            }
            Err(Stop::Refused(refusal)) => Ok(Outcome::Refused(refusal)),
            Err(Stop::AsItWas { seq, at }) => Ok(Outcome::Duplicate { seq, at }),
            Err(Stop::Failed(error)) if is_refused_content(&error) => {
                warn!(%error, kind = ?draft.kind, "the store cannot hold an entry, its sender is told");
                Ok(Outcome::Refused(Refusal::Unstorable))
            }
            Err(Stop::Failed(error)) => Err(error.into()),
        }
    }

    fn store(&mut self, draft: &Draft, fingerprint: i64) -> Result<Seq, Stop> {
        // Ending sessions takes nothing but rights, and is done to accounts that were disabled.
        let needs_account = !matches!(draft.change, Change::Revoke { .. });
        if needs_account && !self.may_write(draft.from)? {
            return Err(Refusal::Disabled.into());
        }
        let seq = self.head.next();
        let place = Place {
            tx: self.tx,
            rules: self.rules,
            draft,
            seq,
            at: self.at,
        };
        if matches!(draft.change, Change::Message | Change::Notice) {
            // These only read, and the one statement that follows is undone by itself when it fails.
            changes::apply(&place)?;
            self.insert(draft, fingerprint, seq)?;
            return Ok(seq);
        }
        self.tx.prepare_cached("SAVEPOINT draft")?.execute([])?;
        let done = changes::apply(&place).and_then(|()| self.insert(draft, fingerprint, seq));
        if done.is_err() {
            self.tx.prepare_cached("ROLLBACK TO draft")?.execute([])?;
        }
        self.tx.prepare_cached("RELEASE draft")?.execute([])?;
        done.map(|()| seq)
    }

    fn may_write(&mut self, author: UserId) -> Result<bool, Stop> {
        if author == UserId::SYSTEM {
            return Ok(true);
        }
        if let Some(enabled) = self.enabled.get(&author) {
            return Ok(*enabled);
        }
        let enabled = changes::is_enabled(self.tx, author)?.unwrap_or(false);
        self.enabled.insert(author, enabled);
        Ok(enabled)
    }

    fn insert(&self, draft: &Draft, fingerprint: i64, seq: Seq) -> Result<(), Stop> {
        self.tx
            .prepare_cached(
                "INSERT INTO entries (seq, conv, sender, at, kind, cid, fingerprint, body)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            )?
            .execute(params![
                seq,
                draft.conv,
                draft.from,
                self.at,
                draft.kind,
                draft.cid,
                fingerprint,
                &draft.body[..],
            ])?;
        Ok(())
    }

    /// Writes the log's head and the heads of the conversations once for the whole batch.
    fn finish(self) -> Result<()> {
        if self.head == self.began_at {
            return Ok(());
        }
        self.tx
            .prepare_cached("UPDATE log_head SET head = ?1, last_at = ?2")?
            .execute(params![self.head, self.at])?;
        for (conv, seq) in self.last {
            let known = self
                .tx
                .prepare_cached("UPDATE conversation_heads SET last_seq = ?1 WHERE conv = ?2")?
                .execute(params![seq, conv])?;
            if known == 0 {
                begin_conversation(self.tx, conv, seq)?;
            }
        }
        Ok(())
    }
}

fn begin_conversation(tx: &Transaction<'_>, conv: Conv, seq: Seq) -> Result<()> {
    tx.prepare_cached("INSERT INTO conversation_heads (conv, last_seq) VALUES (?1, ?2)")?
        .execute(params![conv, seq])?;
    if let Conv::Private(low, high) = conv {
        let mut insert = tx.prepare_cached(
            "INSERT OR IGNORE INTO private_peers (user_id, peer_id, conv) VALUES (?1, ?2, ?3)",
        )?;
        insert.execute(params![low, high, conv])?;
        insert.execute(params![high, low, conv])?;
    }
    Ok(())
}
