//! The members of a group: who they are, what they may do, bringing them in and removing them.

use std::collections::{BTreeMap, BTreeSet};

use super::{Groups, about};
use crate::model::draft::Change;
use crate::model::entry::{EntryKind, GroupBody, MembershipBody, MutedBody, RoleBody, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::group::{Member, MemberPatch, Role};
use crate::model::ids::{GroupId, UserId};
use crate::service::groups::GroupView;
use crate::service::profiles::{Person, take};

/// Most users brought in by one request.
pub(super) const USERS_PER_REQUEST_MAX: usize = 200;
/// How often adding is tried anew when somebody came in by himself meanwhile.
const ADD_ATTEMPTS: usize = 3;

/// A member as others see him.
#[derive(Clone, Debug)]
pub struct MemberView {
    pub person: Person,
    pub role: Role,
    pub joined_at: UnixMillis,
    /// Until when he may not write, if at all, apart from a mute for everybody. For owner, admins and himself; `None`:
    /// the asker is nobody of them.
    pub muted_until: Option<Option<UnixMillis>>,
}

/// Some members, by user id.
#[derive(Clone, Debug)]
pub struct MemberPage {
    pub members: Vec<MemberView>,
    /// Ask for those above it; `None`: these were the last.
    pub next: Option<UserId>,
}

impl Groups {
    /// Members with ids above `after`; for members.
    pub async fn members(
        &self,
        user: UserId,
        id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<MemberPage, Failure> {
        let own = self.member(user, id).await?;
        let mut members = self.0.groups.members(id, after, limit + 1).await?;
        let more = members.len() > limit;
        members.truncate(limit);
        let last = members.last().map(|member| member.user);
        Ok(MemberPage {
            members: self.member_views(id, own, user, members).await?,
            next: last.filter(|_| more),
        })
    }

    /// Members in ascending order as `asker`, whose role is `own`, may see them.
    async fn member_views(
        &self,
        id: GroupId,
        own: Role,
        asker: UserId,
        members: Vec<Member>,
    ) -> Result<Vec<MemberView>, Failure> {
        let ids: Vec<UserId> = members.iter().map(|member| member.user).collect();
        let (Some(first), Some(last)) = (ids.first(), ids.last()) else {
            return Ok(Vec::new());
        };
        let after = UserId(first.0.saturating_sub(1));
        let mutes = self.0.mutes.muted(id, after, *last).await?;
        let mutes: BTreeMap<UserId, UnixMillis> = mutes.into_iter().collect();
        let persons = self.0.profiles.persons_for(asker, &ids).await?;
        let now = self.0.clock.now();
        let view = members.into_iter().map(|member| {
            let is_told = own >= Role::Admin || member.user == asker;
            let until = mutes.get(&member.user).copied();
            MemberView {
                person: take(&persons, member.user),
                role: member.role,
                joined_at: member.joined_at,
                muted_until: is_told.then(|| until.filter(|until| *until > now)),
            }
        });
        Ok(view.collect())
    }

    /// Brings users in and returns those who were not in yet. `already_member` when all were.
    pub async fn add(
        &self,
        user: UserId,
        id: GroupId,
        users: Vec<UserId>,
    ) -> Result<Vec<UserId>, Failure> {
        let wanted: BTreeSet<UserId> = users.into_iter().collect();
        if wanted.is_empty() {
            return Err(Failure::field(Code::BadRequest, "users"));
        }
        if wanted.len() > USERS_PER_REQUEST_MAX {
            return Err(Failure::field(Code::TooLarge, "users"));
        }
        self.member(user, id).await?;
        let all: Vec<UserId> = wanted.iter().copied().collect();
        self.exist(&all, "users").await?;
        let mut attempts = 0;
        loop {
            let mut missing = Vec::new();
            for user in &wanted {
                if self.0.groups.role(id, *user).await?.is_none() {
                    missing.push(*user);
                }
            }
            if missing.is_empty() {
                return Err(Failure::new(Code::AlreadyMember));
            }
            let body = MembershipBody::by(user, missing.clone());
            let change = Change::Add {
                users: missing.clone(),
            };
            attempts += 1;
            match self
                .append(user, id, EntryKind::Joined, &body, change)
                .await
            {
                // One of them came in after we looked.
                Err(failure) if failure.code == Code::AlreadyMember && attempts < ADD_ATTEMPTS => {}
                Err(failure) => return Err(about("users", failure)),
                Ok(()) => {
                    // One of them may have waited to be let in.
                    self.tell_requests(id).await;
                    return Ok(missing);
                }
            }
        }
    }

    /// Changes what a member may do: roles as owner, mutes as somebody of higher role.
    pub async fn edit_member(
        &self,
        user: UserId,
        id: GroupId,
        member: UserId,
        patch: MemberPatch,
    ) -> Result<MemberView, Failure> {
        let mut patch = MemberPatch {
            role: patch.role,
            muted_until: self.until(patch.muted_until)?,
        };
        if patch.role == Some(Role::Owner) {
            return Err(Failure::field(Code::BadRequest, "role"));
        }
        if member == user {
            return Err(Failure::new(Code::OneSelf));
        }
        let own = self.member(user, id).await?;
        let before = self.one_member(id, own, user, member).await?;
        // What is so already needs no word in the log; whether one may change it is asked all the same.
        let may_mute = own > before.role;
        let same_role = patch.role == Some(before.role) && own == Role::Owner;
        patch.role = patch.role.filter(|_| !same_role);
        let held = before.muted_until.flatten().unwrap_or_default();
        let same_mute = patch.muted_until == Some(held) && may_mute;
        patch.muted_until = patch.muted_until.filter(|_| !same_mute);
        if patch == MemberPatch::default() {
            return Ok(before);
        }
        let body = GroupBody {
            role: patch.role.map(|role| RoleBody { user: member, role }),
            muted: patch.muted_until.map(|until| MutedBody {
                user: member,
                until,
            }),
            ..GroupBody::default()
        };
        let change = Change::EditMember {
            user: member,
            patch,
        };
        self.append(user, id, EntryKind::Group, &body, change)
            .await?;
        self.one_member(id, own, user, member).await
    }

    async fn one_member(
        &self,
        id: GroupId,
        own: Role,
        asker: UserId,
        member: UserId,
    ) -> Result<MemberView, Failure> {
        let before = UserId(member.0.saturating_sub(1));
        let found = self.0.groups.members(id, before, 1).await?;
        let found: Vec<Member> = found.into_iter().filter(|m| m.user == member).collect();
        let mut views = self.member_views(id, own, asker, found).await?;
        views.pop().ok_or(Failure::new(Code::NotMember))
    }

    /// Hands the group over to another member; for the owner, who stays as an admin.
    pub async fn transfer(
        &self,
        user: UserId,
        id: GroupId,
        to: UserId,
    ) -> Result<GroupView, Failure> {
        if to == user {
            return Err(Failure::new(Code::OneSelf));
        }
        self.member(user, id).await?;
        let body = GroupBody {
            owner: Some(to),
            ..GroupBody::default()
        };
        let change = Change::Transfer { user: to };
        self.append(user, id, EntryKind::Group, &body, change)
            .await
            .map_err(|failure| about("user", failure))?;
        self.view(user, id).await
    }

    /// Removes a member of lower role.
    pub async fn kick(&self, user: UserId, id: GroupId, member: UserId) -> Result<(), Failure> {
        if member == user {
            return Err(Failure::new(Code::OneSelf));
        }
        self.member(user, id).await?;
        let body = MembershipBody::by(user, vec![member]);
        let change = Change::Kick { user: member };
        self.append(user, id, EntryKind::Left, &body, change).await
    }

    /// Whether all of them are accounts somebody can use.
    pub(super) async fn exist(&self, users: &[UserId], field: &'static str) -> Result<(), Failure> {
        let persons = self.0.profiles.persons(users).await?;
        let is_there = |user| persons.get(user).is_some_and(|p| !p.profile.disabled);
        if users.iter().all(is_there) {
            Ok(())
        } else {
            Err(Failure::field(Code::NotFound, field))
        }
    }
}
