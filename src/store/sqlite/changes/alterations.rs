//! What becomes of messages: taken back, edited, reacted to. The message's row and those beside it change together.
//!
//! Which bodies are written was decided by `model::alteration`; here is whether.

use rusqlite::{OptionalExtension, params};

use super::{Place, Stop, membership, message_to};
use crate::model::alteration::{EMOJIS_MAX, EditedBody, Emoji, forgotten_body, recalled_body};
use crate::model::conversation::Conv;
use crate::model::draft::Refusal;
use crate::model::entry::{EntryKind, UnixMillis};
use crate::model::group::Role;
use crate::model::ids::{GroupId, Seq, UserId};

/// A message that was not taken back.
struct Said {
    by: UserId,
    at: UnixMillis,
}

pub(super) fn recall(place: &Place<'_>, target: Seq, media: u16) -> Result<(), Stop> {
    let said = said(place, target, media)?;
    let author = place.draft.from;
    let own = match place.draft.conv {
        Conv::Group(group) => role(place, group)?,
        Conv::Private(..) | Conv::Notices | Conv::Account(_) => Role::Member,
    };
    if said.by != author {
        runs_the_group(place, own)?;
    } else if own < Role::Admin && place.at - said.at > place.rules.recall_ms {
        return Err(Refusal::RecallExpired.into());
    }
    place
        .tx
        .prepare_cached("UPDATE entries SET body = ?1 WHERE seq = ?2")?
        .execute(params![&recalled_body(media)[..], target])?;
    place
        .tx
        .prepare_cached(
            "UPDATE entries SET body = ?1 WHERE seq IN (SELECT seq FROM edits WHERE target = ?2)",
        )?
        .execute(params![&forgotten_body(target)[..], target])?;
    place
        .tx
        .prepare_cached("DELETE FROM reactions WHERE target = ?1")?
        .execute([target])?;
    place
        .tx
        .prepare_cached("DELETE FROM reaction_counts WHERE target = ?1")?
        .execute([target])?;
    Ok(())
}

pub(super) fn edit(
    place: &Place<'_>,
    target: Seq,
    media: u16,
    body: &EditedBody,
) -> Result<(), Stop> {
    let said = said(place, target, media)?;
    match place.draft.conv {
        Conv::Group(group) => {
            let own = role(place, group)?;
            if is_muted(place, group, own)? {
                return Err(Refusal::NotAllowed.into());
            }
        }
        Conv::Private(..) | Conv::Notices | Conv::Account(_) => as_for_a_message(place)?,
    }
    if said.by != place.draft.from {
        return Err(Refusal::NotAllowed.into());
    }
    place
        .tx
        .prepare_cached("UPDATE entries SET body = ?1 WHERE seq = ?2")?
        .execute(params![&body.at(place.at)[..], target])?;
    place
        .tx
        .prepare_cached("INSERT INTO edits (target, seq) VALUES (?1, ?2)")?
        .execute(params![target, place.seq])?;
    Ok(())
}

pub(super) fn react(
    place: &Place<'_>,
    target: Seq,
    media: u16,
    emoji: &Emoji,
    on: bool,
) -> Result<(), Stop> {
    let said = said(place, target, media)?;
    match place.draft.conv {
        Conv::Group(group) => {
            role(place, group)?;
        }
        Conv::Private(..) | Conv::Notices | Conv::Account(_) if on => as_for_a_message(place)?,
        Conv::Private(..) | Conv::Notices | Conv::Account(_) => {}
    }
    if on {
        put_on(place, target, emoji)
    } else {
        take_off(place, target, emoji, said.at)
    }
}

fn put_on(place: &Place<'_>, target: Seq, emoji: &Emoji) -> Result<(), Stop> {
    let there: Option<(Seq, UnixMillis)> = place
        .tx
        .prepare_cached(
            "SELECT e.seq, e.at FROM reactions r JOIN entries e ON e.seq = r.seq
             WHERE r.target = ?1 AND r.emoji = ?2 AND r.user_id = ?3",
        )?
        .query_row(params![target, emoji.as_str(), place.draft.from], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })
        .optional()?;
    if let Some((seq, at)) = there {
        return Err(Stop::AsItWas { seq, at });
    }
    let (emojis, is_among): (u32, bool) = place
        .tx
        .prepare_cached(
            "SELECT count(*), coalesce(sum(emoji = ?2), 0) > 0 FROM reaction_counts WHERE target = ?1",
        )?
        .query_row(params![target, emoji.as_str()], |row| {
            Ok((row.get(0)?, row.get(1)?))
        })?;
    if !is_among && emojis >= EMOJIS_MAX {
        return Err(Refusal::NotAllowed.into());
    }
    place
        .tx
        .prepare_cached(
            "INSERT INTO reactions (target, emoji, user_id, seq) VALUES (?1, ?2, ?3, ?4)",
        )?
        .execute(params![target, emoji.as_str(), place.draft.from, place.seq])?;
    place
        .tx
        .prepare_cached(
            "INSERT INTO reaction_counts (target, emoji, users, first_seq) VALUES (?1, ?2, 1, ?3)
             ON CONFLICT (target, emoji) DO UPDATE SET users = users + 1",
        )?
        .execute(params![target, emoji.as_str(), place.seq])?;
    Ok(())
}

fn take_off(
    place: &Place<'_>,
    target: Seq,
    emoji: &Emoji,
    said_at: UnixMillis,
) -> Result<(), Stop> {
    let taken = place
        .tx
        .prepare_cached("DELETE FROM reactions WHERE target = ?1 AND emoji = ?2 AND user_id = ?3")?
        .execute(params![target, emoji.as_str(), place.draft.from])?;
    if taken == 0 {
        return Err(Stop::AsItWas {
            seq: target,
            at: said_at,
        });
    }
    place
        .tx
        .prepare_cached(
            "UPDATE reaction_counts SET users = users - 1 WHERE target = ?1 AND emoji = ?2",
        )?
        .execute(params![target, emoji.as_str()])?;
    place
        .tx
        .prepare_cached(
            "DELETE FROM reaction_counts WHERE target = ?1 AND emoji = ?2 AND users = 0",
        )?
        .execute(params![target, emoji.as_str()])?;
    Ok(())
}

/// The message of this conversation, unless it was taken back.
fn said(place: &Place<'_>, target: Seq, media: u16) -> Result<Said, Stop> {
    let (conv, author) = (place.draft.conv, place.draft.from);
    if !matches!(conv, Conv::Group(_)) && conv.peer_of(author).is_none() {
        return Err(Refusal::Unstorable.into());
    }
    let found: Option<(Said, bool)> = place
        .tx
        .prepare_cached(
            "SELECT sender, at, body = ?4 FROM entries WHERE seq = ?1 AND conv = ?2 AND kind = ?3",
        )?
        .query_row(
            params![target, conv, EntryKind::Message, &recalled_body(media)[..]],
            |row| {
                let said = Said {
                    by: row.get(0)?,
                    at: row.get(1)?,
                };
                Ok((said, row.get(2)?))
            },
        )
        .optional()?;
    match found {
        None => Err(Refusal::NotFound.into()),
        Some((_, true)) => Err(Refusal::Gone.into()),
        Some((said, false)) => Ok(said),
    }
}

/// The author's role. A dissolved group has no members.
fn role(place: &Place<'_>, group: GroupId) -> Result<Role, Stop> {
    match membership::role(place.tx, group, place.draft.from)? {
        Some(role) => Ok(role),
        None => Err(Refusal::NotAllowed.into()),
    }
}

/// Somebody else's message is taken back by who runs the group.
fn runs_the_group(place: &Place<'_>, own: Role) -> Result<(), Stop> {
    if matches!(place.draft.conv, Conv::Group(_)) && own >= Role::Admin {
        Ok(())
    } else {
        Err(Refusal::NotAllowed.into())
    }
}

fn is_muted(place: &Place<'_>, group: GroupId, own: Role) -> Result<bool, Stop> {
    let author = place.draft.from;
    let everybody = match own {
        Role::Member => UserId::SYSTEM,
        Role::Admin | Role::Owner => author,
    };
    Ok(place
        .tx
        .prepare_cached(
            "SELECT 1 FROM mutes WHERE group_id = ?1 AND user_id IN (?2, ?3) AND until_at > ?4",
        )?
        .exists(params![group, author, everybody, place.at])?)
}

/// What the other gets to see needs what a message to him needs.
fn as_for_a_message(place: &Place<'_>) -> Result<(), Stop> {
    match place.draft.conv.peer_of(place.draft.from) {
        Some(peer) if peer == place.draft.from => Ok(()),
        Some(peer) => message_to(place, peer),
        None => Err(Refusal::NotAllowed.into()),
    }
}
