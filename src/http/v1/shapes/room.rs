//! Groups and their members.

use serde::Serialize;
use utoipa::ToSchema;

use super::User;
use crate::model::{group, ids};
use crate::service::groups::{GroupView, MemberPage, MemberView};

#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    Member,
    Admin,
    Owner,
}

impl From<group::Role> for Role {
    fn from(role: group::Role) -> Role {
        match role {
            group::Role::Member => Role::Member,
            group::Role::Admin => Role::Admin,
            group::Role::Owner => Role::Owner,
        }
    }
}

/// Who may come in by himself: anybody, nobody, or who has an invitation.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JoinMode {
    Open,
    Approval,
    Invite,
}

impl From<group::JoinMode> for JoinMode {
    fn from(mode: group::JoinMode) -> JoinMode {
        match mode {
            group::JoinMode::Open => JoinMode::Open,
            group::JoinMode::Approval => JoinMode::Approval,
            group::JoinMode::Invite => JoinMode::Invite,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Group {
    pub id: u64,
    pub name: String,
    pub icon: String,
    /// 0-4: default, hobby, industry, life, study.
    pub category: u8,
    pub memo: String,
    /// The owner's user id.
    pub owner: u64,
    pub join: JoinMode,
    /// How many members it has.
    pub members: u64,
    /// One's own role; null for somebody who is not in.
    #[schema(required)]
    pub role: Option<Role>,
    /// Until when one may not write, by a mute for oneself or for everybody; null when one may.
    #[schema(required)]
    pub muted_until: Option<i64>,
    pub created_at: i64,
    /// Until when only owner and admins may write; for members, while it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub all_muted_until: Option<i64>,
    /// How many ask to come in; for owner and admins, when there are any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests: Option<u64>,
    /// When one asked to come in and still waits; of a single group.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requested_at: Option<i64>,
}

impl From<GroupView> for Group {
    fn from(view: GroupView) -> Group {
        let group = view.group;
        Group {
            id: group.id.0,
            name: group.name,
            icon: group.icon,
            category: group.category,
            memo: group.memo,
            owner: group.owner.0,
            join: group.join.into(),
            members: group.members,
            role: view.role.map(Role::from),
            muted_until: view.muted_until,
            created_at: group.created_at,
            all_muted_until: view.all_muted_until,
            requests: Some(view.requests).filter(|requests| *requests > 0),
            requested_at: view.requested_at,
        }
    }
}

/// Who has which role.
#[derive(Serialize, ToSchema)]
pub struct RoleOf {
    pub user: u64,
    pub role: Role,
}

/// Who may not write until when.
#[derive(Serialize, ToSchema)]
pub struct MutedUntil {
    /// 0: everybody but owner and admins.
    pub user: u64,
    /// 0: he may write again.
    pub until: i64,
}

#[derive(Serialize, ToSchema)]
pub struct Groups {
    pub groups: Vec<Group>,
}

impl Groups {
    pub(in crate::http) fn of(views: Vec<GroupView>) -> Groups {
        Groups {
            groups: views.into_iter().map(Group::from).collect(),
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Member {
    pub user: User,
    pub role: Role,
    pub joined_at: i64,
    pub online: bool,
    /// Until when he may not write, apart from a mute for everybody; null when he may. For owner, admins and himself.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    pub muted_until: Option<Option<i64>>,
}

impl From<MemberView> for Member {
    fn from(member: MemberView) -> Member {
        Member {
            online: member.person.online,
            user: member.person.into(),
            role: member.role.into(),
            joined_at: member.joined_at,
            muted_until: member.muted_until,
        }
    }
}

#[derive(Serialize, ToSchema)]
pub struct Members {
    pub members: Vec<Member>,
    /// The `after` of the next page; null at the end.
    #[schema(required)]
    pub next: Option<String>,
}

impl From<MemberPage> for Members {
    fn from(page: MemberPage) -> Members {
        Members {
            members: page.members.into_iter().map(Member::from).collect(),
            next: page.next.map(|id| id.to_string()),
        }
    }
}

/// Who came in now; those who were in before are left out.
#[derive(Serialize, ToSchema)]
pub struct Added {
    pub users: Vec<u64>,
}

impl Added {
    pub(in crate::http) fn of(users: &[ids::UserId]) -> Added {
        Added {
            users: users.iter().map(|user| user.0).collect(),
        }
    }
}
