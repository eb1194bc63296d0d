//! The paths of the old clients, and which dialect a request on a shared one speaks.
//!
//! Paths are case-sensitive and doubled slashes in them count as one, since pages write them so. Nearly all take any
//! method. A path that is in no table here is not ours.

use std::convert::Infallible;
use std::sync::Arc;

use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::answer::{Answer, Envelope, respond};
use super::ginchat::{self, Ginchat};
use super::imooc::{self, Imooc};
use super::old_frames::Voices;
use super::params::Params;
use super::request::{Asked, Doorkeeper};
use super::shyim::{self, Shyim};
use super::uses::Uses;
use super::{pages, sockets, upload};
use crate::http::auth::Gate;
use crate::http::body;
use crate::http::door::Visitor;
use crate::http::remote::PeerAddr;
use crate::http::ws;
use crate::model::error::{Code, Failure};
use crate::service::accounts::Accounts;
use crate::service::admission::Admission;
use crate::service::connections::Connections;
use crate::service::conversations::Conversations;
use crate::service::files::Files;
use crate::service::friends::Friends;
use crate::service::groups::Groups;
use crate::service::profiles::Profiles;
use crate::service::reads::Reads;
use crate::service::sessions::Sessions;

/// Largest body that is no upload. An old page's largest is a profile.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// Which dialects are served.
#[derive(Clone, Copy, Debug)]
pub struct Enabled {
    pub ginchat: bool,
    pub imooc: bool,
    pub shyim: bool,
}

/// What the dialects lead to.
pub struct DialectParts {
    pub enabled: Enabled,
    pub gate: Gate,
    pub sessions: Sessions,
    pub accounts: Accounts,
    pub profiles: Profiles,
    pub friends: Friends,
    pub groups: Groups,
    pub admission: Admission,
    pub conversations: Conversations,
    pub connections: Connections,
    pub reads: Reads,
    pub files: Files,
    /// How people reach the deployment; may be empty.
    pub public_url: String,
    pub uses: Arc<Uses>,
}

/// A dialect's request, recognised.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Call {
    Ginchat(ginchat::Call),
    Imooc(imooc::Call),
    Shyim(shyim::Call),
}

pub(super) struct Desk {
    pub(super) parts: DialectParts,
    pub(super) door: Doorkeeper,
    ginchat: Ginchat,
    imooc: Imooc,
    shyim: Shyim,
    pub(super) voices: Voices,
}

/// All routes of the dialects that are served. `sockets`: what connections use.
#[must_use]
pub fn routes(parts: DialectParts, sockets: Arc<ws::Parts>) -> Vec<BoxedFilter<(Response,)>> {
    let door = Doorkeeper {
        gate: parts.gate.clone(),
        sessions: parts.sessions.clone(),
    };
    let desk = Arc::new(Desk {
        door,
        ginchat: Ginchat::new(&parts),
        imooc: Imooc::new(&parts),
        shyim: Shyim::new(&parts),
        voices: Voices::new(parts.reads.clone(), Arc::clone(&parts.uses)),
        parts,
    });
    vec![
        calls(&desk),
        sockets::route(&desk, sockets),
        pages::routes(desk.parts.enabled),
        pages::packs(),
        upload::route(&desk),
    ]
}

/// The path with doubled slashes as one; `None` where there are none to speak of.
pub(super) fn collapsed(path: &str) -> String {
    let mut out = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter != '/' || !out.ends_with('/') {
            out.push(letter);
        }
    }
    out
}

fn calls(desk: &Arc<Desk>) -> BoxedFilter<(Response,)> {
    let (known, desk) = (desk.parts.enabled, Arc::clone(desk));
    warp::path::full()
        .and_then(move |path: FullPath| async move {
            let path = collapsed(path.as_str());
            if is_known(known, &path) {
                Ok(path)
            } else {
                Err(warp::reject::not_found())
            }
        })
        .and(raw_query())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<PeerAddr>())
        .and(warp::body::stream())
        .then(
            move |path: String, query: String, headers: HeaderMap, peer, stream| {
                let desk = Arc::clone(&desk);
                async move {
                    let mut params = Params::from_query(&query);
                    let content_type = headers
                        .get("content-type")
                        .and_then(|value| value.to_str().ok());
                    let read = body::read(&headers, stream, BODY_BYTES_MAX).await;
                    let read = read
                        .and_then(|body| params.add_body(content_type.unwrap_or_default(), &body));
                    let visitor = Visitor {
                        address: desk.door.gate.client(peer, &headers),
                        https: desk.door.gate.is_https(peer, &headers),
                    };
                    let asked = Asked {
                        headers,
                        params,
                        visitor,
                    };
                    desk.serve(&path, &asked, read).await
                }
            },
        )
        .boxed()
}

/// The query as it is; empty without one.
pub(super) fn raw_query() -> impl Filter<Extract = (String,), Error = Infallible> + Clone {
    warp::query::raw().or_else(|_: Rejection| async { Ok::<_, Infallible>((String::new(),)) })
}

impl Desk {
    async fn serve(&self, path: &str, asked: &Asked, read: Result<(), Failure>) -> Response {
        let language = asked.language();
        let Some(call) = recognise(self.parts.enabled, path, &asked.params) else {
            let failure = Failure::new(Code::NotFound);
            return respond(Envelope::Ginchat, Err(failure), language);
        };
        let uses = &self.parts.uses;
        let (envelope, counts) = match call {
            Call::Ginchat(_) => (Envelope::Ginchat, &uses.ginchat),
            Call::Imooc(_) => (Envelope::Imooc, &uses.imooc),
            Call::Shyim(_) => (Envelope::Shyim, &uses.shyim),
        };
        counts.requests.inc();
        let answer: Answer = match (read, call) {
            (Err(failure), _) => Err(failure),
            (Ok(()), Call::Ginchat(call)) => self.ginchat.answer(call, asked, &self.door).await,
            (Ok(()), Call::Imooc(call)) => self.imooc.answer(call, asked, &self.door).await,
            (Ok(()), Call::Shyim(call)) => self.shyim.answer(call, asked, &self.door).await,
        };
        respond(envelope, answer, language)
    }
}

fn is_known(enabled: Enabled, path: &str) -> bool {
    (enabled.ginchat && ginchat::call(path).is_some())
        || (enabled.imooc && imooc::call(path).is_some())
        || (enabled.shyim && shyim::call(path).is_some())
}

/// On a path that several know the names of parameters decide: imooc before shyim, ginchat before imooc.
fn recognise(enabled: Enabled, path: &str, params: &Params) -> Option<Call> {
    let ginchat = ginchat::call(path)
        .filter(|_| enabled.ginchat)
        .map(Call::Ginchat);
    let imooc = imooc::call(path).filter(|_| enabled.imooc).map(Call::Imooc);
    let shyim = shyim::call(path).filter(|_| enabled.shyim).map(Call::Shyim);
    let has = |names: &[&str]| names.iter().any(|name| params.has(name));
    let speaks_ginchat = has(&["userId", "ownerId", "targetName"]);
    let speaks_imooc = has(&["mobile", "userid", "id", "dstid"]);
    let speaks_shyim = has(&["phone_number"]);
    let named = ginchat
        .filter(|_| speaks_ginchat)
        .or(imooc.filter(|_| speaks_imooc))
        .or(shyim.filter(|_| speaks_shyim));
    named.or(ginchat).or(imooc).or(shyim)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: Enabled = Enabled {
        ginchat: true,
        imooc: true,
        shyim: true,
    };

    fn dialect(path: &str, query: &str) -> &'static str {
        match recognise(ALL, path, &Params::from_query(query)) {
            Some(Call::Ginchat(_)) => "ginchat",
            Some(Call::Imooc(_)) => "imooc",
            Some(Call::Shyim(_)) => "shyim",
            None => "none",
        }
    }

    #[test]
    fn shared_paths_are_told_apart_by_the_names_of_parameters() {
        for (path, query, expected) in [
            ("/user/find", "userId=3", "ginchat"),
            ("/user/find", "id=3", "imooc"),
            ("/user/find", "id=3&userId=3", "ginchat"),
            ("/contact/addfriend", "userid=1&dstid=2", "imooc"),
            ("/contact/addfriend", "userId=1&targetName=b", "ginchat"),
            ("/contact/loadcommunity", "ownerId=1", "ginchat"),
            ("/contact/loadcommunity", "userid=1", "imooc"),
            ("/login", "phone_number=1&password=x", "shyim"),
            ("/login", "mobile=1&password=x", "imooc"),
            ("/login", "mobile=1&phone_number=1", "imooc"),
            ("/user/Find", "id=3", "none"),
            ("/contact/createCommunity", "ownerId=1", "ginchat"),
            ("/contact/createcommunity", "ownerid=1", "imooc"),
        ] {
            assert_eq!(dialect(path, query), expected, "{path}?{query}");
        }
    }

    #[test]
    fn a_dialect_that_is_off_knows_no_path() {
        let off = Enabled {
            imooc: false,
            ..ALL
        };
        assert!(!is_known(off, "/modification"));
        assert!(is_known(off, "/user/find"));
    }
}
