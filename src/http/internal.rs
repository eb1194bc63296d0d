//! What nodes ask each other over HTTP: bytes that one has and another lacks. Not for clients, and not in the API's
//! description; who cannot prove to be a node finds nothing here.

use warp::Filter;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::reply::Response;

use super::door::with;
use super::reply;
use super::v1::files::body_of;
use crate::model::error::{Code, Failure, Language};
use crate::service::files::{Files, PROOF};

pub(super) fn routes(files: &Files) -> BoxedFilter<(Response,)> {
    warp::path!("internal" / "files" / String / String)
        .and(warp::get())
        .and(warp::header::headers_cloned())
        .and(with(files))
        .then(give)
        .boxed()
}

async fn give(digest: String, place: String, headers: HeaderMap, files: Files) -> Response {
    let given = async {
        let not_found = |_| Failure::new(Code::NotFound);
        let (digest, place) = (
            digest.parse().map_err(not_found)?,
            place.parse().map_err(not_found)?,
        );
        let proofs: Vec<&str> = headers
            .get_all(PROOF)
            .iter()
            .filter_map(|proof| proof.to_str().ok())
            .collect();
        files.for_node(digest, place, proofs).await
    };
    let given: Result<_, Failure> = given.await;
    match given {
        Ok(pieces) => body_of(pieces),
        Err(failure) => reply::failure(&failure, Language::default()),
    }
}
