//! HTTP: routes, the WebSocket's handshake, pages and the server they run on.
//!
//! Translates between requests and services, and holds no rule of the domain. One file per resource under `v1`;
//! a warp rejection only ever means "not my route", every other refusal is a `Failure` that a handler returns.
//! Composed by the node ([`routes`]), driven by [`server`].

pub mod assets;
pub mod auth;
pub(crate) mod body;
pub(crate) mod door;
mod endpoint;
mod headers;
mod health;
mod internal;
pub mod metrics;
mod multipart;
mod openapi;
mod path;
mod query;
mod range;
pub mod remote;
pub(crate) mod reply;
pub mod server;
mod swagger;
pub mod trail;
pub mod v1;
pub mod ws;

use std::convert::Infallible;
use std::sync::Arc;

use tracing::debug;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, StatusCode};
use warp::reject::MethodNotAllowed;
use warp::reply::Response;
use warp::{Filter, Rejection};

use crate::model::error::{Code, Failure};
use crate::service::accounts::Accounts;
use crate::service::admin::Admin;
use crate::service::admission::Admission;
use crate::service::bots::Bots;
use crate::service::conversations::Conversations;
use crate::service::entries::Entries;
use crate::service::files::Files;
use crate::service::friends::Friends;
use crate::service::groups::Groups;
use crate::service::health::ClusterView;
use crate::service::hooks::Hooks;
use crate::service::invitations::Invitations;
use crate::service::messages::Messages;
use crate::service::packets::Packets;
use crate::service::profiles::Profiles;
use crate::service::search::Searches;
use crate::service::sessions::Sessions;
use assets::Assets;
use auth::Gate;
use door::Door;
use endpoint::{Endpoint, any_of};
use metrics::Metrics;

/// Routes that answer every request they take.
pub type Routes = BoxedFilter<(Response,)>;

/// Everything the routes lead to.
pub struct Parts {
    pub gate: Gate,
    pub sessions: Sessions,
    pub accounts: Accounts,
    pub profiles: Profiles,
    pub friends: Friends,
    pub groups: Groups,
    pub admission: Admission,
    pub conversations: Conversations,
    pub messages: Messages,
    pub searches: Searches,
    pub entries: Entries,
    pub packets: Packets,
    pub bots: Bots,
    pub hooks: Hooks,
    pub admin: Admin,
    pub files: Files,
    pub invitations: Invitations,
    pub cluster: Arc<dyn ClusterView>,
    pub metrics: Metrics,
    pub assets: Assets,
    /// Largest JSON body, in bytes.
    pub body_bytes_max: usize,
}

/// All routes. `others` come before the web client's pages, which answer to every unknown path: the WebSocket's
/// handshake and the dialects.
#[must_use]
pub fn routes(
    parts: Parts,
    others: impl IntoIterator<Item = BoxedFilter<(Response,)>>,
) -> BoxedFilter<(Response,)> {
    let Parts {
        gate,
        sessions,
        accounts,
        profiles,
        friends,
        groups,
        admission,
        conversations,
        messages,
        searches,
        entries,
        packets,
        bots,
        hooks,
        admin,
        files,
        invitations,
        cluster,
        metrics,
        assets,
        body_bytes_max,
    } = parts;
    let door = Door::new(gate, sessions.clone(), body_bytes_max);
    let endpoints: Vec<Endpoint> = [
        v1::conversations::routes(&door, &conversations, &messages),
        v1::entries::routes(&door, &entries),
        v1::accounts::routes(&door, &accounts),
        v1::me::routes(&door, &accounts, &sessions),
        v1::users::routes(&door, &profiles),
        v1::friends::routes(&door, &friends),
        v1::blocks::routes(&door, &friends),
        v1::groups::routes(&door, &groups),
        v1::members::routes(&door, &groups),
        v1::join::routes(&door, &admission),
        v1::invites::routes(&door, &admission),
        v1::packets::routes(&door, &packets),
        v1::bots::routes(&door, &bots),
        v1::hooks::routes(&door, &hooks),
        v1::search::routes(&door, &searches),
        v1::admin::routes(&door, &admin, &metrics),
        v1::files::routes(&door, &files),
        v1::invitations::routes(&door, &invitations),
        v1::cluster::routes(&door, &cluster),
        health::routes(&cluster, &metrics),
    ]
    .into_iter()
    .flatten()
    .collect();
    metrics.watch(cluster);
    let document = openapi::document(&endpoints);
    let mut filters: Vec<_> = endpoint::gathered(endpoints);
    filters.extend(others);
    filters.push(internal::routes(&files));
    filters.push(openapi::route(&document));
    filters.push(swagger::routes());
    filters.push(assets::routes(assets));
    let answered = any_of(filters)
        .recover(refuse)
        .unify()
        .and(warp::header::headers_cloned())
        .map(put_into_words);
    trail::followed(metrics::observed(answered, metrics))
        .map(headers::harden)
        .boxed()
}

/// Why no route took the request; an answer carries it to where the client's language is known.
#[derive(Clone, Copy)]
struct Untaken {
    status: StatusCode,
    code: Code,
}

async fn refuse(rejection: Rejection) -> Result<Response, Infallible> {
    let untaken = if rejection.is_not_found() {
        Untaken {
            status: StatusCode::NOT_FOUND,
            code: Code::NotFound,
        }
    } else if rejection.find::<MethodNotAllowed>().is_some() {
        Untaken {
            status: StatusCode::METHOD_NOT_ALLOWED,
            code: Code::BadRequest,
        }
    } else {
        debug!(?rejection, "a request was not understood");
        Untaken {
            status: StatusCode::BAD_REQUEST,
            code: Code::BadRequest,
        }
    };
    let mut response = Response::default();
    response.extensions_mut().insert(untaken);
    Ok(response)
}

#[expect(clippy::needless_pass_by_value, reason = "warp hands its values over")]
fn put_into_words(response: Response, headers: HeaderMap) -> Response {
    match response.extensions().get::<Untaken>() {
        Some(Untaken { status, code }) => {
            let failure = Failure::new(*code);
            reply::failure_as(*status, &failure, reply::language(&headers))
        }
        None => response,
    }
}
