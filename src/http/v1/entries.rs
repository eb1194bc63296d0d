//! Single entries: taking back, editing, reacting, hiding, readers.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{EntryPath, decoded};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::entries::Entries;

pub(in crate::http) fn routes(door: &Door, entries: &Entries) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_recall>(
            warp::path!(EntryPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(entries))
                .then(recall),
        ),
        endpoint::<__path_edit>(
            warp::path!(EntryPath)
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(entries))
                .then(edit),
        ),
        endpoint::<__path_react>(
            warp::path!(EntryPath / "reactions" / String)
                .and(warp::put())
                .and(door.login())
                .and(with(entries))
                .then(react),
        ),
        endpoint::<__path_unreact>(
            warp::path!(EntryPath / "reactions" / String)
                .and(warp::delete())
                .and(door.login())
                .and(with(entries))
                .then(unreact),
        ),
        endpoint::<__path_hide>(
            warp::path!(EntryPath / "hidden")
                .and(warp::put())
                .and(door.login())
                .and(with(entries))
                .then(hide),
        ),
        endpoint::<__path_readers>(
            warp::path!(EntryPath / "readers")
                .and(warp::get())
                .and(door.login())
                .and(with(entries))
                .then(readers),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedText {
    #[schema(required, value_type = String, example = "What I meant to say")]
    content: Option<String>,
}

/// Takes a message back: one's own within `chat.recall_seconds`, in a group owner and admins anybody's at any time.
#[utoipa::path(
    delete, path = "/api/v1/entries/{seq}", tag = "entries",
    params(("seq" = u64, Path)),
    responses(
        (status = 204, description = "Nothing of what it said is shown or kept any more"),
        (status = 410, description = "`gone`: it was taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn recall(seq: EntryPath, login: Login, entries: Entries) -> Answer {
    entries.recall(login?.user.id, seq.0).await?;
    reply::nothing()
}

/// Gives one's own text message another text.
#[utoipa::path(
    patch, path = "/api/v1/entries/{seq}", tag = "entries",
    params(("seq" = u64, Path)), request_body = ChangedText,
    responses(
        (status = 200, body = shapes::Entry, description = "The message as it is now"),
        (status = 410, description = "`gone`: it was taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn edit(
    seq: EntryPath,
    login: Login,
    input: Result<ChangedText, Failure>,
    entries: Entries,
) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let missing = Failure::field(Code::BadRequest, "content");
    let content = input.content.ok_or(missing)?;
    let told = entries.edit(me, seq.0, content).await?;
    Ok(reply::encoded(
        StatusCode::OK,
        shapes::Entry::encode(&told, me),
    ))
}

/// Puts an emoji on a message; once for each user.
#[utoipa::path(
    put, path = "/api/v1/entries/{seq}/reactions/{emoji}", tag = "entries",
    params(
        ("seq" = u64, Path),
        ("emoji" = String, Path, description = "One emoji of at most 32 bytes, percent-encoded"),
    ),
    responses(
        (status = 204, description = "It is there"),
        (status = 410, description = "`gone`: it was taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn react(seq: EntryPath, emoji: String, login: Login, entries: Entries) -> Answer {
    let me = login?.user.id;
    entries.react(me, seq.0, sign(&emoji)?, true).await?;
    reply::nothing()
}

/// Takes one's own emoji off a message.
#[utoipa::path(
    delete, path = "/api/v1/entries/{seq}/reactions/{emoji}", tag = "entries",
    params(
        ("seq" = u64, Path),
        ("emoji" = String, Path, description = "One emoji of at most 32 bytes, percent-encoded"),
    ),
    responses(
        (status = 204, description = "It is not there"),
        (status = 410, description = "`gone`: it was taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn unreact(seq: EntryPath, emoji: String, login: Login, entries: Entries) -> Answer {
    let me = login?.user.id;
    entries.react(me, seq.0, sign(&emoji)?, false).await?;
    reply::nothing()
}

fn sign(segment: &str) -> Result<String, Failure> {
    decoded(segment).ok_or(Failure::field(Code::BadRequest, "emoji"))
}

/// Deletes an entry for oneself alone. One's other devices are told.
#[utoipa::path(
    put, path = "/api/v1/entries/{seq}/hidden", tag = "entries",
    params(("seq" = u64, Path)),
    responses((status = 204, description = "It is not shown to the caller any more"))
)]
async fn hide(seq: EntryPath, login: Login, entries: Entries) -> Answer {
    entries.hide(login?.user.id, seq.0).await?;
    reply::nothing()
}

/// Who has read an entry, without its author.
#[utoipa::path(
    get, path = "/api/v1/entries/{seq}/readers", tag = "entries",
    params(("seq" = u64, Path)),
    responses((status = 200, body = shapes::Readers))
)]
async fn readers(seq: EntryPath, login: Login, entries: Entries) -> Answer {
    let readers = entries.readers(login?.user.id, seq.0).await?;
    reply::ok(&shapes::Readers::from(readers))
}
