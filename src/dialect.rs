//! The old clients: pages and programs of the systems that Starling comes after, served as they are.
//!
//! Each dialect is a folder that translates between its own requests and frames and the services, and does nothing
//! else: what may be done, and what becomes of it, is decided where it is for everybody. Dialects share some paths;
//! which one a request speaks is told by the names of its parameters ([`routes()`]). `docs/dialects.md` is for people who
//! write such clients. Composed by the node, served beside [`crate::http`].

mod answer;
mod ginchat;
mod imooc;
mod media;
mod old_frames;
mod pages;
mod params;
mod people;
mod request;
mod routes;
mod shyim;
mod sockets;
mod upload;
mod uses;

pub use routes::{DialectParts, Enabled, routes};
pub use shyim::Binary;
pub use uses::Uses;
