//! Answers: JSON, the error object, and which status goes with which code.

use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};
use tracing::error;
use warp::http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, SET_COOKIE};
use warp::http::{HeaderMap, HeaderValue, StatusCode};
use warp::reply::Response;

use super::endpoint::Answer;
use crate::model::error::{Code, Failure, Language};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
/// Answers of the API are about one person at one moment.
const NOT_STORED: HeaderValue = HeaderValue::from_static("no-store");

/// 200 with a JSON body.
pub(super) fn ok(body: &impl Serialize) -> Answer {
    json_with(StatusCode::OK, body)
}

/// 201 with a JSON body.
pub(super) fn created(body: &impl Serialize) -> Answer {
    json_with(StatusCode::CREATED, body)
}

/// 204.
pub(super) fn nothing() -> Answer {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::NO_CONTENT;
    Ok(response)
}

/// A JSON body with a status of one's own.
pub(super) fn json_with(status: StatusCode, body: &impl Serialize) -> Answer {
    match serde_json::to_vec(body) {
        Ok(json) => Ok(encoded(status, json)),
        Err(error) => {
            error!(%error, "an answer cannot be encoded");
            Err(Failure::new(Code::Internal))
        }
    }
}

/// The same answer with a cookie to keep.
pub(crate) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    // Tokens are base64url, so a cookie of ours is always a header value.
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// A body that is JSON already.
pub(crate) fn encoded(status: StatusCode, json: impl Into<Bytes>) -> Response {
    let mut response = Response::new(json.into().into());
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    response.headers_mut().insert(CACHE_CONTROL, NOT_STORED);
    response
}

/// The language somebody wants to be answered in.
#[must_use]
pub(crate) fn language(headers: &HeaderMap) -> Language {
    let wanted = headers.get(ACCEPT_LANGUAGE);
    let wanted = wanted.and_then(|value| value.to_str().ok());
    wanted.map_or_else(Language::default, Language::from_header)
}

/// The error object with the code's status.
#[must_use]
pub(crate) fn failure(failure: &Failure, language: Language) -> Response {
    failure_as(status(failure.code), failure, language)
}

/// The error object with a status of one's own.
pub(super) fn failure_as(status: StatusCode, failure: &Failure, language: Language) -> Response {
    let mut fields = Map::new();
    fields.insert("code".to_owned(), json!(failure.code.name()));
    fields.insert("message".to_owned(), json!(failure.code.message(language)));
    if let Some(field) = failure.field {
        fields.insert("field".to_owned(), json!(field));
    }
    if let Some(wait) = failure.retry_after_ms {
        fields.insert("retry_after_ms".to_owned(), json!(wait));
    }
    let body = json!({"error": Value::Object(fields)});
    let mut response = encoded(status, body.to_string());
    // For who counts and logs answers.
    response.extensions_mut().insert(failure.code);
    if let Some(wait) = failure.retry_after_ms {
        let seconds = HeaderValue::from(wait.div_ceil(1_000));
        response.headers_mut().insert(RETRY_AFTER, seconds);
    }
    response
}

/// The one place where codes meet statuses.
fn status(code: Code) -> StatusCode {
    match code {
        Code::BadRequest | Code::InvalidJson | Code::OneSelf => StatusCode::BAD_REQUEST,
        Code::Unauthorized | Code::WrongCredentials => StatusCode::UNAUTHORIZED,
        Code::Forbidden
        | Code::Blocked
        | Code::NotMember
        | Code::NotAllowed
        | Code::RecallExpired => StatusCode::FORBIDDEN,
        Code::NotFound => StatusCode::NOT_FOUND,
        Code::NameTaken
        | Code::PhoneTaken
        | Code::EmailTaken
        | Code::AlreadyFriends
        | Code::AlreadyMember
        | Code::AlreadyClaimed
        | Code::CidReused
        | Code::PacketEmpty
        | Code::PacketExpired
        | Code::Insufficient => StatusCode::CONFLICT,
        Code::Gone => StatusCode::GONE,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMedia => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::WeakPassword => StatusCode::UNPROCESSABLE_ENTITY,
        Code::Throttled | Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        Code::Internal => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
    }
}
