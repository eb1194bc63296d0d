//! What an endpoint's description promises of its answers: these statuses, with these kinds of body, and no others.

use utoipa::openapi::RefOr;
use utoipa::openapi::path::Operation;
use warp::http::header::CONTENT_TYPE;
use warp::reply::Response;

use super::refusals;

/// The answers an operation tells of.
pub(in crate::http) struct Promise(Vec<Promised>);

struct Promised {
    status: String,
    /// Kinds of body without their parameters; none: the answer has no body.
    kinds: Vec<String>,
}

impl Promise {
    pub(in crate::http) fn of(operation: &Operation) -> Promise {
        let answers = operation.responses.responses.iter();
        let promised = answers.map(|(status, answer)| Promised {
            status: status.clone(),
            kinds: match answer {
                RefOr::T(answer) => answer.content.keys().cloned().collect(),
                RefOr::Ref(_) => vec![refusals::KIND.to_owned()],
            },
        });
        Promise(promised.collect())
    }

    /// Whether the description tells of such an answer.
    pub(in crate::http) fn allows(&self, answer: &Response) -> bool {
        let status = answer.status();
        let kind = answer.headers().get(CONTENT_TYPE);
        let kind = kind.map(|kind| kind.to_str().unwrap_or_default());
        let kind = kind.map(|kind| kind.split(';').next().unwrap_or_default().trim());
        let mut promised = self.0.iter();
        promised.any(|promised| promised.status == status.as_str() && promised.has(kind))
    }
}

impl Promised {
    fn has(&self, kind: Option<&str>) -> bool {
        let Some(kind) = kind else {
            return self.kinds.is_empty();
        };
        let fits = |promised: &String| promised == "*/*" || promised == kind;
        self.kinds.iter().any(fits)
    }
}
