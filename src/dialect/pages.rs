//! The addresses of old pages lead to the web client; and where files are reached from a page.
//!
//! A redirect carries no query: there is a token in it. Folders of old pages are nginx's to serve.

use std::sync::LazyLock;

use serde_json::{Map, Value, json};
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::LOCATION;
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;

use super::routes::{Enabled, collapsed};
use crate::http::reply;

/// Where old pages look for sticker packs, a folder for each.
const PACKS_FOLDER: &str = "/asset/plugins/doutu/";
/// Where ours are.
const OUR_PACKS: &str = "/asset/packs/";

/// A sticker pack as an old page asks for it.
struct Pack {
    /// Its name there. The panel opens with `emoj`, and the page makes addresses of the name in the manifest.
    name: &'static str,
    /// A class of the page's style.
    size: &'static str,
    ours: &'static str,
}

const PACKS: [Pack; 2] = [
    Pack {
        name: "emoj",
        size: "small",
        ours: include_str!("../../asset/packs/faces/info.json"),
    },
    Pack {
        name: "mkgif",
        size: "big",
        ours: include_str!("../../asset/packs/birds/info.json"),
    },
];

/// The packs' manifests, under their paths.
static MANIFESTS: LazyLock<Vec<(String, String)>> =
    LazyLock::new(|| PACKS.iter().filter_map(manifest).collect());

/// Longest `Host` that an address is made of.
const HOST_BYTES_MAX: usize = 255;

/// The manifests of sticker packs, which pages also POST to.
pub(super) fn packs() -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(|path: FullPath| async move {
            let path = collapsed(path.as_str());
            let found = MANIFESTS.iter().find(|(known, _)| *known == path);
            found
                .map(|(_, manifest)| manifest.as_str())
                .ok_or_else(warp::reject::not_found)
        })
        .and(warp::get().or(warp::post()).unify())
        .map(|manifest: &'static str| reply::encoded(StatusCode::OK, manifest))
        .boxed()
}

fn manifest(pack: &Pack) -> Option<(String, String)> {
    let mut fields: Map<String, Value> = serde_json::from_str(pack.ours).ok()?;
    fields.insert("id".to_owned(), json!(pack.name));
    fields.insert("size".to_owned(), json!(pack.size));
    let path = format!("{PACKS_FOLDER}{}/info.json", pack.name);
    Some((path, Value::Object(fields).to_string()))
}

/// Pages put their own folder in front of the names in a manifest, which are addresses already: the sticker is where
/// the inner one says.
pub(super) fn sticker(path: &str) -> Option<&str> {
    let inside = path.strip_prefix(PACKS_FOLDER)?;
    inside.find(OUR_PACKS).map(|start| &inside[start..])
}

/// Where the pages of the dialects lead.
pub(super) fn routes(enabled: Enabled) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(move |path: FullPath| async move {
            let path = collapsed(path.as_str());
            let target = leads_to(enabled, &path).or_else(|| sticker(&path));
            let target = target.and_then(|target| HeaderValue::from_str(target).ok());
            target.ok_or_else(warp::reject::not_found)
        })
        .and(warp::get().or(warp::head()).unify())
        .map(|target: HeaderValue| {
            let mut response = Response::default();
            *response.status_mut() = StatusCode::FOUND;
            response.headers_mut().insert(LOCATION, target);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packs_have_the_names_that_pages_open_and_stickers_are_found_behind_any_folder() {
        let paths: Vec<&str> = MANIFESTS.iter().map(|(path, _)| path.as_str()).collect();
        assert_eq!(
            paths,
            [
                "/asset/plugins/doutu/emoj/info.json",
                "/asset/plugins/doutu/mkgif/info.json"
            ]
        );
        for (path, ours) in [
            (
                "/asset/plugins/doutu/emoj/asset/packs/faces/smile.svg",
                Some("/asset/packs/faces/smile.svg"),
            ),
            ("/asset/plugins/doutu/emoj/1.gif", None),
            ("/asset/packs/faces/smile.svg", None),
        ] {
            assert_eq!(sticker(path), ours, "{path}");
        }
    }
}
