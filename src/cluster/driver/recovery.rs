//! What to do when the log seems to have gone back: look at the store, carry on or start anew.
//!
//! Responsible for the comparison of what was applied with what the store holds, and for a position to start at that
//! is durable. Deliberately without the consequences: the driver tells core and sink. Driven by `jobs`, and by the node
//! for its first position.

use super::identity::EntryIdentity;
use crate::model::ids::{Cid, Epoch, Seq, UserId};
use crate::store::{LogHead, LogStore, NodeRow, NodeStore, StoreError};

/// What this node applied last.
#[derive(Debug, Clone)]
pub(super) struct Known {
    pub(super) epoch: Epoch,
    pub(super) applied: Seq,
    /// Place, sender and client id of the last applied entry; none when none was applied since the start.
    pub(super) last: Option<(Seq, UserId, Cid)>,
}

/// What the comparison says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The last applied entry is where it was: nothing that was shown to anybody was taken back.
    Same,
    /// Another log, another history, or pruned beyond us: start anew at this confirmed position.
    Different(LogHead),
}

/// Compares what is known with the store. A log that went back and kept its epoch gets another one, since by the
/// epoch alone nodes and clients tell what they hear of its lost entries from what takes their places.
pub(super) async fn verify(
    log: &dyn LogStore,
    nodes: &dyn NodeStore,
    row: NodeRow,
    known: &Known,
) -> Result<Verdict, StoreError> {
    let head = log.head().await?;
    if head.epoch == known.epoch && head.floor <= known.applied {
        let went_back = match &known.last {
            None => head.head < known.applied,
            Some((seq, from, cid)) => {
                let stored = log.entry(*seq).await?;
                if stored.is_some_and(|stored| stored.from == *from && stored.cid == *cid) {
                    return Ok(Verdict::Same);
                }
                true
            }
        };
        if went_back {
            log.renew_epoch(known.epoch).await?;
        }
    }
    confirmed_head(log, nodes, row)
        .await
        .map(Verdict::Different)
}

/// Reads the log's head and makes it durable by a commit of our own: the registry row. What `Core::new` starts at.
///
/// The store may crash between the read and the commit, and then the head was never durable. So the last entry is
/// compared once more after the commit; different means `Unavailable`: ask again.
pub async fn confirmed_head(
    log: &dyn LogStore,
    nodes: &dyn NodeStore,
    row: NodeRow,
) -> Result<LogHead, StoreError> {
    let head = log.head().await?;
    let before = log.entry(head.head).await?;
    nodes.beat(row).await?;
    let after = log.entry(head.head).await?;
    let same = before.as_ref().map(EntryIdentity::of) == after.as_ref().map(EntryIdentity::of);
    if same && log.head().await?.epoch == head.epoch {
        Ok(head)
    } else {
        Err(StoreError::Unavailable(
            "the log changed while its head was being confirmed".to_owned(),
        ))
    }
}
