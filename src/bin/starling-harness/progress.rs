//! What somebody at the terminal sees while a run lasts: one line that is written over, and what goes wrong.

use std::io::{IsTerminal as _, Write as _};

use crate::tally::Counts;

pub(crate) struct Progress {
    is_terminal: bool,
    seconds: f64,
}

impl Progress {
    pub(crate) fn new(seconds: f64) -> Progress {
        Progress {
            is_terminal: std::io::stderr().is_terminal(),
            seconds,
        }
    }

    /// An event, on a line that stays.
    pub(crate) fn say(&self, at: f64, what: &str) {
        let start = if self.is_terminal { "\r\x1b[K" } else { "" };
        eprintln!("{start}{at:>7.1} s  {what}");
    }

    /// The line that is written over; nothing where it would fill a file.
    pub(crate) fn show(&self, at: f64, counts: Counts, clients: usize) {
        if !self.is_terminal {
            return;
        }
        let Counts {
            sent,
            acked,
            received,
            online,
        } = counts;
        eprint!(
            "\r\x1b[K{at:>7.1} of {:.0} s  {online}/{clients} online  {sent} sent  {acked} acked  {received} received",
            self.seconds
        );
        // A terminal that is gone is no reason to stop.
        let _ = std::io::stderr().flush();
    }

    pub(crate) fn done(&self) {
        if self.is_terminal {
            eprint!("\r\x1b[K");
        }
    }
}
