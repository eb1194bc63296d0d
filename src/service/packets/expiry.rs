//! Gives back what is left of packets whose time is over.
//!
//! Every node looks; the append lets exactly one entry give back, since its client id is derived from the packet. Who
//! claims too late is refused by the append whether anybody looked or not. Run by the node as a task.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::sleep;
use tracing::{debug, info, warn};

use crate::journal::committer::Committer;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Outcome};
use crate::model::entry::EntryKind;
use crate::model::error::Failure;
use crate::model::ids::{Cid, Seq, UserId};
use crate::model::packet::{PacketEvent, PacketNotice};
use crate::service::append::{draw_cid, encode};
use crate::store::PacketStore;

/// Between two looks: nobody waits for his money to the second after a day.
const LOOK_EVERY: Duration = Duration::from_secs(20);
/// Packets given back in one look; more wait for the next, so that a pile of them never floods the log.
const AT_ONCE: usize = 200;
/// After so many looks (about an hour) what is known of packets whose messages were pruned is deleted.
const LOOKS_BEFORE_FORGETTING: u32 = 180;

/// The use case.
pub struct Expiry {
    packets: Arc<dyn PacketStore>,
    committer: Committer,
}

impl Expiry {
    #[must_use]
    pub fn new(packets: Arc<dyn PacketStore>, committer: Committer) -> Expiry {
        Expiry { packets, committer }
    }

    /// Looks again and again for the life of the node; `random` spreads the nodes.
    pub async fn run(self, mut random: fastrand::Rng) {
        let mut looks = 0u32;
        loop {
            sleep(LOOK_EVERY.mul_f64(0.75 + random.f64() / 2.0)).await;
            match self.round().await {
                Ok(0) => {}
                Ok(returned) => info!(returned, "what was left of packets went back"),
                // The next look does what this one left.
                Err(failure) => debug!(%failure, "packets could not be given back now"),
            }
            looks = looks.wrapping_add(1);
            if looks.is_multiple_of(LOOKS_BEFORE_FORGETTING)
                && let Err(error) = self.packets.forget_pruned(AT_ONCE).await
            {
                warn!(%error, "packets whose messages were pruned could not be forgotten");
            }
        }
    }

    /// Gives back what is over now, and says how many packets this node settled.
    ///
    /// # Errors
    /// The store is away; what was given back before that stays so.
    pub async fn round(&self) -> Result<usize, Failure> {
        let mut returned = 0;
        for (seq, conv) in self.packets.overdue(AT_ONCE).await? {
            match self.committer.submit(refund(seq, conv)?, None).await? {
                Outcome::Appended { .. } => returned += 1,
                // Another node was quicker.
                Outcome::Duplicate { .. } => {}
                Outcome::Refused(refusal) => {
                    debug!(packet = seq.0, %refusal, "a packet was not given back");
                }
            }
        }
        Ok(returned)
    }
}

fn refund(seq: Seq, conv: Conv) -> Result<Draft, Failure> {
    // Happens once, whoever does it; digits and a colon are always a client id.
    let cid: Cid = format!("refund:{seq}").parse().or_else(|_| draw_cid())?;
    Ok(Draft {
        conv,
        from: UserId::SYSTEM,
        kind: EntryKind::Notice,
        cid,
        body: encode(&PacketNotice::new(seq, PacketEvent::Refunded))?,
        change: Change::RefundPacket { packet: seq },
    })
}
