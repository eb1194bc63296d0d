//! What is done now and then: the own row, retries, probes, kernel drops, faults, and telling about all of it.
//!
//! Responsible for what tolerates 100 ms of delay. Deliberately without anything the protocol waits for. Driven by the
//! loop's ticks.

use std::io;
use std::time::Duration;

use tracing::{info, warn};

use super::warnings::Trouble;
use super::{Driver, Recovery, Renewal, ShellStatus, Sink};
use crate::cluster::carrier::Drops;
use crate::cluster::core::{DropReason, DropStatus};

/// The kernel's table may be long, and its counters are for people.
const COUNT_DROPS_EVERY: Duration = Duration::from_secs(1);

/// Until our next look into the registry a node that just started is a stranger; this many datagrams of it are no news.
const STRANGER_DATAGRAMS_MIN: u64 = 30;

/// A core without keys never reads the registry, but runs that were killed leave rows there all the same.
const SWEEP_ALONE_EVERY: Duration = Duration::from_secs(600);

impl<S: Sink> Driver<S> {
    /// Ten times a second.
    pub(super) fn keep_house(&mut self) {
        let now = self.clock.now();
        if let Some(faults) = &mut self.wire.faults {
            faults.look();
        }
        if let Some(by) = self.clock.jumped()
            && self.renewal == Renewal::NotNeeded
        {
            warn!(seconds = by.as_secs(), "the wall clock jumped");
            self.core.handle_clock_jump(now);
        }
        self.care_for_rows(now);
        match self.recovery {
            Recovery::LookAgainAt(at) if at <= now => self.look_at_store(),
            Recovery::NotNeeded | Recovery::Looking | Recovery::LookAgainAt(_) => {}
        }
        if self.own_row.is_registered() {
            self.send_probes(now);
        }
        self.probes.look(now);
        self.start_counting_drops(now);
    }

    /// Four times a second.
    pub(super) fn report(&mut self) {
        let now = self.clock.now();
        let info = self.sink.beat_info();
        self.core.set_beat_info(info);
        let core = self.core.status(now);
        for drop in &core.drops {
            self.tell_drop(now, drop);
        }
        let status = ShellStatus {
            core,
            bus: self.wire.status(&self.probes),
            store: self.store,
            registration: self.own_row.status(now),
            recovering: self.recovery != Recovery::NotNeeded,
            faults: self.wire.faults.is_some(),
        };
        self.status.send_replace(Some(status));
    }

    /// Sends what probes are due.
    pub(super) fn send_probes(&mut self, now: Duration) {
        for (token, target) in self.probes.due(now) {
            if let Some(datagram) = self.core.probe(token) {
                self.wire
                    .send_to(target, &datagram, now, &mut self.warnings);
            }
        }
    }

    /// A count of the kernel's arrived.
    pub(super) fn count_kernel_drops(&mut self, now: Duration, total: io::Result<u64>) {
        match total {
            Ok(total) => {
                self.wire.kernel_drops = total;
                self.core.handle_kernel_drops(now, total);
            }
            Err(error) => {
                if let Some(times) = self.warnings.occurred(now, Trouble::KernelDropsUnknown, 1) {
                    warn!(%error, times, "the kernel's table of UDP sockets cannot be read: drops are not counted");
                }
            }
        }
    }

    fn care_for_rows(&mut self, now: Duration) {
        match self.renewal {
            Renewal::WriteAgainAt(incarnation, at) if at <= now => {
                self.write_renewed_row(incarnation);
            }
            // The old row must not be renewed meanwhile.
            Renewal::WriteAgainAt(..) | Renewal::Writing(_) => {}
            Renewal::NotNeeded => {
                if self.own_row.is_due(now) {
                    let row = self.own_row.next(self.core.packet_number());
                    self.jobs.write_row(row);
                }
            }
        }
        if self.wire.carrier.is_none() && self.next_sweep <= now {
            self.next_sweep = now + SWEEP_ALONE_EVERY;
            self.jobs.read_registry();
        }
    }

    fn start_counting_drops(&mut self, now: Duration) {
        if let Some(carrier) = &self.wire.carrier
            && self.next_count_of_drops <= now
        {
            self.next_count_of_drops = now + COUNT_DROPS_EVERY;
            match carrier.drops() {
                Drops::InKernel(sockets) => self.jobs.count_kernel_drops(sockets),
                // Not the kernel's, so no advice about its buffers.
                Drops::Counted(total) => self.wire.kernel_drops = total,
            }
        }
    }

    fn tell_drop(&mut self, now: Duration, drop: &DropStatus) {
        let told = self.drops_told.entry(drop.reason).or_default();
        let more = drop.count - std::mem::replace(told, drop.count);
        // Everybody hears his own broadcasts.
        if more == 0 || drop.reason == DropReason::Own {
            return;
        }
        let reason = drop.reason.words();
        let last_source = drop.last_source;
        let trouble = Trouble::Dropped(drop.reason);
        let Some(times) = self.warnings.occurred(now, trouble, more) else {
            return;
        };
        if drop.reason == DropReason::UnknownSender && times < STRANGER_DATAGRAMS_MIN {
            info!(times, %last_source, "datagrams of a node unknown yet were refused, as they are while it starts");
        } else {
            warn!(reason, times, %last_source, "datagrams were refused");
        }
    }
}
