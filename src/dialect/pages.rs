//! The addresses of old pages lead to the web client; and where files are reached from a page.
//!
//! A redirect carries no query: there is a token in it. Folders of old pages are nginx's to serve.

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::LOCATION;
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::routes::{Enabled, collapsed};
use crate::http::reply;

/// The sticker packs, under the names old pages ask for them by.
const PACKS: [(&str, &str); 2] = [
    (
        "/asset/plugins/doutu/emoj/info.json",
        include_str!("../../asset/packs/faces/info.json"),
    ),
    (
        "/asset/plugins/doutu/mkgif/info.json",
        include_str!("../../asset/packs/birds/info.json"),
    ),
];
/// Longest `Host` that an address is made of.
const HOST_BYTES_MAX: usize = 255;

/// The manifests of sticker packs, which pages also POST to.
pub(super) fn packs() -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(|path: FullPath| async move {
            let path = collapsed(path.as_str());
            let pack = PACKS.iter().find(|(name, _)| *name == path);
            pack.map(|(_, manifest)| *manifest)
                .ok_or_else(warp::reject::not_found)
        })
        .and(warp::get().or(warp::post()).unify())
        .map(|manifest: &'static str| reply::encoded(StatusCode::OK, manifest))
        .boxed()
}

/// Where the pages of the dialects lead.
pub(super) fn routes(enabled: Enabled) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(move |path: FullPath| async move {
            leads_to(enabled, &collapsed(path.as_str())).ok_or_else(warp::reject::not_found)
        })
        .and(warp::get().or(warp::head()).unify())
        .map(|target: &'static str| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::FOUND;
            response
                .headers_mut()
                .insert(LOCATION, HeaderValue::from_static(target));
            response
        })
        .boxed()
}

fn leads_to(enabled: Enabled, path: &str) -> Option<&'static str> {
    match path {
        "/index" | "/toChat" if enabled.ginchat => Some("/"),
        "/toRegister" if enabled.ginchat => Some("/register"),
        "/user/login.shtml" if enabled.imooc => Some("/login?media=basic"),
        "/user/register.shtml" if enabled.imooc => Some("/register?media=basic"),
        "/chat/index.shtml" | "/chat/createcom.shtml" | "/chat/update.shtml" if enabled.imooc => {
            Some("/?media=basic")
        }
        _ => None,
    }
}

/// The deployment's address as this client sees it; empty when its `Host` is none to print.
pub(super) fn base(public_url: &str, headers: &HeaderMap, https: bool) -> String {
    if !public_url.is_empty() {
        return public_url.trim_end_matches('/').to_owned();
    }
    let host = headers
        .get("host")
        .and_then(|host| host.to_str().ok())
        .unwrap_or_default();
    let is_plain = host
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b".:-[]".contains(&byte));
    if host.is_empty() || !is_plain || host.len() > HOST_BYTES_MAX {
        return String::new();
    }
    format!("{}://{host}", if https { "https" } else { "http" })
}
