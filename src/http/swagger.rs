//! `/swagger/`: the API's description to read and try, served from the binary alone.

use std::sync::Arc;

use tracing::error;
use utoipa_swagger_ui::Config;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::header::{CACHE_CONTROL, CONTENT_TYPE, LOCATION};
use warp::http::{HeaderValue, StatusCode};
use warp::path::Tail;
use warp::reply::Response;
use warp::{Rejection, reject};

/// The page, its files, and the way there.
pub(super) fn routes() -> BoxedFilter<(Response,)> {
    // Without "none" the page would ask a service on the internet whether the document is valid.
    let config = Config::from("/openapi.json").validator_url("none");
    let config = Arc::new(config.try_it_out_enabled(true));
    warp::path("swagger")
        .and(warp::get())
        .and(warp::path::full())
        .and(warp::path::tail())
        .and_then(move |full: warp::path::FullPath, tail: Tail| {
            let answer = if full.as_str() == "/swagger" {
                Ok(to_folder())
            } else {
                file(tail.as_str(), &config)
            };
            std::future::ready(answer)
        })
        .boxed()
}

fn to_folder() -> Response {
    let mut response = Response::default();
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    let headers = response.headers_mut();
    headers.insert(LOCATION, HeaderValue::from_static("/swagger/"));
    response
}

fn file(path: &str, config: &Arc<Config<'static>>) -> Result<Response, Rejection> {
    match utoipa_swagger_ui::serve(path, Arc::clone(config)) {
        Ok(Some(file)) => {
            let mut response = Response::new(file.bytes.into_owned().into());
            let headers = response.headers_mut();
            if let Ok(kind) = HeaderValue::from_str(&file.content_type) {
                headers.insert(CONTENT_TYPE, kind);
            }
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            Ok(response)
        }
        Ok(None) => Err(reject::not_found()),
        Err(error) => {
            error!(%error, path, "a file of the API's page cannot be served");
            Err(reject::not_found())
        }
    }
}
