//! The members of a group.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::body::given;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::{GroupPath, UserPath};
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::group::{MemberPatch, Role};
use crate::model::ids::UserId;
use crate::service::groups::Groups;

pub(in crate::http) fn routes(door: &Door, groups: &Groups) -> Vec<Endpoint> {
    let all = || warp::path!(GroupPath / "members");
    vec![
        endpoint::<__path_list>(
            all()
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(groups))
                .then(list),
        ),
        endpoint::<__path_add>(
            all()
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(groups))
                .then(add),
        ),
        endpoint::<__path_edit>(
            warp::path!(GroupPath / "members" / UserPath)
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(groups))
                .then(edit),
        ),
        endpoint::<__path_kick>(
            warp::path!(GroupPath / "members" / UserPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(groups))
                .then(kick),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct NewMembers {
    /// 1-200 user ids. Those who are in already are passed over.
    #[schema(value_type = Vec<u64>, required)]
    users: Option<Vec<UserId>>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedMember {
    /// `admin` or `member`; for the owner.
    #[schema(value_type = Option<shapes::Role>)]
    role: Option<Role>,
    /// Until when he may not write; null, 0 or a time that is past: he may. For the owner, and of members for admins.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    muted_until: Option<Option<UnixMillis>>,
}

/// The members, by user id.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}/members", tag = "groups",
    params(
        ("id" = u64, Path),
        ("after" = Option<String>, Query, description = "`next` of the page before"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::Members))
)]
async fn list(id: GroupPath, login: Login, query: Query, groups: Groups) -> Answer {
    let me = login?.user.id;
    let (after, limit) = (query.after()?, query.limit()?);
    let page = groups.members(me, id.0, after, limit).await?;
    reply::ok(&shapes::Members::from(page))
}

/// Brings users in: any member in an open group, else owner and admins.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/members", tag = "groups", params(("id" = u64, Path)),
    request_body = NewMembers, responses((status = 201, body = shapes::Added))
)]
async fn add(
    id: GroupPath,
    login: Login,
    input: Result<NewMembers, Failure>,
    groups: Groups,
) -> Answer {
    let (me, input) = (login?, input?);
    let users = input
        .users
        .ok_or(Failure::field(Code::BadRequest, "users"))?;
    let added = groups.add(me.user.id, id.0, users).await?;
    reply::created(&shapes::Added::of(&added))
}

/// Changes what a member may do.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = u64, Path), ("user" = u64, Path)),
    request_body = ChangedMember, responses((status = 200, body = shapes::Member))
)]
async fn edit(
    id: GroupPath,
    user: UserPath,
    login: Login,
    input: Result<ChangedMember, Failure>,
    groups: Groups,
) -> Answer {
    let (me, input) = (login?, input?);
    let patch = MemberPatch {
        role: input.role,
        muted_until: input.muted_until.map(Option::unwrap_or_default),
    };
    let member = groups.edit_member(me.user.id, id.0, user.0, patch).await?;
    reply::ok(&shapes::Member::from(member))
}

/// Removes a member of lower role.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}/members/{user}", tag = "groups",
    params(("id" = u64, Path), ("user" = u64, Path)), responses((status = 204))
)]
async fn kick(id: GroupPath, user: UserPath, login: Login, groups: Groups) -> Answer {
    groups.kick(login?.user.id, id.0, user.0).await?;
    reply::nothing()
}
