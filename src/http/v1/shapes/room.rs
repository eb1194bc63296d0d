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
    /// Until when one may not write; null when one may.
    #[schema(required)]
    pub muted_until: Option<i64>,
    pub created_at: i64,
}

impl Group {
    pub(in crate::http) fn of(group: group::Group, role: Option<group::Role>) -> Group {
        Group {
            id: group.id.0,
            name: group.name,
            icon: group.icon,
            category: group.category,
            memo: group.memo,
            owner: group.owner.0,
            join: group.join.into(),
            members: group.members,
            role: role.map(Role::from),
            muted_until: None,
            created_at: group.created_at,
        }
    }
}

impl From<GroupView> for Group {
    fn from(view: GroupView) -> Group {
        Group::of(view.group, view.role)
    }
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
}

impl From<MemberView> for Member {
    fn from(member: MemberView) -> Member {
        Member {
            online: member.person.online,
            user: member.person.into(),
            role: member.role.into(),
            joined_at: member.joined_at,
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
