//! The refusals in the API's description: one shared answer for each status, and which of them an endpoint may give.
//!
//! Most follow from what an endpoint is: whoever has to log in may be nobody, whatever is named in a path may not be
//! there. What does not follow is declared at the endpoint.

use utoipa::openapi::path::Operation;
use utoipa::openapi::{Content, HttpMethod, Ref, RefOr, Response, ResponseBuilder};

/// A status that refuses, its answer's name among the components, and what it may mean.
struct Refusal {
    status: &'static str,
    name: &'static str,
    meaning: &'static str,
}

const fn refusal(status: &'static str, name: &'static str, meaning: &'static str) -> Refusal {
    Refusal {
        status,
        name,
        meaning,
    }
}

const BAD_REQUEST: Refusal = refusal(
    "400",
    "BadRequest",
    "`bad_request`, with the field it is about; `invalid_json`; `self`: not to oneself",
);
const UNAUTHORIZED: Refusal = refusal(
    "401",
    "Unauthorized",
    "`unauthorized`: no token, or one that is not good; `wrong_credentials`",
);
const FORBIDDEN: Refusal = refusal(
    "403",
    "Forbidden",
    "`forbidden`, `not_allowed`, `not_member`, `blocked`, `recall_expired`: one may not",
);
const NOT_FOUND: Refusal = refusal(
    "404",
    "NotFound",
    "`not_found`: nothing there that this one may know of",
);
const CONFLICT: Refusal = refusal(
    "409",
    "Conflict",
    "Not as things are: `name_taken`, `phone_taken`, `email_taken`, `already_friends`, `already_member`, \
     `already_claimed`, `cid_reused`, `packet_empty`, `packet_expired`, `insufficient`",
);
const TOO_LARGE: Refusal = refusal("413", "TooLarge", "`too_large`");
const UNSUPPORTED: Refusal = refusal(
    "415",
    "UnsupportedMedia",
    "`unsupported_media`: not the kind of body that is read here",
);
const INTERNAL: Refusal = refusal("500", "Internal", "`internal`: a fault of the server's own");
const UNAVAILABLE: Refusal = refusal(
    "503",
    "Unavailable",
    "`unavailable`: the store is away. It did not happen, or can be repeated safely",
);

const ALL: [&Refusal; 9] = [
    &BAD_REQUEST,
    &UNAUTHORIZED,
    &FORBIDDEN,
    &NOT_FOUND,
    &CONFLICT,
    &TOO_LARGE,
    &UNSUPPORTED,
    &INTERNAL,
    &UNAVAILABLE,
];

/// The shared answers.
pub(super) fn components() -> impl Iterator<Item = (String, RefOr<Response>)> {
    let answer = |refusal: &&Refusal| {
        let answer = ResponseBuilder::new()
            .description(refusal.meaning)
            .content(KIND, error())
            .build();
        (refusal.name.to_owned(), RefOr::T(answer))
    };
    ALL.iter().map(answer)
}

/// The kind of body that refusals have.
pub(super) const KIND: &str = "application/json";

fn error() -> Content {
    Content::new(Some(Ref::from_schema_name("ErrorBody")))
}

/// What machines ask a node about itself: it refuses nothing.
const OF_MACHINES: [&str; 3] = ["/healthz", "/readyz", "/metrics"];
/// Refuses by a header and has no body.
const NO_SUCH_BYTES: &str = "416";

/// Adds to an operation the refusals that follow from what it is, and their body to those it declares by words alone.
pub(in crate::http) fn describe(operation: &mut Operation, template: &str, methods: &[HttpMethod]) {
    if OF_MACHINES.contains(&template) {
        return;
    }
    let following = following(operation, template, methods);
    let declared = &mut operation.responses.responses;
    for (status, answer) in declared.iter_mut() {
        match answer {
            RefOr::T(answer) if status.starts_with(['4', '5']) && status != NO_SUCH_BYTES => {
                let body = answer.content.entry(KIND.to_owned());
                body.or_insert_with(|| RefOr::T(error()));
            }
            RefOr::T(_) | RefOr::Ref(_) => {}
        }
    }
    for refusal in following {
        let answer = || RefOr::Ref(Ref::from_response_name(refusal.name));
        declared
            .entry(refusal.status.to_owned())
            .or_insert_with(answer);
    }
}

fn following(
    operation: &Operation,
    template: &str,
    methods: &[HttpMethod],
) -> Vec<&'static Refusal> {
    let in_path = template.contains('{');
    let has_parameters = operation.parameters.is_some();
    let has_body = operation.request_body.is_some();
    let changes = !methods.contains(&HttpMethod::Get);
    // The document's own security counts where an operation says nothing.
    let needs_login = operation.security.is_none();
    let administers = template.starts_with("/api/v1/admin/");
    [
        (has_parameters || has_body || changes, &BAD_REQUEST),
        (needs_login, &UNAUTHORIZED),
        (
            needs_login && (changes || in_path || administers),
            &FORBIDDEN,
        ),
        (in_path || has_body, &NOT_FOUND),
        (changes && needs_login, &CONFLICT),
        (has_body, &TOO_LARGE),
        (has_body, &UNSUPPORTED),
        (true, &INTERNAL),
        (true, &UNAVAILABLE),
    ]
    .into_iter()
    .filter_map(|(follows, refusal)| follows.then_some(refusal))
    .collect()
}
