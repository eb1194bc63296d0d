//! What admins leave a trace of, and the invitations by which people register where not everybody may.

use super::entry::UnixMillis;
use super::ids::UserId;

/// Something an admin did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    UserAdded,
    UserDisabled,
    UserEnabled,
    UserPromoted,
    UserDemoted,
    PasswordReset,
    SessionsEnded,
    NoticeSent,
    InvitationMade,
    InvitationRevoked,
}

impl Action {
    /// All of them.
    pub const ALL: [Action; 10] = [
        Action::UserAdded,
        Action::UserDisabled,
        Action::UserEnabled,
        Action::UserPromoted,
        Action::UserDemoted,
        Action::PasswordReset,
        Action::SessionsEnded,
        Action::NoticeSent,
        Action::InvitationMade,
        Action::InvitationRevoked,
    ];

    /// Its name in the API and the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Action::UserAdded => "user_added",
            Action::UserDisabled => "user_disabled",
            Action::UserEnabled => "user_enabled",
            Action::UserPromoted => "user_promoted",
            Action::UserDemoted => "user_demoted",
            Action::PasswordReset => "password_reset",
            Action::SessionsEnded => "sessions_ended",
            Action::NoticeSent => "notice_sent",
            Action::InvitationMade => "invite_made",
            Action::InvitationRevoked => "invite_revoked",
        }
    }
}

/// A trace to be left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTrace {
    /// Who does it; [`UserId::SYSTEM`]: the operator, from the command line.
    pub admin: UserId,
    pub action: Action,
    /// The account it is done to.
    pub target: Option<UserId>,
    /// What else is to be known, for people; no secret, no message.
    pub detail: String,
    /// Where the admin is; empty for the command line.
    pub address: String,
}

/// A trace as stored. The action is its name: a later version may know more of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// Rises with time.
    pub id: u64,
    pub at: UnixMillis,
    pub admin: UserId,
    pub action: String,
    pub target: Option<UserId>,
    pub detail: String,
    pub address: String,
}

/// SHA-256 of an invitation's code. The code itself is never stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodeHash(pub [u8; 32]);

impl CodeHash {
    /// The hash of a code.
    #[must_use]
    pub fn of(code: &str) -> CodeHash {
        let digest = ring::digest::digest(&ring::digest::SHA256, code.as_bytes());
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest.as_ref());
        CodeHash(bytes)
    }
}

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvitation {
    pub code: CodeHash,
    pub by: UserId,
    /// How many may register by it.
    pub uses: u32,
    pub expires_at: UnixMillis,
}

/// An invitation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invitation {
    pub id: u64,
    pub by: UserId,
    pub uses: u32,
    /// How many have registered by it.
    pub used: u32,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
    pub revoked: bool,
}

impl Invitation {
    /// Whether somebody may still register by it, unless it has expired.
    #[must_use]
    pub fn has_room(&self) -> bool {
        !self.revoked && self.used < self.uses
    }
}
