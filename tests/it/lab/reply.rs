//! An answer, and short words for what tests expect of it.

use serde_json::Value;
use warp::http::HeaderMap;

/// An answer.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    pub bytes: Vec<u8>,
    /// Null when the body is not JSON.
    pub body: Value,
}

impl Reply {
    /// Checks status and error code.
    #[track_caller]
    pub fn refused(&self, status: u16, code: &str) -> &Reply {
        let found = (self.status, self.body["error"]["code"].as_str());
        assert_eq!(found, (status, Some(code)), "{}", self.text);
        assert!(self.body["error"]["message"].is_string(), "{}", self.text);
        self
    }

    /// Checks the field an error is about.
    #[track_caller]
    pub fn about(&self, field: &str) -> &Reply {
        assert_eq!(self.body["error"]["field"], field, "{}", self.text);
        self
    }

    /// The body of an answer with this status.
    #[track_caller]
    pub fn is(self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", self.text);
        self.body
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
