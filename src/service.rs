//! Use cases: what people may ask of the deployment, whatever protocol they ask it over.
//!
//! Each service takes the stores and handles it needs and answers with plain data or a
//! [`crate::model::error::Failure`]. None knows HTTP, frames or SQL; who asks is told to them, never read from
//! a body. Driven by `http` and by the WebSocket.

pub mod accounts;
pub mod admin;
pub mod admission;
pub mod alterations;
mod append;
pub mod audit;
pub mod bots;
mod cache;
pub mod clock;
pub mod connections;
pub mod conversations;
pub mod entries;
pub mod export;
mod failure;
pub mod files;
pub mod friends;
pub mod groups;
pub mod health;
pub mod hooks;
pub mod import;
pub mod indexer;
pub mod invitations;
pub mod legacy;
pub mod messages;
pub mod news;
pub mod online;
pub mod operator;
pub mod outcomes;
pub mod packets;
pub mod passwords;
pub mod profiles;
pub mod rate;
pub mod reads;
mod recent;
pub mod redis;
pub mod retention;
mod rules;
pub mod search;
pub mod sessions;
mod sight;
pub mod throttle;
pub mod typing;

pub use append::Appended;
