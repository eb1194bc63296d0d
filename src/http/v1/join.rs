//! Coming into a group by oneself, and letting in who asked.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{GroupPath, RequestPath};
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::admission::Admission;

pub(in crate::http) fn routes(door: &Door, admission: &Admission) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_join>(
            warp::path!(GroupPath / "join")
                .and(warp::post())
                .and(door.login())
                .and(door.optional_json())
                .and(with(admission))
                .then(join),
        ),
        endpoint::<__path_list>(
            warp::path!(GroupPath / "requests")
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(admission))
                .then(list),
        ),
        endpoint::<__path_answer>(
            warp::path!(GroupPath / "requests" / RequestPath)
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(admission))
                .then(answer),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct Joining {
    /// Of an invitation to this group.
    code: Option<String>,
    /// To who lets in, where it takes an approval; at most 140 characters.
    message: Option<String>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct JoinAnswer {
    #[schema(value_type = bool, required)]
    accept: Option<bool>,
}

/// Enters an open group, or with an invitation's code any; asks to be let in where it takes an approval.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/join", tag = "groups", params(("id" = u64, Path)),
    request_body = Option<Joining>,
    responses(
        (status = 200, body = shapes::Admitted),
        (status = 410, description = "`gone`: the invitation is no longer good"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn join(
    id: GroupPath,
    login: Login,
    input: Result<Joining, Failure>,
    admission: Admission,
) -> Answer {
    let (me, input) = (login?, input?);
    let message = input.message.unwrap_or_default();
    let (admitted, group) = admission
        .join(me.user.id, id.0, input.code.as_deref(), &message)
        .await?;
    reply::ok(&shapes::Admitted::of(admitted, group))
}

/// Who asks to come in; for owner and admins.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/requests", tag = "groups",
    params(
        ("id" = u64, Path),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::JoinRequests))
)]
async fn list(id: GroupPath, login: Login, query: Query, admission: Admission) -> Answer {
    let me = login?.user.id;
    let (after, limit) = (query.after()?.0, query.limit()?);
    let page = admission.requests(me, id.0, after, limit).await?;
    reply::ok(&shapes::JoinRequests::from(page))
}

/// Lets somebody in who asked, or declines; for owner and admins.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/requests/{request}", tag = "groups",
    params(("id" = u64, Path), ("request" = u64, Path)),
    request_body = JoinAnswer, responses((status = 204))
)]
async fn answer(
    id: GroupPath,
    request: RequestPath,
    login: Login,
    input: Result<JoinAnswer, Failure>,
    admission: Admission,
) -> Answer {
    let (me, input) = (login?, input?);
    let accept = input
        .accept
        .ok_or(Failure::field(Code::BadRequest, "accept"))?;
    admission
        .answer(me.user.id, id.0, request.0, accept)
        .await?;
    reply::nothing()
}
