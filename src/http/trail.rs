//! A request's id, and the line that tells how it ended.
//!
//! The id is the one a trusted proxy gave, else a new one. Every line logged while the request is served carries it in
//! its span, every answer in `X-Request-Id`. Requests are named by their described path: what was really asked for may
//! hold names and tokens.

use std::convert::Infallible;
use std::sync::{Arc, OnceLock};

use tokio::time::Instant;
use tracing::{Span, debug, info, info_span, warn};
use uuid::Uuid;
use warp::Filter;
use warp::http::header::HeaderName;
use warp::http::{HeaderMap, HeaderValue, Method};
use warp::reply::Response;

use super::endpoint::Template;
use super::metrics::UNDESCRIBED;
use super::remote::{PeerAddr, Proxies};
use crate::model::error::Code;
use crate::model::ids::UserId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest id taken over from a proxy: room for two UUIDs.
const ID_BYTES_MAX: usize = 80;

/// What is known of a request besides itself; kept in its extensions. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Trail(Arc<Known>);

#[derive(Debug)]
struct Known {
    id: String,
    user: OnceLock<UserId>,
}

impl Trail {
    /// Of a request that comes in.
    #[must_use]
    pub fn begin(proxies: &Proxies, peer: PeerAddr, headers: &HeaderMap) -> Trail {
        let given = headers.get(REQUEST_ID).filter(|_| proxies.passed(peer));
        let given = given.and_then(|id| id.to_str().ok()).filter(|id| is_id(id));
        let id = given.map_or_else(|| Uuid::now_v7().simple().to_string(), str::to_owned);
        Trail(Arc::new(Known {
            id,
            user: OnceLock::new(),
        }))
    }

    /// What the lines logged meanwhile are in.
    pub(super) fn span(&self) -> Span {
        info_span!("request", request = %self.0.id)
    }

    /// The request was made by this user.
    pub(super) fn saw(&self, user: UserId) {
        // Whoever asks twice within a request gets the same answer.
        let _ = self.0.user.set(user);
    }

    fn tell(&self, method: &Method, began: Instant, response: &Response) {
        let template = response.extensions().get::<Template>();
        let described = template.is_some_and(|template| template.0.starts_with("/api/"));
        let route = template.map_or(UNDESCRIBED, |template| &*template.0);
        let code = response.extensions().get::<Code>().map(|code| code.name());
        let user = self.0.user.get().map(|user| user.0);
        let status = response.status().as_u16();
        let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        if response.status().is_server_error() && described {
            warn!(%method, route, status, took_ms, user, code, "a request failed");
        } else if described {
            info!(%method, route, status, took_ms, user, code, "answered");
        } else {
            debug!(%method, route, status, took_ms, user, code, "answered");
        }
    }
}

/// Tells how requests ended, and puts their ids on the answers.
pub(super) fn followed(
    filter: impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static,
) -> impl Filter<Extract = (Response,), Error = Infallible> + Clone + Send + Sync + 'static {
    warp::ext::optional::<Trail>()
        .map(|trail| (Instant::now(), trail))
        .and(warp::method())
        .and(filter)
        .map(
            |(began, trail): (Instant, Option<Trail>), method: Method, mut response: Response| {
                if let Some(trail) = trail {
                    trail.tell(&method, began, &response);
                    if let Ok(id) = HeaderValue::from_str(&trail.0.id) {
                        response.headers_mut().insert(REQUEST_ID, id);
                    }
                }
                response
            },
        )
}

/// Whether a proxy's id may be repeated in logs and headers.
fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(peer: &str, given: Option<&str>) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        if let Some(given) = given {
            headers.insert(REQUEST_ID, given.parse().unwrap());
        }
        let peer = PeerAddr(format!("{peer}:1").parse().unwrap());
        Trail::begin(&proxies, peer, &headers).0.id.clone()
    }

    #[test]
    fn an_id_is_a_trusted_proxys_or_a_new_one() {
        assert_eq!(id("10.0.0.1", Some("a-1.b:2_C")), "a-1.b:2_C");
        let long = "x".repeat(ID_BYTES_MAX + 1);
        for (peer, given) in [
            ("10.0.0.1", None),
            ("10.0.0.1", Some("")),
            ("10.0.0.1", Some("a b")),
            ("10.0.0.1", Some(r#"a"b"#)),
            ("10.0.0.1", Some(&*long)),
            ("192.0.2.1", Some("a-1")),
        ] {
            let made = id(peer, given);
            assert!(made.len() == 32 && is_id(&made), "{made}");
            assert_ne!(made, id(peer, given));
        }
    }
}
