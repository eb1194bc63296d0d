//! What a place for bytes must do, whatever it is.

use std::ops::RangeInclusive;
use std::path::Path;

use async_trait::async_trait;
use futures_util::stream::BoxStream;

use crate::model::file::Blob;

/// Why a backend did not do its part. What was asked for can be repeated.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// Not reachable, full, or it refused.
    #[error("the place of files is unavailable: {0}")]
    Unavailable(String),
    /// It has no such bytes.
    #[error("the bytes are not there")]
    Missing,
}

impl From<std::io::Error> for Fault {
    fn from(error: std::io::Error) -> Fault {
        if error.kind() == std::io::ErrorKind::NotFound {
            Fault::Missing
        } else {
            Fault::Unavailable(error.to_string())
        }
    }
}

/// Bytes in pieces, as they come.
pub type Bytes = BoxStream<'static, Result<bytes::Bytes, Fault>>;

/// Which bytes, first and last included.
pub type Span = RangeInclusive<u64>;

/// What a browser is to be told about bytes that it fetches elsewhere.
#[derive(Clone, Debug)]
pub struct Said {
    pub content_type: String,
    pub disposition: String,
}

/// Keeps bytes.
#[async_trait]
pub trait Backend: Send + Sync {
    /// The folder's name in the store; empty for what every node reaches.
    fn folder(&self) -> &str;
    /// Puts the bytes of a file at a place; they are complete and durable when this returns, or not there at all.
    /// The file may be gone afterwards.
    async fn put(&self, blob: &Blob, from: &Path) -> Result<(), Fault>;
    /// Reads bytes; `None`: all of them.
    async fn read(&self, blob: &Blob, span: Option<Span>) -> Result<Bytes, Fault>;
    /// Whether the bytes are there.
    async fn has(&self, blob: &Blob) -> Result<bool, Fault>;
    /// Takes bytes away; those that are not there are no fault.
    async fn remove(&self, blob: &Blob) -> Result<(), Fault>;
    /// Where a client can fetch the bytes itself for a short while, if it can.
    fn link(&self, blob: &Blob, said: &Said) -> Option<String>;
}
