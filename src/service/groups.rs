//! Groups: making, finding, changing and ending them, and who is in.
//!
//! Everything that changes a group goes through the log; the append decides who may. What is read here is for
//! showing and for an early no.

mod members;

pub use members::{MemberPage, MemberView};

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;
use tracing::debug;

use super::append::{append, draw_cid, encode};
use super::clock::Clock;
use super::files::FileUses;
use super::profiles::Profiles;
use super::rules;
use crate::journal::committer::Committer;
use crate::model::conversation::Conv;
use crate::model::draft::{Change, Draft};
use crate::model::entry::{EntryKind, GroupBody, MembershipBody, MutedBody, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::file::Face;
use crate::model::group::{Group, GroupPatch, JoinMode, Mutes, NewGroup, Role};
use crate::model::ids::{GroupId, UserId};
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::store::{AdmissionStore, GroupStore, MuteStore, StoreError};
use members::USERS_PER_REQUEST_MAX;

/// Owner and admins who are told of a request at once; the others of a group with more of them see it when they look.
const ADMINS_TOLD_MAX: usize = 64;

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
    /// Until when he may not write, whether it is for him or for everybody.
    pub muted_until: Option<UnixMillis>,
    /// Until when only owner and admins may write; for members.
    pub all_muted_until: Option<UnixMillis>,
    /// How many ask to come in; for owner and admins.
    pub requests: u64,
    /// When he asked to come in himself. Only of a single group.
    pub requested_at: Option<UnixMillis>,
}

impl GroupView {
    fn of(group: Group, role: Option<Role>, mutes: Mutes, now: UnixMillis) -> GroupView {
        GroupView {
            muted_until: role.and_then(|role| mutes.holding(role, now)),
            all_muted_until: role.and(mutes.all).filter(|until| *until > now),
            requests: 0,
            requested_at: None,
            group,
            role,
        }
    }
}

/// What [`Groups`] works with.
pub struct GroupParts {
    pub groups: Arc<dyn GroupStore>,
    pub mutes: Arc<dyn MuteStore>,
    pub admissions: Arc<dyn AdmissionStore>,
    pub committer: Committer,
    pub profiles: Profiles,
    pub files: FileUses,
    pub signals: Signals,
    pub clock: Clock,
    /// Most groups that one user may own when he makes another.
    pub owned_max: u32,
}

/// The groups. Cheap to clone.
#[derive(Clone)]
pub struct Groups(Arc<GroupParts>);

impl Groups {
    #[must_use]
    pub fn new(parts: GroupParts) -> Groups {
        Groups(Arc::new(parts))
    }

    /// Makes a group with the user as its owner. `not_found` in `members` for an unknown one, `not_allowed` when he owns
    /// as many as the deployment permits.
    pub async fn create(&self, user: UserId, wish: GroupWish) -> Result<GroupView, Failure> {
        let mut members = wish.members;
        members.sort_unstable();
        members.dedup();
        members.retain(|member| *member != user);
        if members.len() > USERS_PER_REQUEST_MAX {
            return Err(Failure::field(Code::TooLarge, "members"));
        }
        self.exist(&members, "members").await?;
        let group = NewGroup {
            name: rules::group_name(&wish.name)?,
            icon: rules::picture(&wish.icon, "icon")?,
            category: rules::category(wish.category)?,
            memo: rules::memo(&wish.memo)?,
            join: wish.join,
            id: self.0.groups.draw_id().await?,
        };
        if self.0.groups.owned(user).await? >= u64::from(self.0.owned_max) {
            return Err(Failure::new(Code::NotAllowed));
        }
        let id = group.id;
        let face = Face::Group(id);
        self.0
            .files
            .as_face(user, face, "icon", &group.icon)
            .await?;
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
        let groups = self.0.groups.of_user(user).await?;
        let mutes = self.0.mutes.mutes_of(user).await?;
        let requests = self.0.admissions.requests_for(user).await?;
        let now = self.0.clock.now();
        let view = |(group, role): (Group, Role)| {
            let id = group.id;
            let mutes = mutes.get(&id).copied().unwrap_or_default();
            GroupView {
                requests: requests.get(&id).copied().unwrap_or_default(),
                ..GroupView::of(group, Some(role), mutes, now)
            }
        };
        Ok(groups.into_iter().map(view).collect())
    }

    /// Groups that anybody may join or ask to join, by name or id.
    pub async fn search(
        &self,
        user: UserId,
        query: &str,
        limit: usize,
    ) -> Result<Vec<GroupView>, Failure> {
        let found = self.0.groups.search(query, limit).await?;
        let mut own = self.of_user(user).await?;
        let now = self.0.clock.now();
        let view = |group: Group| match own.iter().position(|view| view.group.id == group.id) {
            Some(place) => own.swap_remove(place),
            None => GroupView::of(group, None, Mutes::default(), now),
        };
        Ok(found.into_iter().map(view).collect())
    }

    /// One group. Its profile is no secret: who knows its id may ask to come in.
    pub async fn view(&self, user: UserId, id: GroupId) -> Result<GroupView, Failure> {
        let group = self.living(id).await?;
        let role = self.0.groups.role(id, user).await?;
        let mutes = match role {
            Some(_) => self.0.mutes.mutes_in(id, user).await?,
            None => Mutes::default(),
        };
        let mut view = GroupView::of(group, role, mutes, self.0.clock.now());
        match role {
            Some(Role::Owner | Role::Admin) => {
                view.requests = self.0.admissions.open_requests(id).await?;
            }
            Some(Role::Member) => {}
            None => {
                let request = self.0.admissions.request_of(id, user).await?;
                view.requested_at = request.map(|request| request.at);
            }
        }
        Ok(view)
    }

    /// The group, unless there never was one or it ended.
    pub(super) async fn living(&self, id: GroupId) -> Result<Group, Failure> {
        match self.0.groups.group(id).await? {
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
            muted_until: self.until(patch.muted_until)?,
        };
        self.member(user, id).await?;
        if patch == GroupPatch::default() {
            return self.view(user, id).await;
        }
        if let Some(icon) = &patch.icon {
            let face = Face::Group(id);
            self.0.files.as_face(user, face, "icon", icon).await?;
        }
        let body = GroupBody {
            name: patch.name.clone(),
            icon: patch.icon.clone(),
            category: patch.category,
            memo: patch.memo.clone(),
            join: patch.join,
            muted: patch.muted_until.map(|until| MutedBody {
                user: UserId::SYSTEM,
                until,
            }),
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

    /// Any time that is past is told as 0.
    fn until(&self, until: Option<UnixMillis>) -> Result<Option<UnixMillis>, Failure> {
        let now = self.0.clock.now();
        let until = until.map(rules::until).transpose()?;
        Ok(until.map(|until| if until > now { until } else { 0 }))
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

    /// Enters an open group.
    pub async fn join(&self, user: UserId, id: GroupId) -> Result<GroupView, Failure> {
        let body = MembershipBody::oneself(user);
        self.append(user, id, EntryKind::Joined, &body, Change::Join)
            .await?;
        self.view(user, id).await
    }

    /// Leaves. An owner's group goes to another member; the last one's leaving ends it.
    pub async fn leave(&self, user: UserId, id: GroupId) -> Result<(), Failure> {
        self.member(user, id).await?;
        let body = MembershipBody::oneself(user);
        self.append(user, id, EntryKind::Left, &body, Change::Leave)
            .await
    }

    /// Leaves all groups: an account that ends must not keep one without an owner who can act.
    pub async fn leave_all(&self, user: UserId) -> Result<(), Failure> {
        for (group, _role) in self.0.groups.of_user(user).await? {
            match self.leave(user, group.id).await {
                // He left, or it ended, meanwhile.
                Err(failure) if matches!(failure.code, Code::NotMember | Code::NotFound) => {}
                left => left?,
            }
        }
        Ok(())
    }

    /// The user's role: `not_found` without such a group, `not_member` for a stranger.
    pub(super) async fn member(&self, user: UserId, id: GroupId) -> Result<Role, Failure> {
        match self.0.groups.role(id, user).await? {
            Some(role) => Ok(role),
            None => {
                self.living(id).await?;
                Err(Failure::new(Code::NotMember))
            }
        }
    }

    /// Tells those who run the group how many ask to come in. Best effort: the number is also in the group they load.
    pub(super) async fn tell_requests(&self, id: GroupId) {
        if let Err(error) = self.try_tell_requests(id).await {
            debug!(%error, "requests to come into a group could not be told");
        }
    }

    async fn try_tell_requests(&self, id: GroupId) -> Result<(), StoreError> {
        let group = self.0.groups.group(id).await?;
        if !group.is_some_and(|group| group.join == JoinMode::Approval) {
            return Ok(());
        }
        let requests = self.0.admissions.open_requests(id).await?;
        let changed = json!({ "requests": requests }).to_string();
        for admin in self.0.admissions.admins(id, ADMINS_TOLD_MAX).await? {
            self.0.signals.publish(Signal::Settings {
                conv: Conv::Group(id).to_string(),
                user: admin,
                changed: changed.clone(),
            });
        }
        Ok(())
    }

    async fn append(
        &self,
        user: UserId,
        id: GroupId,
        kind: EntryKind,
        body: &impl Serialize,
        change: Change,
    ) -> Result<(), Failure> {
        self.append_to(Conv::Group(id), user, kind, body, change)
            .await
    }

    pub(super) async fn append_to(
        &self,
        conv: Conv,
        user: UserId,
        kind: EntryKind,
        body: &impl Serialize,
        change: Change,
    ) -> Result<(), Failure> {
        let draft = Draft {
            conv,
            from: user,
            kind,
            cid: draw_cid()?,
            body: encode(body)?,
            change,
        };
        append(&self.0.committer, draft, None).await.map(|_| ())
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
