//! What the core wants done, and what came of it.
//!
//! Responsible for carrying out every output once and for giving every answer back once. Deliberately without deciding
//! whether it makes sense. Driven by the loop after everything that was fed to the core.

use std::time::Duration;

use tracing::{error, info, warn};

use super::jobs::Work;
use super::recovery::{Known, Verdict};
use super::warnings::Trouble;
use super::{Answer, Driver, NO_BUS, Recovery, Renewal, Sink, draw_incarnation, position};
use crate::cluster::core::{Fetched, Item, Output, Registration, Unavailable, WentBack};
use crate::cluster::driver::identity::EntryIdentity;
use crate::model::ids::{Incarnation, Seq};
use crate::store::{LogRange, NodeRow, StoreError};

/// After the store did not answer a comparison or a registration that everything waits for.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// An append from before a restart reports within this time: the committer gives up a batch after 3 s, and its last
/// attempt has a deadline of its own.
const STRAGGLERS_FOR: Duration = Duration::from_secs(10);

impl<S: Sink> Driver<S> {
    /// Carries out all the core wants now.
    pub(super) fn carry_out(&mut self) {
        while let Some(output) = self.core.poll_output() {
            match output {
                Output::Send { to, datagram } => {
                    if self.own_row.is_registered() {
                        let now = self.clock.now();
                        self.wire.send(to, &datagram, now, &mut self.warnings);
                    } else {
                        self.wire.hold_back();
                    }
                }
                Output::Deliver(items) => self.deliver(items),
                Output::Signal { from, signal } => self.sink.signal(from, signal),
                Output::Beat { from, info } => self.sink.beat(from, &info),
                Output::PeerUp(peer) => {
                    info!(node = %peer.name, address = %peer.address, incarnation = %peer.incarnation, "a peer is up");
                }
                Output::PeerDown(peer) => {
                    info!(incarnation = %peer, "a peer is down");
                    self.sink.peer_down(peer);
                }
                Output::ProbeHeard { token } => self.probes.heard(token),
                // A leaving node asks the store for nothing more: an answer would come too late, and a confirmation
                // would write the row that is being removed.
                Output::PollHead
                | Output::Fetch { .. }
                | Output::Confirm(_)
                | Output::ReadRegistry
                | Output::WentBack(_)
                | Output::NewIncarnationNeeded
                    if self.leaving => {}
                Output::PollHead => self.jobs.poll_head(),
                Output::Fetch { after, limit } => self.jobs.fetch(after, limit),
                Output::Confirm(seq) => self.confirm(seq),
                Output::ReadRegistry => self.jobs.read_registry(),
                Output::WentBack(reason) => self.went_back(reason),
                Output::NewIncarnationNeeded => self.renew_incarnation(),
            }
        }
    }

    /// Gives an answer to the core, or to whom it belongs.
    pub(super) fn take_answer(&mut self, answer: Answer) {
        let now = self.clock.now();
        if answer.wrote_row() {
            self.own_row.answered();
        }
        match answer {
            Answer::Head { head, took } => {
                let head = self.checked(Work::PollHead, head);
                if head.is_ok() {
                    self.store.poll_latency = Some(took);
                }
                self.core.handle_store_head(now, head.map(position));
            }
            Answer::Range { after, range } => {
                let range = self.checked(Work::Fetch, range);
                self.last_read = range
                    .as_ref()
                    .ok()
                    .and_then(|range| range.entries.last())
                    .map(EntryIdentity::of);
                let fetched = range.map(|range| fetched(after, range));
                self.core.handle_fetched(now, fetched);
            }
            Answer::Confirmed { seq, unchanged } => {
                let unchanged = self.checked(Work::Confirm, unchanged);
                let confirmed = if unchanged == Ok(true) {
                    Ok(seq)
                } else {
                    Err(Unavailable)
                };
                self.core.handle_confirmed(now, confirmed);
            }
            Answer::Registry(rows) => {
                let rows = self.checked(Work::ReadRegistry, rows);
                let registrations = rows.map(|rows| self.registrations(now, rows));
                if self.wire.carrier.is_some() {
                    self.core.handle_registry(now, registrations);
                }
            }
            Answer::RowWritten {
                incarnation,
                written,
            } => {
                let written = self.checked(Work::WriteRow, written).is_ok();
                self.row_written(now, incarnation, written);
            }
            Answer::Verified(verdict) => {
                let verdict = self.checked(Work::Verify, verdict);
                self.verified(now, verdict);
            }
            Answer::Forgotten(result) => {
                // Those who read the registry next remove them.
                let _ = self.checked(Work::Forget, result);
            }
            Answer::KernelDrops(total) => self.count_kernel_drops(now, total),
        }
    }

    /// The old run is over, the new one is registered; or try again.
    pub(super) fn write_renewed_row(&mut self, incarnation: Incarnation) {
        self.renewal = Renewal::Writing(incarnation);
        let row = self.own_row.next_of(incarnation, 0);
        self.jobs.write_row(row);
    }

    /// Compares what was applied with the store.
    pub(super) fn look_at_store(&mut self) {
        self.recovery = Recovery::Looking;
        self.looked_at = Some(self.clock.now());
        let known = Known {
            epoch: self.epoch,
            applied: self.core.applied(),
            last: self.sink.last_applied(),
        };
        let row = self.own_row.next(self.core.packet_number());
        self.jobs.verify(known, row);
    }

    fn deliver(&mut self, items: Vec<Item>) {
        self.sink.deliver(items);
        for seq in self.sink.withdrawn() {
            self.core.withdraw(seq);
        }
    }

    fn confirm(&mut self, seq: Seq) {
        match self.last_read.take().filter(|read| read.seq == seq) {
            Some(read) => {
                let row = self.own_row.next(self.core.packet_number());
                self.jobs.confirm(read, row);
            }
            None => {
                debug_assert!(false, "I7: what is confirmed was read last");
                self.core
                    .handle_confirmed(self.clock.now(), Err(Unavailable));
            }
        }
    }

    fn went_back(&mut self, reason: WentBack) {
        error!(
            %reason,
            applied = %self.core.applied(),
            "the log seems to have gone back: delivery stops until the store was compared with what was applied"
        );
        let now = self.clock.now();
        match self.looked_at {
            // A store that contradicts itself again and again is not asked in a tight circle.
            Some(at) if now < at + RETRY_AFTER => {
                self.recovery = Recovery::LookAgainAt(at + RETRY_AFTER);
            }
            Some(_) | None => self.look_at_store(),
        }
    }

    fn verified(&mut self, now: Duration, verdict: Result<Verdict, Unavailable>) {
        match verdict {
            Ok(Verdict::Same) => {
                warn!(applied = %self.core.applied(), "the last applied entry is still in the store: delivery goes on");
                self.recovery = Recovery::NotNeeded;
                self.core.resume(now);
            }
            Ok(Verdict::Different(log)) => {
                error!(
                    applied = %self.core.applied(),
                    head = %log.head,
                    epoch_changed = log.epoch != self.epoch,
                    "THE STORE WENT BACK or is another one: all connections start anew; entries above its head are lost unless their senders repeat them"
                );
                self.recovery = Recovery::NotNeeded;
                self.epoch = log.epoch;
                self.restarted = Some((log.head, now + STRAGGLERS_FOR));
                self.sink.restart(log);
                self.core.restart_at(now, position(log));
            }
            Err(Unavailable) => self.recovery = Recovery::LookAgainAt(now + RETRY_AFTER),
        }
    }

    fn renew_incarnation(&mut self) {
        let incarnation = draw_incarnation();
        error!(
            old = %self.own_row.incarnation(),
            new = %incarnation,
            "the clock jumped, so this machine may be a copy of another: taking a new identity on the bus"
        );
        if self.wire.carrier.is_some() {
            self.write_renewed_row(incarnation);
        } else {
            self.own_row.adopt(incarnation);
            self.core
                .handle_new_incarnation(self.clock.now(), incarnation);
        }
    }

    fn row_written(&mut self, now: Duration, incarnation: Incarnation, written: bool) {
        match self.renewal {
            Renewal::Writing(new) if new == incarnation && written => {
                self.renewal = Renewal::NotNeeded;
                let old = self.own_row.incarnation();
                self.jobs.forget(self.own_row.possible_rows(old));
                self.own_row.adopt(new);
                self.core.handle_new_incarnation(now, new);
            }
            Renewal::Writing(new) if new == incarnation => {
                self.renewal = Renewal::WriteAgainAt(new, now + RETRY_AFTER);
            }
            Renewal::NotNeeded | Renewal::Writing(_) | Renewal::WriteAgainAt(..) => {}
        }
        if self.own_row.regular_ended(now, written) {
            self.send_probes(now);
        }
    }

    fn registrations(&mut self, now: Duration, rows: Vec<NodeRow>) -> Vec<Registration> {
        let dead = self.watch.update(now, &rows, self.own_row.incarnation());
        if !dead.is_empty() {
            info!(
                rows = dead.len(),
                "removing registry rows that stood still for an hour"
            );
            self.jobs.forget(dead);
        }
        rows.into_iter()
            .filter(|row| row.address.port() != NO_BUS.port())
            .map(|row| Registration {
                incarnation: row.incarnation,
                name: row.name,
                address: row.address,
                version: row.version,
                packet_number: row.packet_number,
                counter: row.counter,
            })
            .collect()
    }

    /// Tells and counts a failure, and tells its end; what remains of it is what the core understands.
    fn checked<T>(&mut self, work: Work, result: Result<T, StoreError>) -> Result<T, Unavailable> {
        if result.is_ok() && self.warnings.ended(Trouble::Store(work)) {
            info!("{} works again", work.words());
        }
        result.map_err(|error| {
            self.store.failures += 1;
            let told = self
                .warnings
                .occurred(self.clock.now(), Trouble::Store(work), 1);
            if let Some(times) = told {
                warn!(%error, times, "{} failed", work.words());
            }
            Unavailable
        })
    }
}

fn fetched(after: Seq, range: LogRange) -> Fetched {
    let items = range.entries.into_iter().map(|entry| Item {
        seq: entry.seq,
        payload: entry.encode(),
    });
    Fetched {
        after,
        floor: range.log.floor,
        head: range.log.head,
        epoch: range.log.epoch,
        items: items.collect(),
    }
}
