//! Whom a request is from: the token it carries, and whether its origin lets the cookie count.
//!
//! A browser sends the cookie whichever page asks, so where a request changes something or opens a socket the
//! cookie counts only together with an `Origin` that is ours. Whether a token is good is `sessions`' business.

use std::net::IpAddr;
use std::sync::Arc;

use warp::http::header::{AUTHORIZATION, COOKIE, HOST, ORIGIN};
use warp::http::{HeaderMap, HeaderName, Method};

use super::remote::{PeerAddr, Proxies};
use crate::model::error::{Code, Failure};

/// The session's cookie.
const COOKIE_NAME: &str = "starling";

/// What the `Origin` header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OriginVerdict {
    /// The request's own host, or one the operator allows.
    Own,
    /// Somebody else's page.
    Foreign,
    /// Not a browser, or a browser that thinks it need not say.
    Absent,
}

/// What the operator says about origins and proxies.
#[derive(Clone, Debug, Default)]
pub struct GateSettings {
    /// Origins besides the own one, as `https://chat.example`.
    pub origins: Vec<String>,
    /// How people reach the deployment; may be empty.
    pub public_url: String,
    pub proxies: Proxies,
}

/// Judges requests by their headers. Cheap to clone.
#[derive(Clone)]
pub struct Gate(Arc<Rules>);

struct Rules {
    origins: Vec<String>,
    public_url: String,
    proxies: Proxies,
}

impl Gate {
    #[must_use]
    pub fn new(settings: GateSettings) -> Gate {
        let GateSettings {
            origins,
            public_url,
            proxies,
        } = settings;
        let allowed = origins.into_iter().chain([public_url.clone()]);
        Gate(Arc::new(Rules {
            origins: allowed.filter_map(|url| origin_of(&url)).collect(),
            public_url,
            proxies,
        }))
    }

    /// Where the page is from that makes this request.
    #[must_use]
    pub fn origin(&self, headers: &HeaderMap) -> OriginVerdict {
        let Some(value) = headers.get(ORIGIN) else {
            return OriginVerdict::Absent;
        };
        let Some(origin) = value.to_str().ok().and_then(origin_of) else {
            return OriginVerdict::Foreign;
        };
        let own = match (text(headers, HOST), origin.split_once("://")) {
            (Some(host), Some((scheme, from))) => without_default_port(scheme, host) == from,
            (_, _) => false,
        };
        if own || self.0.origins.contains(&origin) {
            OriginVerdict::Own
        } else {
            OriginVerdict::Foreign
        }
    }

    /// The token in the `Authorization` header, else, where it counts, the one in the cookie.
    #[must_use]
    pub fn token(&self, headers: &HeaderMap, cookie_counts: bool) -> Option<String> {
        bearer(headers).or_else(|| cookie(headers).filter(|_| cookie_counts))
    }

    /// The token a plain request is made with. `unauthorized` without one, `forbidden` when another site's page
    /// would change something with the cookie.
    pub fn request_token(&self, method: &Method, headers: &HeaderMap) -> Result<String, Failure> {
        let unauthorized = Failure::new(Code::Unauthorized);
        if let Some(token) = bearer(headers) {
            return Ok(token);
        }
        let token = cookie(headers).ok_or(unauthorized.clone())?;
        if method.is_safe() {
            return Ok(token);
        }
        match self.origin(headers) {
            OriginVerdict::Own => Ok(token),
            OriginVerdict::Foreign => Err(Failure::new(Code::Forbidden)),
            OriginVerdict::Absent => Err(unauthorized),
        }
    }

    /// The client's address.
    #[must_use]
    pub fn client(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> IpAddr {
        self.0.proxies.client(peer, headers)
    }

    /// Whether the client's way to the deployment is encrypted: its cookie is then marked `Secure`.
    #[must_use]
    pub fn is_https(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> bool {
        self.0.public_url.starts_with("https://") || self.0.proxies.is_https(peer, headers)
    }

    /// Where people reach the deployment: as configured, else as this request did. No slash at the end.
    #[must_use]
    pub fn site(&self, peer: Option<PeerAddr>, headers: &HeaderMap) -> String {
        let configured = self.0.public_url.trim_end_matches('/');
        if !configured.is_empty() {
            return configured.to_owned();
        }
        let scheme = if self.is_https(peer, headers) {
            "https"
        } else {
            "http"
        };
        format!("{scheme}://{}", text(headers, HOST).unwrap_or_default())
    }
}

/// The `Set-Cookie` of a login; with no token, of a logout.
#[must_use]
pub fn session_cookie(token: &str, max_age_s: i64, secure: bool) -> String {
    let secure = if secure { "; Secure" } else { "" };
    format!("{COOKIE_NAME}={token}; Path=/; Max-Age={max_age_s}; HttpOnly; SameSite=Lax{secure}")
}

fn text(headers: &HeaderMap, name: HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn bearer(headers: &HeaderMap) -> Option<String> {
    let (scheme, token) = text(headers, AUTHORIZATION)?.split_once(' ')?;
    scheme
        .eq_ignore_ascii_case("bearer")
        .then(|| token.trim().to_owned())
}

fn cookie(headers: &HeaderMap) -> Option<String> {
    let lists = headers.get_all(COOKIE).iter();
    let pairs = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(';'));
    let mut named = pairs.filter_map(|pair| pair.trim().split_once('='));
    let (_, token) = named.find(|(name, _)| *name == COOKIE_NAME)?;
    (!token.is_empty()).then(|| token.to_owned())
}

/// Scheme and authority of a URL in one spelling; `None` for what has none, such as `null`.
fn origin_of(url: &str) -> Option<String> {
    let url = url.trim().to_ascii_lowercase();
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.is_empty() {
        return None;
    }
    Some(format!(
        "{scheme}://{}",
        without_default_port(scheme, authority)
    ))
}

fn without_default_port(scheme: &str, authority: &str) -> String {
    let authority = authority.to_ascii_lowercase();
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return authority,
    };
    match authority.strip_suffix(port) {
        Some(host) => host.to_owned(),
        None => authority,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(fields: &[(&'static str, &str)]) -> HeaderMap {
        let fields = fields.iter();
        fields
            .map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    fn gate() -> Gate {
        Gate::new(GateSettings {
            origins: vec!["https://Chat.example".to_owned()],
            public_url: "https://im.example/".to_owned(),
            proxies: Proxies::default(),
        })
    }

    #[test]
    fn an_origin_is_own_by_the_requests_host_or_by_configuration() {
        let verdict = |host: &str, origin: &str| {
            gate().origin(&headers(&[("host", host), ("origin", origin)]))
        };
        for (host, origin) in [
            ("a.example:8080", "http://a.example:8080"),
            ("A.example", "https://a.example"),
            ("a.example:80", "http://a.example"),
            ("a.example:443", "https://a.example"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("other", "https://chat.example"),
            ("other", "https://im.example"),
        ] {
            assert_eq!(verdict(host, origin), OriginVerdict::Own, "{host} {origin}");
        }
        for (host, origin) in [
            ("a.example:8080", "http://a.example"),
            ("a.example", "http://a.example.evil"),
            ("a.example", "null"),
            ("a.example", "http://evil/a.example"),
            ("a.example", "http://a.example@evil"),
            ("other", "http://chat.example"),
        ] {
            assert_eq!(
                verdict(host, origin),
                OriginVerdict::Foreign,
                "{host} {origin}"
            );
        }
        assert_eq!(
            gate().origin(&headers(&[("host", "a")])),
            OriginVerdict::Absent
        );
    }

    #[test]
    fn a_cookie_changes_something_only_from_an_own_page_and_a_bearer_token_always() {
        let cookie = ("cookie", "theme=dark; starling=abc");
        let host = ("host", "a.example");
        let own = ("origin", "http://a.example");
        let foreign = ("origin", "http://evil.example");
        let token = |method: Method, fields: &[(&'static str, &str)]| {
            gate()
                .request_token(&method, &headers(fields))
                .map_err(|failure| failure.code)
        };
        assert_eq!(token(Method::GET, &[host, cookie]), Ok("abc".to_owned()));
        assert_eq!(
            token(Method::POST, &[host, cookie, own]),
            Ok("abc".to_owned())
        );
        assert_eq!(
            token(Method::POST, &[host, cookie]),
            Err(Code::Unauthorized)
        );
        assert_eq!(
            token(Method::DELETE, &[host, cookie, foreign]),
            Err(Code::Forbidden)
        );
        assert_eq!(token(Method::POST, &[host, own]), Err(Code::Unauthorized));
        let bearer = ("authorization", "bearer xyz");
        assert_eq!(
            token(Method::POST, &[host, cookie, foreign, bearer]),
            Ok("xyz".to_owned())
        );
    }
}
