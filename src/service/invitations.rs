//! Invitations to register, where not everybody may: made and revoked by admins, or by everybody for himself.
//!
//! What an invitation is good for is decided by `accounts` and the store when somebody registers by it.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::{SecureRandom, SystemRandom};
use tracing::error;

use super::audit::{Actor, Audit};
use super::clock::Clock;
use crate::model::admin::{Action, CodeHash, Invitation, NewInvitation};
use crate::model::entry::UnixMillis;
use crate::model::error::{Code, Failure};
use crate::model::ids::{ID_MAX, UserId};
use crate::model::policy::Inviters;
use crate::store::{InvitationStore, UserStore};

/// Random bytes of a code: nobody guesses one of them.
const CODE_BYTES: usize = 16;
/// How many may register by one invitation, unless said otherwise, and at most.
const USES_DEFAULT: u64 = 1;
const USES_MAX: u64 = 10_000;
/// How long an invitation is open, unless said otherwise, at least and at most.
const OPEN_S_DEFAULT: u64 = 7 * 24 * 60 * 60;
const OPEN_S_MIN: u64 = 60;
const OPEN_S_MAX: u64 = 365 * 24 * 60 * 60;
/// Open invitations one maker may have: more than anybody looks after.
const OPEN_MAX: u32 = 200;

/// What is wished for; what is missing has a default.
#[derive(Clone, Copy, Debug, Default)]
pub struct Wish {
    pub uses: Option<u64>,
    pub expires_in_seconds: Option<u64>,
}

/// A new invitation. Its code is told once and stored nowhere.
#[derive(Clone)]
pub struct Made {
    pub code: String,
    pub invitation: Invitation,
}

/// Some invitations, newest first.
#[derive(Clone, Debug)]
pub struct InvitationPage {
    pub invitations: Vec<Invitation>,
    /// Ask for those below it; `None`: these were the first.
    pub next: Option<u64>,
}

/// The invitations. Cheap to clone.
#[derive(Clone)]
pub struct Invitations(Arc<Parts>);

struct Parts {
    invitations: Arc<dyn InvitationStore>,
    users: Arc<dyn UserStore>,
    audit: Audit,
    clock: Clock,
    inviters: Inviters,
    random: SystemRandom,
}

impl Invitations {
    #[must_use]
    pub fn new(
        invitations: Arc<dyn InvitationStore>,
        users: Arc<dyn UserStore>,
        audit: Audit,
        clock: Clock,
        inviters: Inviters,
    ) -> Invitations {
        Invitations(Arc::new(Parts {
            invitations,
            users,
            audit,
            clock,
            inviters,
            random: SystemRandom::new(),
        }))
    }

    /// Makes an invitation. `not_allowed` with too many open ones.
    pub async fn make(&self, actor: &Actor, wish: Wish) -> Result<Made, Failure> {
        let is_admin = self.check(actor.user).await?;
        let uses = within(wish.uses, USES_DEFAULT, 1, USES_MAX, "uses")?;
        let open_s = within(
            wish.expires_in_seconds,
            OPEN_S_DEFAULT,
            OPEN_S_MIN,
            OPEN_S_MAX,
            "expires_in_seconds",
        )?;
        let code = self.draw()?;
        if is_admin {
            let detail = format!("for {uses}, open for {open_s} s");
            self.0
                .audit
                .leave(actor, Action::InvitationMade, None, detail)
                .await?;
        }
        let open_ms = UnixMillis::try_from(open_s * 1_000).unwrap_or(UnixMillis::MAX);
        let new = NewInvitation {
            code: CodeHash::of(&code),
            by: actor.user,
            uses: u32::try_from(uses).unwrap_or(u32::MAX),
            expires_at: self.0.clock.now().saturating_add(open_ms),
        };
        match self.0.invitations.invite(new, OPEN_MAX).await? {
            Some(invitation) => Ok(Made { code, invitation }),
            None => Err(Failure::new(Code::NotAllowed)),
        }
    }

    /// Invitations below `before` that are not revoked: an admin sees everybody's, others their own.
    pub async fn list(
        &self,
        user: UserId,
        before: Option<u64>,
        limit: usize,
    ) -> Result<InvitationPage, Failure> {
        let by = (!self.check(user).await?).then_some(user);
        let before = before.unwrap_or(ID_MAX);
        let store = &self.0.invitations;
        let mut invitations = store.invitations(by, before, limit + 1).await?;
        let more = invitations.len() > limit;
        invitations.truncate(limit);
        let last = invitations.last().map(|invitation| invitation.id);
        Ok(InvitationPage {
            invitations,
            next: last.filter(|_| more),
        })
    }

    /// Revokes an invitation; who has registered by it stays. `not_found`: there is none, or it is another's.
    pub async fn revoke(&self, actor: &Actor, id: u64) -> Result<(), Failure> {
        let is_admin = self.check(actor.user).await?;
        if is_admin {
            let detail = format!("invitation {id}");
            self.0
                .audit
                .leave(actor, Action::InvitationRevoked, None, detail)
                .await?;
        }
        let by = (!is_admin).then_some(actor.user);
        if self.0.invitations.revoke_invitation(id, by).await? {
            Ok(())
        } else {
            Err(Failure::new(Code::NotFound))
        }
    }

    /// Whether the user is an admin. `forbidden` for others where only admins invite.
    async fn check(&self, user: UserId) -> Result<bool, Failure> {
        let found = self.0.users.user(user).await?;
        let found = found.filter(|user| !user.disabled);
        match (found, self.0.inviters) {
            (Some(user), _) if user.admin => Ok(true),
            (Some(_), Inviters::Everybody) => Ok(false),
            (Some(_), Inviters::Admins) | (None, _) => Err(Failure::new(Code::Forbidden)),
        }
    }

    fn draw(&self) -> Result<String, Failure> {
        let mut bytes = [0; CODE_BYTES];
        self.0.random.fill(&mut bytes).map_err(|_| {
            error!("the system's random source failed");
            Failure::new(Code::Internal)
        })?;
        Ok(URL_SAFE_NO_PAD.encode(bytes))
    }
}

fn within(
    given: Option<u64>,
    default: u64,
    least: u64,
    most: u64,
    field: &'static str,
) -> Result<u64, Failure> {
    let number = given.unwrap_or(default);
    if (least..=most).contains(&number) {
        Ok(number)
    } else {
        Err(Failure::field(Code::BadRequest, field))
    }
}
