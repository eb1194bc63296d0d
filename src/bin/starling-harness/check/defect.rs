//! What can be wrong, and which promise each breaks.

use serde::Serialize;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Defect {
    /// Acknowledged, and not in the log at that place.
    Vanished,
    /// In the log, for somebody who had moved past it, and never seen by him.
    Lost,
    /// Seen twice by one client.
    Duplicated,
    /// One send, several entries.
    StoredTwice,
    /// Seen after a later one.
    OutOfOrder,
    /// Seen by somebody who was not entitled to it at that place.
    Forbidden,
    /// Not what was sent, or not what is in the log.
    Altered,
    /// Refused, and in the log all the same, or refused without a reason that the run gave.
    Refused,
    /// Never acknowledged although everything was well again.
    Unanswered,
    /// A client that never caught up although everything was well again.
    Behind,
    /// A rule of the protocol was broken.
    Protocol,
    /// The client was sent back to the start although nothing was put back.
    Reset,
    /// A process ended by itself, or did not start again.
    Process,
}

impl Defect {
    /// The promise it breaks, by number.
    pub(crate) fn promise(self) -> &'static str {
        match self {
            Defect::Vanished => "P1",
            Defect::Lost | Defect::Duplicated | Defect::Altered => "P2",
            Defect::OutOfOrder | Defect::Forbidden => "P3",
            Defect::StoredTwice | Defect::Refused => "P4",
            Defect::Unanswered => "P5",
            Defect::Behind | Defect::Reset | Defect::Protocol => "P6",
            Defect::Process => "P8",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Defect::Vanished => "vanished",
            Defect::Lost => "lost",
            Defect::Duplicated => "duplicated",
            Defect::StoredTwice => "stored twice",
            Defect::OutOfOrder => "out of order",
            Defect::Forbidden => "forbidden",
            Defect::Altered => "altered",
            Defect::Refused => "wrongly refused",
            Defect::Unanswered => "unanswered",
            Defect::Behind => "behind",
            Defect::Protocol => "protocol",
            Defect::Reset => "reset",
            Defect::Process => "process",
        }
    }
}

/// The promises the ledgers can show broken, in a few words.
pub(crate) const PROMISES: [(&str, &str); 7] = [
    ("P1", "acked is durable"),
    ("P2", "everyone entitled gets it, once"),
    ("P3", "one order, entitlement by place"),
    ("P4", "retry is safe"),
    ("P5", "datagrams are hints: all is answered in the end"),
    ("P6", "any node serves anyone, without a gap"),
    ("P8", "slow ones hurt only themselves; no process dies"),
];

/// One thing that is wrong.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Finding {
    pub(crate) defect: Defect,
    /// When it showed, in seconds of the run.
    pub(crate) at: f64,
    /// Whose ledger shows it.
    pub(crate) client: String,
    pub(crate) what: String,
    /// What this client did and heard around it.
    pub(crate) history: Vec<String>,
}
