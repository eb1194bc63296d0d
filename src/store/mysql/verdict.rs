//! The codes by which the procedures say what became of a draft.

use mysql_async::Row;

use super::rows::Columns;
use crate::model::draft::{Outcome, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::ids::{Epoch, Seq};
use crate::store::{Result, StoreError};

/// What one call did.
#[derive(Debug)]
pub(super) struct Judged {
    pub epoch: Epoch,
    /// One for each draft; `None`: the server saw two states of it and is to be asked again.
    pub outcomes: Vec<Option<Outcome>>,
}

/// Whether a single message was left to the procedure that judges runs: it names no entry.
pub(super) fn is_passed_on(rows: &[Row]) -> bool {
    let added = rows.first().and_then(|row| row.get_opt::<u64, _>(2));
    !matches!(added, Some(Ok(1)))
}

/// Reads the answer to a run of `drafts` messages.
pub(super) fn of_run(rows: Vec<Row>, drafts: usize) -> Result<Judged> {
    let mut row = the_row(rows)?;
    let epoch = row.next()?;
    let before: u64 = row.next()?;
    let added: u64 = row.next()?;
    let at: UnixMillis = row.next()?;
    let why: Option<Vec<u8>> = row.next()?;
    let outcomes: Vec<Option<Outcome>> = match why {
        None => (1..=added)
            .map(|place| {
                Some(Outcome::Appended {
                    seq: Seq(before + place),
                    at,
                })
            })
            .collect(),
        Some(why) => {
            let why = String::from_utf8(why).map_err(|_| nonsense())?;
            let verdicts = why.split(',').map(|verdict| {
                let mut numbers = verdict.split(' ').map(str::parse::<i64>);
                let mut number = || numbers.next().and_then(std::result::Result::ok);
                match (number(), number(), number()) {
                    (Some(code), Some(seq), Some(at)) => outcome(code, seq.cast_unsigned(), at),
                    (_, _, _) => Err(nonsense()),
                }
            });
            verdicts.collect::<Result<_>>()?
        }
    };
    if outcomes.len() == drafts {
        Ok(Judged { epoch, outcomes })
    } else {
        Err(nonsense())
    }
}

/// Reads the answer to a change.
pub(super) fn of_change(rows: Vec<Row>) -> Result<Judged> {
    let mut row = the_row(rows)?;
    let epoch = row.next()?;
    let code: i64 = row.next()?;
    let seq: u64 = row.next()?;
    let at = row.next()?;
    Ok(Judged {
        epoch,
        outcomes: vec![outcome(code, seq, at)?],
    })
}

fn the_row(rows: Vec<Row>) -> Result<Columns> {
    rows.into_iter()
        .next()
        .map(Columns::of)
        .ok_or_else(nonsense)
}

fn outcome(code: i64, seq: u64, at: UnixMillis) -> Result<Option<Outcome>> {
    let refusal = match code {
        0 => return Ok(Some(Outcome::Appended { seq: Seq(seq), at })),
        1 => return Ok(Some(Outcome::Duplicate { seq: Seq(seq), at })),
        2 => Refusal::CidReused,
        3 => Refusal::NotFound,
        4 => Refusal::NotMember,
        5 => Refusal::NotAllowed,
        6 => Refusal::Blocked,
        7 => Refusal::AlreadyMember,
        8 => Refusal::AlreadyFriends,
        9 => Refusal::GroupFull,
        10 => Refusal::Disabled,
        11 => Refusal::Unstorable,
        12 => return Ok(None),
        13 => Refusal::RecallExpired,
        14 => Refusal::Gone,
        15 => Refusal::PacketEmpty,
        16 => Refusal::PacketExpired,
        17 => Refusal::AlreadyClaimed,
        18 => Refusal::Insufficient,
        _ => return Err(nonsense()),
    };
    Ok(Some(Outcome::Refused(refusal)))
}

fn nonsense() -> StoreError {
    StoreError::Corrupt(
        "a procedure in the database answers as none of this program does: run `starling migrate`"
            .to_owned(),
    )
}
