//! Changes by which people come into groups that are not open: requests, answers, invitations.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, params};

use super::membership::{at_least, enter, group_of, has_room, living, role};
use super::{Place, Stop, in_conversation, is_enabled};
use crate::model::conversation::Conv;
use crate::model::draft::Refusal;
use crate::model::entry::UnixMillis;
use crate::model::group::{InviteId, JoinMode, Role};
use crate::model::ids::{GroupId, UserId};
use crate::store::sqlite::rows::int;

pub(super) fn ask(place: &Place<'_>, group: GroupId, message: &str) -> Result<(), Stop> {
    let author = place.draft.from;
    in_conversation(place, Conv::Account(author))?;
    let living = living(place.tx, group)?;
    if role(place.tx, group, author)?.is_some() {
        return Err(Refusal::AlreadyMember.into());
    }
    match living.join {
        JoinMode::Approval => {}
        JoinMode::Open | JoinMode::Invite => return Err(Refusal::NotAllowed.into()),
    }
    place
        .tx
        .prepare_cached(
            "INSERT INTO join_requests (group_id, user_id, message, at) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (group_id, user_id) DO UPDATE SET message = excluded.message, at = excluded.at",
        )?
        .execute(params![group, author, message, place.at])?;
    Ok(())
}

pub(super) fn approve(place: &Place<'_>, request: u64, user: UserId) -> Result<(), Stop> {
    let group = group_of(place)?;
    let living = living(place.tx, group)?;
    may_answer(place, group, request, user)?;
    if is_enabled(place.tx, user)? != Some(true) {
        return Err(Refusal::NotFound.into());
    }
    has_room(place, living.members, 1)?;
    enter(place, group, &BTreeSet::from([user]), Role::Member)
}

pub(super) fn decline(
    place: &Place<'_>,
    group: GroupId,
    request: u64,
    user: UserId,
) -> Result<(), Stop> {
    in_conversation(place, Conv::Account(user))?;
    living(place.tx, group)?;
    may_answer(place, group, request, user)?;
    place
        .tx
        .prepare_cached("DELETE FROM join_requests WHERE group_id = ?1 AND user_id = ?2")?
        .execute(params![group, user])?;
    Ok(())
}

fn may_answer(place: &Place<'_>, group: GroupId, request: u64, user: UserId) -> Result<(), Stop> {
    at_least(place, group, Role::Admin)?;
    let open = place
        .tx
        .prepare_cached(
            "SELECT 1 FROM join_requests WHERE id = ?1 AND group_id = ?2 AND user_id = ?3",
        )?
        .exists(params![int(request), group, user])?;
    if open {
        Ok(())
    } else {
        Err(Refusal::NotFound.into())
    }
}

struct Invitation {
    creator: UserId,
    expires_at: UnixMillis,
    uses_max: i64,
    used: i64,
    revoked: bool,
}

pub(super) fn join_by_invite(place: &Place<'_>, invite: &InviteId) -> Result<(), Stop> {
    let group = group_of(place)?;
    let author = place.draft.from;
    if role(place.tx, group, author)?.is_some() {
        return Err(Refusal::AlreadyMember.into());
    }
    let invitation = invitation(place, group, invite)?.ok_or(Refusal::NotFound)?;
    let living = match living(place.tx, group) {
        Err(Stop::Refused(_)) => return Err(Refusal::Gone.into()),
        living => living?,
    };
    let is_used_up = invitation.uses_max > 0 && invitation.used >= invitation.uses_max;
    if invitation.revoked || invitation.expires_at <= place.at || is_used_up {
        return Err(Refusal::Gone.into());
    }
    // Of a group that is not open, who may not invite any more has not invited.
    let may_invite = match living.join {
        JoinMode::Open => true,
        JoinMode::Approval | JoinMode::Invite => {
            role(place.tx, group, invitation.creator)?.is_some_and(|role| role >= Role::Admin)
        }
    };
    if !may_invite {
        return Err(Refusal::Gone.into());
    }
    has_room(place, living.members, 1)?;
    place
        .tx
        .prepare_cached(
            "INSERT INTO invite_uses (code, used) VALUES (?1, 1)
             ON CONFLICT (code) DO UPDATE SET used = used + 1",
        )?
        .execute([invite.as_str()])?;
    enter(place, group, &BTreeSet::from([author]), Role::Member)
}

fn invitation(
    place: &Place<'_>,
    group: GroupId,
    invite: &InviteId,
) -> rusqlite::Result<Option<Invitation>> {
    place
        .tx
        .prepare_cached(
            "SELECT i.creator_id, i.expires_at, i.uses_max, coalesce(u.used, 0), i.revoked
             FROM invites i LEFT JOIN invite_uses u ON u.code = i.code
             WHERE i.code = ?1 AND i.group_id = ?2",
        )?
        .query_row(params![invite.as_str(), group], |row| {
            Ok(Invitation {
                creator: row.get(0)?,
                expires_at: row.get(1)?,
                uses_max: row.get(2)?,
                used: row.get(3)?,
                revoked: row.get(4)?,
            })
        })
        .optional()
}
