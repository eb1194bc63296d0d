//! `/attach/upload`: the one way in for files from the pages of ginchat and imooc. Both read the address in `data`; the
//! kind of the file is what its bytes are, whatever `filetype` says.

use std::sync::Arc;

use serde_json::json;
use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, Method};
use warp::path::FullPath;
use warp::reply::Response;

use super::answer::{Answer, Envelope, data, respond};
use super::routes::{Desk, collapsed};
use crate::http::reply;
use crate::http::v1::files::{take_in, url_of};

const PATH: &str = "/attach/upload";

/// The route.
pub(super) fn route(desk: &Arc<Desk>) -> BoxedFilter<(Response,)> {
    let desk = Arc::clone(desk);
    let enabled = desk.parts.enabled;
    warp::path::full()
        .and_then(move |path: FullPath| async move {
            let is_ours = (enabled.ginchat || enabled.imooc) && collapsed(path.as_str()) == PATH;
            is_ours.then_some(()).ok_or_else(warp::reject::not_found)
        })
        .untuple_one()
        .and(warp::post())
        .and(warp::header::headers_cloned())
        .and(warp::body::stream())
        .then(move |headers: HeaderMap, stream| {
            let desk = Arc::clone(&desk);
            async move {
                let answer: Answer = async {
                    let token = desk.door.gate.request_token(&Method::POST, &headers)?;
                    let owner = desk.door.sessions.authenticate(&token).await?.user.id;
                    let uses = &desk.parts.uses;
                    let counts = if enabled.imooc && (!enabled.ginchat || is_from_imooc(&headers)) {
                        &uses.imooc
                    } else {
                        &uses.ginchat
                    };
                    counts.requests.inc();
                    let file = take_in(owner, &headers, stream, &desk.parts.files).await?;
                    Ok(data(json!(url_of(&file))))
                }
                .await;
                respond(Envelope::Ginchat, answer, reply::language(&headers))
            }
        })
        .boxed()
}

/// Both kinds of pages send the same fields; imooc's are those whose addresses end so.
fn is_from_imooc(headers: &HeaderMap) -> bool {
    let page = headers.get("referer").and_then(|page| page.to_str().ok());
    let path = page.and_then(|page| page.split('?').next());
    path.is_some_and(|path| path.ends_with(".shtml"))
}
