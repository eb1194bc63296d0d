//! Drafts: entries on their way into the log, the change of state each carries, and the store's verdict.
//!
//! Whatever changes together with an entry is named here as a [`Change`] and done by the store inside the
//! append, after it holds the order. So a refusal or an acceptance is true at exactly one place in the log.

use bytes::Bytes;

use super::alteration::{EditedBody, Emoji};
use super::conversation::Conv;
use super::entry::{EntryKind, UnixMillis};
use super::group::{GroupPatch, NewGroup};
use super::ids::{Cid, Seq, SessionId, UserId};

/// A proposed entry.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The conversation it goes to.
    pub conv: Conv,
    /// Who proposes it; taken from the session, never from a body.
    pub from: UserId,
    /// What it will be.
    pub kind: EntryKind,
    /// The sender's id of it: the same on each repetition.
    pub cid: Cid,
    /// The kind's fields, a JSON object.
    pub body: Bytes,
    /// What changes with it, and thereby which conditions it must meet.
    pub change: Change,
}

impl Draft {
    /// A 64-bit fingerprint of what is said and to whom: tells a repetition from another use of the same
    /// client id. The first 8 bytes of SHA-256 over length-prefixed parts, kept below 2^63 for SQL integers.
    #[must_use]
    pub fn fingerprint(&self) -> i64 {
        let mut hash = ring::digest::Context::new(&ring::digest::SHA256);
        let conv = self.conv.to_string();
        for part in [conv.as_bytes(), &[self.kind.code()], &self.body] {
            hash.update(&(part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        let mut first = [0u8; 8];
        first.copy_from_slice(&hash.finish().as_ref()[..8]);
        i64::from_be_bytes(first) & i64::MAX
    }

    /// Bytes this draft counts for in bounds on batches and backlogs.
    #[must_use]
    pub fn weight(&self) -> usize {
        self.body.len() + 256
    }
}

/// What an append changes besides adding the entry. Each variant names its conditions; a condition not met
/// is a [`Refusal`] and leaves everything as it was.
#[derive(Clone, Debug)]
pub enum Change {
    /// A message. Group: the author is a member (`NotMember`), the group exists (`NotFound`).
    /// Private: the other exists and is not disabled (`NotFound`), has not blocked the author (`Blocked`),
    /// and where the deployment says so is a friend (`NotAllowed`). Notes to self always.
    Message,
    /// The author takes back the message `target`, of this media. It is in the draft's conversation (`NotFound`) and
    /// was not taken back (`Gone`). Group: the author is a member (`NotAllowed`); his own it is within the deployment's
    /// time (`RecallExpired`), or he is owner or admin; somebody else's is taken back by a higher role than that one has
    /// in the group now (`NotAllowed`). Private: his own (`NotAllowed`), within the time. From the entry on nothing of
    /// what it said is in the store: not in its row, which keeps its place, author and client id, not in those of its
    /// edits; and its reactions are gone.
    Recall { target: Seq, media: u16 },
    /// The author gives his message `target` (`NotAllowed`), of this media, the body `body`. It is in the draft's
    /// conversation (`NotFound`) and was not taken back (`Gone`). Group: he is a member and not muted (`NotAllowed`).
    /// Private: as for a message. That only its text differs is the caller's to see to.
    Edit {
        target: Seq,
        media: u16,
        body: EditedBody,
    },
    /// The author puts `emoji` on the message `target`, of this media, or takes it off. It is in the draft's conversation
    /// (`NotFound`) and was not taken back (`Gone`), and has at most [`EMOJIS_MAX`](super::alteration::EMOJIS_MAX) emojis (`NotAllowed`). Group: he is a
    /// member (`NotAllowed`). Private: to put it on, as for a message. What is so already adds no entry and is a
    /// [`Outcome::Duplicate`]: of the reaction, or where there is none to take off, of the message.
    React {
        target: Seq,
        media: u16,
        emoji: Emoji,
        on: bool,
    },
    /// A new group with the author as owner and first member. All members exist (`NotFound`), none has blocked the
    /// author (`Blocked`).
    CreateGroup {
        group: NewGroup,
        members: Vec<UserId>,
    },
    /// The author enters a group that is open (`NotAllowed`), exists (`NotFound`), has room (`GroupFull`),
    /// and that he is not in (`AlreadyMember`).
    Join,
    /// The author, a member (`NotMember`; of groups not open: owner or admin, `NotAllowed`), brings others in:
    /// all exist (`NotFound`), none is in yet (`AlreadyMember`), none has blocked the author (`Blocked`), room for all (`GroupFull`).
    Add { users: Vec<UserId> },
    /// The author leaves (`NotMember`). An owner's group goes to the longest-standing admin, else member; the last one's leaving dissolves it.
    Leave,
    /// The author removes somebody of lower role (`NotAllowed`), who is a member (`NotMember`).
    Kick { user: UserId },
    /// The owner (`NotAllowed`) ends the group: all memberships close.
    Dissolve,
    /// Owner or admin (`NotAllowed`) changes the profile.
    EditGroup { patch: GroupPatch },
    /// The author asks `other` for friendship: exists (`NotFound`), not friends yet (`AlreadyFriends`), has not
    /// blocked the author (`Blocked`). With `auto`, or when the other asked before, they are friends at once; the
    /// entry's body then still says what the author did, and the stored state is what counts.
    Befriend {
        other: UserId,
        message: String,
        auto: bool,
    },
    /// The author answers the request `request` that was put to him and is open (`NotFound`).
    AnswerFriend {
        request: u64,
        other: UserId,
        accept: bool,
    },
    /// The author ends the friendship with `other` for both (`NotFound` when there is none).
    Unfriend { other: UserId },
    /// Sessions of the author end. Those already ended are passed over; none left: `NotFound`.
    Revoke { sessions: Vec<SessionId> },
    /// The system speaks to everybody. No condition: the caller has checked the right to.
    Notice,
}

/// The store's verdict on one draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is in the log now, at this place and time.
    Appended { seq: Seq, at: UnixMillis },
    /// The same draft was in the log already, at this place and time, or what it asks for was so since then. Nothing
    /// changed.
    Duplicate { seq: Seq, at: UnixMillis },
    /// It is not in the log, and nothing changed.
    Refused(Refusal),
}

/// Why a draft is not in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The author used this client id for something else.
    #[error("the client id was used for other content")]
    CidReused,
    /// No such user, group or request.
    #[error("not found")]
    NotFound,
    /// The author, or the one he acts on, is not a member.
    #[error("not a member")]
    NotMember,
    /// The author's role or the policy does not permit it.
    #[error("not allowed")]
    NotAllowed,
    /// The other has blocked the author.
    #[error("blocked")]
    Blocked,
    /// Already in the group.
    #[error("already a member")]
    AlreadyMember,
    /// Already friends.
    #[error("already friends")]
    AlreadyFriends,
    /// The group has as many members as the deployment permits.
    #[error("the group is full")]
    GroupFull,
    /// The author was disabled or deleted.
    #[error("the account is disabled")]
    Disabled,
    /// Too late to take a message back.
    #[error("too late to recall")]
    RecallExpired,
    /// The message was taken back.
    #[error("recalled")]
    Gone,
    /// The store could not take this one entry for a reason of its own; repeating it is pointless.
    #[error("the store cannot hold this entry")]
    Unstorable,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_depends_on_each_part_and_on_where_parts_end() {
        let base = Draft {
            conv: Conv::Notices,
            from: UserId(1),
            kind: EntryKind::Message,
            cid: "c".parse().unwrap(),
            body: Bytes::from_static(b"{}"),
            change: Change::Message,
        };
        let other_body = Draft {
            body: Bytes::from_static(b"{ }"),
            ..base.clone()
        };
        let other_kind = Draft {
            kind: EntryKind::Notice,
            ..base.clone()
        };
        let other_cid = Draft {
            cid: "d".parse().unwrap(),
            ..base.clone()
        };
        assert_ne!(base.fingerprint(), other_body.fingerprint());
        assert_ne!(base.fingerprint(), other_kind.fingerprint());
        assert_eq!(base.fingerprint(), other_cid.fingerprint());
        assert!(base.fingerprint() >= 0);
    }
}
