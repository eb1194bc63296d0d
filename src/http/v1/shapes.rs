//! The JSON objects of the API, made from what services answer, and described where they are defined.

mod account;
mod admin;
mod admission;
mod chat;
mod file;
mod node;
mod packets;
mod people;
mod programs;
mod room;
mod search;

pub use account::*;
pub use admin::*;
pub use admission::*;
pub use chat::*;
pub use file::*;
pub use node::*;
pub use packets::*;
pub use people::*;
pub use programs::*;
pub use room::*;
pub use search::*;

use serde::Serialize;
use utoipa::ToSchema;

/// Every failure.
#[derive(Serialize, ToSchema)]
pub struct ErrorBody {
    pub error: ErrorDetail,
}

/// What went wrong.
#[derive(Serialize, ToSchema)]
pub struct ErrorDetail {
    /// Stable: `bad_request`, `not_found`, `name_taken`, …
    pub code: String,
    /// For people, in the language of `Accept-Language`.
    pub message: String,
    /// The input it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// How long to wait before trying again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
}
