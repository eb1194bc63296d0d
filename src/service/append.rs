//! Putting one draft into the log and saying in the API's words what became of it.

use bytes::Bytes;
use serde::Serialize;
use tracing::error;
use uuid::Uuid;

use crate::journal::committer::Committer;
use crate::model::draft::Draft;
use crate::model::draft::Outcome;
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::ids::{Cid, ConnId, Seq};

/// A draft's place in the log, durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    pub seq: Seq,
    pub at: UnixMillis,
    /// It was there before: this was a repetition.
    pub duplicate: bool,
}

/// Appends a draft. A refusal and a store that is away are failures, and nothing is in the log then; after
/// `unavailable` it may be, and the same draft can be repeated.
pub(super) async fn append(
    committer: &Committer,
    draft: Draft,
    origin: Option<ConnId>,
) -> Result<Appended, Failure> {
    match committer.submit(draft, origin).await? {
        Outcome::Appended { seq, at } => Ok(Appended {
            seq,
            at,
            duplicate: false,
        }),
        Outcome::Duplicate { seq, at } => Ok(Appended {
            seq,
            at,
            duplicate: true,
        }),
        Outcome::Refused(refusal) => Err(refusal.into()),
    }
}

/// A random client id for what no client named. The same draft keeps it through all retries of the committer.
pub(super) fn draw_cid() -> Result<Cid, Failure> {
    Uuid::new_v4().to_string().parse().map_err(|error| {
        error!(%error, "a UUID is not a client id");
        Failure::new(Code::Internal)
    })
}

/// An entry's body from one of our own types.
pub(super) fn encode(body: &impl Serialize) -> Result<Bytes, Failure> {
    match serde_json::to_vec(body) {
        Ok(json) => Ok(json.into()),
        Err(error) => {
            error!(%error, "an entry's body cannot be encoded");
            Err(Failure::new(Code::Internal))
        }
    }
}
