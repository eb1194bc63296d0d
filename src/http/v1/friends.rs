//! Friendships.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{RequestPath, UserPath};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;
use crate::service::friends::{Friends, Wanted};

pub(in crate::http) fn routes(door: &Door, friends: &Friends) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_list>(
            warp::path::end()
                .and(warp::get())
                .and(door.login())
                .and(with(friends))
                .then(list),
        ),
        endpoint::<__path_ask>(
            warp::path::end()
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(friends))
                .then(ask),
        ),
        endpoint::<__path_answer>(
            warp::path!("requests" / RequestPath)
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(friends))
                .then(answer),
        ),
        endpoint::<__path_remark>(
            warp::path!(UserPath)
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(friends))
                .then(remark),
        ),
        endpoint::<__path_end>(
            warp::path!(UserPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(friends))
                .then(end),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct WantedFriend {
    /// This or `name`.
    #[schema(value_type = Option<u64>)]
    id: Option<UserId>,
    name: Option<String>,
    /// At most 140 characters.
    message: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct FriendAnswer {
    #[schema(value_type = bool, required)]
    accept: Option<bool>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct Remark {
    /// At most 120 characters; empty takes it away.
    #[schema(value_type = String, required)]
    remark: Option<String>,
}

/// Friends, and open requests both ways.
#[utoipa::path(get, path = "/api/v1/friends", tag = "friends", responses((status = 200, body = shapes::Friends)))]
async fn list(login: Login, friends: Friends) -> Answer {
    let list = friends.list(login?.user.id).await?;
    reply::ok(&shapes::Friends::from(list))
}

/// Asks for friendship; makes friends at once where the deployment or the other's own request says so.
#[utoipa::path(
    post, path = "/api/v1/friends", tag = "friends", request_body = WantedFriend,
    responses((status = 201, body = shapes::Asked))
)]
async fn ask(login: Login, input: Result<WantedFriend, Failure>, friends: Friends) -> Answer {
    let (me, input) = (login?, input?);
    let wanted = match (input.id, input.name) {
        (Some(id), _) => Wanted::Id(id),
        (None, Some(name)) => Wanted::Name(name),
        (None, None) => return Err(Failure::field(Code::BadRequest, "id")),
    };
    let message = input.message.unwrap_or_default();
    let asked = friends.ask(me.user.id, wanted, message).await?;
    reply::created(&shapes::Asked::from(asked))
}

/// Accepts or declines a request.
#[utoipa::path(
    post, path = "/api/v1/friends/requests/{id}", tag = "friends", params(("id" = u64, Path)),
    request_body = FriendAnswer, responses((status = 204))
)]
async fn answer(
    id: RequestPath,
    login: Login,
    input: Result<FriendAnswer, Failure>,
    friends: Friends,
) -> Answer {
    let (me, input) = (login?, input?);
    let accept = input
        .accept
        .ok_or(Failure::field(Code::BadRequest, "accept"))?;
    friends.answer(me.user.id, id.0, accept).await?;
    reply::nothing()
}

/// Names a friend for oneself.
#[utoipa::path(
    patch, path = "/api/v1/friends/{id}", tag = "friends",
    params(("id" = u64, Path, description = "The friend's user id")),
    request_body = Remark, responses((status = 204))
)]
async fn remark(
    id: UserPath,
    login: Login,
    input: Result<Remark, Failure>,
    friends: Friends,
) -> Answer {
    let (me, input) = (login?, input?);
    let remark = input
        .remark
        .ok_or(Failure::field(Code::BadRequest, "remark"))?;
    friends.remark(me.user.id, id.0, &remark).await?;
    reply::nothing()
}

/// Ends a friendship for both.
#[utoipa::path(
    delete, path = "/api/v1/friends/{id}", tag = "friends",
    params(("id" = u64, Path, description = "The friend's user id")),
    responses((status = 204))
)]
async fn end(id: UserPath, login: Login, friends: Friends) -> Answer {
    friends.end(login?.user.id, id.0).await?;
    reply::nothing()
}
