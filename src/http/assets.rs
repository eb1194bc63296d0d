//! The web client and other static files: from the binary, or from a folder the operator names.
//!
//! The client's build lies in `app/` and is served from the root, everything else of the folder under `/asset/`.
//! Files are sent compressed where a `.gz` lies beside them; nothing is compressed while running.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use rust_embed::Embed;
use warp::filters::BoxedFilter;
use warp::http::header::{
    ACCEPT, ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_NONE_MATCH,
    VARY,
};
use warp::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use warp::path::FullPath;
use warp::reply::Response;
use warp::{Filter, Rejection, reject};

use super::path::decoded;

/// Where the client's build lies in the folder.
const CLIENT: &str = "app";
/// The build's files with a hash in their name: they never change.
const HASHED: &str = "/assets/";
/// Everything of the folder that is not the client.
const OTHERS: &str = "/asset/";
/// Below these an unknown path is no page of the client's.
const NO_PAGES: [&str; 5] = [HASHED, OTHERS, "/files/", "/hooks/", "/swagger/"];
const HASHED_CACHING: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");
/// Kept, but asked about each time; the answer is mostly 304.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache");
/// What there is to see before the client is built.
const NOT_BUILT: &str = "<!doctype html><meta charset=\"utf-8\"><title>Starling</title>\
    <p>The web client is not built. In the folder of the source:\
    <pre>cd views\nnpm ci\nnpm run build</pre>\
    <p>The API is served and described at <a href=\"/swagger/\">/swagger/</a>.";

#[derive(Embed)]
#[folder = "asset/"]
struct Embedded;

/// Where the files come from. Cheap to clone.
#[derive(Clone)]
pub struct Assets(Option<Arc<Path>>);

impl Assets {
    /// From the binary. A debug build reads them from the source folder.
    #[must_use]
    pub fn embedded() -> Assets {
        Assets(None)
    }

    /// From a folder laid out as `asset/`, read at each request.
    #[must_use]
    pub fn folder(folder: PathBuf) -> Assets {
        Assets(Some(folder.into()))
    }

    async fn read(&self, name: &str) -> Option<Bytes> {
        match &self.0 {
            Some(folder) => tokio::fs::read(folder.join(name))
                .await
                .ok()
                .map(Bytes::from),
            None => Embedded::get(name).map(|file| match file.data {
                Cow::Borrowed(data) => Bytes::from_static(data),
                Cow::Owned(data) => data.into(),
            }),
        }
    }

    /// The file with this name, compressed if that is wanted and there.
    async fn find(&self, name: String, gzip: bool) -> Option<Found> {
        if gzip && let Some(data) = self.read(&format!("{name}.gz")).await {
            return Some(Found {
                name,
                data,
                gzip: true,
            });
        }
        let data = self.read(&name).await?;
        Some(Found {
            name,
            data,
            gzip: false,
        })
    }
}

struct Found {
    name: String,
    data: Bytes,
    gzip: bool,
}

/// Files by their path, and the client's page for every path that is one of its pages.
pub(super) fn routes(assets: Assets) -> BoxedFilter<(Response,)> {
    warp::path::full()
        .and_then(|path: FullPath| std::future::ready(checked(path.as_str())))
        .and(warp::get().or(warp::head()).unify())
        .and(warp::header::headers_cloned())
        .and_then(move |path: String, headers: HeaderMap| {
            let assets = assets.clone();
            async move { serve(&assets, &path, &headers).await }
        })
        .boxed()
}

/// The decoded path, if it can be that of a file or page.
fn checked(path: &str) -> Result<String, Rejection> {
    let path = decoded(path).ok_or_else(reject::not_found)?;
    let of_api = path == "/api" || path.starts_with("/api/");
    // Also keeps `..` and the build's hidden files out.
    let hidden = path.split('/').any(|segment| segment.starts_with('.'));
    if of_api || hidden || path.contains(['\\', '\0']) || path.contains("//") {
        return Err(reject::not_found());
    }
    Ok(path)
}

async fn serve(assets: &Assets, path: &str, headers: &HeaderMap) -> Result<Response, Rejection> {
    let gzip = mentions(headers, ACCEPT_ENCODING, "gzip");
    if path != "/" {
        for name in names_of(path) {
            if let Some(found) = assets.find(name, gzip).await {
                let hashed = path.starts_with(HASHED);
                let caching = if hashed { HASHED_CACHING } else { CACHING };
                return Ok(answer(found, caching, headers));
            }
        }
        let no_page = NO_PAGES.iter().any(|prefix| path.starts_with(prefix));
        // A name with an ending is a file that is not there; a page of the client's has none.
        let is_file = path
            .rsplit('/')
            .next()
            .is_some_and(|name| name.contains('.'));
        let takes_pages = !headers.contains_key(ACCEPT)
            || mentions(headers, ACCEPT, "text/html")
            || mentions(headers, ACCEPT, "*/*");
        if no_page || is_file || !takes_pages {
            return Err(reject::not_found());
        }
    }
    let index = format!("{CLIENT}/index.html");
    let found = assets.find(index, gzip).await.unwrap_or_else(|| Found {
        name: "index.html".to_owned(),
        data: Bytes::from_static(NOT_BUILT.as_bytes()),
        gzip: false,
    });
    Ok(answer(found, CACHING, headers))
}

/// Where a path's file may lie.
fn names_of(path: &str) -> Vec<String> {
    match path.strip_prefix(OTHERS) {
        Some(rest) if !rest.starts_with(CLIENT) => vec![rest.to_owned()],
        Some(_) => Vec::new(),
        None if path == "/favicon.ico" => {
            vec![format!("{CLIENT}{path}"), "favicon.ico".to_owned()]
        }
        None => vec![format!("{CLIENT}{path}")],
    }
}

fn answer(found: Found, caching: HeaderValue, headers: &HeaderMap) -> Response {
    let etag = etag(&found);
    let known = mentions(headers, IF_NONE_MATCH, &etag);
    let Found { name, data, gzip } = found;
    let mut response = Response::default();
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        *response.body_mut() = data.into();
    }
    let set = response.headers_mut();
    if !known {
        set.insert(CONTENT_TYPE, HeaderValue::from_static(kind_of(&name)));
        if gzip {
            set.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
    }
    set.insert(CACHE_CONTROL, caching);
    set.insert(VARY, HeaderValue::from_static("accept-encoding"));
    if let Ok(etag) = HeaderValue::from_str(&etag) {
        set.insert(ETAG, etag);
    }
    response
}

fn etag(found: &Found) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, &found.data);
    let mut etag = String::from("\"");
    for byte in &digest.as_ref()[..16] {
        etag.push_str(&format!("{byte:02x}"));
    }
    etag.push('"');
    etag
}

/// Whether a header's list has this item, weak or strong, whatever its weight.
fn mentions(headers: &HeaderMap, name: HeaderName, item: &str) -> bool {
    let lists = headers.get_all(name).iter();
    lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','))
        .filter_map(|given| given.split(';').next())
        .any(|given| given.trim().trim_start_matches("W/") == item)
}

fn kind_of(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("json" | "map") => "application/json",
        Some("webmanifest") => "application/manifest+json",
        Some("svg") => "image/svg+xml",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("gif") => "image/gif",
        Some("webp") => "image/webp",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("mp3") => "audio/mpeg",
        Some("txt" | "md") => "text/plain; charset=utf-8",
        Some("wasm") => "application/wasm",
        Some(_) | None => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_files_other_folders_and_the_api_are_no_assets() {
        for path in [
            "/../Cargo.toml",
            "/assets/%2e%2e/x",
            "/.vite/manifest.json",
            "/a%5c..%5cb",
            "/a%00",
            "//etc/passwd",
            "/api",
            "/api/v1/none",
        ] {
            assert!(checked(path).is_err(), "{path}");
        }
        for path in ["/", "/chat/u:5", "/assets/index-abc.js", "/apiary"] {
            assert!(checked(path).is_ok(), "{path}");
        }
    }
}
