//! Red packets, transfers and balances: cents of play money.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::packet;

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PacketKind {
    Packet,
    Transfer,
}

impl From<packet::PacketKind> for PacketKind {
    fn from(kind: packet::PacketKind) -> PacketKind {
        match kind {
            packet::PacketKind::Packet => PacketKind::Packet,
            packet::PacketKind::Transfer => PacketKind::Transfer,
        }
    }
}

/// Shares alike (what does not divide goes to the first, a cent each), or by chance.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    Equal,
    Lucky,
}

impl From<packet::Split> for Split {
    fn from(split: packet::Split) -> Split {
        match split {
            packet::Split::Equal => Split::Equal,
            packet::Split::Lucky => Split::Lucky,
        }
    }
}

/// `empty`: all shares were claimed; `expired`: what was left goes back to the sender.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PacketState {
    Open,
    Empty,
    Expired,
}

impl From<packet::PacketState> for PacketState {
    fn from(state: packet::PacketState) -> PacketState {
        match state {
            packet::PacketState::Open => PacketState::Open,
            packet::PacketState::Empty => PacketState::Empty,
            packet::PacketState::Expired => PacketState::Expired,
        }
    }
}

/// Who took how much, and when.
#[derive(Serialize, ToSchema)]
pub struct PacketClaim {
    pub user: u64,
    /// Cents.
    pub amount: u64,
    pub at: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Packet {
    pub seq: u64,
    /// Who sent it.
    pub from: u64,
    pub kind: PacketKind,
    pub split: Split,
    /// Cents it held at first.
    pub total: u64,
    /// Into how many shares it was cut.
    pub count: u64,
    pub state: PacketState,
    pub expires_at: i64,
    /// In the order of claiming.
    pub claims: Vec<PacketClaim>,
}

impl From<packet::Packet> for Packet {
    fn from(packet: packet::Packet) -> Packet {
        let claims = packet.claims.into_iter().map(|claim| PacketClaim {
            user: claim.user.0,
            amount: claim.cents,
            at: claim.at,
        });
        Packet {
            seq: packet.seq.0,
            from: packet.sender.0,
            kind: packet.kind.into(),
            split: packet.split.into(),
            total: packet.total,
            count: packet.shares,
            state: packet.state.into(),
            expires_at: packet.expires_at,
            claims: claims.collect(),
        }
    }
}

/// The share that was claimed.
#[derive(Serialize, ToSchema)]
pub struct ClaimedShare {
    /// Cents.
    pub amount: u64,
}

#[derive(Serialize, ToSchema)]
pub struct Balance {
    /// Cents.
    pub balance: u64,
}
