//! Groups: profile, roles, ways in.

use serde::{Deserialize, Serialize};

use super::entry::UnixMillis;
use super::ids::{GroupId, Seq, UserId};

/// What a member may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Talks.
    Member,
    /// Also manages members and the profile.
    Admin,
    /// Also dissolves and hands the group over. One per group.
    Owner,
}

impl Role {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Role::Member => 0,
            Role::Admin => 1,
            Role::Owner => 2,
        }
    }

    /// The role with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Role> {
        match code {
            0 => Some(Role::Member),
            1 => Some(Role::Admin),
            2 => Some(Role::Owner),
            _ => None,
        }
    }
}

/// Who may come into a group by himself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JoinMode {
    /// Anybody.
    #[default]
    Open,
    /// Who is let in by an admin.
    Approval,
    /// Who has an invitation.
    Invite,
}

impl JoinMode {
    /// The number in the store.
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            JoinMode::Open => 0,
            JoinMode::Approval => 1,
            JoinMode::Invite => 2,
        }
    }

    /// The mode with this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<JoinMode> {
        match code {
            0 => Some(JoinMode::Open),
            1 => Some(JoinMode::Approval),
            2 => Some(JoinMode::Invite),
            _ => None,
        }
    }
}

/// A group to be made. Its id was drawn before, so that its conversation has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewGroup {
    pub id: GroupId,
    /// 1-40 characters.
    pub name: String,
    /// URL of its picture, or empty.
    pub icon: String,
    /// 0-4: default, hobby, industry, life, study.
    pub category: u8,
    /// What it is about, at most 140 characters.
    pub memo: String,
    pub join: JoinMode,
}

/// Changes to a group's profile; `None` leaves a field as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupPatch {
    pub name: Option<String>,
    pub icon: Option<String>,
    pub category: Option<u8>,
    pub memo: Option<String>,
    pub join: Option<JoinMode>,
}

/// A group as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    pub id: GroupId,
    pub name: String,
    pub icon: String,
    pub category: u8,
    pub memo: String,
    pub owner: UserId,
    pub join: JoinMode,
    /// How many members it has now.
    pub members: u64,
    pub created_at: UnixMillis,
    pub dissolved: bool,
}

/// A present member of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    pub user: UserId,
    pub role: Role,
    pub joined_at: UnixMillis,
}

/// A stay in a group: from the own join (included) to the own leave (included), or open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub group: GroupId,
    pub from: Seq,
    pub to: Option<Seq>,
}

impl Interval {
    /// Whether the stay covers this place of the log.
    #[must_use]
    pub fn holds(&self, seq: Seq) -> bool {
        self.from <= seq && self.to.is_none_or(|to| seq <= to)
    }
}
