//! What the change of a draft asks for and does, inside the append's transaction.
//!
//! One function per [`Change`]: conditions first, effects after, so that a refusal leaves little to undo. Gives no
//! seqs and writes no entries; the append does.

mod admission;
mod alterations;
mod friendship;
mod membership;
mod packets;
mod roles;

pub(super) use membership::role;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft, Refusal};
use crate::model::entry::UnixMillis;
use crate::model::group::Role;
use crate::model::ids::{GroupId, Seq, SessionId, UserId};
use crate::model::policy::{StoreRules, Strangers};

/// Why a draft does not become an entry: a condition, or the store itself.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(Refusal),
    /// What it asks for is so already, since the entry at this place.
    AsItWas {
        seq: Seq,
        at: UnixMillis,
    },
    Failed(rusqlite::Error),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        Stop::Refused(refusal)
    }
}

impl From<rusqlite::Error> for Stop {
    fn from(error: rusqlite::Error) -> Stop {
        Stop::Failed(error)
    }
}

/// A draft, and the place in the log that it gets unless it is refused.
pub(super) struct Place<'a> {
    pub tx: &'a Transaction<'a>,
    pub rules: &'a StoreRules,
    pub draft: &'a Draft,
    pub seq: Seq,
    pub at: UnixMillis,
}

/// Checks the conditions of the draft's change and does what it names.
pub(super) fn apply(place: &Place<'_>) -> Result<(), Stop> {
    match &place.draft.change {
        Change::Message => message(place),
        Change::Recall { target, media } => alterations::recall(place, *target, *media),
        Change::Edit {
            target,
            media,
            body,
        } => alterations::edit(place, *target, *media, body),
        Change::React {
            target,
            media,
            emoji,
            on,
        } => alterations::react(place, *target, *media, emoji, *on),
        Change::CreateGroup { group, members } => membership::create(place, group, members),
        Change::Join => membership::join(place),
        Change::Add { users } => membership::add(place, users),
        Change::Leave => membership::leave(place),
        Change::Kick { user } => membership::kick(place, *user),
        Change::Dissolve => membership::dissolve(place),
        Change::EditGroup { patch } => membership::edit(place, patch),
        Change::EditMember { user, patch } => roles::edit_member(place, *user, *patch),
        Change::Transfer { user } => roles::transfer(place, *user),
        Change::Ask { group, message } => admission::ask(place, *group, message),
        Change::Approve { request, user } => admission::approve(place, *request, *user),
        Change::Decline {
            group,
            request,
            user,
        } => admission::decline(place, *group, *request, *user),
        Change::JoinByInvite { invite } => admission::join_by_invite(place, invite),
        Change::Befriend {
            other,
            message,
            auto,
        } => friendship::befriend(place, *other, message, *auto),
        Change::AnswerFriend {
            request,
            other,
            accept,
        } => friendship::answer(place, *request, *other, *accept),
        Change::Unfriend { other } => friendship::end(place, *other),
        Change::Revoke { sessions } => revoke(place, sessions),
        Change::SendPacket { packet } => packets::send(place, packet),
        Change::ClaimPacket { packet } => packets::claim(place, *packet),
        Change::RefundPacket { packet } => packets::refund(place, *packet),
        Change::Notice => in_conversation(place, Conv::Notices),
    }
}

fn message(place: &Place<'_>) -> Result<(), Stop> {
    let author = place.draft.from;
    match place.draft.conv {
        Conv::Group(group) => match membership::role(place.tx, group, author)? {
            Some(role) if is_muted(place, group, role)? => Err(Refusal::NotAllowed.into()),
            Some(Role::Member | Role::Admin | Role::Owner) => Ok(()),
            None => {
                membership::living(place.tx, group)?;
                Err(Refusal::NotMember.into())
            }
        },
        Conv::Private(..) => match place.draft.conv.peer_of(author) {
            Some(peer) if peer == author => Ok(()),
            Some(peer) => message_to(place, peer),
            None => Err(Refusal::NotAllowed.into()),
        },
        Conv::Notices | Conv::Account(_) => Err(Refusal::NotAllowed.into()),
    }
}

/// Whether the author may not write in the group for now: as everybody but owner and admins, or himself, whom only
/// ownership protects.
fn is_muted(place: &Place<'_>, group: GroupId, role: Role) -> rusqlite::Result<bool> {
    let author = place.draft.from;
    let (one, other) = match role {
        Role::Member => (UserId::SYSTEM, author),
        Role::Admin => (author, author),
        Role::Owner => return Ok(false),
    };
    place
        .tx
        .prepare_cached(
            "SELECT 1 FROM mutes WHERE group_id = ?1 AND user_id IN (?2, ?3) AND until_at > ?4",
        )?
        .exists(params![group, one, other, place.at])
}

fn message_to(place: &Place<'_>, peer: UserId) -> Result<(), Stop> {
    if is_enabled(place.tx, peer)? != Some(true) {
        return Err(Refusal::NotFound.into());
    }
    not_blocked_by(place, peer)?;
    match place.rules.strangers {
        Strangers::Allow => Ok(()),
        Strangers::FriendsOnly if are_friends(place.tx, place.draft.from, peer)? => Ok(()),
        Strangers::FriendsOnly => Err(Refusal::NotAllowed.into()),
    }
}

fn revoke(place: &Place<'_>, sessions: &[SessionId]) -> Result<(), Stop> {
    in_conversation(place, Conv::Account(place.draft.from))?;
    let mut end = place.tx.prepare_cached(
        "UPDATE sessions SET revoked_at = ?1 WHERE id = ?2 AND user_id = ?3 AND revoked_at IS NULL",
    )?;
    let mut ended = 0;
    for session in sessions {
        ended += end.execute(params![place.at, session, place.draft.from])?;
    }
    if ended == 0 {
        return Err(Refusal::NotFound.into());
    }
    Ok(())
}

/// An entry in another conversation than its change is about would be shown to the wrong people.
fn in_conversation(place: &Place<'_>, conv: Conv) -> Result<(), Stop> {
    if place.draft.conv == conv {
        Ok(())
    } else {
        Err(Refusal::Unstorable.into())
    }
}

/// Whether the user may act; `None`: there is no such user.
pub(super) fn is_enabled(connection: &Connection, user: UserId) -> rusqlite::Result<Option<bool>> {
    connection
        .prepare_cached("SELECT disabled = 0 FROM users WHERE id = ?1")?
        .query_row([user], |row| row.get(0))
        .optional()
}

fn must_exist(place: &Place<'_>, user: UserId) -> Result<(), Stop> {
    match is_enabled(place.tx, user)? {
        Some(_) => Ok(()),
        None => Err(Refusal::NotFound.into()),
    }
}

fn not_blocked_by(place: &Place<'_>, other: UserId) -> Result<(), Stop> {
    let blocked = place
        .tx
        .prepare_cached("SELECT 1 FROM blocks WHERE user_id = ?1 AND blocked_id = ?2")?
        .exists(params![other, place.draft.from])?;
    if blocked {
        return Err(Refusal::Blocked.into());
    }
    Ok(())
}

/// Whether the two are friends now.
pub(super) fn are_friends(
    connection: &Connection,
    one: UserId,
    other: UserId,
) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM friendships WHERE user_id = ?1 AND friend_id = ?2")?
        .exists(params![one, other])
}
