//! Searching one's messages.

use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::conversation::Address;
use crate::model::error::{Code, Failure};
use crate::model::search::Has;
use crate::service::search::Searches;

pub(in crate::http) fn routes(door: &Door, searches: &Searches) -> Vec<Endpoint> {
    vec![endpoint::<__path_search>(
        warp::path::end()
            .and(warp::get())
            .and(door.login())
            .and(query())
            .and(with(searches))
            .then(search),
    )]
}

/// Messages in one's own conversations that have all of the words of `q`, and what `has` names, newest first. Of languages that do not set
/// words apart, such as Chinese, any part of a text is found. Case, accents and punctuation do not count.
///
/// A page may be short, or empty, and still not be the last: while `next` is not null, there may be more.
#[utoipa::path(
    get, path = "/api/v1/search", tag = "conversations",
    params(
        ("q" = Option<String>, Query, description = "At most 128 characters; can only be left out beside `has`", min_length = 1, max_length = 128, example = "北京 hotel"),
        ("has" = Option<String>, Query, description = "Only messages with pictures or videos (`media`), with files (`file`), or with links (`link`)", pattern = "^(media|file|link)$"),
        ("conv" = Option<String>, Query, description = "Only in this conversation: `u:<user id>` or `g:<group id>`"),
        ("before" = Option<u64>, Query, description = "The `next` of the page before; or any seq: only below it"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses(
        (status = 200, body = shapes::Found),
        (status = 400, body = shapes::ErrorBody, description = "`bad_request`: `field` is the parameter"),
        (status = 401, body = shapes::ErrorBody, description = "`unauthorized`"),
        (status = 403, body = shapes::ErrorBody, description = "`not_member`: somebody else's group"),
        (status = 404, body = shapes::ErrorBody, description = "`not_found`: no such conversation, or searching is switched off"),
        (status = 429, body = shapes::ErrorBody, description = "`rate_limited`"),
        (status = 503, body = shapes::ErrorBody, description = "`unavailable`"),
    )
)]
async fn search(login: Login, query: Query, searches: Searches) -> Answer {
    let me = login?.user.id;
    let has = match query.text("has")? {
        Some(name) => Some(Has::parse(name).ok_or(Failure::field(Code::BadRequest, "has"))?),
        None => None,
    };
    let (before, limit) = (query.seq("before")?, query.limit()?);
    let words = match has {
        Some(_) => query.text("q")?.unwrap_or_default(),
        None => query.required("q")?,
    };
    let conv: Option<Address> = match query.text("conv")? {
        Some(conv) => Some(
            conv.parse()
                .map_err(|_| Failure::field(Code::BadRequest, "conv"))?,
        ),
        None => None,
    };
    let hits = searches.find(me, words, has, conv, before, limit).await?;
    Ok(reply::encoded(
        StatusCode::OK,
        shapes::Found::encode(&hits, me),
    ))
}
