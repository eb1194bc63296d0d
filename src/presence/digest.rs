//! A part of the users online at a node, small enough for a beat: all of them within a range of ids.
//!
//! Whoever is in the range and not named is not online there; ranges take turns. Pure data.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::cluster::core::DIGEST_BYTES_MAX;
use crate::model::ids::UserId;

/// Users of one part: ids take up to 8 bytes as varints, and the two ends as much.
const USERS_MAX: usize = DIGEST_BYTES_MAX / 8 - 4;

/// One part.
#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digest {
    first: UserId,
    last: UserId,
    users: Vec<UserId>,
}

impl Digest {
    /// The part that begins at `from`, and where the next one begins.
    #[must_use]
    pub fn part(online: &BTreeSet<UserId>, from: UserId) -> (Digest, UserId) {
        let mut users: Vec<UserId> = online.range(from..).take(USERS_MAX + 1).copied().collect();
        let everything_else = UserId(u64::MAX);
        match users.get(USERS_MAX).copied() {
            Some(next) => {
                users.truncate(USERS_MAX);
                (
                    Digest {
                        first: from,
                        last: UserId(next.0 - 1),
                        users,
                    },
                    next,
                )
            }
            None => (
                Digest {
                    first: from,
                    last: everything_else,
                    users,
                },
                UserId(0),
            ),
        }
    }

    /// The ids it speaks of.
    #[must_use]
    pub fn range(&self) -> RangeInclusive<UserId> {
        self.first..=self.last
    }

    /// The users it names.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        self.users
            .iter()
            .copied()
            .filter(|user| self.range().contains(user))
    }

    /// Its form in a beat, at most [`DIGEST_BYTES_MAX`] bytes.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        // Plain numbers cannot fail to encode; an empty digest would be ignored.
        postcard::to_stdvec(self).unwrap_or_default().into()
    }

    /// Reads a digest from a peer; `None` when it is none.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Digest> {
        let digest: Digest = postcard::from_bytes(bytes).ok()?;
        (digest.first <= digest.last).then_some(digest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ids::ID_MAX;

    #[test]
    fn the_largest_part_fits_into_a_beat() {
        let online = (0..USERS_MAX as u64 + 5)
            .map(|n| UserId(ID_MAX - n))
            .collect();
        let (digest, _next) = Digest::part(&online, UserId(0));
        assert!(digest.encode().len() <= DIGEST_BYTES_MAX);
        assert_eq!(Digest::decode(&digest.encode()), Some(digest));
    }
}
