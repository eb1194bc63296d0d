//! The ways into groups: joining, asking to be let in and being answered, invitations.
//!
//! Whoever holds an invitation's code may use it, so codes are hard to guess, tries are counted, and none is logged.

use std::sync::Arc;

use ring::rand::{SecureRandom, SystemRandom};
use serde_json::json;
use tokio::time::Instant;
use tracing::error;

use super::clock::Clock;
use super::groups::{GroupView, Groups};
use super::profiles::{Person, Profiles, take};
use super::rate::SendRate;
use super::rules;
use crate::model::conversation::Conv;
use crate::model::draft::Change;
use crate::model::entry::{AskedBody, EntryKind, MembershipBody, UnixMillis};
use crate::model::error::{Code, Failure};
use crate::model::group::{Group, Invite, InviteCode, InviteId, JoinMode, NewInvite, Role};
use crate::model::ids::{GroupId, UserId};
use crate::model::signal::Signal;
use crate::presence::Signals;
use crate::store::{AdmissionStore, GroupStore};

/// Requests, invitations and codes that one user may try, on average and at once. People do so now and then; whoever
/// guesses at 128 bits finds nothing at any rate, and is not to cost the store anything either.
const TRIES_PER_SECOND: u32 = 1;
const TRIES_BURST: u32 = 20;
/// How long an invitation is good when nobody says otherwise: a week.
const LIFETIME_DEFAULT_S: u64 = 7 * 24 * 60 * 60;
/// How long an invitation may be good: a year.
const LIFETIME_MAX_S: u64 = 366 * 24 * 60 * 60;
/// Most uses an invitation may be limited to: no group has more members.
const USES_MAX: u32 = 100_000;
/// How long it is known of an expired invitation that it was one: 30 days.
const EXPIRED_KNOWN_MS: u64 = 30 * 24 * 60 * 60 * 1_000;
/// Invitations listed, the newest ones.
const INVITES_LISTED_MAX: usize = 200;

/// What came of wanting to come in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admitted {
    /// He is in.
    Joined,
    /// Somebody who runs the group has to let him in.
    Requested,
}

/// A request as those see it who answer it.
#[derive(Clone, Debug)]
pub struct JoinRequestView {
    pub id: u64,
    pub person: Person,
    pub message: String,
    pub at: UnixMillis,
}

/// Some requests, by id.
#[derive(Clone, Debug)]
pub struct RequestPage {
    pub requests: Vec<JoinRequestView>,
    /// Ask for those above it; `None`: these were the last.
    pub next: Option<u64>,
}

/// An invitation just made. Its code is told once and stored nowhere.
#[derive(Clone, Debug)]
pub struct MadeInvite {
    pub invite: Invite,
    pub code: InviteCode,
    /// The web client's page for it; without a host when the deployment has named none.
    pub url: String,
}

/// What [`Admission`] works with.
pub struct AdmissionParts {
    pub rooms: Groups,
    pub groups: Arc<dyn GroupStore>,
    pub admissions: Arc<dyn AdmissionStore>,
    pub profiles: Profiles,
    pub signals: Signals,
    pub clock: Clock,
    /// What the deployment is called from outside; may be empty.
    pub public_url: String,
}

/// The ways into groups. Cheap to clone.
#[derive(Clone)]
pub struct Admission(Arc<Inner>);

struct Inner {
    parts: AdmissionParts,
    tries: SendRate,
    random: SystemRandom,
}

impl Admission {
    #[must_use]
    pub fn new(parts: AdmissionParts) -> Admission {
        Admission(Arc::new(Inner {
            parts,
            tries: SendRate::new(TRIES_PER_SECOND, TRIES_BURST),
            random: SystemRandom::new(),
        }))
    }

    /// Enters an open group, asks to be let into one that lets in by approval, or with a code enters either and those
    /// that let in by invitation only.
    pub async fn join(
        &self,
        user: UserId,
        id: GroupId,
        code: Option<&str>,
        message: &str,
    ) -> Result<(Admitted, GroupView), Failure> {
        let message = rules::request_message(message)?;
        if let Some(code) = code {
            let invite = self.find(user, code, "code").await?;
            if invite.group != id {
                return Err(Failure::field(Code::NotFound, "code"));
            }
            return Ok((Admitted::Joined, self.enter(user, invite).await?));
        }
        let rooms = &self.parts().rooms;
        match rooms.living(id).await?.join {
            // Of a group by invitation the append says whether he is in already or not allowed in.
            JoinMode::Open | JoinMode::Invite => {
                Ok((Admitted::Joined, rooms.join(user, id).await?))
            }
            JoinMode::Approval => {
                self.ask(user, id, message).await?;
                Ok((Admitted::Requested, rooms.view(user, id).await?))
            }
        }
    }

    async fn ask(&self, user: UserId, group: GroupId, message: String) -> Result<(), Failure> {
        let open = self.parts().admissions.request_of(group, user).await?;
        if open.is_some_and(|request| request.message == message) {
            // Asked in the same words before: nobody needs to hear it twice.
            return Ok(());
        }
        self.admit(user)?;
        let body = AskedBody {
            group,
            declined: false,
        };
        let change = Change::Ask { group, message };
        let rooms = &self.parts().rooms;
        rooms
            .append_to(Conv::Account(user), user, EntryKind::Asked, &body, change)
            .await?;
        rooms.tell_requests(group).await;
        Ok(())
    }

    /// Open requests with ids above `after`; for owner and admins.
    pub async fn requests(
        &self,
        user: UserId,
        id: GroupId,
        after: u64,
        limit: usize,
    ) -> Result<RequestPage, Failure> {
        self.runs(user, id).await?;
        let store = &self.parts().admissions;
        let mut requests = store.requests(id, after, limit + 1).await?;
        let more = requests.len() > limit;
        requests.truncate(limit);
        let next = requests.last().map(|last| last.id).filter(|_| more);
        let ids: Vec<UserId> = requests.iter().map(|request| request.user).collect();
        let persons = self.parts().profiles.persons(&ids).await?;
        let view = requests.into_iter().map(|request| JoinRequestView {
            id: request.id,
            person: take(&persons, request.user),
            message: request.message,
            at: request.at,
        });
        Ok(RequestPage {
            requests: view.collect(),
            next,
        })
    }

    /// Lets somebody in who asked, or declines; for owner and admins.
    pub async fn answer(
        &self,
        user: UserId,
        group: GroupId,
        request: u64,
        accept: bool,
    ) -> Result<(), Failure> {
        self.runs(user, group).await?;
        let store = &self.parts().admissions;
        let found = store.requests(group, request.saturating_sub(1), 1).await?;
        let asked = found.into_iter().find(|open| open.id == request);
        let asker = asked.ok_or(Failure::new(Code::NotFound))?.user;
        let rooms = &self.parts().rooms;
        if accept {
            let body = MembershipBody::by(user, vec![asker]);
            let change = Change::Approve {
                request,
                user: asker,
            };
            rooms
                .append_to(Conv::Group(group), user, EntryKind::Joined, &body, change)
                .await?;
        } else {
            let body = AskedBody {
                group,
                declined: true,
            };
            let change = Change::Decline {
                group,
                request,
                user: asker,
            };
            rooms
                .append_to(Conv::Account(asker), user, EntryKind::Asked, &body, change)
                .await?;
            // Who is let in sees the group's entry.
            self.parts().signals.publish(Signal::Settings {
                conv: Conv::Group(group).to_string(),
                user: asker,
                changed: json!({"requested_at": null}).to_string(),
            });
        }
        rooms.tell_requests(group).await;
        Ok(())
    }

    /// Makes an invitation: any member into an open group, else owner and admins.
    pub async fn invite(
        &self,
        user: UserId,
        group: GroupId,
        expires_in_s: Option<u64>,
        uses: Option<u32>,
    ) -> Result<MadeInvite, Failure> {
        let lifetime_s = expires_in_s.unwrap_or(LIFETIME_DEFAULT_S);
        if !(1..=LIFETIME_MAX_S).contains(&lifetime_s) {
            return Err(Failure::field(Code::BadRequest, "expires_in_seconds"));
        }
        if uses.is_some_and(|uses| !(1..=USES_MAX).contains(&uses)) {
            return Err(Failure::field(Code::BadRequest, "uses"));
        }
        let role = self.parts().rooms.member(user, group).await?;
        let found = self.parts().rooms.living(group).await?;
        if !may_invite(&found, Some(role)) {
            return Err(Failure::new(Code::NotAllowed));
        }
        self.admit(user)?;
        let mut random = [0; 16];
        self.0.random.fill(&mut random).map_err(|_| {
            error!("the system's random source failed");
            Failure::new(Code::Internal)
        })?;
        let code = InviteCode::of(random);
        let store = &self.parts().admissions;
        store.forget_invites(group, EXPIRED_KNOWN_MS).await?;
        let invite = store
            .invite(NewInvite {
                id: code.invite(),
                group,
                creator: user,
                lifetime_ms: lifetime_s * 1_000,
                uses_max: uses.unwrap_or(0),
            })
            .await?;
        let host = self.parts().public_url.trim_end_matches('/');
        let url = format!("{host}/join/{}", code.as_str());
        Ok(MadeInvite { invite, code, url })
    }

    /// The newest invitations into the group that are still good; for owner and admins.
    pub async fn invites(&self, user: UserId, id: GroupId) -> Result<Vec<Invite>, Failure> {
        self.runs(user, id).await?;
        let store = &self.parts().admissions;
        let now = self.parts().clock.now();
        let mut invites = store.invites(id, INVITES_LISTED_MAX).await?;
        invites.retain(|invite| is_good(invite, now));
        Ok(invites)
    }

    /// Revokes an invitation; for owner and admins, and for who made it.
    pub async fn revoke(&self, user: UserId, group: GroupId, id: &InviteId) -> Result<(), Failure> {
        let role = self.parts().rooms.member(user, group).await?;
        let store = &self.parts().admissions;
        let found = store.find_invite(id).await?;
        let invite = found.filter(|invite| invite.group == group);
        let Some(invite) = invite else {
            return Err(Failure::new(if role >= Role::Admin {
                Code::NotFound
            } else {
                Code::NotAllowed
            }));
        };
        if role < Role::Admin && invite.creator != user {
            return Err(Failure::new(Code::NotAllowed));
        }
        match store.revoke_invite(group, id).await? {
            true => Ok(()),
            false => Err(Failure::new(Code::NotFound)),
        }
    }

    /// Where an invitation leads, for whoever has its code. `not_found` for one that never was, `gone` for one that is
    /// no longer good.
    pub async fn preview(&self, user: UserId, code: &str) -> Result<(Invite, GroupView), Failure> {
        let invite = self.find(user, code, "code").await?;
        let gone = || Failure::new(Code::Gone);
        let view = match self.parts().rooms.view(user, invite.group).await {
            Err(failure) if failure.code == Code::NotFound => return Err(gone()),
            view => view?,
        };
        let groups = &self.parts().groups;
        let of_creator = groups.role(invite.group, invite.creator).await?;
        let is_open = may_invite(&view.group, of_creator) || view.group.join == JoinMode::Open;
        if is_open && is_good(&invite, self.parts().clock.now()) {
            Ok((invite, view))
        } else {
            Err(gone())
        }
    }

    /// Comes into a group by an invitation.
    pub async fn accept(&self, user: UserId, code: &str) -> Result<GroupView, Failure> {
        let invite = self.find(user, code, "code").await?;
        self.enter(user, invite).await
    }

    async fn enter(&self, user: UserId, invite: Invite) -> Result<GroupView, Failure> {
        let group = invite.group;
        let body = MembershipBody {
            invited_by: Some(invite.creator),
            ..MembershipBody::oneself(user)
        };
        let change = Change::JoinByInvite { invite: invite.id };
        let rooms = &self.parts().rooms;
        rooms
            .append_to(Conv::Group(group), user, EntryKind::Joined, &body, change)
            .await?;
        // He may have asked before.
        rooms.tell_requests(group).await;
        rooms.view(user, group).await
    }

    /// The invitation with this code. What is no code is none that anybody made.
    async fn find(&self, user: UserId, code: &str, field: &'static str) -> Result<Invite, Failure> {
        self.admit(user)?;
        let unknown = || Failure::field(Code::NotFound, field);
        let code: InviteCode = code.parse().map_err(|_| unknown())?;
        let found = self.parts().admissions.find_invite(&code.invite()).await?;
        found.ok_or_else(unknown)
    }

    /// `not_allowed` for a member who is neither owner nor admin.
    async fn runs(&self, user: UserId, id: GroupId) -> Result<(), Failure> {
        match self.parts().rooms.member(user, id).await? {
            Role::Owner | Role::Admin => Ok(()),
            Role::Member => Err(Failure::new(Code::NotAllowed)),
        }
    }

    fn admit(&self, user: UserId) -> Result<(), Failure> {
        self.0.tries.admit(user, Instant::now())
    }

    fn parts(&self) -> &AdmissionParts {
        &self.0.parts
    }
}

/// Into an open group members may invite, into others only those who run it.
fn may_invite(group: &Group, role: Option<Role>) -> bool {
    let least = match group.join {
        JoinMode::Open => Role::Member,
        JoinMode::Approval | JoinMode::Invite => Role::Admin,
    };
    role.is_some_and(|role| role >= least)
}

/// Seen from this node's clock; the append decides by the store's.
fn is_good(invite: &Invite, now: UnixMillis) -> bool {
    let is_used_up = invite.uses_max > 0 && invite.used >= invite.uses_max;
    !invite.revoked && invite.expires_at > now && !is_used_up
}
