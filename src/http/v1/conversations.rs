//! Conversations: the list, their past, sending, reading, settings.

use serde::Deserialize;
use tracing::error;
use utoipa::ToSchema;
use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::body::given;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::Conversation;
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::ids::Seq;
use crate::service::conversations::{Conversations, SettingsPatch, Window};
use crate::service::messages::{Messages, SendRequest};

pub(in crate::http) fn routes(
    door: &Door,
    conversations: &Conversations,
    messages: &Messages,
) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_send>(
            warp::path!(Conversation / "messages")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(messages))
                .then(send),
        ),
        endpoint::<__path_page>(
            warp::path!(Conversation / "entries")
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(conversations))
                .then(page),
        ),
        endpoint::<__path_read>(
            warp::path!(Conversation / "read")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(conversations))
                .then(read),
        ),
        endpoint::<__path_list>(
            warp::path::end()
                .and(warp::get())
                .and(door.login())
                .and(with(conversations))
                .then(list),
        ),
        endpoint::<__path_change_settings>(
            warp::path!(Conversation)
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(conversations))
                .then(change_settings),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ReadUpTo {
    #[schema(value_type = u64, required)]
    seq: Option<Seq>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedSettings {
    muted: Option<bool>,
    pinned: Option<bool>,
    /// Left out of the list until something unread is in it.
    hidden: Option<bool>,
    /// Null or empty removes it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    draft: Option<Option<String>>,
    marked_unread: Option<bool>,
}

/// One's conversations, the most recent first.
#[utoipa::path(
    get, path = "/api/v1/conversations", tag = "conversations",
    responses((status = 200, body = shapes::Conversations))
)]
async fn list(login: Login, conversations: Conversations) -> Answer {
    let me = login?.user.id;
    let list = conversations.list(me).await?;
    match shapes::Conversations::of(list, me) {
        Ok(list) => reply::ok(&list),
        Err(error) => {
            error!(%error, user = %me, "a stored entry is not JSON");
            Err(Failure::new(Code::Internal))
        }
    }
}

/// Part of a conversation, ascending: the last entries, or those around a place or a time.
#[utoipa::path(
    get, path = "/api/v1/conversations/{conv}/entries", tag = "conversations",
    params(
        ("conv" = String, Path, description = "`u:<user id>` or `g:<group id>`"),
        ("before" = Option<u64>, Query, description = "The last ones below this seq"),
        ("after" = Option<u64>, Query, description = "The first ones above this seq"),
        ("around" = Option<u64>, Query, description = "Some below, this one, and some above"),
        ("at" = Option<u64>, Query, description = "Some from before this time, Unix milliseconds, and some from then on"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::Entries))
)]
async fn page(
    conv: Conversation,
    login: Login,
    query: Query,
    conversations: Conversations,
) -> Answer {
    let me = login?.user.id;
    let at = time(&query, "at")?;
    let places = [
        ("before", query.seq("before")?.map(Window::Before)),
        ("around", query.seq("around")?.map(Window::Around)),
        ("after", query.seq("after")?.map(Window::After)),
    ];
    let asked: Vec<_> = places
        .into_iter()
        .filter_map(|(name, window)| Some((name, window?)))
        .collect();
    let window = match (asked.as_slice(), at) {
        ([], None) => Window::Latest,
        ([], Some(at)) => Window::Around(conversations.place_at(me, conv.0, at).await?),
        ([(_, window)], None) => *window,
        ([_], Some(_)) => return Err(Failure::field(Code::BadRequest, "at")),
        ([_, (name, _), ..], _) => return Err(Failure::field(Code::BadRequest, name)),
    };
    let page = conversations
        .page(me, conv.0, window, query.limit()?)
        .await?;
    let json = shapes::Entries::encode(&page, me);
    Ok(reply::encoded(StatusCode::OK, json))
}

fn time(query: &Query, name: &'static str) -> Result<Option<UnixMillis>, Failure> {
    let number = query.number(name)?;
    let time = number.map(UnixMillis::try_from).transpose();
    time.map_err(|_| Failure::field(Code::BadRequest, name))
}

/// Sends a message. The answer comes when it is durable; a repetition with the same `cid` gets the first one's place.
#[utoipa::path(
    post, path = "/api/v1/conversations/{conv}/messages", tag = "conversations",
    params(("conv" = String, Path)), request_body = shapes::SendBody,
    responses(
        (status = 201, body = shapes::Accepted),
        (status = 200, body = shapes::Accepted, description = "It was there before"),
        (status = 410, description = "`gone`: the file was deleted, or its message taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn send(
    conv: Conversation,
    login: Login,
    input: Result<SendRequest, Failure>,
    messages: Messages,
) -> Answer {
    let (me, mut request) = (login?, input?);
    let to = conv.0.to_string();
    if request.to.as_ref().is_some_and(|other| *other != to) {
        return Err(Failure::field(Code::BadRequest, "to"));
    }
    request.to = Some(to);
    let appended = messages.send(me.user.id, &request, None).await?;
    let status = if appended.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    reply::json_with(status, &shapes::Accepted::from(appended))
}

/// Moves the read position forward; never back, and not above what there is.
#[utoipa::path(
    post, path = "/api/v1/conversations/{conv}/read", tag = "conversations",
    params(("conv" = String, Path)), request_body = ReadUpTo,
    responses((status = 200, body = shapes::ChangedReading))
)]
async fn read(
    conv: Conversation,
    login: Login,
    input: Result<ReadUpTo, Failure>,
    conversations: Conversations,
) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let seq = input.seq.ok_or(Failure::field(Code::BadRequest, "seq"))?;
    let read = conversations.read(me, conv.0, seq).await?;
    let unread = conversations.unread(me, conv.0, read).await?;
    reply::ok(&shapes::ChangedReading {
        read_seq: read.0,
        unread,
    })
}

/// Changes one's settings of a conversation; one's other devices are told.
#[utoipa::path(
    patch, path = "/api/v1/conversations/{conv}", tag = "conversations",
    params(("conv" = String, Path)), request_body = ChangedSettings,
    responses((status = 200, body = shapes::Settings))
)]
async fn change_settings(
    conv: Conversation,
    login: Login,
    input: Result<ChangedSettings, Failure>,
    conversations: Conversations,
) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let hidden_at = input.hidden.map(|hidden| match hidden {
        true => conversations.head(),
        false => Seq::ZERO,
    });
    let patch = SettingsPatch {
        muted: input.muted,
        pinned: input.pinned,
        hidden_at,
        draft: input.draft.map(Option::unwrap_or_default),
        marked_unread: input.marked_unread,
    };
    let settings = conversations.change_settings(me, conv.0, patch).await?;
    reply::ok(&shapes::Settings::of(conv.0.to_string(), settings))
}
