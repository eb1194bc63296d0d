//! Packets and balances as they are. Money moves through the log alone.

use async_trait::async_trait;

use super::Result;
use crate::model::conversation::Conv;
use crate::model::ids::{Seq, UserId};
use crate::model::packet::Packet;

/// Red packets, transfers and what everybody has, in cents of play money. They change by
/// [`Change::SendPacket`](crate::model::draft::Change::SendPacket) and the two after it; at any place of the log, what
/// all users have and what is in packets is together what they began with.
#[async_trait]
pub trait PacketStore: Send + Sync {
    /// What the user has: what the rules start everybody with until his money first moves.
    async fn balance(&self, user: UserId) -> Result<u64>;
    /// The packet whose message is at `seq`, and who claimed what of it, from one snapshot. Whether its time is over is
    /// by the store's clock.
    async fn packet(&self, seq: Seq) -> Result<Option<Packet>>;
    /// Packets to give back: their time is over by the store's clock and they are not settled, the earliest first.
    async fn overdue(&self, limit: usize) -> Result<Vec<(Seq, Conv)>>;
    /// Deletes settled packets whose messages were pruned, at most `limit`, and says how many.
    async fn forget_pruned(&self, limit: usize) -> Result<usize>;
}
