//! Bots: accounts for programs, which use this same API with their token.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::UserPath;
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::bots::Bots;

pub(in crate::http) fn routes(door: &Door, bots: &Bots) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_list>(
            warp::path::end()
                .and(warp::get())
                .and(door.login())
                .and(with(bots))
                .then(list),
        ),
        endpoint::<__path_create>(
            warp::path::end()
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(bots))
                .then(create),
        ),
        endpoint::<__path_renew_token>(
            warp::path!(UserPath / "token")
                .and(warp::post())
                .and(door.login())
                .and(with(bots))
                .then(renew_token),
        ),
        endpoint::<__path_delete>(
            warp::path!(UserPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(bots))
                .then(delete),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct WantedBot {
    /// 1-32 characters, unique among all users.
    #[schema(value_type = String, required)]
    name: Option<String>,
    /// At most 40 characters; the name when missing.
    nickname: Option<String>,
}

/// One's own bots.
#[utoipa::path(get, path = "/api/v1/bots", tag = "bots", responses((status = 200, body = shapes::Bots)))]
async fn list(login: Login, bots: Bots) -> Answer {
    let bots = bots.list(login?.user.id).await?;
    reply::ok(&shapes::Bots {
        bots: bots.into_iter().map(shapes::User::from).collect(),
    })
}

/// Makes a bot. Its token is told now and never again; it lasts until another is drawn.
#[utoipa::path(
    post, path = "/api/v1/bots", tag = "bots", request_body = WantedBot,
    responses((status = 201, body = shapes::NewBot))
)]
async fn create(login: Login, input: Result<WantedBot, Failure>, bots: Bots) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let name = input.name.ok_or(Failure::field(Code::BadRequest, "name"))?;
    let made = bots.create(me, &name, input.nickname.as_deref()).await?;
    reply::created(&shapes::NewBot {
        id: made.user.id.0,
        name: made.user.name,
        nickname: made.user.nickname,
        token: made.token,
    })
}

/// Draws another token for a bot of one's own. The one before is good no more, on any node.
#[utoipa::path(
    post, path = "/api/v1/bots/{id}/token", tag = "bots", params(("id" = u64, Path)),
    responses((status = 200, body = shapes::BotToken))
)]
async fn renew_token(id: UserPath, login: Login, bots: Bots) -> Answer {
    let token = bots.renew_token(login?.user.id, id.0).await?;
    reply::ok(&shapes::BotToken { token })
}

/// Ends a bot's account, as deleting one's own does.
#[utoipa::path(
    delete, path = "/api/v1/bots/{id}", tag = "bots", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn delete(id: UserPath, login: Login, bots: Bots) -> Answer {
    bots.delete(login?.user.id, id.0).await?;
    reply::nothing()
}
