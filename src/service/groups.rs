//! Groups: making, finding, changing and ending them, and who is in.
//!
//! Everything that changes a group goes through the log; the append decides who may. What is read here is for
//! showing and for an early no.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::append::{append, draw_cid, encode};
use super::profiles::{Person, Profiles, take};
use super::rules;
use crate::journal::committer::Committer;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, GroupBody, MembershipBody, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::group::{Group, GroupPatch, JoinMode, NewGroup, Role};
use crate::model::ids::{GroupId, UserId};
use crate::store::GroupStore;

/// Most users brought in by one request.
const USERS_PER_REQUEST_MAX: usize = 200;
/// How often adding is tried anew when somebody came in by himself meanwhile.
const ADD_ATTEMPTS: usize = 3;

/// What somebody gives who makes a group.
#[derive(Clone, Debug, Default)]
pub struct GroupWish {
    pub name: String,
    pub icon: String,
    pub category: u8,
    pub memo: String,
    pub join: JoinMode,
    /// Who is in from the beginning, besides the owner.
    pub members: Vec<UserId>,
}

/// A group as one user sees it.
#[derive(Clone, Debug)]
pub struct GroupView {
    pub group: Group,
    /// His role, when he is a member.
    pub role: Option<Role>,
}

/// A member as others see him.
#[derive(Clone, Debug)]
pub struct MemberView {
    pub person: Person,
    pub role: Role,
    pub joined_at: UnixMillis,
}

/// Some members, by user id.
#[derive(Clone, Debug)]
pub struct MemberPage {
    pub members: Vec<MemberView>,
    /// Ask for those above it; `None`: these were the last.
    pub next: Option<UserId>,
}

/// The groups. Cheap to clone.
#[derive(Clone)]
pub struct Groups {
    groups: Arc<dyn GroupStore>,
    committer: Committer,
    profiles: Profiles,
}

impl Groups {
    #[must_use]
    pub fn new(groups: Arc<dyn GroupStore>, committer: Committer, profiles: Profiles) -> Groups {
        Groups {
            groups,
            committer,
            profiles,
        }
    }

    /// Makes a group with the user as its owner. `not_found` in `members` for an unknown one.
    pub async fn create(&self, user: UserId, wish: GroupWish) -> Result<GroupView, Failure> {
        let mut members = wish.members;
        members.sort_unstable();
        members.dedup();
        members.retain(|member| *member != user);
        if members.len() > USERS_PER_REQUEST_MAX {
            return Err(Failure::field(Code::TooLarge, "members"));
        }
        let group = NewGroup {
            name: rules::group_name(&wish.name)?,
            icon: rules::picture(&wish.icon, "icon")?,
            category: rules::category(wish.category)?,
            memo: rules::memo(&wish.memo)?,
            join: wish.join,
            id: self.groups.draw_id().await?,
        };
        let id = group.id;
        let body = GroupBody {
            created: true,
            name: Some(group.name.clone()),
            users: members.clone(),
            ..GroupBody::default()
        };
        let change = Change::CreateGroup { group, members };
        self.append(user, id, EntryKind::Group, &body, change)
            .await
            .map_err(|failure| about("members", failure))?;
        self.view(user, id).await
    }

    /// Groups the user is in.
    pub async fn of_user(&self, user: UserId) -> Result<Vec<GroupView>, Failure> {
        let groups = self.groups.of_user(user).await?;
        let view = |(group, role)| GroupView {
            group,
            role: Some(role),
        };
        Ok(groups.into_iter().map(view).collect())
    }

    /// Groups anybody may join, by name or id.
    pub async fn search(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> Result<Vec<GroupView>, Failure> {
        let own = self.groups.of_user(user).await?;
        let found = self.groups.search(query, limit).await?;
        let role_in = |id| {
            let mine = own.iter().find(|(group, _)| group.id == id);
            mine.map(|(_, role)| *role)
        };
        let view = |group: Group| GroupView {
            role: role_in(group.id),
            group,
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// One group. Its profile is no secret: who knows its id may ask to come in.
    pub async fn view(&self, user: UserId, id: GroupId) -> Result<GroupView, Failure> {
        let group = self.living(id).await?;
        let role = self.groups.role(id, user).await?;
        Ok(GroupView { group, role })
    }

    async fn living(&self, id: GroupId) -> Result<Group, Failure> {
        match self.groups.group(id).await? {
            Some(group) if !group.dissolved => Ok(group),
            Some(_) | None => Err(Failure::new(Code::NotFound)),
        }
    }

    /// Changes the profile; for owner and admins.
    pub async fn edit(
        &self,
        user: UserId,
        id: GroupId,
        patch: GroupPatch,
    ) -> Result<GroupView, Failure> {
        let patch = GroupPatch {
            name: patch.name.as_deref().map(rules::group_name).transpose()?,
            icon: patch
                .icon
                .map(|url| rules::picture(&url, "icon"))
                .transpose()?,
            category: patch.category.map(rules::category).transpose()?,
            memo: patch.memo.as_deref().map(rules::memo).transpose()?,
            join: patch.join,
        };
        self.member(user, id).await?;
        if patch == GroupPatch::default() {
            return self.view(user, id).await;
        }
        let body = GroupBody {
            name: patch.name.clone(),
            ..GroupBody::default()
        };
        self.append(
            user,
            id,
            EntryKind::Group,
            &body,
            Change::EditGroup { patch },
        )
        .await?;
        self.view(user, id).await
    }

    /// Ends the group; for the owner.
    pub async fn dissolve(&self, user: UserId, id: GroupId) -> Result<(), Failure> {
        self.member(user, id).await?;
        let body = GroupBody {
            dissolved: true,
            ..GroupBody::default()
        };
        self.append(user, id, EntryKind::Group, &body, Change::Dissolve)
            .await
    }

    /// Members with ids above `after`; for members.
    pub async fn members(
        &self,
        user: UserId,
        id: GroupId,
        after: UserId,
        limit: usize,
    ) -> Result<MemberPage, Failure> {
        self.member(user, id).await?;
        let mut members = self.groups.members(id, after, limit + 1).await?;
        let more = members.len() > limit;
        members.truncate(limit);
        let ids: Vec<UserId> = members.iter().map(|member| member.user).collect();
        let persons = self.profiles.persons_for(user, &ids).await?;
        let view = members.into_iter().map(|member| MemberView {
            person: take(&persons, member.user),
            role: member.role,
            joined_at: member.joined_at,
        });
        Ok(MemberPage {
            members: view.collect(),
            next: ids.last().copied().filter(|_| more),
        })
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
        let mut attempts = 0;
        loop {
            let mut missing = Vec::new();
            for user in &wanted {
                if self.groups.role(id, *user).await?.is_none() {
                    missing.push(*user);
                }
            }
            if missing.is_empty() {
                return Err(Failure::new(Code::AlreadyMember));
            }
            let body = MembershipBody {
                users: missing.clone(),
                by: Some(user),
            };
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
                Ok(()) => return Ok(missing),
            }
        }
    }

    /// Enters an open group.
    pub async fn join(&self, user: UserId, id: GroupId) -> Result<GroupView, Failure> {
        let body = MembershipBody {
            users: vec![user],
            by: None,
        };
        self.append(user, id, EntryKind::Joined, &body, Change::Join)
            .await?;
        self.view(user, id).await
    }

    /// Leaves. An owner's group goes to another member; the last one's leaving ends it.
    pub async fn leave(&self, user: UserId, id: GroupId) -> Result<(), Failure> {
        self.member(user, id).await?;
        let body = MembershipBody {
            users: vec![user],
            by: None,
        };
        self.append(user, id, EntryKind::Left, &body, Change::Leave)
            .await
    }

    /// Leaves all groups: an account that ends must not keep one without an owner who can act.
    pub async fn leave_all(&self, user: UserId) -> Result<(), Failure> {
        for (group, _role) in self.groups.of_user(user).await? {
            match self.leave(user, group.id).await {
                // He left, or it ended, meanwhile.
                Err(failure) if matches!(failure.code, Code::NotMember | Code::NotFound) => {}
                left => left?,
            }
        }
        Ok(())
    }

    /// Removes a member of lower role.
    pub async fn kick(&self, user: UserId, id: GroupId, member: UserId) -> Result<(), Failure> {
        if member == user {
            return Err(Failure::new(Code::OneSelf));
        }
        self.member(user, id).await?;
        let body = MembershipBody {
            users: vec![member],
            by: Some(user),
        };
        let change = Change::Kick { user: member };
        self.append(user, id, EntryKind::Left, &body, change).await
    }

    /// The user's role: `not_found` without such a group, `not_member` for a stranger.
    async fn member(&self, user: UserId, id: GroupId) -> Result<Role, Failure> {
        match self.groups.role(id, user).await? {
            Some(role) => Ok(role),
            None => {
                self.living(id).await?;
                Err(Failure::new(Code::NotMember))
            }
        }
    }

    async fn append(
        &self,
        user: UserId,
        id: GroupId,
        kind: EntryKind,
        body: &impl Serialize,
        change: Change,
    ) -> Result<(), Failure> {
        let draft = Draft {
            conv: Conv::Group(id),
            from: user,
            kind,
            cid: draw_cid()?,
            body: encode(body)?,
            change,
        };
        append(&self.committer, draft, None).await.map(|_| ())
    }
}

/// Says which input an unknown user was in.
fn about(field: &'static str, failure: Failure) -> Failure {
    if failure.code == Code::NotFound {
        Failure::field(Code::NotFound, field)
    } else {
        failure
    }
}
