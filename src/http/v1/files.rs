//! Uploads, and the files themselves.
//!
//! What a stranger uploaded is served so that a browser can do nothing with it but show or save it: its kind is what
//! its bytes are and no other is guessed, nothing in it runs, and no other site may embed it.

use std::sync::{Mutex, PoisonError};

use bytes::{Buf, Bytes as Piece};
use futures_util::Stream;
use warp::Filter;
use warp::http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, IF_RANGE, LOCATION, RANGE,
};
use warp::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use warp::reply::{Reply as _, Response};

use super::shapes;
use crate::http::door::{Door, Login, with};
use crate::http::endpoint::{Answer, Endpoint, endpoint};
use crate::http::multipart::{self, Sink};
use crate::http::path::FilePath;
use crate::http::query::{Query, query};
use crate::http::range::{Wanted, wanted};
use crate::http::reply;
use crate::model::error::{Code, Failure};
use crate::model::file::FileInfo;
use crate::model::ids::UserId;
use crate::service::files::{Files, Pieces, Upload, in_url};

/// Kept by the browser, but asked about each time: who may see a file can change.
const CACHING: HeaderValue = HeaderValue::from_static("private, no-cache");
/// A link that is good for a minute is kept by nobody.
const NO_CACHING: HeaderValue = HeaderValue::from_static("private, no-store");
/// Nothing runs, nothing is loaded; pictures, sound and film may still be shown as the document itself.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; img-src 'self' data:; media-src 'self'; style-src 'unsafe-inline'; \
     frame-ancestors 'none'; sandbox",
);
const RESOURCE_POLICY: HeaderName = HeaderName::from_static("cross-origin-resource-policy");

pub(in crate::http) fn routes(door: &Door, files: &Files) -> Vec<Endpoint> {
    vec![
        endpoint::<__path_upload>(
            warp::path::end()
                .and(warp::post())
                .and(door.login())
                .and(warp::header::headers_cloned())
                .and(warp::body::stream())
                .and(with(files))
                .then(upload),
        ),
        endpoint::<__path_download>(
            warp::path!("files" / FilePath / String)
                .and(warp::get().or(warp::head()).unify())
                .and(door.login())
                .and(warp::method())
                .and(warp::header::headers_cloned())
                .and(query())
                .and(with(files))
                .then(download),
        ),
    ]
}

impl Sink for Upload {
    async fn write(&mut self, piece: &[u8]) -> Result<(), Failure> {
        Upload::write(self, piece).await
    }
}

/// Uploads a file. What it is told by its bytes; pictures lose their metadata.
#[utoipa::path(
    post, path = "/api/v1/files", tag = "files",
    request_body(content = shapes::UploadForm, content_type = "multipart/form-data"),
    responses((status = 201, body = shapes::File))
)]
async fn upload(
    login: Login,
    headers: HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static,
    files: Files,
) -> Answer {
    let me = login?.user.id;
    let file = take_in(me, &headers, stream, &files).await?;
    let url = url_of(&file);
    reply::json_with(StatusCode::CREATED, &shapes::File::of(&file, url))
}

/// Reads the file of a form to its end.
pub(crate) async fn take_in(
    owner: UserId,
    headers: &HeaderMap,
    stream: impl Stream<Item = Result<impl Buf, warp::Error>> + Send + 'static,
    files: &Files,
) -> Result<FileInfo, Failure> {
    let boundary = multipart::boundary(headers)?;
    let mut upload = files.begin(owner).await?;
    let name = multipart::receive(boundary, stream, files.bytes_max(), &mut upload).await?;
    upload.finish(&name).await
}

/// Where a file is served.
pub(crate) fn url_of(file: &FileInfo) -> String {
    format!("{}{}", file.id.url_prefix(), in_url(&file.name))
}

/// The bytes of a file, for its uploader and for those who can read a message that refers to it; avatars and icons for
/// everybody who is logged in. The name is for people: the id decides.
#[utoipa::path(
    method(get, head), path = "/files/{id}/{name}", tag = "files",
    params(
        ("id" = String, Path, description = "22 characters"),
        ("name" = String, Path),
        ("thumb" = Option<String>, Query, description = "1: a small picture of it instead"),
        ("range" = Option<String>, Header, description = "One range of bytes"),
    ),
    responses(
        (status = 200, description = "All of it", content_type = "application/octet-stream"),
        (status = 206, description = "The range asked for", content_type = "application/octet-stream"),
        (status = 302, description = "The bytes are at another address, for a short while"),
        (status = 304, description = "It is what the client has"),
        (status = 416, description = "There are no such bytes"),
    )
)]
async fn download(
    id: FilePath,
    _name: String,
    login: Login,
    method: Method,
    headers: HeaderMap,
    query: Query,
    files: Files,
) -> Answer {
    let me = login?.user.id;
    let thumb = match query.text("thumb") {
        None | Some("0") => false,
        Some("1") => true,
        Some(_) => return Err(Failure::field(Code::BadRequest, "thumb")),
    };
    let opened = files.open(me, id.0, thumb).await?;
    let etag = format!("\"{}\"", opened.digest);
    let mut response = Response::default();
    if is_known(&headers, &etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        describe(&mut response, &etag);
        return Ok(response);
    }
    if let Some(link) = files.link(&opened) {
        return Ok(redirect(&link));
    }
    let range = headers.get(RANGE).filter(|_| may_be_part(&headers, &etag));
    let range = range.and_then(|range| range.to_str().ok());
    let size = opened.size;
    let (span, length) = match wanted(range, size) {
        Wanted::All => (None, size),
        Wanted::Part(span) => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            let said = format!("bytes {}-{}/{size}", span.start(), span.end());
            insert(&mut response, CONTENT_RANGE, &said);
            let length = span.end() - span.start() + 1;
            (Some(span), length)
        }
        Wanted::Nothing => {
            *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
            insert(&mut response, CONTENT_RANGE, &format!("bytes */{size}"));
            return Ok(response);
        }
    };
    if method != Method::HEAD {
        let pieces = files.read(&opened, span).await?;
        let (head, _) = response.into_parts();
        response = Response::from_parts(head, body_of(pieces).into_body());
    }
    describe(&mut response, &etag);
    insert(&mut response, CONTENT_TYPE, &opened.content_type);
    insert(&mut response, CONTENT_DISPOSITION, &opened.disposition);
    response
        .headers_mut()
        .insert(CONTENT_LENGTH, HeaderValue::from(length));
    Ok(response)
}

/// Sends the client to where the bytes are.
fn redirect(link: &str) -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::FOUND;
    insert(&mut response, LOCATION, link);
    response.headers_mut().insert(CACHE_CONTROL, NO_CACHING);
    response
}

fn describe(response: &mut Response, etag: &str) {
    insert(response, ETAG, etag);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, CACHING);
    headers.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(RESOURCE_POLICY, HeaderValue::from_static("same-origin"));
}

/// A text that is no header value is left out: all of ours are.
fn insert(response: &mut Response, name: HeaderName, text: &str) {
    if let Ok(value) = HeaderValue::from_str(text) {
        response.headers_mut().insert(name, value);
    }
}

fn is_known(headers: &HeaderMap, etag: &str) -> bool {
    let lists = headers.get_all(IF_NONE_MATCH).iter();
    let mut tags = lists
        .filter_map(|list| list.to_str().ok())
        .flat_map(|list| list.split(','));
    tags.any(|tag| {
        let tag = tag.trim();
        tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == etag
    })
}

/// A part makes sense only of what the client has the rest of.
fn may_be_part(headers: &HeaderMap, etag: &str) -> bool {
    headers
        .get(IF_RANGE)
        .is_none_or(|tag| tag.as_bytes() == etag.as_bytes())
}

/// A stream that is polled by one task, as all are; the lock is never waited for.
struct Alone(Mutex<Pieces>);

impl Stream for Alone {
    type Item = Result<Piece, Box<dyn std::error::Error + Send + Sync>>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        let pieces = self.0.get_mut().unwrap_or_else(PoisonError::into_inner);
        let next = pieces.as_mut().poll_next(context);
        next.map(|piece| piece.map(|piece| piece.map_err(Into::into)))
    }
}

/// A body made of pieces.
pub(in crate::http) fn body_of(pieces: Pieces) -> Response {
    warp::reply::stream(Alone(Mutex::new(pieces))).into_response()
}
