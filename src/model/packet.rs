//! Red packets and transfers: play money of the deployment, in cents, and how it is cut into shares.
//!
//! A packet is cut when it is made, so that whoever claims takes the next share and the sum is right by construction.

use serde::{Deserialize, Serialize};

use super::conversation::Conv;
use super::entry::UnixMillis;
use super::ids::{Seq, UserId};

/// Most shares of a packet: a group of more people still sees who was quick, and one packet stays one small list.
pub const SHARES_MAX: u64 = 100;
/// Most cents that move at once: a thousand million whole ones. However often they are added up, sums stay below 2^53.
pub const TOTAL_CENTS_MAX: u64 = 100_000_000_000;

/// The media number of a packet's message.
const MEDIA_PACKET: u16 = 5;

/// What kind of packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketKind {
    /// Some shares for whoever is quick.
    Packet,
    /// All of it for the other one of a private conversation.
    Transfer,
}

impl PacketKind {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            PacketKind::Packet => 0,
            PacketKind::Transfer => 1,
        }
    }

    /// The kind with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<PacketKind> {
        match code {
            0 => Some(PacketKind::Packet),
            1 => Some(PacketKind::Transfer),
            _ => None,
        }
    }
}

/// How a packet is cut.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Alike; what does not divide goes to the first, a cent each.
    #[default]
    Equal,
    /// By chance.
    Lucky,
}

impl Split {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Split::Equal => 0,
            Split::Lucky => 1,
        }
    }

    /// The cut with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Split> {
        match code {
            0 => Some(Split::Equal),
            1 => Some(Split::Lucky),
            _ => None,
        }
    }
}

/// A packet on its way into the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewPacket {
    pub kind: PacketKind,
    pub split: Split,
    /// Cents, in the order in which they are claimed: at least one share, each at least one cent.
    pub shares: Vec<u64>,
    /// How long it can be claimed.
    pub life_ms: i64,
}

impl NewPacket {
    /// All of it, in cents.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.shares
            .iter()
            .fold(0, |sum, share| sum.saturating_add(*share))
    }
}

/// A packet as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Packet {
    /// The place of its message.
    pub seq: Seq,
    pub conv: Conv,
    pub sender: UserId,
    pub kind: PacketKind,
    pub split: Split,
    /// Cents at first.
    pub total: u64,
    /// How many shares it was cut into.
    pub shares: u64,
    /// Cents that are in it still.
    pub rest: u64,
    pub expires_at: UnixMillis,
    pub state: PacketState,
    /// In the order of claiming.
    pub claims: Vec<Claim>,
}

impl Packet {
    /// Sets the state by whether the packet is settled, who has claimed and the store's clock.
    pub fn judge(&mut self, settled: bool, now: UnixMillis) {
        self.state = if self.rest == 0 && self.claims.len() as u64 == self.shares {
            PacketState::Empty
        } else if settled || now >= self.expires_at {
            PacketState::Expired
        } else {
            PacketState::Open
        };
    }
}

/// Whether there is something left to claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketState {
    Open,
    /// All shares were claimed.
    Empty,
    /// Its time is over; what was left goes or went back to the sender.
    Expired,
}

/// Who took which share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    pub user: UserId,
    pub cents: u64,
    pub at: UnixMillis,
}

/// Cuts `total` cents into `count` shares of at least one cent each; `below(n)` draws a number from 0 to n - 1.
/// Needs 1 ≤ `count` ≤ `total`.
///
/// Lucky shares are drawn by the "double average": each is uniform between one cent and twice the average of what is
/// left, so that all have the same expectation whatever their turn, and none takes nearly all. They are shuffled
/// nevertheless: what is left at the end varies more.
#[must_use]
pub fn cut(total: u64, count: u64, split: Split, mut below: impl FnMut(u64) -> u64) -> Vec<u64> {
    debug_assert!(1 <= count && count <= total, "{count} shares of {total}");
    match split {
        Split::Equal => {
            let (each, over) = (total / count, total % count);
            (0..count).map(|n| each + u64::from(n < over)).collect()
        }
        Split::Lucky => {
            let mut shares = Vec::new();
            let mut left = total;
            for others in (1..count).rev() {
                // At least a cent for each of the others stays.
                let most = (left * 2 / (others + 1)).min(left - others).max(1);
                let share = 1 + below(most) % most;
                shares.push(share);
                left -= share;
            }
            shares.push(left);
            for last in (1..shares.len()).rev() {
                let choices = last as u64 + 1;
                let chosen = usize::try_from(below(choices) % choices).unwrap_or(last);
                shares.swap(last, chosen);
            }
            shares
        }
    }
}

/// Body of a packet's message: media 5, as clients see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PacketBody {
    media: u16,
    #[serde(skip_serializing_if = "String::is_empty")]
    memo: String,
    amount: u64,
    meta: PacketMeta,
}

/// What a message says of its packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
struct PacketMeta {
    packet: PacketKind,
    count: u64,
    split: Split,
}

impl PacketBody {
    /// The body of a packet of `total` cents in `count` shares.
    #[must_use]
    pub fn new(total: u64, memo: String, kind: PacketKind, count: u64, split: Split) -> PacketBody {
        PacketBody {
            media: MEDIA_PACKET,
            memo,
            amount: total,
            meta: PacketMeta {
                packet: kind,
                count,
                split,
            },
        }
    }
}

/// Body of the notice that tells what became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct PacketNotice {
    /// The packet's message.
    pub target: Seq,
    pub packet: PacketEvent,
    /// A line for clients that know no packets, in no language.
    pub content: &'static str,
}

impl PacketNotice {
    /// The notice of this event.
    #[must_use]
    pub fn new(target: Seq, packet: PacketEvent) -> PacketNotice {
        PacketNotice {
            target,
            packet,
            content: "🧧",
        }
    }
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PacketEvent {
    /// The notice's author took a share.
    Claimed,
    /// What was left went back to the sender.
    Refunded,
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_divide_goes_to_the_first() {
        assert_eq!(cut(10, 4, Split::Equal, |_| 0), [3, 3, 2, 2]);
        assert_eq!(cut(7, 7, Split::Equal, |_| 0), [1; 7]);
        assert_eq!(cut(5, 1, Split::Lucky, |_| 4), [5]);
    }

    proptest! {
        #[test]
        fn shares_are_as_many_as_asked_none_is_empty_and_the_sum_is_the_total(
            count in 1..=SHARES_MAX, more in 0..TOTAL_CENTS_MAX - SHARES_MAX, lucky: bool, seed: u64,
        ) {
            let total = count + more;
            let split = if lucky { Split::Lucky } else { Split::Equal };
            let mut random = fastrand::Rng::with_seed(seed);
            let shares = cut(total, count, split, |n| random.u64(0..n));
            prop_assert_eq!(shares.len() as u64, count);
            prop_assert!(shares.iter().all(|share| *share >= 1));
            prop_assert_eq!(shares.iter().sum::<u64>(), total);
        }

        #[test]
        fn luck_leaves_something_for_everybody(count in 2..=20u64, seed: u64) {
            let mut random = fastrand::Rng::with_seed(seed);
            let shares = cut(10_000, count, Split::Lucky, |n| random.u64(0..n));
            // Twice the average of what is left is at most all of it, for the last two.
            prop_assert!(shares.iter().all(|share| *share <= 10_000 - (count - 1)));
        }
    }
}
