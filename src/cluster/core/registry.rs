//! The node registry as read from the store: who is alive, judged by our own clock.
//!
//! Responsible for "the counter moved lately" and for when to read again. Deliberately without knowing who is heard
//! (`peers`). Driven by `Core`.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ids::Incarnation;

use super::interface::Registration;
use super::limits::BusLimits;

/// Rows remembered; the registry deletes rows that stand still for an hour, so this many cannot be there in earnest.
const ROWS_MAX: usize = 4_096;

/// The last successful read and the watch over its counters.
#[derive(Debug)]
pub(super) struct Registry {
    rows: BTreeMap<Incarnation, Row>,
    in_flight: bool,
    next_read: Duration,
    /// Not before this, whoever asks.
    earliest: Duration,
    failing: bool,
    /// The last successful read.
    updated_at: Duration,
}

#[derive(Debug)]
struct Row {
    registration: Registration,
    moved_at: Duration,
    /// The counter was seen to move: it lives; a row that was merely found may be a dead node's.
    moved: bool,
}

impl Registry {
    pub(super) fn new(now: Duration) -> Self {
        Self {
            rows: BTreeMap::new(),
            in_flight: false,
            next_read: now,
            earliest: now,
            failing: false,
            updated_at: now,
        }
    }

    /// A stranger was heard: read as soon as allowed.
    pub(super) fn want(&mut self) {
        self.next_read = self.next_read.min(self.earliest);
    }

    /// When to read, unless a read is on its way.
    pub(super) fn due_at(&self) -> Option<Duration> {
        (!self.in_flight).then_some(self.next_read.max(self.earliest))
    }

    /// A read is being asked for.
    pub(super) fn asked(&mut self, now: Duration, limits: &BusLimits) {
        self.in_flight = true;
        self.earliest = now + limits.registry_read_min;
        self.next_read = now + limits.registry_read;
    }

    /// A read failed; what was known stays.
    pub(super) fn failed(&mut self) {
        self.in_flight = false;
        self.failing = true;
    }

    /// A read brought these rows.
    pub(super) fn update(
        &mut self,
        now: Duration,
        rows: Vec<Registration>,
        own: Incarnation,
        limits: &BusLimits,
    ) {
        self.in_flight = false;
        self.failing = false;
        // While the store was away nobody could move a counter, and nobody could have seen it.
        let blind = now.saturating_sub(self.updated_at + 2 * limits.registry_read);
        self.updated_at = now;
        let mut before = std::mem::take(&mut self.rows);
        for row in before.values_mut() {
            row.moved_at += blind;
        }
        for registration in rows
            .into_iter()
            .filter(|row| row.incarnation != own)
            .take(ROWS_MAX)
        {
            let row = match before.remove(&registration.incarnation) {
                Some(old) if old.registration.counter == registration.counter => Row {
                    registration,
                    ..old
                },
                Some(_) => Row {
                    registration,
                    moved_at: now,
                    moved: true,
                },
                None => Row {
                    registration,
                    moved_at: now,
                    moved: false,
                },
            };
            self.rows.insert(row.registration.incarnation, row);
        }
    }

    pub(super) fn is_failing(&self) -> bool {
        self.failing
    }

    /// Whether a node counts as alive: its counter moved, or its row appeared, lately.
    pub(super) fn is_alive(
        &self,
        now: Duration,
        incarnation: Incarnation,
        limits: &BusLimits,
    ) -> bool {
        self.rows
            .get(&incarnation)
            .is_some_and(|row| now.saturating_sub(row.moved_at) < limits.registry_alive)
    }

    /// When the counter of a node was last seen to move; none: it never was.
    pub(super) fn moved_at(&self, incarnation: Incarnation) -> Option<Duration> {
        let row = self.rows.get(&incarnation).filter(|row| row.moved)?;
        Some(row.moved_at)
    }

    /// Whether a node surely lives: alive, and its counter was seen to move.
    pub(super) fn surely_lives(
        &self,
        now: Duration,
        incarnation: Incarnation,
        limits: &BusLimits,
    ) -> bool {
        self.is_alive(now, incarnation, limits)
            && self.rows.get(&incarnation).is_some_and(|row| row.moved)
    }

    /// All nodes that count as alive.
    pub(super) fn alive(
        &self,
        now: Duration,
        limits: &BusLimits,
    ) -> impl Iterator<Item = &Registration> {
        self.rows
            .values()
            .filter(move |row| now.saturating_sub(row.moved_at) < limits.registry_alive)
            .map(|row| &row.registration)
    }
}
