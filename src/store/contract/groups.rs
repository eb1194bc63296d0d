//! What stands beside a group's members: who may not write, who asks to come in, and who was invited.

use std::collections::BTreeMap;

use async_trait::async_trait;

use super::Result;
use crate::model::entry::UnixMillis;
use crate::model::group::{Invite, InviteId, JoinRequest, Mutes, NewInvite};
use crate::model::ids::{GroupId, UserId};

/// Who may not write in groups. They change through the log.
#[async_trait]
pub trait MuteStore: Send + Sync {
    /// Of the user himself and of everybody, in each group he is a member of now and that has any.
    async fn mutes_of(&self, user: UserId) -> Result<BTreeMap<GroupId, Mutes>>;
    /// Of the user himself and of everybody, in one group, whether he is in it or not.
    async fn mutes_in(&self, group: GroupId, user: UserId) -> Result<Mutes>;
    /// Of users with ids above `after` up to `upto`, by user id. Those that are past may be among them.
    async fn muted(
        &self,
        group: GroupId,
        after: UserId,
        upto: UserId,
    ) -> Result<Vec<(UserId, UnixMillis)>>;
}

/// The ways into groups that are not open. Requests change through the log; invitations are made and revoked here,
/// and used through the log.
#[async_trait]
pub trait AdmissionStore: Send + Sync {
    /// Open requests with ids above `after`, by id.
    async fn requests(&self, group: GroupId, after: u64, limit: usize) -> Result<Vec<JoinRequest>>;
    /// The open request of this user.
    async fn request_of(&self, group: GroupId, user: UserId) -> Result<Option<JoinRequest>>;
    /// How many open requests the group has.
    async fn open_requests(&self, group: GroupId) -> Result<u64>;
    /// How many open requests each group has in which the user is owner or admin; those with none are left out.
    async fn requests_for(&self, user: UserId) -> Result<BTreeMap<GroupId, u64>>;
    /// Owner and admins, the longest-standing first.
    async fn admins(&self, group: GroupId, limit: usize) -> Result<Vec<UserId>>;
    /// Makes an invitation. One with this id that is there already is this request, repeated, and is returned.
    async fn invite(&self, invite: NewInvite) -> Result<Invite>;
    /// The invitation, whether it is still good or not.
    async fn find_invite(&self, id: &InviteId) -> Result<Option<Invite>>;
    /// Invitations to the group that were not revoked, the newest first; expired ones included.
    async fn invites(&self, group: GroupId, limit: usize) -> Result<Vec<Invite>>;
    /// Revokes an invitation; `false` when there is none with this id to this group. Idempotent. Who comes in by an
    /// append that begins afterwards does so without it.
    async fn revoke_invite(&self, group: GroupId, id: &InviteId) -> Result<bool>;
    /// Forgets invitations to the group that expired longer ago than this, in milliseconds.
    async fn forget_invites(&self, group: GroupId, age_ms: u64) -> Result<()>;
}
