//! Finding other users.

use warp::Filter;

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::path::UserPath;
use crate::http::query::{Query, query};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::service::profiles::Profiles;

pub(in crate::http) fn routes(door: &Door, profiles: &Profiles) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_search>(
            warp::path::end()
                .and(warp::get())
                .and(door.login())
                .and(query())
                .and(with(profiles))
                .then(search),
        ),
        endpoint::<__path_show>(
            warp::path!(UserPath)
                .and(warp::get())
                .and(door.login())
                .and(with(profiles))
                .then(show),
        ),
    ]
}

/// Users by name or nickname (part of it), phone number (exact) or id, best match first.
#[utoipa::path(
    get, path = "/api/v1/users", tag = "users",
    params(
        ("q" = String, Query, min_length = 1, max_length = 128, example = "anna"),
        ("limit" = Option<u64>, Query, minimum = 1, description = "50; at most 200"),
    ),
    responses((status = 200, body = shapes::Users))
)]
async fn search(login: Login, query: Query, profiles: Profiles) -> Answer {
    let me = login?.user.id;
    let (text, limit) = (query.required("q")?, query.limit()?);
    let persons = profiles.search(me, text, limit).await?;
    reply::ok(&shapes::Users::of(persons))
}

/// One user.
#[utoipa::path(
    get, path = "/api/v1/users/{id}", tag = "users", params(("id" = u64, Path)),
    responses((status = 200, body = shapes::User))
)]
async fn show(id: UserPath, login: Login, profiles: Profiles) -> Answer {
    let me = login?.user.id;
    let mut persons = profiles.persons_for(me, &[id.0]).await?;
    let person = persons.remove(&id.0).ok_or(Failure::new(Code::NotFound))?;
    reply::ok(&shapes::User::from(person))
}
