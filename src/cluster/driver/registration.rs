//! The own row in the registry, and the watch over rows that stand still.
//!
//! Responsible for when the row is written and with what, and for which rows of others are dead. Deliberately without
//! the store: the driver does the writing. Driven by the driver's housekeeping.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use super::status::RegistrationStatus;
use crate::cluster::core::CoreConfig;
use crate::model::ids::Incarnation;
use crate::store::NodeRow;

/// Readers count a node as alive for 20 s after its counter moved: three writes may fail.
const WRITE_EVERY: Duration = Duration::from_secs(5);

/// After a failed write.
const RETRY_AFTER: Duration = Duration::from_millis(500);

/// A row that stood still this long belongs to a run that will not come back.
const STANDS_STILL_MAX: Duration = Duration::from_secs(3_600);

/// Rows watched at a time; the store holds far fewer in earnest.
const WATCHED_MAX: usize = 4_096;

/// Counters of the own row that may be in the store: writes can overtake one another, so the last few are all
/// possible. 0 is that of the row written before the driver began.
const COUNTERS_POSSIBLE: u64 = 8;

/// The own row.
#[derive(Debug)]
pub(super) struct OwnRow {
    name: String,
    address: SocketAddr,
    version: u16,
    incarnation: Incarnation,
    counter: u64,
    /// Without a bus the row is written only to confirm what was read.
    periodic: bool,
    in_flight: u32,
    next_write: Duration,
    written_at: Option<Duration>,
    failing_since: Option<Duration>,
}

impl OwnRow {
    pub(super) fn new(core: &CoreConfig, periodic: bool) -> OwnRow {
        OwnRow {
            name: core.node_name.clone(),
            address: core.address,
            version: core.version,
            incarnation: core.incarnation,
            counter: 0,
            periodic,
            in_flight: 0,
            next_write: Duration::ZERO,
            written_at: None,
            failing_since: None,
        }
    }

    pub(super) fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Whether peers can find this run: nothing is sent before.
    pub(super) fn is_registered(&self) -> bool {
        self.written_at.is_some()
    }

    /// Whether the regular write is due.
    pub(super) fn is_due(&self, now: Duration) -> bool {
        self.periodic && self.in_flight == 0 && self.next_write <= now
    }

    /// The row to write now; the write ends with [`OwnRow::answered`].
    pub(super) fn next(&mut self, packet_number: u64) -> NodeRow {
        self.next_of(self.incarnation, packet_number)
    }

    /// The first row of a new run of this node.
    pub(super) fn next_of(&mut self, incarnation: Incarnation, packet_number: u64) -> NodeRow {
        self.counter += 1;
        self.in_flight += 1;
        NodeRow {
            incarnation,
            name: self.name.clone(),
            address: self.address,
            version: self.version,
            packet_number,
            counter: self.counter,
        }
    }

    /// A write ended, whichever it was.
    pub(super) fn answered(&mut self) {
        self.in_flight = self.in_flight.saturating_sub(1);
    }

    pub(super) fn is_in_flight(&self) -> bool {
        self.in_flight > 0
    }

    /// A regular write succeeded or failed. Returns whether it was the first success.
    pub(super) fn regular_ended(&mut self, now: Duration, succeeded: bool) -> bool {
        if !succeeded {
            self.failing_since.get_or_insert(now);
            self.next_write = now + RETRY_AFTER;
            return false;
        }
        self.failing_since = None;
        self.next_write = now + WRITE_EVERY;
        self.written_at.replace(now).is_none()
    }

    /// The run goes on under another incarnation, whose row was written.
    pub(super) fn adopt(&mut self, incarnation: Incarnation) {
        self.incarnation = incarnation;
    }

    /// What the row of `incarnation`, one of ours, may look like in the store, for its removal.
    pub(super) fn possible_rows(&self, incarnation: Incarnation) -> Vec<(Incarnation, u64)> {
        (0..=self.counter)
            .rev()
            .take(usize::try_from(COUNTERS_POSSIBLE).unwrap_or(usize::MAX))
            .map(|counter| (incarnation, counter))
            .collect()
    }

    pub(super) fn status(&self, now: Duration) -> RegistrationStatus {
        let ago = |at: Duration| now.saturating_sub(at);
        match (self.periodic, self.failing_since, self.written_at) {
            (false, _, _) => RegistrationStatus::Alone,
            (true, Some(since), last) => RegistrationStatus::Failing {
                for_long: ago(since),
                last_written_ago: last.map(ago),
            },
            (true, None, Some(at)) => RegistrationStatus::Written { ago: ago(at) },
            (true, None, None) => RegistrationStatus::Pending,
        }
    }
}

/// Rows of others, and since when their counters stand still by our clock.
#[derive(Debug, Default)]
pub(super) struct Watch {
    since: BTreeMap<Incarnation, (u64, Duration)>,
}

impl Watch {
    /// Compares with the last read. Returns the rows that stood still for too long.
    pub(super) fn update(
        &mut self,
        now: Duration,
        rows: &[NodeRow],
        own: Incarnation,
    ) -> Vec<(Incarnation, u64)> {
        let before = std::mem::take(&mut self.since);
        for row in rows.iter().take(WATCHED_MAX) {
            let since = match before.get(&row.incarnation) {
                Some(&(counter, since)) if counter == row.counter => since,
                Some(_) | None => now,
            };
            self.since.insert(row.incarnation, (row.counter, since));
        }
        self.since
            .iter()
            .filter(|(incarnation, (_, since))| {
                **incarnation != own && now.saturating_sub(*since) >= STANDS_STILL_MAX
            })
            .map(|(incarnation, (counter, _))| (*incarnation, *counter))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(id: u8, counter: u64) -> NodeRow {
        NodeRow {
            incarnation: Incarnation([id; 16]),
            name: String::new(),
            address: ([127, 0, 0, 1], 1).into(),
            version: 1,
            packet_number: 0,
            counter,
        }
    }

    #[test]
    fn a_row_that_stands_still_for_an_hour_is_dead_and_the_own_one_never_is() {
        let own = Incarnation([1; 16]);
        let hour = STANDS_STILL_MAX;
        let mut watch = Watch::default();
        assert_eq!(
            watch.update(hour, &[row(1, 5), row(2, 7), row(3, 9)], own),
            []
        );
        assert_eq!(
            watch.update(hour * 2, &[row(1, 5), row(2, 7), row(3, 10)], own),
            [(Incarnation([2; 16]), 7)]
        );
        assert_eq!(watch.update(hour * 2, &[row(2, 8)], own), []);
    }
}
