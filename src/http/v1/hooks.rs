//! Hooks: programs that speak in a group by a token in the address, and programs that are told what is said there.

use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;
use warp::Filter;
use warp::http::StatusCode;

use super::shapes;
use crate::http::body::Given;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{GroupPath, HookPath};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::hooks::{Hooks, WantedWay};
use crate::service::messages::SendRequest;

pub(in crate::http) fn routes(door: &Door, hooks: &Hooks) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_list>(
            warp::path!(GroupPath / "hooks")
                .and(warp::get())
                .and(door.login())
                .and(with(hooks))
                .then(list),
        ),
        endpoint::<__path_create>(
            warp::path!(GroupPath / "hooks")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(hooks))
                .then(create),
        ),
        endpoint::<__path_enable>(
            warp::path!(GroupPath / "hooks" / HookPath / "enable")
                .and(warp::post())
                .and(door.login())
                .and(with(hooks))
                .then(enable),
        ),
        endpoint::<__path_delete>(
            warp::path!(GroupPath / "hooks" / HookPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(hooks))
                .then(delete),
        ),
        endpoint::<__path_say>(
            warp::path!("hooks" / String)
                .and(warp::post())
                .and(door.json_or_text())
                .and(with(hooks))
                .then(say),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({"name": "builds", "kind": "incoming"}))]
pub(in crate::http) struct WantedHook {
    /// 1-40 characters.
    #[schema(value_type = String, required)]
    name: Option<String>,
    /// `incoming`: the hook speaks in the group; `outgoing`: it is told what is said there.
    #[schema(value_type = shapes::HookKind, required)]
    kind: Option<String>,
    /// Where an outgoing one is told: `http` or `https`, outside this network.
    url: Option<String>,
}

/// What a hook says: a message as anybody sends it.
#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
#[schema(example = json!({"content": "build 7 is green"}))]
pub(in crate::http) struct HookMessage {
    /// The text.
    content: Option<String>,
    /// The same as `content`, for programs that call it so.
    text: Option<String>,
    /// 1, text, when missing.
    media: Option<u16>,
    url: Option<String>,
    pic: Option<String>,
    memo: Option<String>,
    amount: Option<i64>,
    #[schema(value_type = Option<Object>)]
    meta: Option<Box<RawValue>>,
    /// The program's own id of the message, the same on each retry: then it is there once.
    cid: Option<String>,
}

/// The group's hooks; for its owner and admins. Tokens and secrets are not told again.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/hooks", tag = "hooks", params(("id" = u64, Path)),
    responses((status = 200, body = shapes::Hooks))
)]
async fn list(id: GroupPath, login: Login, hooks: Hooks) -> Answer {
    let hooks = hooks.list(login?.user.id, id.0).await?;
    reply::ok(&shapes::Hooks {
        hooks: hooks.into_iter().map(shapes::Hook::from).collect(),
    })
}

/// Makes a hook; for the group's owner and admins.
///
/// The answer holds what is told once: of an incoming one the address to post to and the token in it, of an outgoing
/// one the secret its requests are signed with.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/hooks", tag = "hooks", params(("id" = u64, Path)),
    request_body = WantedHook, responses((status = 201, body = shapes::NewHook))
)]
async fn create(
    id: GroupPath,
    login: Login,
    input: Result<WantedHook, Failure>,
    hooks: Hooks,
) -> Answer {
    let (me, input) = (login?.user.id, input?);
    let bad = |field| Failure::field(Code::BadRequest, field);
    let name = input.name.ok_or(bad("name"))?;
    let way = match (input.kind.as_deref(), input.url) {
        (Some("incoming"), _) => WantedWay::Incoming,
        (Some("outgoing"), Some(url)) => WantedWay::Outgoing(url),
        (Some("outgoing"), None) => return Err(bad("url")),
        (_, _) => return Err(bad("kind")),
    };
    let made = hooks.create(me, id.0, &name, way).await?;
    reply::created(&shapes::NewHook::from(made))
}

/// Tells an outgoing hook again that was disabled, or is to be tried again later; for the group's owner and admins. It
/// goes on with the first message that its receiver has not taken.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/hooks/{hook}/enable", tag = "hooks",
    params(("id" = u64, Path), ("hook" = u64, Path)), responses((status = 200, body = shapes::Hook))
)]
async fn enable(id: GroupPath, hook: HookPath, login: Login, hooks: Hooks) -> Answer {
    let hook = hooks.enable(login?.user.id, id.0, hook.0).await?;
    reply::ok(&shapes::Hook::from(hook))
}

/// Takes a hook away, and the bot it spoke as; for the group's owner and admins.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/hooks/{hook}", tag = "hooks",
    params(("id" = u64, Path), ("hook" = u64, Path)), responses((status = 204))
)]
async fn delete(id: GroupPath, hook: HookPath, login: Login, hooks: Hooks) -> Answer {
    hooks.delete(login?.user.id, id.0, hook.0).await?;
    reply::nothing()
}

/// Says something in a group as an incoming hook. Whoever knows the token may; a text alone is a message, too.
#[utoipa::path(
    post, path = "/hooks/{token}", tag = "hooks", security(()),
    params(("token" = String, Path, description = "As told when the hook was made")),
    request_body(content((HookMessage = "application/json"), (String = "text/plain"))),
    responses(
        (status = 201, body = shapes::Accepted),
        (status = 200, body = shapes::Accepted, description = "Repeated: the first one's place"),
        (status = 403, description = "`not_member`, `not_allowed`: the hook's bot is out of the group, or muted there"),
        (status = 409, description = "`cid_reused`"),
        (status = 410, description = "`gone`: the file was deleted, or its message taken back"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn say(token: String, input: Result<Given<HookMessage>, Failure>, hooks: Hooks) -> Answer {
    let said = match input? {
        Given::Text(text) => SendRequest {
            content: Some(text),
            ..SendRequest::default()
        },
        Given::Json(message) => SendRequest {
            cid: message.cid,
            media: message.media,
            content: message.content.or(message.text),
            url: message.url,
            pic: message.pic,
            memo: message.memo,
            amount: message.amount,
            meta: message.meta,
            ..SendRequest::default()
        },
    };
    let said = hooks.say(&token, said).await?;
    let status = if said.duplicate {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    reply::json_with(status, &shapes::Accepted::from(said))
}
