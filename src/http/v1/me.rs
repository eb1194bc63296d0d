//! One's own account: profile, password, sessions, and leaving.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::auth::session_cookie;
use crate::http::body::given;
use crate::http::door::{Door, Login, Visitor, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::SessionPath;
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::model::user::Sex;
use crate::service::accounts::{Accounts, ProfileChange};
use crate::service::sessions::Sessions;

pub(in crate::http) fn routes(
    door: &Door,
    accounts: &Accounts,
    sessions: &Sessions,
) -> Vec<Endpoint> {
    let own = warp::path::end;
    vec![
        endpoint::<__path_show>(
            own()
                .and(warp::get())
                .and(door.login())
                .and(with(accounts))
                .then(show),
        ),
        endpoint::<__path_change>(
            own()
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(accounts))
                .then(change),
        ),
        endpoint::<__path_leave>(
            own()
                .and(warp::delete())
                .and(door.login())
                .and(door.visitor())
                .and(door.json())
                .and(with(accounts))
                .then(leave),
        ),
        endpoint::<__path_change_password>(
            warp::path!("password")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(accounts))
                .then(change_password),
        ),
        endpoint::<__path_list_sessions>(
            warp::path!("sessions")
                .and(warp::get())
                .and(door.login())
                .and(with(sessions))
                .then(list_sessions),
        ),
        endpoint::<__path_end_session>(
            warp::path!("sessions" / SessionPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(sessions))
                .then(end_session),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedProfile {
    nickname: Option<String>,
    avatar: Option<String>,
    #[schema(value_type = Option<shapes::Sex>)]
    sex: Option<Sex>,
    memo: Option<String>,
    /// Null or empty removes it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    phone: Option<Option<String>>,
    /// Null or empty removes it.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    email: Option<Option<String>>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct Password {
    #[schema(value_type = String, required)]
    password: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedPassword {
    #[schema(value_type = String, required)]
    old: Option<String>,
    /// 8-128 characters.
    #[schema(value_type = String, required)]
    new: Option<String>,
}

/// One's own account.
#[utoipa::path(get, path = "/api/v1/me", tag = "me", responses((status = 200, body = shapes::OwnUser)))]
async fn show(login: Login, accounts: Accounts) -> Answer {
    let user = accounts.own(login?.user.id).await?;
    reply::ok(&shapes::OwnUser::from(&user))
}

/// Changes what is given.
#[utoipa::path(
    patch, path = "/api/v1/me", tag = "me", request_body = ChangedProfile,
    responses(
        (status = 200, body = shapes::OwnUser),
        (status = 410, description = "`gone`: the file was deleted, or its message taken back"),
    )
)]
async fn change(
    login: Login,
    input: Result<ChangedProfile, Failure>,
    accounts: Accounts,
) -> Answer {
    let (me, input) = (login?, input?);
    let change = ProfileChange {
        nickname: input.nickname,
        avatar: input.avatar,
        sex: input.sex,
        memo: input.memo,
        phone: input.phone.map(Option::unwrap_or_default),
        email: input.email.map(Option::unwrap_or_default),
    };
    let user = accounts.change_profile(me.user.id, change).await?;
    reply::ok(&shapes::OwnUser::from(&user))
}

/// Disables the account for good.
#[utoipa::path(
    delete, path = "/api/v1/me", tag = "me", request_body = Password,
    responses((status = 204), (status = 429, description = "`throttled`"))
)]
async fn leave(
    login: Login,
    visitor: Visitor,
    input: Result<Password, Failure>,
    accounts: Accounts,
) -> Answer {
    let (me, input) = (login?, input?);
    let password = required(input.password, "password")?;
    accounts.delete(&me, password).await?;
    Ok(reply::with_cookie(
        reply::nothing()?,
        &session_cookie("", 0, visitor.https),
    ))
}

/// Changes the password and ends all other sessions.
#[utoipa::path(
    post, path = "/api/v1/me/password", tag = "me", request_body = ChangedPassword,
    responses(
        (status = 204),
        (status = 422, description = "`weak_password`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn change_password(
    login: Login,
    input: Result<ChangedPassword, Failure>,
    accounts: Accounts,
) -> Answer {
    let (me, input) = (login?, input?);
    let old = required(input.old, "old")?;
    let new = required(input.new, "new")?;
    accounts.change_password(&me, old, new).await?;
    reply::nothing()
}

/// Where one is logged in.
#[utoipa::path(
    get, path = "/api/v1/me/sessions", tag = "me",
    responses((status = 200, body = shapes::Sessions))
)]
async fn list_sessions(login: Login, sessions: Sessions) -> Answer {
    let me = login?;
    let all = sessions.of_user(me.user.id).await?;
    reply::ok(&shapes::Sessions::of(all, me.session))
}

/// Ends one of one's sessions; its sockets close on every node.
#[utoipa::path(
    delete, path = "/api/v1/me/sessions/{id}", tag = "me", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn end_session(id: SessionPath, login: Login, sessions: Sessions) -> Answer {
    sessions.revoke(login?.user.id, id.0).await?;
    reply::nothing()
}

fn required(text: Option<String>, field: &'static str) -> Result<String, Failure> {
    text.ok_or(Failure::field(Code::BadRequest, field))
}
