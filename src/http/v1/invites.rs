//! Invitations into groups: made, looked at, used, revoked.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::GroupPath;
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::admission::{Admission, Admitted};

pub(in crate::http) fn routes(door: &Door, admission: &Admission) -> Vec<Endpoint> {
    let of_group = || warp::path!(GroupPath / "invites");
    let one = || warp::path!(String);
    vec![
        endpoint::<__path_create>(
            of_group()
                .and(warp::post())
                .and(door.login())
                .and(door.optional_json())
                .and(with(admission))
                .then(create),
        ),
        endpoint::<__path_list>(
            of_group()
                .and(warp::get())
                .and(door.login())
                .and(with(admission))
                .then(list),
        ),
        endpoint::<__path_revoke>(
            warp::path!(GroupPath / "invites" / String)
                .and(warp::delete())
                .and(door.login())
                .and(with(admission))
                .then(revoke),
        ),
        endpoint::<__path_preview>(
            one()
                .and(warp::get())
                .and(door.login())
                .and(with(admission))
                .then(preview),
        ),
        endpoint::<__path_accept>(
            one()
                .and(warp::post())
                .and(door.login())
                .and(with(admission))
                .then(accept),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct WantedInvite {
    /// For how long it is good: a week when missing, at most 366 days.
    expires_in_seconds: Option<u64>,
    /// How many may come in with it; as many as want to when missing.
    uses: Option<u32>,
}

/// Makes an invitation: any member into an open group, else owner and admins. Its code is told once.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/invites", tag = "groups", params(("id" = u64, Path)),
    request_body = Option<WantedInvite>,
    responses((status = 201, body = shapes::NewInvite), (status = 429, description = "`rate_limited`"))
)]
async fn create(
    id: GroupPath,
    login: Login,
    input: Result<WantedInvite, Failure>,
    admission: Admission,
) -> Answer {
    let (me, input) = (login?, input?);
    let invite = admission
        .invite(me.user.id, id.0, input.expires_in_seconds, input.uses)
        .await?;
    reply::created(&shapes::NewInvite::from(invite))
}

/// Invitations that are good, the newest 200; for owner and admins.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/invites", tag = "groups", params(("id" = u64, Path)),
    responses((status = 200, body = shapes::Invites))
)]
async fn list(id: GroupPath, login: Login, admission: Admission) -> Answer {
    let invites = admission.invites(login?.user.id, id.0).await?;
    reply::ok(&shapes::Invites::of(invites))
}

/// Revokes an invitation; for owner, admins and who made it.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/invites/{invite}", tag = "groups",
    params(("id" = u64, Path), ("invite" = String, Path, description = "Its `id`")), responses((status = 204))
)]
async fn revoke(id: GroupPath, invite: String, login: Login, admission: Admission) -> Answer {
    let me = login?;
    let invite = invite.parse().map_err(|_| Failure::new(Code::NotFound))?;
    admission.revoke(me.user.id, id.0, &invite).await?;
    reply::nothing()
}

/// Where an invitation leads.
#[utoipa::path(
    get, path = "/api/v1/invites/{code}", tag = "groups", params(("code" = String, Path)),
    responses(
        (status = 200, body = shapes::InvitePreview),
        (status = 410, description = "`gone`: it is no longer good"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn preview(code: String, login: Login, admission: Admission) -> Answer {
    let (invite, group) = admission.preview(login?.user.id, &code).await?;
    reply::ok(&shapes::InvitePreview::of(&invite, group))
}

/// Comes into the group the invitation is for.
#[utoipa::path(
    post, path = "/api/v1/invites/{code}", tag = "groups", params(("code" = String, Path)),
    responses(
        (status = 200, body = shapes::Admitted),
        (status = 410, description = "`gone`: it is no longer good"),
        (status = 429, description = "`rate_limited`"),
    )
)]
async fn accept(code: String, login: Login, admission: Admission) -> Answer {
    let group = admission.accept(login?.user.id, &code).await?;
    reply::ok(&shapes::Admitted::of(Admitted::Joined, group))
}
