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
                match log.entry(*seq).await? {
                    Some(stored) if stored.from == *from && stored.cid == *cid => {
                        return Ok(Verdict::Same);
                    }
                    Some(_) => true,
                    // What is pruned, maybe in this moment, is missing too, and tells nothing.
                    None => log.head().await?.floor < *seq,
                }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::conversation::Conv;
    use crate::model::ids::Incarnation;
    use crate::store::conformance::stage::Stage;
    use crate::store::sqlite::{OpenOptions, open};

    fn row() -> NodeRow {
        NodeRow {
            incarnation: Incarnation([7; 16]),
            name: "alder".to_owned(),
            address: ([127, 0, 0, 1], 3_001).into(),
            version: 1,
            packet_number: 0,
            counter: 0,
        }
    }

    /// A log of three entries, and a node that applied the first two.
    async fn behind_by_one() -> (Stage, Known) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("starling.db");
        let stores = open(path.to_str().unwrap(), OpenOptions::default()).unwrap();
        let stage = Stage::new(stores, folder);
        let anna = stage.user("anna").await;
        for text in ["one", "two", "three"] {
            stage.say(anna, Conv::private(anna, anna), text).await;
        }
        let last = stage.stores.log.entry(Seq(2)).await.unwrap().unwrap();
        let known = Known {
            epoch: stage.stores.log.head().await.unwrap().epoch,
            applied: last.seq,
            last: Some((last.seq, last.from, last.cid)),
        };
        (stage, known)
    }

    async fn verdict(stage: &Stage, known: &Known) -> Verdict {
        let (log, nodes) = (&*stage.stores.log, &*stage.stores.nodes);
        verify(log, nodes, row(), known).await.unwrap()
    }

    #[tokio::test]
    async fn a_log_whose_last_known_entry_was_pruned_keeps_its_epoch() {
        let (stage, known) = behind_by_one().await;
        assert_eq!(verdict(&stage, &known).await, Verdict::Same);
        stage.stores.retention.prune(Seq(2), 10).await.unwrap();
        let log = stage.stores.log.head().await.unwrap();
        assert_eq!((log.floor, log.epoch), (Seq(2), known.epoch));
        assert_eq!(verdict(&stage, &known).await, Verdict::Different(log));
    }

    #[tokio::test]
    async fn a_log_with_another_entry_in_the_place_or_none_gets_another_epoch() {
        let (stage, known) = behind_by_one().await;
        let cid = stage.cid();
        let other = Known {
            last: known.last.clone().map(|(seq, from, _)| (seq, from, cid)),
            ..known.clone()
        };
        let beyond = Known {
            applied: Seq(9),
            last: known.last.map(|(_, from, cid)| (Seq(9), from, cid)),
            ..known
        };
        for known in [other, beyond] {
            let before = stage.stores.log.head().await.unwrap().epoch;
            let known = Known {
                epoch: before,
                ..known
            };
            let Verdict::Different(log) = verdict(&stage, &known).await else {
                panic!("it is another history");
            };
            assert_ne!(log.epoch, before);
        }
    }
}
