//! Invitations to register, where not everybody may.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, Visitor, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::InvitationPath;
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::error::Failure;
use crate::service::invitations::{Invitations, Wish};

pub(in crate::http) fn routes(door: &Door, invitations: &Invitations) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_make>(
            warp::path!("invites")
                .and(warp::post())
                .and(door.login())
                .and(door.visitor())
                .and(door.site())
                .and(door.optional_json())
                .and(with(invitations))
                .then(make),
        ),
        endpoint::<__path_list>(
            warp::path!("invites")
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(invitations))
                .then(list),
        ),
        endpoint::<__path_revoke>(
            warp::path!("invites" / InvitationPath)
                .and(warp::delete())
                .and(door.login())
                .and(door.visitor())
                .and(with(invitations))
                .then(revoke),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct WantedInvitation {
    /// How many may register by it: 1, unless given; at most 10,000.
    #[schema(minimum = 1, maximum = 10_000)]
    uses: Option<u64>,
    /// A week, unless given; from a minute to a year.
    #[schema(minimum = 60, maximum = 31_536_000)]
    expires_in_seconds: Option<u64>,
}

/// Invites people to register. For admins, or for everybody where the deployment says so.
#[utoipa::path(
    post, path = "/api/v1/admin/invites", tag = "admin",
    request_body(content = Option<WantedInvitation>, example = json!({"uses": 5, "expires_in_seconds": 86_400})),
    responses((status = 201, body = shapes::NewInvitation))
)]
async fn make(
    login: Login,
    visitor: Visitor,
    site: String,
    input: Result<WantedInvitation, Failure>,
    invitations: Invitations,
) -> Answer {
    let (actor, input) = (visitor.as_actor(&login?), input?);
    let wish = Wish {
        uses: input.uses,
        expires_in_seconds: input.expires_in_seconds,
    };
    let made = invitations.make(&actor, wish).await?;
    reply::created(&shapes::NewInvitation::of(made, &site))
}

/// Invitations that are not revoked, newest first: an admin sees everybody's, others their own.
#[utoipa::path(
    get, path = "/api/v1/admin/invites", tag = "admin",
    params(
        ("before" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::Invitations))
)]
async fn list(login: Login, query: Query, invitations: Invitations) -> Answer {
    let me = login?.user.id;
    let (before, limit) = (query.id("before")?, query.limit()?);
    let page = invitations.list(me, before, limit).await?;
    reply::ok(&shapes::Invitations::from(page))
}

/// Revokes an invitation. Who has registered by it stays.
#[utoipa::path(
    delete, path = "/api/v1/admin/invites/{id}", tag = "admin", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn revoke(
    id: InvitationPath,
    login: Login,
    visitor: Visitor,
    invitations: Invitations,
) -> Answer {
    invitations.revoke(&visitor.as_actor(&login?), id.0).await?;
    reply::nothing()
}
