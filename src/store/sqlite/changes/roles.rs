//! Changes of what members may do: roles, mutes, and whose group it is.

use rusqlite::params;

use super::membership::{at_least, group_of, living, role, set_owner, set_role};
use super::{Place, Stop, is_enabled};
use crate::model::draft::Refusal;
use crate::model::entry::UnixMillis;
use crate::model::group::{MemberPatch, Role};
use crate::model::ids::{GroupId, UserId};

pub(super) fn edit_member(place: &Place<'_>, user: UserId, patch: MemberPatch) -> Result<(), Stop> {
    let group = group_of(place)?;
    living(place.tx, group)?;
    let Some(own) = role(place.tx, group, place.draft.from)? else {
        return Err(Refusal::NotAllowed.into());
    };
    let Some(before) = role(place.tx, group, user)? else {
        return Err(Refusal::NotMember.into());
    };
    if let Some(role) = patch.role {
        if own < Role::Owner || before == Role::Owner || role == Role::Owner {
            return Err(Refusal::NotAllowed.into());
        }
        set_role(place.tx, group, user, role)?;
    }
    if let Some(until) = patch.muted_until {
        if before >= own {
            return Err(Refusal::NotAllowed.into());
        }
        mute(place, group, user, until)?;
    }
    Ok(())
}

pub(super) fn transfer(place: &Place<'_>, user: UserId) -> Result<(), Stop> {
    let group = group_of(place)?;
    living(place.tx, group)?;
    at_least(place, group, Role::Owner)?;
    match role(place.tx, group, user)? {
        None => return Err(Refusal::NotMember.into()),
        Some(Role::Owner) => return Err(Refusal::NotAllowed.into()),
        Some(Role::Admin | Role::Member) => {}
    }
    if is_enabled(place.tx, user)? != Some(true) {
        return Err(Refusal::NotFound.into());
    }
    set_role(place.tx, group, place.draft.from, Role::Admin)?;
    set_owner(place.tx, group, user)?;
    Ok(())
}

/// Silences a user, or with user 0 everybody but owner and admins, until then; a time that is past ends it.
pub(super) fn mute(
    place: &Place<'_>,
    group: GroupId,
    user: UserId,
    until: UnixMillis,
) -> Result<(), Stop> {
    if until > place.at {
        place
            .tx
            .prepare_cached(
                "INSERT INTO mutes (group_id, user_id, until_at) VALUES (?1, ?2, ?3)
                 ON CONFLICT (group_id, user_id) DO UPDATE SET until_at = excluded.until_at",
            )?
            .execute(params![group, user, until])?;
    } else {
        place
            .tx
            .prepare_cached("DELETE FROM mutes WHERE group_id = ?1 AND user_id = ?2")?
            .execute(params![group, user])?;
    }
    Ok(())
}
