//! Red packets and transfers: play money that is sent, claimed, and given back when its time is over.
//!
//! Checks what needs no store and cuts the shares; whether somebody may send or claim, and has the money, the append
//! decides. No money here is worth anything outside the deployment.

mod expiry;

use std::sync::{Arc, Mutex, PoisonError};

use serde::Deserialize;

pub use expiry::Expiry;

use super::append::{Appended, append, draw_cid, encode};
use super::messages::Messages;
use super::rules;
use crate::journal::committer::Committer;
use crate::model::conversation::{Address, Conv};
use crate::model::draft::{Change, Draft};
use crate::model::entry::EntryKind;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Cid, Seq, UserId};
use crate::model::packet::{
    NewPacket, PacketBody, PacketEvent, PacketKind, PacketNotice, SHARES_MAX, Split,
    TOTAL_CENTS_MAX, cut,
};
use crate::store::{LogStore, PacketStore, Window};

pub use crate::model::packet::{Claim, Packet, PacketState};

/// A packet as a client asks for it. What is missing is `None`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct PacketRequest {
    pub cid: Option<String>,
    pub kind: Option<PacketKind>,
    pub total: Option<u64>,
    pub count: Option<u64>,
    pub split: Option<Split>,
    pub memo: Option<String>,
}

/// What [`Packets`] works with.
pub struct PacketParts {
    pub packets: Arc<dyn PacketStore>,
    pub log: Arc<dyn LogStore>,
    pub committer: Committer,
    /// Packets and claims count among what a user may send.
    pub messages: Messages,
    /// How long a packet can be claimed.
    pub hours: u32,
    /// Of the chance by which lucky packets are cut.
    pub seed: u64,
}

/// The till. Cheap to clone.
#[derive(Clone)]
pub struct Packets(Arc<Inner>);

struct Inner {
    parts: PacketParts,
    random: Mutex<fastrand::Rng>,
}

impl Packets {
    #[must_use]
    pub fn new(parts: PacketParts) -> Packets {
        let random = Mutex::new(fastrand::Rng::with_seed(parts.seed));
        Packets(Arc::new(Inner { parts, random }))
    }

    /// Sends a packet, which takes its total from the user's balance.
    pub async fn send(
        &self,
        user: UserId,
        to: Address,
        request: &PacketRequest,
    ) -> Result<Appended, Failure> {
        let Inner { parts, .. } = &*self.0;
        parts.messages.admit(user)?;
        let conv = to.conv_of(user);
        let wish = Wish::of(request, conv)?;
        let body = PacketBody::new(wish.total, wish.memo, wish.kind, wish.count, wish.split);
        let shares = {
            let mut random = self.0.random.lock().unwrap_or_else(PoisonError::into_inner);
            cut(wish.total, wish.count, wish.split, |n| random.u64(0..n))
        };
        let packet = NewPacket {
            kind: wish.kind,
            split: wish.split,
            shares,
            life_ms: i64::from(parts.hours) * 3_600_000,
        };
        let draft = Draft {
            conv,
            from: user,
            kind: EntryKind::Message,
            cid: wish.cid,
            body: encode(&body)?,
            change: Change::SendPacket { packet },
        };
        append(&parts.committer, draft, None).await
    }

    /// Takes the next share and says how many cents it holds.
    pub async fn claim(&self, user: UserId, seq: Seq) -> Result<u64, Failure> {
        let Inner { parts, .. } = &*self.0;
        parts.messages.admit(user)?;
        let found = parts.packets.packet(seq).await?;
        let Some(packet) = found.filter(|packet| concerns(packet.conv, user)) else {
            return Err(Failure::new(Code::NotFound));
        };
        let draft = Draft {
            conv: packet.conv,
            from: user,
            kind: EntryKind::Notice,
            cid: draw_cid()?,
            body: encode(&PacketNotice::new(seq, PacketEvent::Claimed))?,
            change: Change::ClaimPacket { packet: seq },
        };
        append(&parts.committer, draft, None).await?;
        let claimed = parts.packets.packet(seq).await?;
        let claims = claimed.map(|packet| packet.claims).unwrap_or_default();
        let own = claims.into_iter().find(|claim| claim.user == user);
        // Another moment of the store than the append's, at worst: the share is his, and asking again tells it.
        own.map(|claim| claim.cents)
            .ok_or(Failure::new(Code::Internal))
    }

    /// The packet, for who may see its message.
    pub async fn view(&self, user: UserId, seq: Seq) -> Result<Packet, Failure> {
        let Inner { parts, .. } = &*self.0;
        let unknown = Failure::new(Code::NotFound);
        let found = parts.packets.packet(seq).await?;
        let packet = found
            .filter(|packet| concerns(packet.conv, user))
            .ok_or(unknown.clone())?;
        let window = Window::After(seq.prev());
        let page = parts.log.page(user, packet.conv, window, seq, 1).await?;
        if page.entries.iter().any(|entry| entry.seq == seq) {
            Ok(packet)
        } else {
            Err(unknown)
        }
    }

    /// What the user has, in cents.
    pub async fn balance(&self, user: UserId) -> Result<u64, Failure> {
        Ok(self.0.parts.packets.balance(user).await?)
    }
}

/// Whether the user can be one of the conversation at all.
fn concerns(conv: Conv, user: UserId) -> bool {
    match conv {
        Conv::Group(_) => true,
        Conv::Private(..) => conv.peer_of(user).is_some(),
        Conv::Notices | Conv::Account(_) => false,
    }
}

/// A request whose every field is good.
struct Wish {
    cid: Cid,
    kind: PacketKind,
    total: u64,
    count: u64,
    split: Split,
    memo: String,
}

impl Wish {
    fn of(request: &PacketRequest, conv: Conv) -> Result<Wish, Failure> {
        let bad = |field| Failure::field(Code::BadRequest, field);
        let cid = request.cid.as_deref().and_then(|cid| cid.parse().ok());
        let kind = request.kind.ok_or(bad("kind"))?;
        let is_private = matches!(conv, Conv::Private(..));
        if kind == PacketKind::Transfer && !is_private {
            return Err(bad("kind"));
        }
        let count = match kind {
            PacketKind::Transfer => request.count.unwrap_or(1),
            PacketKind::Packet => request.count.ok_or(bad("count"))?,
        };
        // In private there is one who can claim.
        let count_max = if is_private { 1 } else { SHARES_MAX };
        if !(1..=count_max).contains(&count) {
            return Err(bad("count"));
        }
        let total = request.total.ok_or(bad("total"))?;
        if !(count..=TOTAL_CENTS_MAX).contains(&total) {
            return Err(bad("total"));
        }
        Ok(Wish {
            cid: cid.ok_or(bad("cid"))?,
            kind,
            total,
            count,
            split: request.split.unwrap_or_default(),
            memo: rules::memo(request.memo.as_deref().unwrap_or_default())?,
        })
    }
}
