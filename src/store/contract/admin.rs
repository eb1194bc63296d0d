//! Traces of what admins do, and invitations to register.

use async_trait::async_trait;

use super::{AccountError, Result};
use crate::model::admin::{CodeHash, Invitation, NewInvitation, NewTrace, Trace};
use crate::model::entry::UnixMillis;
use crate::model::ids::UserId;
use crate::model::user::{NewUser, User};

/// How long invitations stay listed after they expired.
pub const INVITATIONS_KEPT_MS: UnixMillis = 30 * 24 * 60 * 60 * 1_000;

/// The audit log. It only grows: nothing here changes or removes a trace.
#[async_trait]
pub trait AuditStore: Send + Sync {
    /// Leaves a trace, stamped by the store's clock; durable when it returns its id. Repeated after an unknown
    /// outcome it may be there twice, which is better than not at all.
    async fn leave(&self, trace: NewTrace) -> Result<u64>;
    /// Traces with ids below `before`, newest first.
    async fn traces(&self, before: u64, limit: usize) -> Result<Vec<Trace>>;
}

/// Invitations to register.
#[async_trait]
pub trait InvitationStore: Send + Sync {
    /// Makes an invitation, unless its maker has `most` open ones already: `None`. A code that is known already is
    /// this request, repeated: that invitation is returned. Those that expired
    /// more than [`INVITATIONS_KEPT_MS`] ago are forgotten.
    async fn invite(&self, invitation: NewInvitation, most: u32) -> Result<Option<Invitation>>;
    /// The invitation with this code, also when it is no longer open.
    async fn invitation(&self, code: &CodeHash) -> Result<Option<Invitation>>;
    /// Invitations that are not revoked with ids below `before`, newest first; those of `by` alone if given.
    async fn invitations(
        &self,
        by: Option<UserId>,
        before: u64,
        limit: usize,
    ) -> Result<Vec<Invitation>>;
    /// Revokes an invitation (of `by`, if given); `false` when there is none that could be.
    async fn revoke_invitation(&self, id: u64, by: Option<UserId>) -> Result<bool>;
    /// As [`super::UserStore::create`], and counts the account on the invitation in the same transaction; however
    /// many register at once, on however many nodes, no more do than it allows. `NotInvited` when it is not open.
    async fn create_invited(&self, user: NewUser, code: &CodeHash) -> Result<User, AccountError>;
}
