//! What old clients get in answer: HTTP 200 whatever happened, and an envelope that says it.
//!
//! The pages of ginchat and imooc read the same keys in different cases, and in places each reads both; so both are
//! there. 0 is success and -1 failure; with shyim 200 and -1.

use serde_json::{Map, Value, json};
use warp::http::StatusCode;
use warp::reply::Response;

use crate::http::reply;
use crate::model::error::{Code, Failure, Language};

/// What a handler gives back.
pub(super) type Answer = Result<Said, Failure>;

/// A success, in parts.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub(super) message: Option<(&'static str, &'static str)>,
    pub(super) data: Option<Value>,
    pub(super) rows: Option<Value>,
    pub(super) total: Option<Value>,
    /// A cookie to keep.
    pub(super) cookie: Option<String>,
}

/// "Done."
pub(super) fn done() -> Said {
    Said::default()
}

/// One thing.
pub(super) fn data(data: Value) -> Said {
    Said {
        data: Some(data),
        ..Said::default()
    }
}

/// A list, with its length.
pub(super) fn rows(rows: Vec<Value>) -> Said {
    Said {
        total: Some(json!(rows.len())),
        rows: Some(Value::Array(rows)),
        ..Said::default()
    }
}

/// A success that has to be told in words: English and Chinese.
pub(super) fn told(english: &'static str, chinese: &'static str) -> Said {
    Said {
        message: Some((english, chinese)),
        ..Said::default()
    }
}

/// Whose envelope it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Envelope {
    /// All keys, unused ones null.
    Ginchat,
    /// The keys that are used.
    Imooc,
    /// `code`, `msg`, `data`; success is 200.
    Shyim,
}

/// The answer in an envelope.
pub(super) fn respond(envelope: Envelope, answer: Answer, language: Language) -> Response {
    let (ok, said) = match answer {
        Ok(said) => (true, said),
        Err(failure) => return respond_failure(envelope, &failure, language),
    };
    let message = match said.message {
        Some((english, _)) if language == Language::English => english,
        Some((_, chinese)) => chinese,
        None if language == Language::English => "Done.",
        None => "操作成功。",
    };
    let fields = fields(envelope, ok, message, &said);
    let response = reply::encoded(StatusCode::OK, Value::Object(fields).to_string());
    match said.cookie {
        Some(cookie) => reply::with_cookie(response, &cookie),
        None => response,
    }
}

/// A failure in words for people; the page shows nothing else of it.
fn respond_failure(envelope: Envelope, failure: &Failure, language: Language) -> Response {
    let mut fields = fields(
        envelope,
        false,
        failure.code.message(language),
        &Said::default(),
    );
    // For whoever looks closer.
    fields.insert("error".to_owned(), json!(failure.code.name()));
    if let Some(field) = failure.field {
        fields.insert("field".to_owned(), json!(field));
    }
    let response = reply::encoded(StatusCode::OK, Value::Object(fields).to_string());
    if failure.code == Code::Internal {
        tracing::error!(?failure, "a request of an old client failed");
    }
    response
}

fn fields(envelope: Envelope, ok: bool, message: &str, said: &Said) -> Map<String, Value> {
    let code = match (envelope, ok) {
        (_, false) => -1,
        (Envelope::Shyim, true) => 200,
        (Envelope::Ginchat | Envelope::Imooc, true) => 0,
    };
    let mut fields = Map::new();
    if envelope == Envelope::Shyim {
        fields.insert("code".to_owned(), json!(code));
        fields.insert("msg".to_owned(), json!(message));
        fields.insert("data".to_owned(), said.data.clone().unwrap_or(Value::Null));
        return fields;
    }
    for name in ["code", "Code"] {
        fields.insert(name.to_owned(), json!(code));
    }
    for name in ["msg", "Msg", "message"] {
        fields.insert(name.to_owned(), json!(message));
    }
    let parts = [
        (["data", "Data"], &said.data),
        (["rows", "Rows"], &said.rows),
        (["total", "Total"], &said.total),
    ];
    for (names, value) in parts {
        let value = match value {
            Some(value) => value.clone(),
            None if envelope == Envelope::Ginchat => Value::Null,
            None => continue,
        };
        for name in names {
            fields.insert(name.to_owned(), value.clone());
        }
    }
    fields
}
