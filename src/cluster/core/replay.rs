//! The window that lets every packet number of one sender pass once.
//!
//! Responsible for "seen before or too old", after RFC 6479 (a bitmap behind the highest number). Deliberately without
//! authentication: whoever marks a number must have verified the datagram's tag first. Driven by `receive`.

/// How far behind the highest number a datagram may arrive: reordering on one segment is tens, not thousands.
pub(super) const WINDOW_BITS: u64 = 2_048;

const WORDS: usize = (WINDOW_BITS / 64) as usize;

/// Packet numbers seen from one incarnation.
#[derive(Debug, Clone)]
pub(super) struct ReplayWindow {
    highest: u64,
    seen: [u64; WORDS],
}

impl ReplayWindow {
    /// Everything up to `highest` counts as seen: it was sent before we could hear it.
    pub(super) fn starting_after(highest: u64) -> Self {
        Self {
            highest,
            seen: [u64::MAX; WORDS],
        }
    }

    /// Whether a number was not seen and is not too old to tell.
    pub(super) fn is_fresh(&self, number: u64) -> bool {
        if number > self.highest {
            return true;
        }
        if number == 0 || self.highest - number >= WINDOW_BITS {
            return false;
        }
        let (word, bit) = place(number);
        self.seen[word] & bit == 0
    }

    /// Marks a number as seen. Only after the tag was verified (I4).
    pub(super) fn mark(&mut self, number: u64) {
        if number > self.highest {
            if number - self.highest >= WINDOW_BITS {
                self.seen = [0; WORDS];
            } else {
                for passed in self.highest + 1..number {
                    let (word, bit) = place(passed);
                    self.seen[word] &= !bit;
                }
            }
            self.highest = number;
        }
        let (word, bit) = place(number);
        self.seen[word] |= bit;
    }
}

fn place(number: u64) -> (usize, u64) {
    let index = number % WINDOW_BITS;
    ((index / 64) as usize, 1 << (index % 64))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_number_passes_once() {
        let mut window = ReplayWindow::starting_after(0);
        for number in [1, 3, 2, 2_000, 2_001, 5_000, 4_999] {
            assert!(window.is_fresh(number), "{number}");
            window.mark(number);
            assert!(!window.is_fresh(number), "{number}");
        }
    }

    #[test]
    fn numbers_at_the_edge_of_the_window_and_before_the_start_are_refused() {
        let mut window = ReplayWindow::starting_after(10_000);
        assert!(!window.is_fresh(10_000) && !window.is_fresh(9_999) && !window.is_fresh(0));
        window.mark(20_000);
        assert!(window.is_fresh(20_000 - WINDOW_BITS + 1));
        assert!(!window.is_fresh(20_000 - WINDOW_BITS));
        window.mark(u64::MAX);
        assert!(!window.is_fresh(u64::MAX) && window.is_fresh(u64::MAX - 1));
    }

    #[test]
    fn the_bitmap_agrees_with_a_set() {
        let mut rng = fastrand::Rng::with_seed(11);
        let (mut window, mut model, mut top) =
            (ReplayWindow::starting_after(0), BTreeSet::new(), 0_u64);
        for _ in 0..50_000 {
            let number = (top + rng.u64(0..40))
                .saturating_sub(rng.u64(0..3_000))
                .max(1);
            let fresh = !model.contains(&number) && (number > top || top - number < WINDOW_BITS);
            assert_eq!(window.is_fresh(number), fresh);
            if fresh {
                window.mark(number);
                model.insert(number);
                top = top.max(number);
            }
        }
    }
}
