//! What admins of the deployment may do.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, Visitor, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::health;
use crate::http::metrics::Metrics;
use crate::http::path::UserPath;
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::admin::Admin;

pub(in crate::http) fn routes(door: &Door, admin: &Admin, metrics: &Metrics) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_list>(
            warp::path!("users")
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(admin))
                .then(list),
        ),
        endpoint::<__path_change>(
            warp::path!("users" / UserPath)
                .and(warp::patch())
                .and(door.login())
                .and(door.visitor())
                .and(door.json())
                .and(with(admin))
                .then(change),
        ),
        endpoint::<__path_reset_password>(
            warp::path!("users" / UserPath / "password")
                .and(warp::post())
                .and(door.login())
                .and(door.visitor())
                .and(door.json())
                .and(with(admin))
                .then(reset_password),
        ),
        endpoint::<__path_end_sessions>(
            warp::path!("users" / UserPath / "sessions")
                .and(warp::delete())
                .and(door.login())
                .and(door.visitor())
                .and(with(admin))
                .then(end_sessions),
        ),
        endpoint::<__path_numbers>(
            warp::path!("metrics")
                .and(warp::get())
                .and(door.login())
                .and(with(admin))
                .and(with(metrics))
                .then(numbers),
        ),
        endpoint::<__path_notice>(
            warp::path!("notice")
                .and(warp::post())
                .and(door.login())
                .and(door.visitor())
                .and(door.json())
                .and(with(admin))
                .then(notice),
        ),
        endpoint::<__path_audit>(
            warp::path!("audit")
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(admin))
                .then(audit),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedAccount {
    /// Ends the account's sessions, too.
    disabled: Option<bool>,
    admin: Option<bool>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ResetPassword {
    /// 8-128 characters.
    #[schema(value_type = String, required)]
    password: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct Notice {
    #[schema(value_type = String, required)]
    content: Option<String>,
}

/// All accounts by id, or those that match.
#[utoipa::path(
    get, path = "/api/v1/admin/users", tag = "admin",
    params(
        ("q" = Option<String>, Query, max_length = 128),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::AccountPage))
)]
async fn list(login: Login, query: Query, admin: Admin) -> Answer {
    let me = login?.user.id;
    let (after, limit) = (query.after()?, query.limit()?);
    let page = admin.users(me, query.text("q")?, after, limit).await?;
    reply::ok(&shapes::AccountPage::from(page))
}

/// Disables or enables an account; makes somebody an admin or not.
#[utoipa::path(
    patch, path = "/api/v1/admin/users/{id}", tag = "admin", params(("id" = u64, Path)),
    request_body = ChangedAccount, responses((status = 200, body = shapes::AdminUser))
)]
async fn change(
    id: UserPath,
    login: Login,
    visitor: Visitor,
    input: Result<ChangedAccount, Failure>,
    admin: Admin,
) -> Answer {
    let (actor, input) = (visitor.as_actor(&login?), input?);
    let user = admin
        .change(&actor, id.0, input.disabled, input.admin)
        .await?;
    reply::ok(&shapes::AdminUser::from(user))
}

/// Sets somebody's password and ends his sessions.
#[utoipa::path(
    post, path = "/api/v1/admin/users/{id}/password", tag = "admin", params(("id" = u64, Path)),
    request_body = ResetPassword,
    responses(
        (status = 204),
        (status = 422, description = "`weak_password`"),
        (status = 429, description = "`throttled`"),
    )
)]
async fn reset_password(
    id: UserPath,
    login: Login,
    visitor: Visitor,
    input: Result<ResetPassword, Failure>,
    admin: Admin,
) -> Answer {
    let (actor, input) = (visitor.as_actor(&login?), input?);
    let password = input
        .password
        .ok_or(Failure::field(Code::BadRequest, "password"))?;
    admin.reset_password(&actor, id.0, password).await?;
    reply::nothing()
}

/// Ends all of somebody's sessions: his sockets close on every node, and he may log in again.
#[utoipa::path(
    delete, path = "/api/v1/admin/users/{id}/sessions", tag = "admin", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn end_sessions(id: UserPath, login: Login, visitor: Visitor, admin: Admin) -> Answer {
    let actor = visitor.as_actor(&login?);
    admin.end_sessions(&actor, id.0).await?;
    reply::nothing()
}

/// The numbers of the node that is asked: what `/metrics` answers, where a proxy keeps that from the world.
#[utoipa::path(
    get, path = "/api/v1/admin/metrics", tag = "admin",
    responses((status = 200, description = "Prometheus text", content_type = "text/plain"))
)]
async fn numbers(login: Login, admin: Admin, metrics: Metrics) -> Answer {
    admin.check(login?.user.id).await?;
    health::prometheus(&metrics)
}

/// Speaks to everybody, as the system.
#[utoipa::path(
    post, path = "/api/v1/admin/notice", tag = "admin", request_body = Notice,
    responses((status = 201, body = shapes::Accepted))
)]
async fn notice(
    login: Login,
    visitor: Visitor,
    input: Result<Notice, Failure>,
    admin: Admin,
) -> Answer {
    let (actor, input) = (visitor.as_actor(&login?), input?);
    let content = input
        .content
        .ok_or(Failure::field(Code::BadRequest, "content"))?;
    let appended = admin.notice(&actor, &content).await?;
    reply::created(&shapes::Accepted::from(appended))
}

/// What admins did, newest first. Whatever an admin does leaves a trace, and no trace is ever removed.
#[utoipa::path(
    get, path = "/api/v1/admin/audit", tag = "admin",
    params(
        ("before" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::Audit))
)]
async fn audit(login: Login, query: Query, admin: Admin) -> Answer {
    let me = login?.user.id;
    let (before, limit) = (query.id("before")?, query.limit()?);
    reply::ok(&shapes::Audit::from(admin.traces(me, before, limit).await?))
}
