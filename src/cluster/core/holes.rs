//! Which entries are missing, for how long, and whose turn it is to bring them: wait, ask the bus, read the store.
//!
//! Responsible for the ladder of PROTOCOL.md section 4 and its deadlines. Deliberately without entries, datagrams or
//! the store. Driven by `order` (what is missing) and by `Core` (time passes).

use std::collections::BTreeMap;
use std::time::Duration;

use crate::model::ids::Seq;

use super::limits::BusLimits;

/// Missing ranges by their first seq; they do not overlap.
#[derive(Debug, Default)]
pub(super) struct Holes {
    ranges: BTreeMap<Seq, Hole>,
}

#[derive(Debug, Clone, Copy)]
struct Hole {
    to: Seq,
    noticed: Duration,
    stage: Stage,
}

/// Whose turn it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// Reordering may still bring it.
    Waiting { until: Duration },
    /// The bus was asked.
    Asked { until: Duration },
    /// The store.
    Due,
}

impl Holes {
    /// Notes that `from..=to` is missing. `wait` is the time until the bus is asked.
    pub(super) fn add(
        &mut self,
        now: Duration,
        from: Seq,
        to: Seq,
        wait: Duration,
        limits: &BusLimits,
    ) {
        let too_large = to.0 - from.0 >= limits.nack_entries_max;
        let stage = if too_large {
            Stage::Due
        } else {
            Stage::Waiting { until: now + wait }
        };
        if self.ranges.len() >= limits.holes_max
            && let Some(mut last) = self.ranges.last_entry()
            && last.get().to.next() == from
        {
            last.get_mut().to = to;
            return;
        }
        self.ranges.insert(
            from,
            Hole {
                to,
                noticed: now,
                stage,
            },
        );
    }

    /// Notes that an entry had to be dropped for want of room: only the store may bring it again. It joins the holes
    /// beside it, so that dropping entries makes fewer holes, not more.
    pub(super) fn reopen(&mut self, now: Duration, seq: Seq) {
        let mut joined = Hole {
            to: seq,
            noticed: now,
            stage: Stage::Due,
        };
        let mut from = seq;
        if let Some(above) = self.ranges.remove(&seq.next()) {
            joined.to = above.to;
            joined.noticed = above.noticed;
        }
        if let Some((&start, below)) = self.ranges.range(..seq).next_back()
            && below.to.next() == seq
        {
            from = start;
            joined.noticed = below.noticed;
        }
        self.ranges.insert(from, joined);
    }

    /// An entry arrived. Returns how long it was missing, or `None` if it was not.
    pub(super) fn fill(&mut self, now: Duration, seq: Seq) -> Option<Duration> {
        let (&from, &hole) = self.ranges.range(..=seq).next_back()?;
        if hole.to < seq {
            return None;
        }
        self.ranges.remove(&from);
        if from < seq {
            self.ranges.insert(
                from,
                Hole {
                    to: seq.prev(),
                    ..hole
                },
            );
        }
        if seq < hole.to {
            self.ranges.insert(seq.next(), hole);
        }
        Some(now.saturating_sub(hole.noticed))
    }

    /// Nothing above `head` exists (any more).
    pub(super) fn truncate_above(&mut self, head: Seq) {
        self.ranges.split_off(&head.next());
        if let Some(mut last) = self.ranges.last_entry() {
            let hole = last.get_mut();
            hole.to = hole.to.min(head);
        }
    }

    /// First missing entry.
    pub(super) fn first(&self) -> Option<Seq> {
        self.ranges.first_key_value().map(|(&from, _)| from)
    }

    pub(super) fn len(&self) -> usize {
        self.ranges.len()
    }

    /// The committing node will not send `from..=to`: no use in asking. With too many holes already they are asked for
    /// nevertheless, in vain, and end at the store as well.
    pub(super) fn give_to_store(&mut self, from: Seq, to: Seq, limits: &BusLimits) {
        if self.ranges.len() >= limits.holes_max {
            return;
        }
        for edge in [from, to.next()] {
            if let Some((&start, hole)) = self.ranges.range_mut(..edge).next_back()
                && hole.to >= edge
            {
                let upper = *hole;
                hole.to = edge.prev();
                debug_assert!(start < edge, "a part stays below the edge");
                self.ranges.insert(edge, upper);
            }
        }
        if from <= to {
            self.ranges
                .range_mut(from..=to)
                .for_each(|(_, hole)| hole.stage = Stage::Due);
        }
    }

    /// Time passed. Returns the ranges to ask the bus for; when there is nobody to ask, they go to the store.
    pub(super) fn advance(
        &mut self,
        now: Duration,
        anyone_to_ask: bool,
        limits: &BusLimits,
    ) -> Vec<(Seq, Seq)> {
        let mut ask = Vec::new();
        let mut entries = 0;
        for (&from, hole) in &mut self.ranges {
            match hole.stage {
                Stage::Waiting { .. } if !anyone_to_ask => hole.stage = Stage::Due,
                Stage::Waiting { until } if until <= now => {
                    entries += hole.to.0 - from.0 + 1;
                    if ask.len() < limits.nack_ranges_max && entries <= limits.nack_entries_max {
                        ask.push((from, hole.to));
                        hole.stage = Stage::Asked {
                            until: now + limits.nack_patience,
                        };
                    } else {
                        hole.stage = Stage::Due;
                    }
                }
                Stage::Asked { until } if until <= now => hole.stage = Stage::Due,
                Stage::Waiting { .. } | Stage::Asked { .. } | Stage::Due => {}
            }
        }
        ask
    }

    /// The next time [`Holes::advance`] has something to do.
    pub(super) fn deadline(&self) -> Option<Duration> {
        self.ranges
            .values()
            .filter_map(|hole| match hole.stage {
                Stage::Waiting { until } | Stage::Asked { until } => Some(until),
                Stage::Due => None,
            })
            .min()
    }

    /// First and last entry the store should bring, spanning all holes whose turn it is.
    pub(super) fn due_span(&self) -> Option<(Seq, Seq)> {
        let mut due = self
            .ranges
            .iter()
            .filter(|(_, hole)| hole.stage == Stage::Due);
        let (&from, first) = due.next()?;
        Some((from, due.next_back().map_or(first.to, |(_, last)| last.to)))
    }

    /// All holes: from, to, noticed.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Seq, Seq, Duration)> {
        self.ranges
            .iter()
            .map(|(&from, hole)| (from, hole.to, hole.noticed))
    }

    pub(super) fn clear(&mut self) {
        self.ranges.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn ranges(holes: &Holes) -> Vec<(u64, u64)> {
        holes.iter().map(|(from, to, _)| (from.0, to.0)).collect()
    }

    #[test]
    fn a_hole_waits_is_asked_for_and_then_read() {
        let limits = BusLimits::default();
        let mut holes = Holes::default();
        holes.add(Duration::ZERO, Seq(5), Seq(7), 3 * MS, &limits);
        assert_eq!(holes.deadline(), Some(3 * MS));
        assert!(holes.advance(2 * MS, true, &limits).is_empty());
        assert_eq!(holes.advance(3 * MS, true, &limits), vec![(Seq(5), Seq(7))]);
        assert_eq!(holes.fill(4 * MS, Seq(6)), Some(4 * MS));
        assert_eq!(holes.due_span(), None);
        assert!(
            holes.advance(23 * MS, true, &limits).is_empty(),
            "asked once only"
        );
        assert_eq!(holes.due_span(), Some((Seq(5), Seq(7))));
        assert_eq!(ranges(&holes), vec![(5, 5), (7, 7)]);
    }

    #[test]
    fn a_large_hole_and_a_lonely_node_go_to_the_store_at_once() {
        let limits = BusLimits::default();
        let mut holes = Holes::default();
        holes.add(
            Duration::ZERO,
            Seq(1),
            Seq(limits.nack_entries_max + 1),
            MS,
            &limits,
        );
        assert!(holes.due_span().is_some());
        let mut alone = Holes::default();
        alone.add(Duration::ZERO, Seq(1), Seq(1), MS, &limits);
        assert!(alone.advance(Duration::ZERO, false, &limits).is_empty());
        assert_eq!(alone.due_span(), Some((Seq(1), Seq(1))));
    }

    #[test]
    fn announced_entries_are_cut_out_of_a_hole() {
        let limits = BusLimits::default();
        let mut holes = Holes::default();
        holes.add(Duration::ZERO, Seq(1), Seq(10), 5 * MS, &limits);
        holes.give_to_store(Seq(4), Seq(6), &limits);
        assert_eq!(ranges(&holes), vec![(1, 3), (4, 6), (7, 10)]);
        assert_eq!(holes.due_span(), Some((Seq(4), Seq(6))));
        holes.give_to_store(Seq(9), Seq(8), &limits);
        holes.truncate_above(Seq(8));
        assert_eq!(ranges(&holes), vec![(1, 3), (4, 6), (7, 8)]);
    }

    #[test]
    fn dropped_entries_become_one_hole_for_the_store() {
        let mut holes = Holes::default();
        for seq in [9, 8, 7] {
            holes.reopen(Duration::ZERO, Seq(seq));
        }
        assert_eq!(ranges(&holes), vec![(7, 9)]);
        assert_eq!(holes.due_span(), Some((Seq(7), Seq(9))));
    }
}
