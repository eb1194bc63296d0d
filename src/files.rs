//! Uploads as bytes: what they are, small pictures of them, and the backends that keep them.
//!
//! Believes nothing an uploader says. Knows neither users nor the store; driven by `service::files`.

pub mod backend;
mod bucket;
pub mod folder;
pub mod inspect;
mod length;
pub mod name;
pub mod peers;
mod picture;
mod sniff;
pub mod spool;
mod strip;

#[cfg(test)]
mod hostile;

pub use backend::{Backend, Bytes, Fault, Span};
pub use bucket::Bucket;
pub use folder::Folder;
