//! What admins see besides accounts: traces and invitations.

use serde::Serialize;
use utoipa::ToSchema;

use crate::model::admin;
use crate::service::audit;
use crate::service::invitations;

/// Something an admin did.
#[derive(Serialize, ToSchema)]
pub struct Trace {
    pub id: u64,
    pub at: i64,
    /// The admin's user id; 0: the operator, from the command line.
    pub admin: u64,
    /// `user_disabled`, `user_enabled`, `user_promoted`, `user_demoted`, `user_added`, `password_reset`,
    /// `sessions_ended`, `notice_sent`, `invite_made`, `invite_revoked`
    pub action: String,
    /// The account it was done to.
    #[schema(required)]
    pub target: Option<u64>,
    /// For people: the name the account had, for one.
    pub detail: String,
    /// Where the admin was.
    pub address: String,
}

impl From<admin::Trace> for Trace {
    fn from(trace: admin::Trace) -> Trace {
        Trace {
            id: trace.id,
            at: trace.at,
            admin: trace.admin.0,
            action: trace.action,
            target: trace.target.map(|user| user.0),
            detail: trace.detail,
            address: trace.address,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Audit {
    pub audit: Vec<Trace>,
    /// The `before` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<audit::TracePage> for Audit {
    fn from(page: audit::TracePage) -> Audit {
        Audit {
            audit: page.traces.into_iter().map(Trace::from).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}

/// A new invitation. Its code is told here and nowhere else.
#[derive(Serialize, ToSchema)]
pub struct NewInvitation {
    pub id: u64,
    pub code: String,
    /// Where one registers by it.
    pub url: String,
    pub uses: u32,
    pub expires_at: i64,
}

impl NewInvitation {
    pub(in crate::http) fn of(made: invitations::Made, site: &str) -> NewInvitation {
        NewInvitation {
            id: made.invitation.id,
            url: format!("{site}/register?invite={}", made.code),
            code: made.code,
            uses: made.invitation.uses,
            expires_at: made.invitation.expires_at,
        }
    }
}

/// An invitation to register.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    pub id: u64,
    /// Who made it.
    pub by: u64,
    /// How many may register by it.
    pub uses: u32,
    /// How many have.
    pub used: u32,
    pub created_at: i64,
    pub expires_at: i64,
}

impl From<admin::Invitation> for Invitation {
    fn from(invitation: admin::Invitation) -> Invitation {
        Invitation {
            id: invitation.id,
            by: invitation.by.0,
            uses: invitation.uses,
            used: invitation.used,
            created_at: invitation.created_at,
            expires_at: invitation.expires_at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Invitations {
    pub invites: Vec<Invitation>,
    /// The `before` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<invitations::InvitationPage> for Invitations {
    fn from(page: invitations::InvitationPage) -> Invitations {
        let invites = page.invitations.into_iter();
        Invitations {
            invites: invites.map(Invitation::from).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}
