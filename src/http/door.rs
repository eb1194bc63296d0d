//! What handlers are given of a request: who asks, from where, and the body. Each an extraction that never
//! rejects; what is wrong with it is the handler's to return.

use std::convert::Infallible;
use std::net::IpAddr;

use serde::de::DeserializeOwned;
use warp::http::{HeaderMap, Method};
use warp::{Filter, Rejection};

use super::auth::Gate;
use super::body::{self, Given};
use super::remote::PeerAddr;
use super::trail::Trail;
use crate::model::error::Failure;
use crate::service::audit::Actor;
use crate::service::sessions::{Identity, Sessions};

/// Who asks, or why that is nobody.
pub(super) type Login = Result<Identity, Failure>;

/// Somebody who need not be logged in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visitor {
    pub(crate) address: IpAddr,
    /// His way here is encrypted.
    pub(crate) https: bool,
}

impl Visitor {
    /// Somebody logged in, and where he is.
    pub(super) fn as_actor(&self, identity: &Identity) -> Actor {
        Actor {
            user: identity.user.id,
            address: self.address.to_string(),
        }
    }
}

/// Makes the extractions. Cheap to clone.
#[derive(Clone)]
pub(super) struct Door {
    gate: Gate,
    sessions: Sessions,
    body_bytes_max: usize,
}

impl Door {
    pub(super) fn new(gate: Gate, sessions: Sessions, body_bytes_max: usize) -> Door {
        Door {
            gate,
            sessions,
            body_bytes_max,
        }
    }

    /// Who asks.
    pub(super) fn login(
        &self,
    ) -> impl Filter<Extract = (Login,), Error = Infallible> + Clone + use<> {
        let door = self.clone();
        warp::method()
            .and(warp::header::headers_cloned())
            .and(warp::ext::optional::<Trail>())
            .then(
                move |method: Method, headers: HeaderMap, trail: Option<Trail>| {
                    let door = door.clone();
                    async move {
                        let token = door.gate.request_token(&method, &headers)?;
                        let identity = door.sessions.authenticate(&token).await?;
                        if let Some(trail) = trail {
                            trail.saw(identity.user.id);
                        }
                        Ok(identity)
                    }
                },
            )
    }

    /// Where the request is from.
    pub(super) fn visitor(
        &self,
    ) -> impl Filter<Extract = (Visitor,), Error = Infallible> + Clone + use<> {
        let gate = self.gate.clone();
        warp::ext::optional::<PeerAddr>()
            .and(warp::header::headers_cloned())
            .map(move |peer: Option<PeerAddr>, headers: HeaderMap| Visitor {
                address: gate.client(peer, &headers),
                https: gate.is_https(peer, &headers),
            })
    }

    /// Where people reach the deployment, for links, without a slash at the end.
    pub(super) fn site(
        &self,
    ) -> impl Filter<Extract = (String,), Error = Infallible> + Clone + use<> {
        let gate = self.gate.clone();
        warp::ext::optional::<PeerAddr>()
            .and(warp::header::headers_cloned())
            .map(move |peer: Option<PeerAddr>, headers: HeaderMap| gate.site(peer, &headers))
    }

    /// The JSON body.
    pub(super) fn json<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> impl Filter<Extract = (Result<T, Failure>,), Error = Rejection> + Clone + use<T> {
        let max = self.body_bytes_max;
        warp::header::headers_cloned()
            .and(warp::body::stream())
            .then(move |headers: HeaderMap, stream| async move {
                body::json(&headers, stream, max).await
            })
    }

    /// The JSON body, or a plain text.
    pub(super) fn json_or_text<T: DeserializeOwned + Send + 'static>(
        &self,
    ) -> impl Filter<Extract = (Result<Given<T>, Failure>,), Error = Rejection> + Clone + use<T>
    {
        let max = self.body_bytes_max;
        warp::header::headers_cloned()
            .and(warp::body::stream())
            .then(move |headers: HeaderMap, stream| async move {
                body::json_or_text(&headers, stream, max).await
            })
    }

    /// The JSON body, or the default of its type when there is none.
    pub(super) fn optional_json<T: DeserializeOwned + Default + Send + 'static>(
        &self,
    ) -> impl Filter<Extract = (Result<T, Failure>,), Error = Rejection> + Clone + use<T> {
        let max = self.body_bytes_max;
        warp::header::headers_cloned()
            .and(warp::body::stream())
            .then(move |headers: HeaderMap, stream| async move {
                body::optional_json(&headers, stream, max).await
            })
    }
}

/// Hands a service to a handler.
pub(super) fn with<S: Clone + Send + Sync + 'static>(
    service: &S,
) -> impl Filter<Extract = (S,), Error = Infallible> + Clone + use<S> {
    let service = service.clone();
    warp::any().map(move || service.clone())
}
