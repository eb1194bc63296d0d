//! A connection's way along the log until it is live: what it needs next, decided from what it was told.
//!
//! A connection is a cursor. Whether it comes for the first time, comes back, moved here from another node or was too
//! slow: what it lacks is found by the same steps. Pure; driven by the connections' use case, which reads the store,
//! asks the replica and talks to the client, and by the simulation, which plays all three.

use super::replica::NotLive;
use crate::model::ids::{Epoch, Seq};
use crate::store::LogHead;

/// Where a client says it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Resume {
    /// Its position; absent: from now.
    pub after: Option<Seq>,
    /// The log that position belongs to; absent: taken on trust.
    pub epoch: Option<Epoch>,
}

/// Where a client begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// It gets what follows its position. `announce`: it waits to hear that it is caught up.
    From { after: Seq, announce: bool },
    /// What it has is of no use: it loads anew and goes on from here.
    Reset { head: Seq },
}

impl Start {
    /// Where a client without a position begins: behind what this node has applied.
    #[must_use]
    pub fn now(applied: Seq) -> Start {
        Start::From {
            after: applied,
            announce: false,
        }
    }

    /// Where a client with a position begins. `log` is what the store says: the client may have been on a node that is
    /// a moment ahead of this one.
    #[must_use]
    pub fn at(after: Seq, epoch: Option<Epoch>, log: &LogHead, applied: Seq) -> Start {
        let other_log = epoch.is_some_and(|epoch| epoch != log.epoch);
        if other_log || after < log.floor || after > log.head {
            return Start::Reset { head: applied };
        }
        Start::From {
            after,
            announce: true,
        }
    }
}

/// What a connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client is told to load anew, and goes on from `head`: then [`Cursor::was_reset`].
    Reset { head: Seq },
    /// The user's snapshot is read and the replica asked to take the connection in; if it declines,
    /// [`Cursor::not_live`].
    GoLive { after: Seq, announce: bool },
    /// What the user may see in `(after, upto]` is read, once the client has taken what came before: then
    /// [`Cursor::may_show`].
    Read { after: Seq, upto: Seq },
}

/// Where a connection is on its way.
#[derive(Clone, Copy, Debug)]
pub struct Cursor {
    /// Everything visible up to here is on its way to the client.
    after: Seq,
    announce: bool,
    stage: Stage,
}

#[derive(Clone, Copy, Debug)]
enum Stage {
    Resetting,
    Asking,
    Reading { upto: Seq },
}

impl Cursor {
    #[must_use]
    pub fn new(start: Start) -> Cursor {
        match start {
            Start::From { after, announce } => Cursor {
                after,
                announce,
                stage: Stage::Asking,
            },
            Start::Reset { head } => Cursor {
                after: head,
                announce: false,
                stage: Stage::Resetting,
            },
        }
    }

    /// What to do now. A step that failed is simply done again: nothing moves before its result was told.
    #[must_use]
    pub fn step(&self) -> Step {
        let Cursor {
            after, announce, ..
        } = *self;
        match self.stage {
            Stage::Resetting => Step::Reset { head: after },
            Stage::Asking => Step::GoLive { after, announce },
            Stage::Reading { upto } => Step::Read { after, upto },
        }
    }

    /// The client was told to load anew.
    pub fn was_reset(&mut self) {
        self.stage = Stage::Asking;
    }

    /// The replica declined. `durable`: how far this node may let anybody read.
    pub fn not_live(&mut self, why: NotLive, durable: Seq) {
        match why {
            NotLive::Behind if self.after < durable => {
                self.stage = Stage::Reading { upto: durable }
            }
            NotLive::Behind | NotLive::Stale | NotLive::Busy => {}
        }
    }

    /// A range was read, up to `position`, while the log was `log`; this node follows the log `epoch` and has applied
    /// `applied`. Whether the client may be shown it: a log that no longer holds what follows, or another one, means
    /// to load anew.
    #[must_use]
    pub fn may_show(&mut self, log: &LogHead, position: Seq, epoch: Epoch, applied: Seq) -> bool {
        if self.after < log.floor || log.epoch != epoch {
            *self = Cursor::new(Start::Reset { head: applied });
            return false;
        }
        debug_assert!(position > self.after, "a page moves the position");
        self.after = self.after.next().max(position);
        // A client that was shown a page waits for the last one.
        self.announce = true;
        if let Stage::Reading { upto } = self.stage
            && self.after >= upto
        {
            self.stage = Stage::Asking;
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EPOCH: Epoch = Epoch(7);

    fn log(floor: u64, head: u64) -> LogHead {
        LogHead {
            epoch: EPOCH,
            floor: Seq(floor),
            head: Seq(head),
        }
    }

    fn behind(after: u64, durable: u64) -> Cursor {
        let mut cursor = Cursor::new(Start::now(Seq(after)));
        cursor.not_live(NotLive::Behind, Seq(durable));
        cursor
    }

    #[test]
    fn a_position_of_this_log_is_taken_up_and_any_other_is_reset() {
        let at = |after, epoch| Start::at(Seq(after), epoch, &log(5, 20), Seq(18));
        let reset = Start::Reset { head: Seq(18) };
        let taken_up = Start::From {
            after: Seq(19),
            announce: true,
        };
        assert_eq!(at(19, Some(EPOCH)), taken_up, "a node ahead of this one");
        assert_eq!(at(19, None), taken_up);
        assert_eq!(at(19, Some(Epoch(8))), reset);
        assert_eq!((at(4, None), at(21, None)), (reset, reset));
    }

    #[test]
    fn what_was_shown_before_a_failed_read_is_not_read_again() {
        let mut cursor = behind(10, 30);
        let read = |after| Step::Read {
            after: Seq(after),
            upto: Seq(30),
        };
        assert_eq!(cursor.step(), read(10));
        assert!(cursor.may_show(&log(0, 40), Seq(20), EPOCH, Seq(30)));
        // The next read fails: nothing is told, and the same step stands.
        assert_eq!(cursor.step(), read(20));
        assert!(cursor.may_show(&log(0, 40), Seq(30), EPOCH, Seq(30)));
        let live = Step::GoLive {
            after: Seq(30),
            announce: true,
        };
        assert_eq!(cursor.step(), live);
    }

    #[test]
    fn a_log_that_was_pruned_or_replaced_underneath_resets() {
        for (log, epoch) in [(log(11, 40), EPOCH), (log(0, 40), Epoch(8))] {
            let mut cursor = behind(10, 30);
            assert!(!cursor.may_show(&log, Seq(20), epoch, Seq(33)));
            assert_eq!(cursor.step(), Step::Reset { head: Seq(33) });
            cursor.was_reset();
            let live = Step::GoLive {
                after: Seq(33),
                announce: false,
            };
            assert_eq!(cursor.step(), live);
        }
    }

    #[test]
    fn whoever_came_with_an_old_snapshot_or_at_a_busy_time_asks_again() {
        let mut cursor = Cursor::new(Start::now(Seq(9)));
        let before = cursor.step();
        cursor.not_live(NotLive::Stale, Seq(30));
        cursor.not_live(NotLive::Busy, Seq(30));
        assert_eq!(cursor.step(), before);
    }
}
