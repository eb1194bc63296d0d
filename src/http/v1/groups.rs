//! Groups: their profile, whose they are, and leaving. Coming in is `join` and `invites`.

use serde::Deserialize;
use utoipa::ToSchema;
use warp::Filter;

use super::shapes;
use crate::http::body::given;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::GroupPath;
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::group::{GroupPatch, JoinMode};
use crate::model::ids::UserId;
use crate::service::groups::{GroupWish, Groups};

pub(in crate::http) fn routes(door: &Door, groups: &Groups) -> Vec<Endpoint> {
    let all = warp::path::end;
    let one = || warp::path!(GroupPath);
    vec![
        endpoint::<__path_list>(
            all()
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(groups))
                .then(list),
        ),
        endpoint::<__path_create>(
            all()
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(groups))
                .then(create),
        ),
        endpoint::<__path_show>(
            one()
                .and(warp::get())
                .and(door.login())
                .and(with(groups))
                .then(show),
        ),
        endpoint::<__path_edit>(
            one()
                .and(warp::patch())
                .and(door.login())
                .and(door.json())
                .and(with(groups))
                .then(edit),
        ),
        endpoint::<__path_dissolve>(
            one()
                .and(warp::delete())
                .and(door.login())
                .and(with(groups))
                .then(dissolve),
        ),
        endpoint::<__path_transfer>(
            warp::path!(GroupPath / "transfer")
                .and(warp::post())
                .and(door.login())
                .and(door.json())
                .and(with(groups))
                .then(transfer),
        ),
        endpoint::<__path_leave>(
            warp::path!(GroupPath / "leave")
                .and(warp::post())
                .and(door.login())
                .and(with(groups))
                .then(leave),
        ),
    ]
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct NewGroup {
    /// 1-40 characters.
    #[schema(value_type = String, required)]
    name: Option<String>,
    icon: Option<String>,
    /// 0-4: default, hobby, industry, life, study.
    category: Option<u8>,
    /// At most 140 characters.
    memo: Option<String>,
    /// Who is in from the beginning, besides oneself.
    #[schema(value_type = Option<Vec<u64>>)]
    members: Option<Vec<UserId>>,
    /// `open` when missing.
    #[schema(value_type = Option<shapes::JoinMode>)]
    join: Option<JoinMode>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct ChangedGroup {
    name: Option<String>,
    icon: Option<String>,
    category: Option<u8>,
    memo: Option<String>,
    #[schema(value_type = Option<shapes::JoinMode>)]
    join: Option<JoinMode>,
    /// Until when only owner and admins may write; null, 0 or a time that is past: everybody may.
    #[serde(deserialize_with = "given")]
    #[schema(value_type = Option<i64>)]
    muted_until: Option<Option<UnixMillis>>,
}

#[derive(Default, Deserialize, ToSchema)]
#[serde(default)]
pub(in crate::http) struct NewOwner {
    /// A member's user id.
    #[schema(value_type = u64, required)]
    user: Option<UserId>,
}

/// One's own groups; with `q`, groups anybody may join or ask to join, by name or id.
#[utoipa::path(
    get, path = "/api/v1/groups", tag = "groups",
    params(
        ("q" = Option<String>, Query, max_length = 128),
        ("limit" = Option<u64>, Query, minimum = 1, description = "Of a search: 50; at most 200"),
    ),
    responses((status = 200, body = shapes::Groups))
)]
async fn list(login: Login, query: Query, groups: Groups) -> Answer {
    let (me, limit) = (login?.user.id, query.limit()?);
    let found = match query.text("q")? {
        Some(text) => groups.search(me, text, limit).await?,
        None => groups.of_user(me).await?,
    };
    reply::ok(&shapes::Groups::of(found))
}

/// Makes a group; one is its owner.
#[utoipa::path(
    post, path = "/api/v1/groups", tag = "groups", request_body = NewGroup,
    responses(
        (status = 201, body = shapes::Group),
        (status = 410, description = "`gone`: the file was deleted, or its message taken back"),
    )
)]
async fn create(login: Login, input: Result<NewGroup, Failure>, groups: Groups) -> Answer {
    let (me, input) = (login?, input?);
    let wish = GroupWish {
        name: input.name.ok_or(Failure::field(Code::BadRequest, "name"))?,
        icon: input.icon.unwrap_or_default(),
        category: input.category.unwrap_or_default(),
        memo: input.memo.unwrap_or_default(),
        join: input.join.unwrap_or_default(),
        members: input.members.unwrap_or_default(),
    };
    let group = groups.create(me.user.id, wish).await?;
    reply::created(&shapes::Group::from(group))
}

/// One group, whether one is in it or not.
#[utoipa::path(
    get, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = u64, Path)),
    responses((status = 200, body = shapes::Group))
)]
async fn show(id: GroupPath, login: Login, groups: Groups) -> Answer {
    let group = groups.view(login?.user.id, id.0).await?;
    reply::ok(&shapes::Group::from(group))
}

/// Changes the profile, or mutes everybody below; for owner and admins.
#[utoipa::path(
    patch, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = u64, Path)),
    request_body = ChangedGroup,
    responses(
        (status = 200, body = shapes::Group),
        (status = 410, description = "`gone`: the file was deleted, or its message taken back"),
    )
)]
async fn edit(
    id: GroupPath,
    login: Login,
    input: Result<ChangedGroup, Failure>,
    groups: Groups,
) -> Answer {
    let (me, input) = (login?, input?);
    let patch = GroupPatch {
        name: input.name,
        icon: input.icon,
        category: input.category,
        memo: input.memo,
        join: input.join,
        muted_until: input.muted_until.map(Option::unwrap_or_default),
    };
    let group = groups.edit(me.user.id, id.0, patch).await?;
    reply::ok(&shapes::Group::from(group))
}

/// Ends the group; for the owner.
#[utoipa::path(
    delete, path = "/api/v1/groups/{id}", tag = "groups", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn dissolve(id: GroupPath, login: Login, groups: Groups) -> Answer {
    groups.dissolve(login?.user.id, id.0).await?;
    reply::nothing()
}

/// Hands the group over to another member; for the owner, who becomes an admin.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/transfer", tag = "groups", params(("id" = u64, Path)),
    request_body = NewOwner, responses((status = 200, body = shapes::Group))
)]
async fn transfer(
    id: GroupPath,
    login: Login,
    input: Result<NewOwner, Failure>,
    groups: Groups,
) -> Answer {
    let (me, input) = (login?, input?);
    let to = input.user.ok_or(Failure::field(Code::BadRequest, "user"))?;
    let group = groups.transfer(me.user.id, id.0, to).await?;
    reply::ok(&shapes::Group::from(group))
}

/// Leaves. An owner's group goes to another member; the last one's leaving ends it.
#[utoipa::path(
    post, path = "/api/v1/groups/{id}/leave", tag = "groups", params(("id" = u64, Path)),
    responses((status = 204))
)]
async fn leave(id: GroupPath, login: Login, groups: Groups) -> Answer {
    groups.leave(login?.user.id, id.0).await?;
    reply::nothing()
}
