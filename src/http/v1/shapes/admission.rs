//! The ways into groups.

use serde::Serialize;
use utoipa::ToSchema;

use super::{Group, User};
use crate::model::group;
use crate::service::admission::{self, JoinRequestView, MadeInvite, RequestPage};
use crate::service::groups::GroupView;

/// What came of wanting to come in, and the group as one sees it now.
#[derive(Serialize, ToSchema)]
pub struct Admitted {
    /// `joined`, or `requested`: somebody has to let one in.
    pub state: &'static str,
    #[serde(flatten)]
    pub group: Group,
}

impl Admitted {
    pub(in crate::http) fn of(admitted: admission::Admitted, view: GroupView) -> Admitted {
        Admitted {
            state: match admitted {
                admission::Admitted::Joined => "joined",
                admission::Admitted::Requested => "requested",
            },
            group: view.into(),
        }
    }
}

/// Somebody asks to come in.
#[derive(Serialize, ToSchema)]
pub struct JoinRequest {
    pub id: u64,
    pub user: User,
    pub message: String,
    pub at: i64,
}

impl From<JoinRequestView> for JoinRequest {
    fn from(request: JoinRequestView) -> JoinRequest {
        JoinRequest {
            id: request.id,
            user: request.person.into(),
            message: request.message,
            at: request.at,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct JoinRequests {
    pub requests: Vec<JoinRequest>,
    /// The `after` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<RequestPage> for JoinRequests {
    fn from(page: RequestPage) -> JoinRequests {
        JoinRequests {
            requests: page.requests.into_iter().map(JoinRequest::from).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}

/// Lets in whoever knows its code, which nobody is told again.
#[derive(Serialize, ToSchema)]
pub struct Invite {
    /// Names it, and lets nobody in.
    pub id: String,
    pub expires_at: i64,
    pub created_at: i64,
    /// The user id of who made it.
    pub creator: u64,
    /// How many may come in with it; null: as many as want to.
    #[schema(required)]
    pub uses: Option<u32>,
    /// How many came in with it.
    pub used: u32,
}

impl From<group::Invite> for Invite {
    fn from(invite: group::Invite) -> Invite {
        Invite {
            id: invite.id.as_str().to_owned(),
            expires_at: invite.expires_at,
            created_at: invite.created_at,
            creator: invite.creator.0,
            uses: Some(invite.uses_max).filter(|uses| *uses > 0),
            used: invite.used,
        }
    }
}

/// An invitation just made. Code and address are told once.
#[derive(Serialize, ToSchema)]
pub struct NewInvite {
    pub code: String,
    /// The web client's page for it.
    pub url: String,
    #[serde(flatten)]
    pub invite: Invite,
}

impl From<MadeInvite> for NewInvite {
    fn from(made: MadeInvite) -> NewInvite {
        NewInvite {
            code: made.code.as_str().to_owned(),
            url: made.url,
            invite: made.invite.into(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Invites {
    pub invites: Vec<Invite>,
}

impl Invites {
    pub(in crate::http) fn of(invites: Vec<group::Invite>) -> Invites {
        Invites {
            invites: invites.into_iter().map(Invite::from).collect(),
        }
    }
}

/// Where an invitation leads.
#[derive(Serialize, ToSchema)]
pub struct InvitePreview {
    pub group: Group,
    /// The user id of who made it.
    pub creator: u64,
    pub expires_at: i64,
}

impl InvitePreview {
    pub(in crate::http) fn of(invite: &group::Invite, group: GroupView) -> InvitePreview {
        InvitePreview {
            group: group.into(),
            creator: invite.creator.0,
            expires_at: invite.expires_at,
        }
    }
}
