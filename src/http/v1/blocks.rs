//! Users one does not want to hear from.

use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::UserPath;
use crate::http::reply;
use crate::service::friends::Friends;

pub(in crate::http) fn routes(door: &Door, friends: &Friends) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_list>(
            warp::path::end()
                .and(warp::get())
                .and(door.login())
                .and(with(friends))
                .then(list),
        ),
        endpoint::<__path_block>(
            warp::path!(UserPath)
                .and(warp::put())
                .and(door.login())
                .and(with(friends))
                .then(block),
        ),
        endpoint::<__path_unblock>(
            warp::path!(UserPath)
                .and(warp::delete())
                .and(door.login())
                .and(with(friends))
                .then(unblock),
        ),
    ]
}

/// Whom one has blocked.
#[utoipa::path(get, path = "/api/v1/blocks", tag = "friends", responses((status = 200, body = shapes::Blocks)))]
async fn list(login: Login, friends: Friends) -> Answer {
    let blocks = friends.blocks(login?.user.id).await?;
    reply::ok(&shapes::Blocks::of(blocks))
}

/// Takes no more messages and requests from a user.
#[utoipa::path(
    put, path = "/api/v1/blocks/{id}", tag = "friends",
    params(("id" = u64, Path, description = "The user's id")), responses((status = 204))
)]
async fn block(id: UserPath, login: Login, friends: Friends) -> Answer {
    friends.set_blocked(login?.user.id, id.0, true).await?;
    reply::nothing()
}

/// Takes them again.
#[utoipa::path(
    delete, path = "/api/v1/blocks/{id}", tag = "friends",
    params(("id" = u64, Path, description = "The user's id")), responses((status = 204))
)]
async fn unblock(id: UserPath, login: Login, friends: Friends) -> Answer {
    friends.set_blocked(login?.user.id, id.0, false).await?;
    reply::nothing()
}
