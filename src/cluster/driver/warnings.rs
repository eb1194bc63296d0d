//! Warnings that do not flood the log: each kind once when it begins, then at most once a minute, with the number of
//! those held back.
//!
//! Responsible for the pace alone. Deliberately without the words. Driven by whoever has something to warn about.

use std::collections::BTreeMap;
use std::time::Duration;

use super::jobs::Work;
use crate::cluster::core::DropReason;

/// One kind of trouble is told this often.
const PACE: Duration = Duration::from_secs(60);

/// Kinds of trouble.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trouble {
    SendBlocked,
    SendFailed(std::io::ErrorKind),
    ReceiveFailed,
    KernelDropsUnknown,
    Dropped(DropReason),
    Store(Work),
}

/// When each kind was told last, and how often it occurred since.
#[derive(Debug, Default)]
pub(super) struct Warnings {
    told: BTreeMap<Trouble, (Duration, u64)>,
}

impl Warnings {
    /// Trouble occurred `times` more. Some: tell it now, with the number of times since it was told last.
    pub(super) fn occurred(&mut self, now: Duration, trouble: Trouble, times: u64) -> Option<u64> {
        match self.told.get_mut(&trouble) {
            Some((told, silent)) if now.saturating_sub(*told) < PACE => {
                *silent += times;
                None
            }
            Some((told, silent)) => {
                *told = now;
                Some(std::mem::take(silent) + times)
            }
            None => {
                self.told.insert(trouble, (now, 0));
                Some(times)
            }
        }
    }

    /// The trouble is over. True: tell it, and its next beginning at once.
    pub(super) fn ended(&mut self, trouble: Trouble) -> bool {
        self.told.remove(&trouble).is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_kind_is_told_once_a_minute_with_what_was_held_back() {
        let mut warnings = Warnings::default();
        let at = Duration::from_secs;
        assert_eq!(warnings.occurred(at(1), Trouble::SendBlocked, 1), Some(1));
        assert_eq!(warnings.occurred(at(2), Trouble::SendBlocked, 5), None);
        assert_eq!(warnings.occurred(at(2), Trouble::ReceiveFailed, 1), Some(1));
        assert_eq!(warnings.occurred(at(61), Trouble::SendBlocked, 2), Some(7));
        assert_eq!(warnings.occurred(at(62), Trouble::SendBlocked, 1), None);
    }

    #[test]
    fn an_end_is_told_once_and_so_is_the_next_beginning() {
        let mut warnings = Warnings::default();
        let now = Duration::from_secs(1);
        let trouble = Trouble::Store(Work::PollHead);
        assert!(!warnings.ended(trouble));
        assert_eq!(warnings.occurred(now, trouble, 1), Some(1));
        assert_eq!(warnings.occurred(now, trouble, 1), None);
        assert!(warnings.ended(trouble));
        assert!(!warnings.ended(trouble));
        assert_eq!(warnings.occurred(now, trouble, 1), Some(1));
    }
}
