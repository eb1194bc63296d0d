//! Drafts: entries on their way into the log, the change of state each carries, and the store's verdict.
//!
//! Whatever changes together with an entry is named here as a [`Change`] and done by the store inside the
//! append, after it holds the order. So a refusal or an acceptance is true at exactly one place in the log.

use bytes::Bytes;

use super::alteration::{EditedBody, Emoji};
use super::conversation::Conv;
use super::entry::{EntryKind, UnixMillis};
use super::group::{GroupPatch, InviteId, MemberPatch, NewGroup};
use super::ids::{Cid, GroupId, Seq, SessionId, UserId};
use super::packet::NewPacket;

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
    /// time (`RecallExpired`), or he is owner or admin, who take back anybody's (`NotAllowed`). Private: his own (`NotAllowed`), within the time. From the entry on nothing of
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
    /// Whoever comes into a group, in whatever way, has no open request there any more.
    Add { users: Vec<UserId> },
    /// The author leaves (`NotMember`). An owner's group goes to the longest-standing admin, else member; the last one's leaving dissolves it.
    Leave,
    /// The author removes somebody of lower role (`NotAllowed`), who is a member (`NotMember`).
    Kick { user: UserId },
    /// The owner (`NotAllowed`) ends the group: all memberships close, and nobody waits to come in any more.
    Dissolve,
    /// Owner or admin (`NotAllowed`) changes the profile, or mutes everybody below.
    EditGroup { patch: GroupPatch },
    /// The author changes what `user`, a member (`NotMember`), may do: as owner anybody else's role, as somebody of
    /// higher role for how long he is mute (`NotAllowed`). A mute outlives leaving, so that coming back ends none.
    EditMember { user: UserId, patch: MemberPatch },
    /// The owner (`NotAllowed`) makes another member (`NotMember`), who is not disabled (`NotFound`), the owner and
    /// becomes an admin. Nobody can mute an owner: a mute the new one has ends.
    Transfer { user: UserId },
    /// The author asks to be let into a group that lets in by approval (`NotAllowed`), exists (`NotFound`), and that he
    /// is not in (`AlreadyMember`). Asking again is the same request in other words. The entry is in the author's own
    /// conversation: whether somebody asked is no business of the members.
    Ask { group: GroupId, message: String },
    /// Owner or admin (`NotAllowed`) lets `user` in, who asked by the open request `request` and is not disabled
    /// (`NotFound`), while there is room (`GroupFull`).
    Approve { request: u64, user: UserId },
    /// Owner or admin (`NotAllowed`) declines the open request `request` of `user` (`NotFound`). The entry is in
    /// the conversation of `user`, as that of [`Change::Ask`].
    Decline {
        group: GroupId,
        request: u64,
        user: UserId,
    },
    /// The author, who is not a member (`AlreadyMember`), comes in by an invitation to this group (`NotFound`), however
    /// the group lets in otherwise, while there is room (`GroupFull`). `Gone`: the invitation was revoked, has expired
    /// or is used up, the group ended, or who made it may not invite into the group any more.
    JoinByInvite { invite: InviteId },
    /// The author asks `other` for friendship: exists (`NotFound`), not friends yet (`AlreadyFriends`), has not
    /// blocked the author (`Blocked`). With `auto`, or when the other asked before, they are friends at once; the
    /// entry's body then still says what the author did, and the stored state is what counts.
    Befriend {
        other: UserId,
        message: String,
        auto: bool,
    },
    /// The author answers the request `request` that was put to him and is open (`NotFound`). He accepts only while the
    /// other has not blocked him (`Blocked`).
    AnswerFriend {
        request: u64,
        other: UserId,
        accept: bool,
    },
    /// The author ends the friendship with `other` for both (`NotFound` when there is none).
    Unfriend { other: UserId },
    /// Sessions of the author end. Those already ended are passed over; none left: `NotFound`.
    Revoke { sessions: Vec<SessionId> },
    /// The author's message is a packet: he may write a message there that somebody else reads (as [`Change::Message`];
    /// notes to self: `NotAllowed`), and has its total (`Insufficient`), which leaves his balance.
    SendPacket { packet: NewPacket },
    /// The author takes the next share of the packet at `packet`: he may see its message (`NotFound`) and is still in
    /// the conversation (`NotMember`); in private he is the one it was sent to (`NotAllowed`). He has none of it yet
    /// (`AlreadyClaimed`), there is one (`PacketEmpty`), and the time is not over (`PacketExpired`).
    ClaimPacket { packet: Seq },
    /// The system gives the sender back what is left of the packet at `packet`, which is not settled (`NotFound`) and
    /// whose time is over (`NotAllowed`).
    RefundPacket { packet: Seq },
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
    /// What it is about was there and is no more.
    #[error("gone")]
    Gone,
    /// All shares of the packet were claimed.
    #[error("the packet is empty")]
    PacketEmpty,
    /// The packet's time is over.
    #[error("the packet has expired")]
    PacketExpired,
    /// The author has a share of the packet.
    #[error("already claimed")]
    AlreadyClaimed,
    /// The author does not have that much.
    #[error("the balance is not sufficient")]
    Insufficient,
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
