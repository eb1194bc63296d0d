//! What a run tells about the rows it met: counts of all, the first few remarks, and every remark in a file if wanted.

use std::collections::BTreeMap;
use std::io::{self, Write};

use serde::Serialize;

use crate::model::entry::UnixMillis;

/// Remarks of each kind that are shown; the rest is counted.
const SHOWN_MAX: usize = 10;

/// What rows are about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Users,
    Friends,
    Groups,
    Members,
    Messages,
}

const KINDS: [Kind; 5] = [
    Kind::Users,
    Kind::Friends,
    Kind::Groups,
    Kind::Members,
    Kind::Messages,
];

impl Kind {
    /// The name in reports and in what is remembered.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Users => "users",
            Kind::Friends => "friends",
            Kind::Groups => "groups",
            Kind::Members => "members",
            Kind::Messages => "messages",
        }
    }
}

/// How many rows of one kind had which fate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    imported: u64,
    already: u64,
    repeated: u64,
    changed: u64,
    skipped: u64,
}

/// What is said about one row.
#[derive(Clone, Debug, Serialize)]
struct Remark {
    kind: Kind,
    old_id: String,
    what: What,
    reason: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Changed,
    Skipped,
}

impl What {
    fn name(self) -> &'static str {
        match self {
            What::Changed => "changed",
            What::Skipped => "skipped",
        }
    }
}

/// What a run tells.
pub struct Report {
    counts: BTreeMap<Kind, Counts>,
    shown: BTreeMap<(What, Kind), Vec<Remark>>,
    later: u64,
    later_at: UnixMillis,
    /// Where every remark goes, one JSON object a line.
    all: Option<Box<dyn Write + Send>>,
}

impl Report {
    /// With `all`, every remark is written there.
    #[must_use]
    pub fn new(all: Option<Box<dyn Write + Send>>) -> Report {
        Report {
            counts: BTreeMap::new(),
            shown: BTreeMap::new(),
            later: 0,
            later_at: 0,
            all,
        }
    }

    fn count(&mut self, kind: Kind) -> &mut Counts {
        self.counts.entry(kind).or_default()
    }

    pub(super) fn imported(&mut self, kind: Kind) {
        self.count(kind).imported += 1;
    }

    pub(super) fn already(&mut self, kind: Kind) {
        self.count(kind).already += 1;
    }

    pub(super) fn repeated(&mut self, kind: Kind) {
        self.count(kind).repeated += 1;
    }

    pub(super) fn skipped(&mut self, kind: Kind, old_id: &str, reason: &str) -> io::Result<()> {
        self.count(kind).skipped += 1;
        self.remark(kind, old_id, What::Skipped, reason)
    }

    /// It was brought, but not quite as it was.
    pub(super) fn changed(&mut self, kind: Kind, old_id: &str, reason: &str) -> io::Result<()> {
        self.count(kind).changed += 1;
        self.remark(kind, old_id, What::Changed, reason)
    }

    /// A message got a later time than it had, since the log held something younger.
    pub(super) fn later(&mut self, at: UnixMillis) {
        self.later += 1;
        self.later_at = at;
    }

    fn remark(&mut self, kind: Kind, old_id: &str, what: What, reason: &str) -> io::Result<()> {
        let remark = Remark {
            kind,
            old_id: old_id.to_owned(),
            what,
            reason: reason.to_owned(),
        };
        if let Some(all) = &mut self.all {
            serde_json::to_writer(&mut *all, &remark)?;
            all.write_all(b"\n")?;
        }
        let shown = self.shown.entry((what, kind)).or_default();
        if shown.len() < SHOWN_MAX {
            shown.push(remark);
        }
        Ok(())
    }

    /// Writes the summary, and what is left of the file of all remarks.
    pub fn finish(&mut self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(
            out,
            "{:10}{:>10}{:>15}{:>10}{:>10}{:>10}",
            "", "imported", "already there", "repeated", "changed", "skipped"
        )?;
        for kind in KINDS {
            let counts = self.counts.get(&kind).copied().unwrap_or_default();
            writeln!(
                out,
                "{:10}{:>10}{:>15}{:>10}{:>10}{:>10}",
                kind.name(),
                counts.imported,
                counts.already,
                counts.repeated,
                counts.changed,
                counts.skipped
            )?;
        }
        for ((what, kind), remarks) in &self.shown {
            for remark in remarks {
                let name = kind.name();
                // Ids and reasons hold what somebody else stored: nothing of it may steer a terminal.
                let (id, reason) = (tame(&remark.old_id), tame(&remark.reason));
                writeln!(out, "{}: {name} {id}: {reason}", what.name())?;
            }
            let counts = self.counts.get(kind).copied().unwrap_or_default();
            let all = match what {
                What::Changed => counts.changed,
                What::Skipped => counts.skipped,
            };
            let more = all.saturating_sub(remarks.len() as u64);
            if more > 0 {
                writeln!(
                    out,
                    "{}: {} and {more} more (--report FILE tells all)",
                    what.name(),
                    kind.name()
                )?;
            }
        }
        if self.later > 0 {
            let (count, at) = (self.later, self.later_at);
            writeln!(
                out,
                "note: the log held younger entries: {count} messages have a later time than they had (up to {at} ms since 1970)"
            )?;
        }
        match &mut self.all {
            Some(all) => all.flush(),
            None => Ok(()),
        }
    }
}

/// Without what steers a terminal; quotes stay as they are.
fn tame(text: &str) -> String {
    let mut tamed = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\'' | '"' => tamed.push(c),
            _ => tamed.extend(c.escape_debug()),
        }
    }
    tamed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_stored_steers_no_terminal_and_stays_readable() {
        assert_eq!(
            tame("somebody's \"长\" \u{1b}[2J\u{202e}\n"),
            "somebody's \"长\" \\u{1b}[2J\\u{202e}\\n"
        );
    }
}
