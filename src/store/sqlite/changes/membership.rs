//! Changes of groups: who is in, who owns, what the profile says. Stays are closed, never deleted.
//!
//! The member count and the owner are kept in the group's row by the same statements that change memberships.

use std::collections::BTreeSet;

use rusqlite::{Connection, OptionalExtension, params};

use super::roles::mute;
use super::{Place, Stop, in_conversation, must_exist, not_blocked_by};
use crate::model::conversation::Conv;
use crate::model::draft::Refusal;
use crate::model::group::{GroupPatch, JoinMode, NewGroup, Role};
use crate::model::ids::{GroupId, UserId};
use crate::store::folding::folded;
use crate::store::sqlite::rows::int;

/// What the conditions need of a group that was not dissolved.
pub(super) struct Living {
    pub join: JoinMode,
    pub members: i64,
}

pub(super) fn create(place: &Place<'_>, group: &NewGroup, members: &[UserId]) -> Result<(), Stop> {
    in_conversation(place, Conv::Group(group.id))?;
    let owner = place.draft.from;
    let others: BTreeSet<UserId> = members
        .iter()
        .copied()
        .filter(|user| *user != owner)
        .collect();
    for user in &others {
        must_exist(place, *user)?;
        not_blocked_by(place, *user)?;
    }
    has_room(place, 0, others.len() + 1)?;
    place
        .tx
        .prepare_cached(
            "INSERT INTO chat_groups (id, name, name_key, icon, category, memo, owner_id, join_mode,
                 members, created_at, dissolved)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, 0, ?9, 0)",
        )?
        .execute(params![
            group.id,
            group.name,
            folded(&group.name),
            group.icon,
            group.category,
            group.memo,
            owner,
            group.join,
            place.at,
        ])?;
    enter(place, group.id, &BTreeSet::from([owner]), Role::Owner)?;
    enter(place, group.id, &others, Role::Member)
}

pub(super) fn join(place: &Place<'_>) -> Result<(), Stop> {
    let group = group_of(place)?;
    let author = place.draft.from;
    let living = living(place.tx, group)?;
    if role(place.tx, group, author)?.is_some() {
        return Err(Refusal::AlreadyMember.into());
    }
    match living.join {
        JoinMode::Open => {}
        JoinMode::Approval | JoinMode::Invite => return Err(Refusal::NotAllowed.into()),
    }
    has_room(place, living.members, 1)?;
    enter(place, group, &BTreeSet::from([author]), Role::Member)
}

pub(super) fn add(place: &Place<'_>, users: &[UserId]) -> Result<(), Stop> {
    let group = group_of(place)?;
    let living = living(place.tx, group)?;
    let Some(own) = role(place.tx, group, place.draft.from)? else {
        return Err(Refusal::NotMember.into());
    };
    match living.join {
        JoinMode::Open => {}
        JoinMode::Approval | JoinMode::Invite if own >= Role::Admin => {}
        JoinMode::Approval | JoinMode::Invite => return Err(Refusal::NotAllowed.into()),
    }
    let users: BTreeSet<UserId> = users.iter().copied().collect();
    if users.is_empty() {
        return Err(Refusal::NotFound.into());
    }
    for user in &users {
        must_exist(place, *user)?;
        if role(place.tx, group, *user)?.is_some() {
            return Err(Refusal::AlreadyMember.into());
        }
        not_blocked_by(place, *user)?;
    }
    has_room(place, living.members, users.len())?;
    enter(place, group, &users, Role::Member)
}

pub(super) fn leave(place: &Place<'_>) -> Result<(), Stop> {
    let group = group_of(place)?;
    let Some(own) = role(place.tx, group, place.draft.from)? else {
        return Err(Refusal::NotMember.into());
    };
    exit(place, group, place.draft.from)?;
    match own {
        Role::Owner => hand_over(place, group),
        Role::Admin | Role::Member => Ok(()),
    }
}

pub(super) fn kick(place: &Place<'_>, user: UserId) -> Result<(), Stop> {
    let group = group_of(place)?;
    living(place.tx, group)?;
    let Some(own) = role(place.tx, group, place.draft.from)? else {
        return Err(Refusal::NotAllowed.into());
    };
    match role(place.tx, group, user)? {
        None => Err(Refusal::NotMember.into()),
        Some(role) if role < own => exit(place, group, user),
        Some(_) => Err(Refusal::NotAllowed.into()),
    }
}

pub(super) fn dissolve(place: &Place<'_>) -> Result<(), Stop> {
    let group = group_of(place)?;
    living(place.tx, group)?;
    at_least(place, group, Role::Owner)?;
    place
        .tx
        .prepare_cached(
            "UPDATE memberships SET to_seq = ?1 WHERE group_id = ?2 AND to_seq IS NULL",
        )?
        .execute(params![place.seq, group])?;
    close(place, group)
}

pub(super) fn edit(place: &Place<'_>, patch: &GroupPatch) -> Result<(), Stop> {
    let group = group_of(place)?;
    living(place.tx, group)?;
    at_least(place, group, Role::Admin)?;
    place
        .tx
        .prepare_cached(
            "UPDATE chat_groups SET name = coalesce(?2, name), name_key = coalesce(?3, name_key),
                 icon = coalesce(?4, icon), category = coalesce(?5, category), memo = coalesce(?6, memo),
                 join_mode = coalesce(?7, join_mode)
             WHERE id = ?1",
        )?
        .execute(params![
            group,
            patch.name,
            patch.name.as_deref().map(folded),
            patch.icon,
            patch.category,
            patch.memo,
            patch.join,
        ])?;
    match patch.muted_until {
        Some(until) => mute(place, group, UserId::SYSTEM, until),
        None => Ok(()),
    }
}

/// The user's role, if he is a member now.
pub(in crate::store::sqlite) fn role(
    connection: &Connection,
    group: GroupId,
    user: UserId,
) -> rusqlite::Result<Option<Role>> {
    connection
        .prepare_cached(
            "SELECT role FROM memberships WHERE group_id = ?1 AND user_id = ?2 AND to_seq IS NULL",
        )?
        .query_row(params![group, user], |row| row.get(0))
        .optional()
}

/// The group, unless there never was one or it was dissolved.
pub(super) fn living(connection: &Connection, group: GroupId) -> Result<Living, Stop> {
    connection
        .prepare_cached(
            "SELECT join_mode, members FROM chat_groups WHERE id = ?1 AND dissolved = 0",
        )?
        .query_row([group], |row| {
            Ok(Living {
                join: row.get(0)?,
                members: row.get(1)?,
            })
        })
        .optional()?
        .ok_or(Stop::Refused(Refusal::NotFound))
}

pub(super) fn group_of(place: &Place<'_>) -> Result<GroupId, Stop> {
    match place.draft.conv {
        Conv::Group(group) => Ok(group),
        Conv::Notices | Conv::Private(..) | Conv::Account(_) => Err(Refusal::Unstorable.into()),
    }
}

pub(super) fn at_least(place: &Place<'_>, group: GroupId, least: Role) -> Result<(), Stop> {
    match role(place.tx, group, place.draft.from)? {
        Some(role) if role >= least => Ok(()),
        Some(_) | None => Err(Refusal::NotAllowed.into()),
    }
}

pub(super) fn has_room(place: &Place<'_>, members: i64, more: usize) -> Result<(), Stop> {
    let more = i64::try_from(more).unwrap_or(i64::MAX);
    if members.saturating_add(more) > i64::from(place.rules.group_max) {
        return Err(Refusal::GroupFull.into());
    }
    Ok(())
}

pub(super) fn enter(
    place: &Place<'_>,
    group: GroupId,
    users: &BTreeSet<UserId>,
    role: Role,
) -> Result<(), Stop> {
    let mut insert = place.tx.prepare_cached(
        "INSERT INTO memberships (group_id, user_id, from_seq, to_seq, role, joined_at)
         VALUES (?1, ?2, ?3, NULL, ?4, ?5)",
    )?;
    let mut settle = place
        .tx
        .prepare_cached("DELETE FROM join_requests WHERE group_id = ?1 AND user_id = ?2")?;
    for user in users {
        insert.execute(params![group, user, place.seq, role, place.at])?;
        settle.execute(params![group, user])?;
    }
    place
        .tx
        .prepare_cached("UPDATE chat_groups SET members = members + ?1 WHERE id = ?2")?
        .execute(params![int(users.len() as u64), group])?;
    Ok(())
}

fn exit(place: &Place<'_>, group: GroupId, user: UserId) -> Result<(), Stop> {
    place
        .tx
        .prepare_cached(
            "UPDATE memberships SET to_seq = ?1
             WHERE group_id = ?2 AND user_id = ?3 AND to_seq IS NULL",
        )?
        .execute(params![place.seq, group, user])?;
    place
        .tx
        .prepare_cached("UPDATE chat_groups SET members = members - 1 WHERE id = ?1")?
        .execute([group])?;
    Ok(())
}

/// Gives a group without owner to the longest-standing admin, else member; without members it ends.
fn hand_over(place: &Place<'_>, group: GroupId) -> Result<(), Stop> {
    let successor: Option<UserId> = place
        .tx
        .prepare_cached(
            "SELECT user_id FROM memberships WHERE group_id = ?1 AND to_seq IS NULL
             ORDER BY role DESC, from_seq, user_id LIMIT 1",
        )?
        .query_row([group], |row| row.get(0))
        .optional()?;
    let Some(successor) = successor else {
        return close(place, group);
    };
    Ok(set_owner(place.tx, group, successor)?)
}

pub(super) fn set_role(
    connection: &Connection,
    group: GroupId,
    user: UserId,
    role: Role,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "UPDATE memberships SET role = ?1
             WHERE group_id = ?2 AND user_id = ?3 AND to_seq IS NULL",
        )?
        .execute(params![role, group, user])?;
    Ok(())
}

/// Makes a member the owner; nobody could end a mute of his any more, so it ends now.
pub(super) fn set_owner(
    connection: &Connection,
    group: GroupId,
    user: UserId,
) -> rusqlite::Result<()> {
    set_role(connection, group, user, Role::Owner)?;
    connection
        .prepare_cached("UPDATE chat_groups SET owner_id = ?1 WHERE id = ?2")?
        .execute(params![user, group])?;
    connection
        .prepare_cached("DELETE FROM mutes WHERE group_id = ?1 AND user_id = ?2")?
        .execute(params![group, user])?;
    Ok(())
}

fn close(place: &Place<'_>, group: GroupId) -> Result<(), Stop> {
    place
        .tx
        .prepare_cached("UPDATE chat_groups SET dissolved = 1, members = 0 WHERE id = ?1")?
        .execute([group])?;
    for left in [
        "DELETE FROM join_requests WHERE group_id = ?1",
        "DELETE FROM mutes WHERE group_id = ?1",
    ] {
        place.tx.prepare_cached(left)?.execute([group])?;
    }
    Ok(())
}
