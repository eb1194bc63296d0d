//! Changes of friendships: asking, answering, ending. Both sides' rows change together.
//!
//! The entry's body says what the author did; what the two are to one another is what is stored here.

use rusqlite::{OptionalExtension, params};

use super::{Place, Stop, are_friends, in_conversation, must_exist, not_blocked_by};
use crate::model::conversation::Conv;
use crate::model::draft::Refusal;
use crate::model::ids::UserId;
use crate::store::sqlite::rows::int;

pub(super) fn befriend(
    place: &Place<'_>,
    other: UserId,
    message: &str,
    auto: bool,
) -> Result<(), Stop> {
    let author = place.draft.from;
    in_conversation(place, Conv::private(author, other))?;
    if author == other {
        return Err(Refusal::NotAllowed.into());
    }
    must_exist(place, other)?;
    if are_friends(place.tx, author, other)? {
        return Err(Refusal::AlreadyFriends.into());
    }
    not_blocked_by(place, other)?;
    if auto || open_request(place, other, author)?.is_some() {
        return make_friends(place, other);
    }
    match open_request(place, author, other)? {
        Some(request) => place
            .tx
            .prepare_cached("UPDATE friend_requests SET message = ?1, at = ?2 WHERE id = ?3")?
            .execute(params![message, place.at, request])?,
        None => place
            .tx
            .prepare_cached(
                "INSERT INTO friend_requests (from_user, to_user, message, at, open)
                 VALUES (?1, ?2, ?3, ?4, 1)",
            )?
            .execute(params![author, other, message, place.at])?,
    };
    Ok(())
}

pub(super) fn answer(
    place: &Place<'_>,
    request: u64,
    other: UserId,
    accept: bool,
) -> Result<(), Stop> {
    let author = place.draft.from;
    in_conversation(place, Conv::private(author, other))?;
    if open_request(place, other, author)? != Some(int(request)) {
        return Err(Refusal::NotFound.into());
    }
    if accept {
        not_blocked_by(place, other)?;
        return make_friends(place, other);
    }
    place
        .tx
        .prepare_cached("UPDATE friend_requests SET open = 0 WHERE id = ?1")?
        .execute([int(request)])?;
    Ok(())
}

pub(super) fn end(place: &Place<'_>, other: UserId) -> Result<(), Stop> {
    let author = place.draft.from;
    in_conversation(place, Conv::private(author, other))?;
    let mut delete = place
        .tx
        .prepare_cached("DELETE FROM friendships WHERE user_id = ?1 AND friend_id = ?2")?;
    let rows = delete.execute(params![author, other])? + delete.execute(params![other, author])?;
    if rows == 0 {
        return Err(Refusal::NotFound.into());
    }
    Ok(())
}

fn open_request(place: &Place<'_>, from: UserId, to: UserId) -> Result<Option<i64>, Stop> {
    let found = place
        .tx
        .prepare_cached(
            "SELECT id FROM friend_requests WHERE from_user = ?1 AND to_user = ?2 AND open = 1",
        )?
        .query_row(params![from, to], |row| row.get(0))
        .optional()?;
    Ok(found)
}

fn make_friends(place: &Place<'_>, other: UserId) -> Result<(), Stop> {
    let author = place.draft.from;
    let mut insert = place.tx.prepare_cached(
        "INSERT INTO friendships (user_id, friend_id, remark, since) VALUES (?1, ?2, '', ?3)",
    )?;
    insert.execute(params![author, other, place.at])?;
    insert.execute(params![other, author, place.at])?;
    let mut close = place.tx.prepare_cached(
        "UPDATE friend_requests SET open = 0 WHERE from_user = ?1 AND to_user = ?2 AND open = 1",
    )?;
    close.execute(params![author, other])?;
    close.execute(params![other, author])?;
    Ok(())
}
