//! The public API, version 1: one file per resource, and the shapes they share.

pub(super) mod accounts;
pub(super) mod admin;
pub(super) mod blocks;
pub(super) mod bots;
pub(super) mod cluster;
pub(super) mod conversations;
pub(super) mod entries;
pub(crate) mod files;
pub(super) mod friends;
pub(super) mod groups;
pub(super) mod hooks;
pub(super) mod invitations;
pub(super) mod invites;
pub(super) mod join;
pub(super) mod me;
pub(super) mod members;
pub(super) mod packets;
pub(super) mod search;
pub mod shapes;
pub(super) mod users;
