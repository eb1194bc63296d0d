//! The sockets of old pages: `/chat`, and ginchat's two others. Who comes is told by the token in the query or by the
//! cookie; as which kind of page, by the parameters' names.

use std::sync::Arc;

use hyper::upgrade::OnUpgrade;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::path::FullPath;
use warp::reply::Response;

use super::old_frames::{MISSED_MAX, Missed, Page, is_told_late};
use super::params::Params;
use super::routes::{Desk, Enabled, collapsed, raw_query};
use super::{media, pages};
use crate::http::remote::PeerAddr;
use crate::http::server::Place;
use crate::http::{reply, ws};
use crate::model::entry::Entry;
use crate::model::error::{Code, Failure};
use crate::model::ids::UserId;

/// A request to become a page's socket.
struct Wish {
    path: String,
    params: Params,
    headers: HeaderMap,
    peer: Option<PeerAddr>,
}

/// The route of all of them.
pub(super) fn route(desk: &Arc<Desk>, sockets: Arc<ws::Parts>) -> BoxedFilter<(Response,)> {
    let (enabled, desk) = (desk.parts.enabled, Arc::clone(desk));
    let wish = warp::path::full()
        .and_then(move |path: FullPath| async move { known(enabled, path.as_str()) })
        .and(warp::get())
        .and(raw_query())
        .and(warp::header::headers_cloned())
        .and(warp::ext::optional::<PeerAddr>())
        .map(|path, query: String, headers, peer| Wish {
            path,
            params: Params::from_query(&query),
            headers,
            peer,
        });
    wish.and(warp::ext::get::<Place>())
        .and(warp::ext::optional::<OnUpgrade>())
        .then(
            move |wish: Wish, place: Place, upgrade: Option<OnUpgrade>| {
                let (desk, sockets) = (Arc::clone(&desk), Arc::clone(&sockets));
                async move {
                    let language = reply::language(&wish.headers);
                    let joined = match ws::Handshake::new(&sockets, &wish.headers, place, upgrade) {
                        Ok(handshake) => desk.join(&wish, sockets, handshake).await,
                        Err(failure) => Err(failure),
                    };
                    joined.unwrap_or_else(|failure| reply::failure(&failure, language))
                }
            },
        )
        .boxed()
}

fn known(enabled: Enabled, path: &str) -> Result<String, warp::Rejection> {
    let path = collapsed(path);
    let is_known = match path.as_str() {
        "/chat" => enabled.ginchat || enabled.imooc,
        "/user/sendUserMsg" | "/user/sendMsg" => enabled.ginchat,
        _ => false,
    };
    if is_known {
        Ok(path)
    } else {
        Err(warp::reject::not_found())
    }
}

impl Desk {
    /// Takes in a page's socket.
    async fn join(
        &self,
        wish: &Wish,
        sockets: Arc<ws::Parts>,
        handshake: ws::Handshake,
    ) -> Result<Response, Failure> {
        let Wish {
            path,
            params,
            headers,
            peer,
        } = wish;
        let gate = &self.door.gate;
        let token = match params.get(&["token"]) {
            Some(token) => Some(token.to_owned()),
            None => gate.token(headers, handshake.is_from_own_page()),
        };
        let token = token.ok_or(Failure::new(Code::Unauthorized))?;
        let identity = self.door.sessions.authenticate(&token).await?;
        let named = params.number::<u64>(&["userId", "id", "userid"], "userId")?;
        let user = identity.user.id;
        if named.is_some_and(|id| UserId(id) != user) {
            return Err(Failure::new(Code::Forbidden));
        }
        let page = page_of(self.parts.enabled, path, params);
        let language = reply::language(headers);
        let https = gate.is_https(*peer, headers);
        let base = pages::base(&self.parts.public_url, headers, https);
        let voice = self
            .voices
            .voice(user, page, media::Place::new(base, language));
        let (entries, upto) = self.missed(user, page).await?;
        let uses = &self.parts.uses;
        let counts = match page {
            Page::Ginchat { .. } => &uses.ginchat,
            Page::Imooc { .. } => &uses.imooc,
        };
        counts.connections.inc();
        let arrival = ws::Arrival {
            identity,
            voice: Box::new(voice),
            beginning: ws::Beginning::Missed { entries, upto },
            language,
        };
        Ok(handshake.accept_arrived(sockets, arrival))
    }

    /// What the user's old pages have not been told yet, the last of it, and the place of the log up to which that is.
    async fn missed(&self, user: UserId, page: Page) -> Result<Missed, Failure> {
        let connections = &self.parts.connections;
        match self.parts.reads.told(user).await? {
            Some(after) => {
                let is_wanted = |entry: &Entry| is_told_late(page, entry);
                connections.recent(user, after, MISSED_MAX, is_wanted).await
            }
            // A page that was never here is told what happens from now on, wherever it comes back.
            None => {
                let now = connections.position().applied();
                self.parts.reads.tell(user, now).await?;
                Ok((Vec::new(), now))
            }
        }
    }
}

fn page_of(enabled: Enabled, path: &str, params: &Params) -> Page {
    let says_ginchat = enabled.ginchat && params.has("userId");
    let says_imooc = params.has("id") || params.has("userid") || !enabled.ginchat;
    if path == "/chat" && enabled.imooc && says_imooc && !says_ginchat {
        Page::Imooc {
            echo: params.get(&["echo"]) != Some("0"),
            basic: params.get(&["media"]) == Some("basic"),
        }
    } else {
        Page::Ginchat {
            receives_only: path == "/user/sendMsg",
        }
    }
}
