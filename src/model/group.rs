//! Groups: profile, roles, ways in.

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::entry::UnixMillis;
use super::ids::{GroupId, InvalidId, Seq, UserId};

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
    /// Until when only owner and admins may write; a time that is past ends it.
    pub muted_until: Option<UnixMillis>,
}

/// Changes to what a member may do; `None` leaves a field as it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct MemberPatch {
    /// Admin or member: the one owner is made by handing the group over.
    pub role: Option<Role>,
    /// Until when he may not write; a time that is past ends it.
    pub muted_until: Option<UnixMillis>,
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

/// Until when who may not write in a group; times past mean that he may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Mutes {
    /// The user himself.
    pub own: Option<UnixMillis>,
    /// Everybody but owner and admins.
    pub all: Option<UnixMillis>,
}

impl Mutes {
    /// Until when somebody of this role may not write, seen from `now`; `None`: he may.
    #[must_use]
    pub fn holding(&self, role: Role, now: UnixMillis) -> Option<UnixMillis> {
        let all = match role {
            Role::Member => self.all,
            Role::Admin | Role::Owner => None,
        };
        self.own.max(all).filter(|until| *until > now)
    }
}

/// Somebody asks to come into a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinRequest {
    pub id: u64,
    pub user: UserId,
    pub message: String,
    /// When he asked, last.
    pub at: UnixMillis,
}

/// What lets somebody into a group who knows it: 128 random bits, in URL-safe base64. Told once and stored nowhere.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteCode(String);

impl InviteCode {
    const BYTES: usize = 16;

    /// The code these random bytes spell.
    #[must_use]
    pub fn of(random: [u8; Self::BYTES]) -> InviteCode {
        InviteCode(URL_SAFE_NO_PAD.encode(random))
    }

    /// As it is written in URLs.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The invitation it belongs to.
    #[must_use]
    pub fn invite(&self) -> InviteId {
        let hash = digest(&SHA256, self.0.as_bytes());
        InviteId(URL_SAFE_NO_PAD.encode(&hash.as_ref()[..Self::BYTES]))
    }
}

impl FromStr for InviteCode {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match URL_SAFE_NO_PAD.decode(text) {
            Ok(bytes) if bytes.len() == Self::BYTES => Ok(InviteCode(text.to_owned())),
            Ok(_) | Err(_) => Err(InvalidId("invitation")),
        }
    }
}

/// Who knows a code can use it, so it is in no log.
impl std::fmt::Debug for InviteCode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InviteCode(…)")
    }
}

/// Names an invitation and lets nobody in: the first 128 bits of its code's SHA-256, in URL-safe base64. No fewer than
/// the code has, so that finding a code for it is as hard as guessing the code.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InviteId(String);

impl InviteId {
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for InviteId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        // Spelled like a code.
        text.parse().map(|InviteCode(text)| InviteId(text))
    }
}

/// An invitation to be made.
#[derive(Clone, Debug)]
pub struct NewInvite {
    pub id: InviteId,
    pub group: GroupId,
    pub creator: UserId,
    /// For how long it is good, in milliseconds by the store's clock.
    pub lifetime_ms: u64,
    /// How many may come in with it; 0: as many as want to.
    pub uses_max: u32,
}

/// An invitation as stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invite {
    pub id: InviteId,
    pub group: GroupId,
    pub creator: UserId,
    pub created_at: UnixMillis,
    pub expires_at: UnixMillis,
    /// 0: as many as want to.
    pub uses_max: u32,
    /// How many came in with it.
    pub used: u32,
    pub revoked: bool,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_silenced_by_either_mute_and_an_admin_by_his_own_alone() {
        let mutes = |own, all| Mutes { own, all };
        for (mutes, role, until) in [
            (mutes(None, None), Role::Member, None),
            (mutes(Some(9), None), Role::Member, Some(9)),
            (mutes(None, Some(8)), Role::Member, Some(8)),
            (mutes(Some(7), Some(8)), Role::Member, Some(8)),
            (mutes(Some(5), Some(4)), Role::Member, None),
            (mutes(None, Some(8)), Role::Admin, None),
            (mutes(Some(9), Some(8)), Role::Admin, Some(9)),
            (mutes(None, Some(8)), Role::Owner, None),
        ] {
            assert_eq!(mutes.holding(role, 5), until, "{mutes:?} of {role:?}");
        }
    }

    #[test]
    fn an_invitation_is_spelled_in_one_way_only() {
        let code = InviteCode::of([0xfb; 16]);
        assert_eq!(code.as_str().len(), 22);
        assert_eq!(code.as_str().parse(), Ok(code.clone()));
        for other in ["", "x", "%2e%2e", "AAAAAAAAAAAAAAAAAAAAAB", &"A".repeat(23)] {
            assert!(other.parse::<InviteCode>().is_err(), "{other}");
        }
        assert!(!format!("{code:?}").contains(code.as_str()));
    }

    #[test]
    fn an_invitations_name_is_not_its_code() {
        let code: InviteCode = "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let invite = code.invite();
        // SHA-256 of the 22 letters, as anybody computes it.
        assert_eq!(invite.as_str(), "ilvbTMFRZBJsbvJmjendJA");
        assert_eq!(invite.as_str().parse(), Ok(invite.clone()));
        assert_ne!(InviteCode::of([1; 16]).invite(), invite);
    }
}
