//! Integration tests: real services over a real store asked as a client asks them, and clusters of real processes.
//!
//! One binary, one module per subject. Each test has a store of its own in a folder of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    clippy::disallowed_methods,
    reason = "a broken expectation is a failed test; time and chance are real here"
)]

#[path = "it/authorisation.rs"]
mod authorisation;
#[path = "it/described.rs"]
mod described;
#[path = "it/http_accounts.rs"]
mod http_accounts;
#[path = "it/http_admin.rs"]
mod http_admin;
#[path = "it/http_admission.rs"]
mod http_admission;
#[path = "it/http_conversations.rs"]
mod http_conversations;
#[path = "it/http_document.rs"]
mod http_document;
#[path = "it/http_entries.rs"]
mod http_entries;
#[path = "it/http_files.rs"]
mod http_files;
#[path = "it/http_files_elsewhere.rs"]
mod http_files_elsewhere;
#[path = "it/http_groups.rs"]
mod http_groups;
#[path = "it/http_hooks.rs"]
mod http_hooks;
#[path = "it/http_invitations.rs"]
mod http_invitations;
#[path = "it/http_messages.rs"]
mod http_messages;
#[path = "it/http_packets.rs"]
mod http_packets;
#[path = "it/http_pages.rs"]
mod http_pages;
#[path = "it/http_people.rs"]
mod http_people;
#[path = "it/http_refusals.rs"]
mod http_refusals;
#[path = "it/http_roles.rs"]
mod http_roles;
#[path = "it/http_search.rs"]
mod http_search;
#[path = "it/http_sessions.rs"]
mod http_sessions;
#[path = "it/import.rs"]
mod import;
#[path = "it/lab.rs"]
mod lab;
#[path = "it/lab_files.rs"]
mod lab_files;
#[path = "it/legacy_passwords.rs"]
mod legacy_passwords;
#[path = "support/mariadb.rs"]
mod mariadb;
#[path = "support/redis.rs"]
mod redis_server;

mod it {
    mod cluster;
}
