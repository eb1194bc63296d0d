//! An endpoint: a filter together with its description, so that nothing is served that the document does not
//! tell of.
//!
//! The description comes from `#[utoipa::path]` on the handler, together with the refusals that follow from what the
//! endpoint is; the document, the labels of the metrics and the route table are all read off it.

use std::sync::Arc;

use utoipa::openapi::HttpMethod;
use utoipa::openapi::path::Operation;
use warp::filters::BoxedFilter;
use warp::http::HeaderMap;
use warp::reply::Response;
use warp::{Filter, Rejection};

use super::openapi::promise::Promise;
use super::openapi::refusals;
use super::reply;
use crate::model::error::Failure;

/// What a handler gives back.
pub(super) type Answer = Result<Response, Failure>;

/// The described path an answer was given by, kept in the answer for the metrics.
#[derive(Clone)]
pub(super) struct Template(pub(super) Arc<str>);

/// See the module.
pub(super) struct Endpoint {
    pub(super) template: Arc<str>,
    pub(super) methods: Vec<HttpMethod>,
    pub(super) operation: Operation,
    filter: BoxedFilter<(Response,)>,
}

/// Joins a filter with the description `P`. The filter checks path and method, in this order; below `/api/v1`
/// its path begins after the resource's name.
pub(super) fn endpoint<P: utoipa::Path>(
    filter: impl Filter<Extract = (Answer,), Error = Rejection> + Clone + Send + Sync + 'static,
) -> Endpoint {
    let template: Arc<str> = P::path().into();
    let label = Template(Arc::clone(&template));
    let (methods, mut operation) = (P::methods(), P::operation());
    refusals::describe(&mut operation, &template, &methods);
    let promise = Arc::new(Promise::of(&operation));
    let filter = filter.and(warp::header::headers_cloned()).map(
        move |answer: Answer, headers: HeaderMap| {
            let refused = |failure| reply::failure(&failure, reply::language(&headers));
            let mut response = answer.unwrap_or_else(refused);
            debug_assert!(
                promise.allows(&response),
                "{} {:?}: the description does not tell of such an answer",
                label.0,
                (response.status(), response.headers()),
            );
            response.extensions_mut().insert(label.clone());
            response
        },
    );
    Endpoint {
        template,
        methods,
        operation,
        filter: filter.boxed(),
    }
}

/// The endpoints' filters, gathered by the first segment below `/api/v1`, so that a request tries only its own.
pub(super) fn gathered(endpoints: Vec<Endpoint>) -> Vec<BoxedFilter<(Response,)>> {
    let mut groups: Vec<(String, Vec<BoxedFilter<(Response,)>>)> = Vec::new();
    for endpoint in endpoints {
        let resource = resource_of(&endpoint.template).to_owned();
        match groups.iter_mut().find(|(name, _)| *name == resource) {
            Some((_, filters)) => filters.push(endpoint.filter),
            None => groups.push((resource, vec![endpoint.filter])),
        }
    }
    let group = |(resource, filters)| leading_to(resource, any_of(filters));
    groups.into_iter().map(group).collect()
}

const API: &str = "/api/v1/";

fn resource_of(template: &str) -> &str {
    let rest = template.strip_prefix(API).unwrap_or_default();
    rest.split('/').next().unwrap_or_default()
}

fn leading_to(resource: String, filter: BoxedFilter<(Response,)>) -> BoxedFilter<(Response,)> {
    if resource.is_empty() {
        return filter;
    }
    let below = warp::path("api")
        .and(warp::path("v1"))
        .and(warp::path(resource));
    below.and(filter).boxed()
}

/// Tries filters in their order, as a balanced tree: a request passes few levels however many there are.
pub(super) fn any_of(mut filters: Vec<BoxedFilter<(Response,)>>) -> BoxedFilter<(Response,)> {
    if filters.len() <= 1 {
        return filters.pop().unwrap_or_else(nothing);
    }
    let rest = filters.split_off(filters.len() / 2);
    any_of(filters).or(any_of(rest)).unify().boxed()
}

fn nothing() -> BoxedFilter<(Response,)> {
    let never = || std::future::ready(Err::<Response, _>(warp::reject::not_found()));
    warp::any().and_then(never).boxed()
}
